"""Lanes that several causes keep from sending: each has to be gone before they go on."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from muniment.domain.events import Action
from muniment.log.protocol import Partition
from muniment.webhooks.jobs import Ask, JobState
from muniment.webhooks.starting import PAUSED
from tests.unit.webhooks.building import record, webhook
from tests.unit.webhooks.test_dispatcher import ONE, World
from tests.unit.webhooks.test_replays import JOB, ask, ask_for, everything, state
from tests.unit.webhooks.test_webhook_lanes import PastOf

UPDATED = Action.UPDATED
QUIET_S = 0.2


@pytest.fixture
async def world() -> World:
    """A webhook that was told of ten records."""
    world = World()
    await world.append(webhook(ONE), *(record(str(number)) for number in range(10)))
    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 10)
    world.courier.accepted.clear()
    world.window = 1
    slow_down(world)
    return world


def slow_down(world: World) -> None:
    """So that a replay is longer under way than the desk takes to look again."""
    world.courier.wait_s = lambda _endpoint: 0.1


def speed_up(world: World) -> None:
    world.courier.wait_s = lambda _endpoint: 0.0


async def switch(world: World, **data: Any) -> None:
    """Change the webhook, and wait until that is written down."""
    await world.append(webhook(ONE, action=UPDATED, **data))
    end = (await world.partition.log.end_offsets())[Partition(0)]
    await world.until(lambda: world.positions.checkpoints[Partition(0)].offset >= end)


async def wish(world: World, asked: Ask) -> None:
    ask(world, asked)
    await world.until(lambda: world.positions.jobs[JOB].asked is None)


async def is_quiet(world: World) -> bool:
    """Whether nothing at all is sent for a while."""
    at = len(world.courier.attempts)
    await asyncio.sleep(QUIET_S)
    return len(world.courier.attempts) == at


async def test_a_replay_of_a_webhook_that_is_off_waits_until_that_is_on(world: World) -> None:
    async with world.delivering():
        await switch(world, enabled=False)
        ask_for(world, everything())
        await world.until(lambda: state(world) is JobState.RUNNING)
        waited = await is_quiet(world) and not world.courier.accepted
        speed_up(world)
        await switch(world)
        await world.until(lambda: state(world) is JobState.DONE)

    assert waited
    assert len(world.courier.accepted) == 10


async def test_one_that_was_paused_stays_so_when_its_webhook_is_off_and_on(world: World) -> None:
    ask_for(world, everything())

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        await switch(world, enabled=False)
        await wish(world, Ask.PAUSE)
        await switch(world)
        stayed = await is_quiet(world)
        speed_up(world)
        await wish(world, Ask.RESUME)
        await world.until(lambda: state(world) is JobState.DONE)

    assert stayed
    assert sorted({offset for _, _, offset in world.courier.accepted}) == list(range(2, 12))


async def test_one_that_was_to_go_on_while_its_webhook_was_off_does_later(world: World) -> None:
    ask_for(world, everything())

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        await wish(world, Ask.PAUSE)
        await switch(world, enabled=False)
        await wish(world, Ask.RESUME)
        waited = await is_quiet(world)
        speed_up(world)
        await switch(world)
        await world.until(lambda: state(world) is JobState.DONE)

    assert waited
    assert sorted({offset for _, _, offset in world.courier.accepted}) == list(range(2, 12))


async def test_one_that_was_paused_stays_so_when_its_webhook_is_edited(world: World) -> None:
    """What it is told from then on has the new form."""
    ask_for(world, everything())

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        await wish(world, Ask.PAUSE)
        await switch(world, shape="thin", order="strict")
        stayed = await is_quiet(world)
        world.courier.bodies.clear()
        speed_up(world)
        await wish(world, Ask.RESUME)
        await world.until(lambda: state(world) is JobState.DONE)

    assert stayed
    assert world.courier.bodies
    assert not any(b'"data":{"id"' in body for body in world.courier.bodies)


async def test_what_was_just_switched_on_goes_on_after_a_restart(world: World) -> None:
    """The dispatcher ended between hearing of that and going on: no event will say it again."""
    ask_for(world, everything())
    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        await switch(world, enabled=False)
    speed_up(world)
    mark_as_enabled(world)

    async with world.delivering():
        await world.append(record("live"))
        await world.until(lambda: "live" in world.courier.names())
        await world.until(lambda: state(world) is JobState.DONE)


def mark_as_enabled(world: World) -> None:
    """Leave the rows as of a webhook that is on and whose lanes are still stopped."""
    assert len(world.positions.lanes) == 2
    for id_, lane in world.positions.lanes.items():
        assert lane.row.stopped_for == PAUSED
        spec = replace(lane.row.endpoint.spec, is_enabled=True)
        row = replace(lane.row, endpoint=replace(lane.row.endpoint, spec=spec))
        world.positions.lanes[id_] = replace(lane, row=row)


async def test_a_snapshot_that_is_cancelled_keeps_no_live_event_waiting() -> None:
    world = World()
    world.moments = PastOf([record(str(number)) for number in range(50)])
    world.window = 1
    slow_down(world)
    await world.append(webhook(ONE, start="snapshot"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        [job] = world.positions.jobs.values()
        world.positions.jobs[job.id] = replace(job, asked=Ask.CANCEL)
        await world.append(record("live"))
        await world.until(lambda: "live" in world.courier.names())

    assert world.positions.jobs[job.id].state is JobState.CANCELLED
    assert len(world.courier.accepted) < 50


async def test_a_snapshot_of_a_webhook_that_is_made_off_waits_too() -> None:
    world = World()
    world.moments = PastOf([record("early")])
    await world.append(webhook(ONE, start="snapshot", enabled=False), record("live"))

    async with world.delivering():
        await world.until(lambda: len(world.positions.lanes) == 2)
        waited = await is_quiet(world) and not world.courier.accepted
        await switch(world)
        await world.until(lambda: len(world.courier.accepted) == 2)

    assert waited
    assert world.courier.names() == ["early", "live"]
