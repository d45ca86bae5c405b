"""The dispatcher on a log in memory: nothing lost, order per record, crashes at any moment."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from muniment.domain.events import Action, Event
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.dispatcher import Dispatcher
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.positions import Fenced
from muniment.webhooks.reports import Report, Reports
from muniment.webhooks.rereading import Moments
from muniment.webhooks.retry import Schedule
from muniment.webhooks.terms import Defaults, Limits
from tests.unit.webhooks.building import (
    MemoryPositions,
    OnePartition,
    collection,
    flushed,
    project_collection,
    record,
)

ONE, TWO = "http://one.example/", "http://two.example/"
OK = Answer(failure=None, status=204)
REFUSED = Answer(failure=Failure.STATUS, status=500)
GONE = Answer(failure=Failure.STATUS, status=410)


@dataclass
class ScriptedCourier:
    """Answers as told, and keeps what was accepted: URL, record and offset."""

    answer: Callable[[Endpoint, Delivery], Answer] = lambda _endpoint, _delivery: OK
    wait_s: Callable[[Endpoint], float] = lambda _endpoint: 0.0
    accepted: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    attempts: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    requests: list[list[int]] = field(default_factory=list[list[int]])
    bodies: list[bytes] = field(default_factory=list[bytes])

    async def attempt(
        self, endpoint: Endpoint, request: Sequence[Delivery], *, at: float
    ) -> Answer:
        delivery = request[0]
        assert all(each.body for each in request)
        self.bodies += [each.body for each in request if each.body is not None]
        self.attempts.append((endpoint.url, delivery.offset))
        await asyncio.sleep(self.wait_s(endpoint))
        answer = self.answer(endpoint, delivery)
        if answer.is_delivered:
            self.requests.append([each.offset for each in request])
            for each in request:
                name = each.key.rpartition("/")[2]
                self.accepted.append((endpoint.url, name, each.offset))
        return answer

    def names(self, url: str = ONE) -> list[str]:
        return [name for at, name, _ in self.accepted if at == url]


class World:
    """What outlives a dispatcher: the log, the positions, the receivers."""

    def __init__(self) -> None:
        self.partition = OnePartition()
        self.positions = MemoryPositions()
        self.courier = ScriptedCourier()
        self.limits = Limits()
        self.window = 16
        self.running: asyncio.Task[None] | None = None
        self.moments: Moments | None = None
        self.patience_s = 3600.0
        self.probe_every_s = 3600.0
        self.ahead_s = 0.0
        """How far the dispatcher's clock is ahead."""
        self.reports: list[Report] = []
        self.schedule = Schedule(waits_s=(0, 0.01, 0.01, 0.01, 0.01), jitter=0.0)

    async def append(self, *events: Event) -> None:
        await self.partition.append(*events)

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            log=self.partition.log,
            positions=self.positions,
            courier=self.courier,
            defaults=Defaults(
                schedule=self.schedule,
                window=self.window,
                patience_s=self.patience_s,
                probe_every_s=self.probe_every_s,
            ),
            limits=self.limits,
            moments=self.moments,
            reports=Reports(self._tell),
            clock=lambda: time.time() + self.ahead_s,
        )

    async def _tell(self, report: Report) -> bool:
        await asyncio.sleep(0)
        self.reports.append(report)
        return True

    @asynccontextmanager
    async def delivering(self) -> AsyncGenerator[asyncio.Event, None]:
        """A dispatcher at work; it is told to stop at the end, or dies with the block."""
        stopping = asyncio.Event()
        self.running = running = asyncio.create_task(self.dispatcher().run(stopping))
        try:
            yield stopping
            stopping.set()
            await asyncio.wait_for(running, 30)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError, BaseExceptionGroup):
                await running

    async def crash_after(self, seconds: float) -> None:
        """Run a dispatcher for that long and cut it off."""
        running = asyncio.create_task(self.dispatcher().run(asyncio.Event()))
        await asyncio.sleep(seconds)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                if self.running is not None and self.running.done():
                    await self.running
                await asyncio.sleep(0.002)


@pytest.fixture
def world() -> World:
    return World()


async def test_records_and_their_collection_are_told(world: World) -> None:
    deleted = collection(action=Action.DELETED)
    await world.append(record("early"), collection(ONE), record("a"), record("b"), deleted)

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 4)

    assert sorted(world.courier.names()) == ["a", "b", "tides", "tides"]
    assert world.positions.lanes == {}


async def test_a_changed_url_counts_for_later_events_only(world: World) -> None:
    await world.append(collection(ONE), record("a"), collection(TWO, action=Action.UPDATED))
    await world.append(record("b"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 4)

    assert sorted(world.courier.names(ONE)) == ["a", "tides"]
    assert sorted(world.courier.names(TWO)) == ["b", "tides"]


async def test_a_receiver_that_is_gone_costs_a_project_one_message_each(world: World) -> None:
    """CocoBase section 8: other 4xx end a delivery, and no more than that."""
    world.courier.answer = lambda _endpoint, d: GONE if d.key.endswith("/bad") else OK
    deleted = project_collection(action=Action.DELETED)
    await world.append(project_collection(ONE), record("bad"), record("good"), deleted)

    async with world.delivering():
        await world.until(lambda: bool(world.courier.accepted) and bool(world.positions.dead))

    assert world.courier.names() == ["good"]
    assert len(world.courier.attempts) == 2


async def test_a_flush_ends_the_lanes_and_what_waits_in_them(world: World) -> None:
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(collection(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) >= 2)
        await world.append(flushed())
        await world.until(lambda: world.positions.lanes == {})
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.append(collection(TWO), record("b"))
        await world.until(lambda: len(world.courier.accepted) == 2)

    assert world.courier.names(ONE) == []


async def test_a_restart_goes_on_where_the_last_commit_was(world: World) -> None:
    await world.append(collection(ONE), *(record(str(number)) for number in range(50)))
    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 51)
    await world.append(record("later"))

    async with world.delivering():
        await world.until(lambda: "later" in world.courier.names())

    assert len(world.courier.accepted) == 52


async def test_what_is_parked_survives_a_restart(world: World) -> None:
    world.courier.answer = lambda _endpoint, d: REFUSED if d.key.endswith("/bad") else OK
    world.schedule = Schedule(waits_s=(0, 0.3, 0.3), jitter=0.0)
    await world.append(collection(ONE), record("bad"), record("good"), record("bad"))
    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 2)
    world.courier.answer = lambda _endpoint, _delivery: OK

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 4)

    assert [offset for _, name, offset in world.courier.accepted if name == "bad"] == [2, 4]
    assert world.positions.parked == {}


async def test_what_is_dead_is_kept_and_lets_the_next_pass(world: World) -> None:
    world.courier.answer = lambda _endpoint, d: REFUSED if d.offset == 2 else OK
    await world.append(collection(ONE), record("a"), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 2)

    assert [(row.offset, row.attempts) for row in world.positions.dead] == [(2, 5)]


async def test_a_lane_far_behind_reads_its_part_of_the_log_again(world: World) -> None:
    """Memory holds a few events; the rest waits on the log."""
    world.limits = Limits(held_events_max=8)
    events = [record(str(n), "tides" if n % 2 else "other") for n in range(400)]
    await world.append(collection(ONE), *events)

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 201)
        await world.append(record("live"))
        await world.until(lambda: "live" in world.courier.names())

    assert len(world.courier.accepted) == 202


async def test_a_hung_endpoint_does_not_delay_another(world: World) -> None:
    world.courier.wait_s = lambda endpoint: 3_600 if endpoint.url == ONE else 0
    await world.append(collection(ONE, "hung"), collection(TWO, "tides"))
    await world.append(*(record(str(n), "hung") for n in range(100)))
    await world.append(*(record(str(n)) for n in range(100)))

    with suppress(TimeoutError):
        async with asyncio.timeout(60), world.delivering():
            await world.until(lambda: len(world.courier.names(TWO)) == 101, timeout_s=30)
            raise TimeoutError

    assert len(world.courier.names(TWO)) == 101


async def test_a_receiver_that_is_gone_gets_nothing_more(world: World) -> None:
    world.courier.answer = lambda _endpoint, _delivery: GONE
    await world.append(collection(ONE))
    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) == 1)
        await world.append(*(record(str(n)) for n in range(20)))
        await asyncio.sleep(0.1)

    async with world.delivering():
        await asyncio.sleep(0.1)

    assert len(world.courier.attempts) == 1
    [lane] = world.positions.lanes.values()
    assert lane.row.stopped_for == "disabled: status 410"


async def test_who_was_overtaken_stops(world: World) -> None:
    await world.append(collection(ONE))
    running = asyncio.create_task(world.dispatcher().run(asyncio.Event()))
    await world.until(lambda: world.positions.commits > 0)
    await world.positions.take_over(world.partition.log.partitions)
    await world.append(record("a"))

    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(running, 30)

    assert ended.value.subgroup(Fenced) is not None


async def test_events_without_an_endpoint_cost_next_to_nothing(world: World) -> None:
    """At most a commit a second and one at the end, however many there are."""
    await world.append(*(record(str(n)) for n in range(3_000)))

    began = time.monotonic()
    async with world.delivering():
        await asyncio.sleep(0.3)

    assert world.courier.attempts == []
    assert 1 <= world.positions.commits <= 2 + int(time.monotonic() - began)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_all_arrive_and_each_record_in_order(
    world: World, seed: int
) -> None:
    """Under refusals, slow answers and crashes at random moments.

    First arrivals are in order, the last arrival of a record is its newest, repeats are bounded.
    """
    chance = random.Random(seed)
    world.limits, world.window = Limits(held_events_max=20, parked_max=10, repeats_max=16), 4
    world.schedule = Schedule(waits_s=(0, *[0.002] * 60), jitter=0.2)
    world.positions.slow_s = 0.003
    world.courier.answer = lambda _endpoint, _delivery: REFUSED if chance.random() < 0.3 else OK
    world.courier.wait_s = lambda _endpoint: chance.choice((0, 0, 0, 0.001, 0.01))
    await world.append(collection(ONE))
    crashes = 5
    for _ in range(crashes):
        await world.append(*(record(f"r{chance.randrange(12)}") for _ in range(40)))
        await world.crash_after(chance.random() * 0.06)

    async with world.delivering():
        await world.until(
            lambda: len({offset for *_, offset in world.courier.accepted}) == 1 + 40 * crashes,
            timeout_s=60,
        )

    by_record: dict[str, list[int]] = {}
    for _, name, offset in world.courier.accepted:
        by_record.setdefault(name, []).append(offset)
    for arrived in by_record.values():
        firsts = list(dict.fromkeys(arrived))
        assert firsts == sorted(firsts)
        assert arrived[-1] == max(arrived)
    assert len(world.courier.accepted) <= 1 + 40 * crashes + 16 * crashes
    assert world.positions.parked == {}
