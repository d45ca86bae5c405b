"""Webhooks that drain: they get what there was, nothing newer, and are switched off with that."""

import asyncio

import pytest

from muniment.domain.events import Action
from muniment.domain.webhooks.reporting import DRAINED
from muniment.domain.webhooks.spec import State
from muniment.log.protocol import Entry, Offset, Partition, Position, Start
from muniment.webhooks.deliveries import LaneId
from muniment.webhooks.lane import Lane
from muniment.webhooks.retry import Schedule
from muniment.webhooks.terms import Limits, Terms
from tests.unit.webhooks.building import record, webhook
from tests.unit.webhooks.test_dispatcher import OK, ONE, REFUSED, World

UPDATED = Action.UPDATED


@pytest.fixture
def world() -> World:
    world = World()
    world.schedule = Schedule(waits_s=(0, *[0.02] * 500), jitter=0.0)
    return world


def is_drained(world: World) -> bool:
    return [r.reason for r in world.reports if r.state is State.DISABLED] == [DRAINED]


async def switch_on(world: World) -> None:
    """As the owner writes down that it was drained, and that a user switches it on again."""
    await world.append(webhook(ONE, action=UPDATED, enabled=False))
    await world.append(webhook(ONE, action=UPDATED))


async def test_what_there_was_is_delivered_and_what_comes_after_when_it_is_on_again(
    world: World,
) -> None:
    world.courier.answer = lambda _, delivery: REFUSED if delivery.key.endswith("/b") else OK
    await world.append(webhook(ONE), record("a"), record("b"))
    await world.append(webhook(ONE, action=UPDATED, drain=True), record("c"), record("d"))

    async with world.delivering():
        await world.until(lambda: world.courier.names() == ["a"])
        await asyncio.sleep(0.1)
        was_drained_early = is_drained(world)
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.until(lambda: is_drained(world))
        drained = list(world.courier.names())
        await switch_on(world)
        await world.until(lambda: len(world.courier.accepted) == 4)

    assert not was_drained_early
    assert drained == ["a", "b"]
    assert sorted(world.courier.names()) == ["a", "b", "c", "d"]


async def test_the_change_itself_is_the_last_that_is_told(world: World) -> None:
    await world.append(webhook(ONE, events=["*"]))
    await world.append(webhook(ONE, action=UPDATED, events=["*"], drain=True), record("a"))

    async with world.delivering():
        await world.until(lambda: is_drained(world))

    assert world.courier.names() == ["hook"]


async def test_one_that_has_nothing_to_drain_is_switched_off_at_once(world: World) -> None:
    await world.append(webhook(ONE), webhook(ONE, action=UPDATED, drain=True))

    async with world.delivering():
        await world.until(lambda: is_drained(world))

    assert world.courier.names() == []


async def test_it_drains_on_after_a_restart(world: World) -> None:
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), *(record(f"r{n}") for n in range(20)))
    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) >= 20)
        await world.append(webhook(ONE, action=UPDATED, drain=True), record("after"))
        await asyncio.sleep(0.1)
    world.courier.answer = lambda _endpoint, _delivery: OK

    async with world.delivering():
        await world.until(lambda: is_drained(world))
        drained = sorted(world.courier.names())
    async with world.delivering():
        await switch_on(world)
        await world.until(lambda: "after" in world.courier.names())

    assert drained == sorted(f"r{n}" for n in range(20))
    assert len(world.courier.accepted) == 21


async def test_one_that_fell_behind_reads_on_to_its_end_and_no_further(world: World) -> None:
    world.limits = Limits(held_events_max=4)
    await world.append(webhook(ONE), *(record(f"r{n}") for n in range(30)))
    await world.append(webhook(ONE, action=UPDATED, drain=True))
    await world.append(*(record(f"s{n}") for n in range(30)))

    async with world.delivering():
        await world.until(lambda: is_drained(world))
        drained = list(world.courier.names())
        await switch_on(world)
        await world.until(lambda: len(world.courier.accepted) == 60)

    assert sorted(drained) == sorted(f"r{n}" for n in range(30))


def test_what_its_own_reading_took_in_already_goes_out_once() -> None:
    """A lane may read ahead of the reading that all share, which sees the change."""
    schedule = Schedule(waits_s=(0,), jitter=0.0)
    lane = Lane(LaneId("lane"), Terms(schedule=schedule), taken_to=Offset(1))
    lane.catch_up(Start(offset=Offset(5), claim=Offset(0)), reading_at=Offset(3))
    event = webhook(ONE, action=UPDATED, drain=True)
    said = Position(Partition(0), Offset(2))

    lane.drain(Entry(position=said, claim=Offset(0), content=event))

    assert lane.ends_at == 5
    assert lane.is_reading
    assert not any(lane.covers(Offset(offset)) for offset in range(10))


async def test_who_thinks_better_of_it_gets_everything(world: World) -> None:
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.append(webhook(ONE, action=UPDATED, drain=True), record("b"))
        await world.until(lambda: len(world.courier.attempts) >= 3)
        await world.append(webhook(ONE, action=UPDATED), record("c"))
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.until(lambda: len(world.courier.accepted) == 3)
        await asyncio.sleep(0.05)

    assert sorted(world.courier.names()) == ["a", "b", "c"]
    assert not is_drained(world)


async def test_one_that_is_made_so_tells_of_the_past_once(world: World) -> None:
    await world.append(record("a"), record("b"), webhook(ONE, start="beginning", drain=True))
    await world.append(record("c"))

    async with world.delivering():
        await world.until(lambda: is_drained(world))

    assert sorted(world.courier.names()) == ["a", "b"]
