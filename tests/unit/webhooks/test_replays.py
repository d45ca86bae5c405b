"""Replays as lanes of their own: what they send, how they pause, end and survive restarts."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from muniment.domain.addresses import BucketId
from muniment.domain.values import Timestamp
from muniment.domain.webhooks.selection import Selection, types_matching
from muniment.log.protocol import Offset, Partition
from muniment.webhooks.committing import each_once
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.jobs import (
    Ask,
    Job,
    JobChange,
    JobId,
    JobKind,
    JobState,
    Replay,
    Send,
    Snapshot,
    parse_work,
    spec_of,
)
from tests.unit.webhooks.building import collection, record
from tests.unit.webhooks.test_dispatcher import ONE, REFUSED, World

JOB = JobId(str(UUID(int=1 << 100)))


@pytest.fixture
async def world() -> World:
    """Ten records, all delivered once."""
    world = World()
    await world.append(collection(ONE), *(record(str(number)) for number in range(10)))
    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 11)
    world.courier.accepted.clear()
    return world


def endpoint_of(world: World) -> Endpoint:
    [lane] = world.positions.lanes.values()
    return lane.row.endpoint


def ask_for(world: World, work: Replay | Send) -> None:
    """Leave a job where the API does."""
    world.positions.jobs[JOB] = Job(
        id=JOB,
        endpoint_id=endpoint_of(world).id,
        partition=Partition(0),
        bucket_id=BucketId("atlas"),
        webhook_id="hook",
        kind=JobKind.SEND if isinstance(work, Send) else JobKind.REPLAY,
        state=JobState.WAITING,
        asked=None,
        work=work,
    )


def ask(world: World, asked: Ask) -> None:
    world.positions.jobs[JOB] = replace(world.positions.jobs[JOB], asked=asked)


def state(world: World) -> JobState:
    return world.positions.jobs[JOB].state


def everything(**bounds: object) -> Replay:
    return Replay(first=Offset(0), end=Offset(12), **bounds)  # type: ignore[arg-type] # of the test


async def test_a_replay_sends_its_part_of_the_log_again_and_ends(world: World) -> None:
    ask_for(world, Replay(first=Offset(4), end=Offset(8)))

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.DONE)

    assert sorted(offset for _, _, offset in world.courier.accepted) == [4, 5, 6, 7]
    assert world.positions.counts[JOB] == (4, 0)
    assert len(world.positions.lanes) == 1


async def test_its_messages_have_the_ids_they_had(world: World) -> None:
    before = {(a.uri, a.message_id) for a in world.positions.attempts}
    world.positions.attempts.clear()
    ask_for(world, everything())

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.DONE)

    assert {(a.uri, a.message_id) for a in world.positions.attempts} == before


async def test_it_can_be_narrowed(world: World) -> None:
    selection = Selection(types=types_matching(["record.*"]), records=("3", "5"))
    ask_for(world, everything(selection=selection))

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.DONE)

    assert sorted(world.courier.names()) == ["3", "5"]


async def test_live_events_do_not_wait_for_it(world: World) -> None:
    ask_for(world, everything(rate=2.0))

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.RUNNING)
        await world.append(record("live"))
        await world.until(lambda: "live" in world.courier.names())
        was_running = state(world) is JobState.RUNNING

    assert was_running


async def test_it_pauses_goes_on_and_forgets_nothing(world: World) -> None:
    ask_for(world, everything(rate=4.0))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        ask(world, Ask.PAUSE)
        await world.until(lambda: state(world) is JobState.PAUSED)
        await asyncio.sleep(0.1)
        paused_at = len(world.courier.accepted)
        await asyncio.sleep(0.2)
        stayed_at = len(world.courier.accepted)
        ask(world, Ask.RESUME)
        await world.until(lambda: state(world) is JobState.DONE)

    assert paused_at == stayed_at
    assert sorted({offset for _, _, offset in world.courier.accepted}) == list(range(1, 12))
    assert world.positions.counts[JOB] == (11, 0)


async def test_it_can_be_paused_before_it_has_begun(world: World) -> None:
    """Who presses at once is heard: it is paused, and goes on when asked to."""
    ask_for(world, everything())
    ask(world, Ask.PAUSE)
    async with world.delivering():
        await world.until(lambda: state(world) is JobState.PAUSED)
        assert world.positions.jobs[JOB].asked is None
        ask(world, Ask.RESUME)
        await world.until(lambda: state(world) is JobState.DONE)

    assert len(world.courier.accepted) == 11


def test_what_becomes_of_a_job_within_one_commit_is_one_change() -> None:
    """Counts are summed, what was heard stays heard, and the last state counts."""
    heard = JobChange(id=JOB, state=JobState.PAUSED, has_heard=True)
    told = JobChange(id=JOB, state=JobState.DONE, at_offset=Offset(7), delivered=2, dead=1)
    other = JobChange(id=JobId("other"), state=JobState.RUNNING)

    found = each_once([heard, told, other, told])

    assert found == [replace(told, delivered=4, dead=2, has_heard=True), other]


async def test_what_is_asked_of_one_that_has_ended_changes_nothing(world: World) -> None:
    ask_for(world, everything())

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.DONE)
        ask(world, Ask.PAUSE)
        await world.until(lambda: world.positions.jobs[JOB].asked is None)

    assert state(world) is JobState.DONE
    assert world.positions.counts[JOB] == (11, 0)


async def test_a_cancelled_one_sends_nothing_more_and_leaves_nothing(world: World) -> None:
    ask_for(world, everything(rate=5.0))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 1)
        ask(world, Ask.CANCEL)
        await world.until(lambda: state(world) is JobState.CANCELLED)
        at = len(world.courier.accepted)
        await asyncio.sleep(0.5)

    assert len(world.courier.accepted) == at
    assert len(world.positions.lanes) == 1


async def test_a_restart_in_its_middle_sends_nothing_twice(world: World) -> None:
    ask_for(world, everything(rate=30.0))
    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= 3)

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.DONE)

    assert sorted(offset for _, _, offset in world.courier.accepted) == list(range(1, 12))
    assert world.positions.counts[JOB] == (11, 0)


async def test_a_crash_in_its_middle_loses_nothing(world: World) -> None:
    ask_for(world, everything())
    world.courier.wait_s = lambda _endpoint: 0.01
    await world.crash_after(0.08)

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.DONE)

    assert {offset for _, _, offset in world.courier.accepted} == set(range(1, 12))


async def test_one_message_is_sent_at_once_and_once(world: World) -> None:
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    ask_for(world, Send(type="record.created", offset=Offset(3)))
    world.courier.attempts.clear()

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.FAILED)

    assert world.courier.attempts == [(ONE, 3)]
    assert world.positions.parked == {}


async def test_a_job_for_an_endpoint_that_is_gone_fails(world: World) -> None:
    ask_for(world, everything())
    job = world.positions.jobs[JOB]
    world.positions.jobs[JOB] = replace(job, endpoint_id=type(job.endpoint_id)(str(UUID(int=9))))

    async with world.delivering():
        await world.until(lambda: state(world) is JobState.FAILED)

    assert world.courier.accepted == []


def test_a_job_is_read_as_it_was_written() -> None:
    selection = Selection(types=types_matching(["record.*"]), collections=("a*",))
    replay = everything(selection=selection, messages=frozenset({"evt_1"}), rate=5.0)
    snapshot = Snapshot(as_of=Timestamp(7), selection=selection, rate=5.0)

    assert parse_work(JobKind.REPLAY, spec_of(replay)) == replay
    assert parse_work(JobKind.SNAPSHOT, spec_of(snapshot)) == snapshot
