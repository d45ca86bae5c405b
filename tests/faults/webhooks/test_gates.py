"""What receivers and restarts do to deliveries: hung and hostile receivers, order, replays.

The dispatcher is a process, Kafka and Postgres are real, and the receiver that counts is a process
of its own. Times are printed (`-s` shows them), never asserted: machines differ.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest

from muniment.domain.events import Event
from muniment.log.protocol import Offset, Partition
from muniment.readmodel.connection import open_pool
from muniment.webhooks.endpoints import EndpointId
from muniment.webhooks.jobs import JobId, JobKind, JobState, Replay
from muniment.webhooks.management.store import EndpointStatus, JobReport, Store
from muniment.webhooks.positions import SCHEMA
from tests.support import gates
from tests.support.dispatching import SECRET_KEY, Feed, feeding, quantile
from tests.support.peers import DRIPS, OK, Listening, Peer, answering, hanging, listening
from tests.support.stack import Stack
from tests.support.tally import Behaviour, Counts, Tally, tallying
from tests.unit.webhooks.building import record, uid

TEN: Final = tuple(f"c{number}" for number in range(10))
ROUNDS_PER_S: Final = 50
ONE_OF_TEN: Final = 0.1
RECORDS: Final = 100
PASSED_BY_S: Final = 600.0
"""A million events that concern nobody are passed by in less, on a busy machine too."""

EAGER: Final = {"webhooks_retry_schedule_s": " ".join(["0", *(["0.2"] * 20)])}
HURRIED: Final = {**EAGER, "webhooks_timeout_s": "1", "webhooks_connect_timeout_s": "1"}


@pytest.fixture
def tally() -> Generator[Tally]:
    with tallying(SECRET_KEY) as running:
        yield running


@pytest.fixture
async def feed(stack: Stack, tally: Tally) -> AsyncGenerator[Feed]:
    async with feeding(stack, tally, settings=EAGER) as running:
        yield running


@pytest.mark.parametrize("seconds", [2, pytest.param(30, marks=pytest.mark.long)])
async def test_nine_endpoints_get_everything_beside_one_that_hangs(
    feed: Feed, tally: Tally, seconds: int
) -> None:
    """Fifty times a second one event for each of ten; what hangs is cut off after 15 s only."""
    healthy = [f"atlas/{name}" for name in TEN[1:]]
    tally.behave(Behaviour(hung=frozenset({f"/atlas/{TEN[0]}"})))
    await feed.open(*TEN)
    feed.dispatcher()
    await tally.until(lambda counts: counts.taken == len(healthy), *healthy)

    rounds, acknowledged = seconds * ROUNDS_PER_S, dict[int, float]()
    started = time.monotonic()
    for number in range(rounds):
        await asyncio.sleep(max(started + number / ROUNDS_PER_S - time.monotonic(), 0))
        acknowledged |= await feed.write([record(f"r{number % RECORDS}", name) for name in TEN])
    wanted = (rounds + 1) * len(healthy)
    counts = await tally.until(lambda counts: counts.taken >= wanted, *healthy)

    arrivals = tally.arrivals()
    delays_ms = sorted(
        (at - acknowledged[offset]) * 1000
        for path in healthy
        for offset, at in arrivals[path].items()
        if offset in acknowledged
    )
    p50, p99 = quantile(delays_ms, 0.5), quantile(delays_ms, 0.99)
    print(f"\nnine healthy of ten: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(delays_ms)} events")
    gates.tell("1: p99 of nine beside one that hangs", p99, 50, "ms")
    assert (counts.taken, counts.repeats, counts.inversions, counts.forged) == (wanted, 0, 0, 0)
    assert tally.counts(f"atlas/{TEN[0]}").arrived > 0


@pytest.mark.parametrize("events", [2_000, pytest.param(20_000, marks=pytest.mark.long)])
async def test_no_event_comes_after_a_newer_one_of_its_record(
    feed: Feed, tally: Tally, events: int
) -> None:
    """A backlog drains while one of ten answers is a 500."""
    tally.behave(Behaviour(failing_share=ONE_OF_TEN))
    await feed.open("tides")
    await feed.write(told("tides", events))

    started = time.monotonic()
    feed.dispatcher()
    counts = await tally.until(lambda counts: counts.taken == events + 1)

    print(f"\n{events} events, a tenth of the answers 500: {time.monotonic() - started:.1f} s")
    gates.tell(f"2: events before an older one of their record, of {events}", counts.inversions, 0)
    assert (counts.inversions, counts.repeats, counts.forged) == (0, 0, 0)


@pytest.mark.parametrize("events", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
async def test_a_replay_goes_on_after_a_restart_with_each_event_once(
    feed: Feed, tally: Tally, events: int
) -> None:
    """What happened before there was an endpoint, so that only the replay tells of it."""
    for start in range(0, events, RECORDS * 100):
        await feed.write(told("tides", min(RECORDS * 100, events - start)))
    [(opened_at, endpoint_id)] = await feed.open("tides")
    dispatcher = feed.dispatcher()
    # All that was before is read first.
    await tally.until(lambda counts: counts.taken == 1, stalled_s=PASSED_BY_S)
    tally.forget()

    started = time.monotonic()
    async with opening_store(feed) as store:
        job = await open_replay(store, endpoint_id, end=opened_at)
        await tally.until(lambda counts: counts.taken >= events // 3)
        dispatcher.stop()
        before_restart = tally.counts().taken
        feed.dispatcher()
        counts = await tally.until(lambda counts: counts.taken >= events)
        report = await until_done(store, endpoint_id, job)

    took_s = time.monotonic() - started
    print(f"\nreplay of {events}, restarted after {before_restart}: {took_s:.1f} s")
    gates.tell(f"4: taken twice or not at all, of {events:,} replayed", off_by(counts, events), 0)
    assert 0 < before_restart < events
    assert (counts.taken, counts.repeats, counts.inversions) == (events, 0, 0)
    assert (report.delivered, report.dead) == (events, 0)


@pytest.mark.parametrize(
    ("seconds", "growth_mb_max"), [(2, 16.0), pytest.param(120, 4.0, marks=pytest.mark.long)]
)
async def test_hostile_receivers_cost_a_healthy_one_nothing(
    stack: Stack, tally: Tally, seconds: int, growth_mb_max: float
) -> None:
    """Memory is judged by the most of each half: what the first one has filled, the second uses.

    What warms up costs some 4 MB, which on a busy machine may fall into the second of two seconds.
    A thousand answers kept would be as much.
    """
    async with AsyncExitStack() as opened:
        feed = await opened.enter_async_context(feeding(stack, tally, settings=HURRIED))
        urls = {
            name: (await opened.enter_async_context(listening(peer))).url
            for name, peer in HOSTILE.items()
        }
        # TLS is spoken to one that hangs: the handshake stalls.
        urls["stalls"] = urls["hangs"].replace("http:", "https:")
        await feed.open("healthy", *urls, urls=urls)
        dispatcher = feed.dispatcher()
        await feed.write(told("healthy", 500))
        await tally.until(lambda counts: counts.taken == 501)
        rss_mb, rounds = [dispatcher.rss_mb()], 0

        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await feed.write([record(f"r{rounds % RECORDS}", name) for name in ("healthy", *urls)])
            rounds += 1
            rss_mb.append(dispatcher.rss_mb())
            await asyncio.sleep(1 / ROUNDS_PER_S)
        counts = await tally.until(lambda counts: counts.taken >= 501 + rounds)

    half = len(rss_mb) // 2
    first_mb, second_mb = max(rss_mb[:half]), max(rss_mb[half:])
    print(f"\nhostile receivers: {rss_mb[0]:.0f}, {first_mb:.0f}, {second_mb:.0f} MB")
    growth_mb = second_mb - first_mb
    gates.tell(f"6: growth in the second half of {seconds} s", growth_mb, growth_mb_max, "MB")
    assert (counts.taken, counts.repeats, counts.inversions) == (501 + rounds, 0, 0)
    assert growth_mb < growth_mb_max


def off_by(counts: Counts, events: int) -> int:
    return counts.repeats + abs(events - counts.taken)


def told(collection: str, events: int) -> Sequence[Event]:
    """Changes of a hundred records in turn, with some 500 bytes each."""
    text = "x" * 300
    return [record(f"r{n % RECORDS}", collection, n=n, text=text) for n in range(events)]


@asynccontextmanager
async def opening_store(feed: Feed) -> AsyncGenerator[Store]:
    url = feed.stack.postgres_url
    async with open_pool(url, application="test", schema=SCHEMA, size_max=1) as pool:
        yield Store(pool)


async def until_done(store: Store, endpoint_id: EndpointId, job: JobId) -> JobReport:
    async with asyncio.timeout(30):
        while True:
            report = await store.job(endpoint_id, job)
            if report is not None and report.state is JobState.DONE:
                return report
            await asyncio.sleep(0.1)


async def open_replay(store: Store, endpoint_id: EndpointId, *, end: Offset) -> JobId:
    """Have all before `end` told to the endpoint."""
    job = JobId(str(uuid.uuid4()))
    await store.open_job(
        job,
        EndpointStatus(
            id=endpoint_id,
            partition=Partition(0),
            bucket_uid=uid("atlas"),
            opened_at=end,
            next_offset=None,
            read_to=end,
            stopped_for=None,
            failing_since=None,
            breaker_cause=None,
            breaker_opened_at=None,
            parked=0,
            dead=0,
            next_try_at=None,
            last_acknowledged_at=None,
        ),
        bucket_id="atlas",
        webhook_id="replayed",
        kind=JobKind.REPLAY,
        work=Replay(first=Offset(0), end=end),
    )
    return job


async def _flooding(
    found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """400 MB of answer to each request."""
    while True:
        await found.read(reader)
        writer.write(OK + b"Content-Length: 400000000\r\n\r\n")
        for _ in range(400_000_000 // 65_536):
            writer.write(b"." * 65_536)
            await writer.drain()


HOSTILE: Final[Mapping[str, Peer]] = {
    "hangs": hanging,
    "drips": DRIPS["drips-body"],
    "floods": _flooding,
    "headers": answering(OK + b"X: y\r\n" * 200_000),
    "redirects": answering(
        b"HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"
    ),
}
"""Collections by what their receivers do."""
