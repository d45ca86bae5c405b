"""Kafka, Postgres and dispatchers killed and frozen in turn under load: nothing is lost.

What a crash may repeat is `webhooks_repeats_max` deliveries to each endpoint; here that is the
window, so the bound of a kill is window times endpoints.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import aiohttp
import psutil
import pytest

from muniment.domain.addresses import record
from muniment.domain.events import ObjectChanged
from muniment.log.connection import parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from tests.support import gates
from tests.support.cluster import Client, basic, read_all
from tests.support.dispatching import SECRET_KEY, Feed, feeding
from tests.support.new_ports import new_port
from tests.support.server import MunimentServer, running_server
from tests.support.stack import Stack
from tests.support.tally import Counts, Tally, tallying
from tests.support.writing import BUCKETS, COLLECTIONS, Load, lay_out
from tests.unit.webhooks.building import changed

PARTITIONS: Final = 2
WRITERS: Final = 6
WINDOW: Final = 16
ENDPOINTS: Final = len(BUCKETS) * len(COLLECTIONS)
REPEATS_MAX: Final = WINDOW * ENDPOINTS
APART: Final = ("atlas", "maps")
"""Buckets in different partitions."""
FROZEN_S: Final = 3.0
RESUMED_S: Final = {"kill": 5.0, "freeze": 5.0 + FROZEN_S}
"""The bounds of the gate; a machine that does other things besides may be slower."""
RESUMED_AFTER: Final = 20
"""Writes acknowledged after the blow; when so many and all before them are delivered it is back."""

SETTINGS: Final = {
    "webhooks_in_flight_per_endpoint_max": str(WINDOW),
    "webhooks_repeats_max": str(WINDOW),
    "webhooks_retry_schedule_s": "0 0.2 0.5 1 2 4 8",
}
BLOWS: Final = list(product(["webhooks", "postgres", "kafka"], ["kill", "freeze"]))


@pytest.fixture
def tally() -> Generator[Tally]:
    with tallying(SECRET_KEY) as running:
        yield running


@pytest.mark.parametrize(
    "blows",
    [
        pytest.param([(name, "kill") for name in ("webhooks", "postgres")], id="2"),
        pytest.param((BLOWS * 2)[:10], id="10", marks=pytest.mark.long),
    ],
)
async def test_nothing_is_lost_whichever_part_is_killed_or_frozen(
    data_dir: Path, tally: Tally, blows: list[tuple[str, str]]
) -> None:
    port = new_port()
    settings = {
        **SETTINGS,
        "embedded_kafka_port": str(port),
        "events_partitions": str(PARTITIONS),
        "secret_key": SECRET_KEY,
        "userid_hmac_secret": SECRET_KEY,
    }
    async with running(data_dir, settings) as server, loading(server, tally) as load:
        for name, kind in blows:
            await load.grows(100)
            struck_at = time.monotonic()
            await strike(server, name, kind)
            answering = asyncio.create_task(asyncio.to_thread(answers_again, server))
            await load.grows(RESUMED_AFTER)
            await tally.until(partial(has_taken, len(load.acknowledged)))
            resumed_s, well_s = time.monotonic() - struck_at, await answering - struck_at
            gates.tell(f"3: resumed after {kind} of {name}", resumed_s, RESUMED_S[kind], "s")
            print(f"\n{name} {kind}: resumed after {resumed_s:.1f} s, Kafka, Postgres {well_s:.1f}")
        load.is_over = True
        log = KafkaLog.open(parse_kafka_url(f"127.0.0.1:{port}"), LogOptions(partitions=PARTITIONS))
        async with log as opened:
            entries = await read_all(opened)
        events = [entry.content for entry in entries if isinstance(entry.content, ObjectChanged)]
        events = [event for event in events if event.address.kind != "bucket"]
        counts = await tally.until(lambda counts: counts.taken >= len(events))

    print(f"{len(events)} events, {counts.repeats} repeats after {len(blows)} blows")
    gates.tell("3: lost", len(events) - counts.taken, 0)
    gates.tell(f"3: repeats after {len(blows)} blows", counts.repeats, REPEATS_MAX * len(blows))
    assert load.acknowledged <= {(event.address.uri, event.last_modified) for event in events}
    assert (counts.taken, counts.inversions, counts.forged) == (len(events), 0, 0)
    assert counts.repeats <= REPEATS_MAX * len(blows)


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.long)])
async def test_two_dispatchers_take_over_from_each_other(
    stack: Stack, tally: Tally, rounds: int
) -> None:
    """One of the two is killed and started again, now the one, now the other."""
    async with feeding(stack, tally, partitions=PARTITIONS, settings=SETTINGS) as feed:
        for bucket_id in APART:
            await feed.open(*COLLECTIONS, bucket_id=bucket_id)
        dispatchers = [feed.dispatcher(), feed.dispatcher()]
        written = ENDPOINTS
        await tally.until(lambda counts: counts.taken == ENDPOINTS)
        for number in range(2 * rounds):
            for burst in range(20):
                written += await write_a_little(feed)
                if burst == 10:
                    dispatchers[number % 2].kill()
            dispatchers[number % 2] = feed.dispatcher()
        counts = await tally.until(lambda counts: counts.taken >= written)

    print(f"\n{written} events, {counts.repeats} repeats after {2 * rounds} kills")
    assert (counts.taken, counts.inversions, counts.forged) == (written, 0, 0)
    gates.tell(f"7: lost in {2 * rounds} kills of one of two", written - counts.taken, 0)
    gates.tell(f"7: repeats after {2 * rounds} kills", counts.repeats, REPEATS_MAX * 2 * rounds)
    assert counts.repeats <= REPEATS_MAX * 2 * rounds


@pytest.mark.long
async def test_what_hangs_is_taken_over_and_does_no_harm_when_it_goes_on(
    stack: Stack, tally: Tally
) -> None:
    """Its connections stand all the while, and its memory is full of what others have delivered."""
    async with feeding(stack, tally, partitions=PARTITIONS, settings=SETTINGS) as feed:
        for bucket_id in APART:
            await feed.open(*COLLECTIONS, bucket_id=bucket_id)
        dispatchers, written = [feed.dispatcher(), feed.dispatcher()], ENDPOINTS
        for number in range(4):
            for _ in range(20):
                written += await write_a_little(feed)
            frozen, frozen_at = dispatchers[number % 2].process, time.monotonic()
            frozen.send_signal(signal.SIGSTOP)
            for _ in range(20):
                written += await write_a_little(feed)
            await tally.until(partial(has_taken, written))
            gates.tell("7: taken over after it hung", time.monotonic() - frozen_at, 10, "s")
            frozen.send_signal(signal.SIGCONT)
        counts = await tally.until(partial(has_taken, written))

    assert (counts.taken, counts.inversions, counts.forged) == (written, 0, 0)
    assert counts.repeats <= REPEATS_MAX * 4


async def write_a_little(feed: Feed) -> int:
    """Ten changes in each collection; answers how many."""
    for bucket_id, name in product(APART, COLLECTIONS):
        events = [changed(record(bucket_id, name, f"r{n}")) for n in range(10)]
        await feed.write(events, bucket_id=bucket_id)
    return 10 * len(APART) * len(COLLECTIONS)


def has_taken(events: int, counts: Counts) -> bool:
    return counts.taken >= events


def answers_again(server: MunimentServer) -> float:
    """When Kafka and Postgres both answer, asked over the heartbeat; of the monotonic clock."""
    server.wait_until_ready()
    return time.monotonic()


@asynccontextmanager
async def running(data_dir: Path, settings: dict[str, str]) -> AsyncGenerator[MunimentServer]:
    """`muniment up` with a Kafka and a Postgres of its own, that it starts again."""
    up = running_server(data_dir, stack=None, settings=settings)
    server = await asyncio.to_thread(up.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(up.__exit__, None, None, None)


@asynccontextmanager
async def loading(server: MunimentServer, tally: Tally) -> AsyncGenerator[Load]:
    """Writers, as long as their load is not over."""
    load = Load()
    timeout = aiohttp.ClientTimeout(total=30)
    async with AsyncExitStack() as opened:
        session = await opened.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": basic("nadia")}, timeout=timeout)
        )
        client = Client(server.origin, session)
        await lay_out(client, tally.at)
        group = await opened.enter_async_context(asyncio.TaskGroup())
        for number in range(WRITERS):
            group.create_task(load.write(client, random.Random(number)))
        yield load
        load.is_over = True


async def strike(server: MunimentServer, name: str, kind: str) -> None:
    """Kill it, or hold it for a while with all of its processes."""
    if kind == "kill":
        pid = server.kill(name)
        await asyncio.to_thread(server.wait_for_restart, name, of_pid=pid, timeout_s=60)
        return
    process = psutil.Process(server.entry(name).pid)
    family = [process, *process.children(recursive=True)]
    for each in family:
        os.kill(each.pid, signal.SIGSTOP)
    await asyncio.sleep(FROZEN_S)
    for each in family:
        os.kill(each.pid, signal.SIGCONT)
