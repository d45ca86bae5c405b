"""`Idempotency-Key` at the owner: a write that comes again is told again, and not made again."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import pytest

from muniment.command.repeats import MadeBefore, sealed
from muniment.command.waiting import (
    AlreadyMade,
    Answer,
    Atomic,
    Deleted,
    DeleteRest,
    MadeAt,
    Outcomes,
)
from muniment.domain.addresses import BucketId, CollectionId, Kind
from muniment.domain.commands import Command, DeleteMany
from muniment.domain.events import KEYS_TTL_S, Cause, ObjectChanged, RequestKey
from muniment.domain.refusals import KeyReused, NotRepeated, ObjectModified
from tests.support.deciding import BUCKET, COLLECTION, NADIA, NOW, ask
from tests.support.instances import Instance, Universe, universe, until
from tests.unit.log.builders import changed

C = TypeVar("C", Command, DeleteMany)

KEY = RequestKey(id=str(UUID(int=1)), request=str(UUID(int=2)))
OTHER = replace(KEY, id=str(UUID(int=3)))


class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(clock: Callable[[], int]) -> AsyncGenerator[Universe]:
    async with universe(now=clock) as made:
        yield made


async def opened(world: Universe, name: str) -> Instance:
    instance = world.instance(name)
    owner = instance.own()
    await until(lambda: owner.is_open)
    return instance


@pytest.fixture
async def one(world: Universe) -> Instance:
    """An instance with a bucket and a collection."""
    instance = await opened(world, "one")
    for address in (BUCKET, COLLECTION):
        await instance.submit(ask(address=address).put({}))
    return instance


def keyed(command: C, key: RequestKey = KEY) -> C:
    return replace(command, cause=replace(command.cause, key=key))


def event_of(answer: Answer) -> ObjectChanged:
    assert isinstance(answer.outcome, ObjectChanged), answer.outcome
    return answer.outcome


def made_by(answer: Answer) -> AlreadyMade:
    assert isinstance(answer.outcome, AlreadyMade), answer.outcome
    return answer.outcome


def changes(world: Universe) -> int:
    entries = (entry.content for entry in world.projector.projected)
    return sum(isinstance(each, ObjectChanged) for each in entries)


async def test_a_repeat_is_answered_from_the_log_and_changes_nothing(
    world: Universe, one: Instance
) -> None:
    """The outcome is that of the first: also when the object was changed since."""
    first = event_of(await one.submit(keyed(ask().put({"n": 1}))))
    await one.submit(ask().put({"n": 2}))
    before = changes(world)

    again = made_by(await one.submit(keyed(ask().put({"n": 1}))))

    assert isinstance(again.outcome, MadeAt)
    told = await MadeBefore(world.log, world.read_model).outcome(ask().put(), again)
    assert told == first
    assert changes(world) == before


async def test_a_repeat_to_a_new_owner_is_answered_as_well(world: Universe, one: Instance) -> None:
    """The key is on the log with the event, and every owner reads it."""
    first = event_of(await one.submit(keyed(ask().create({"n": 1}))))
    two = await opened(world, "two")

    again = made_by(await two.submit(keyed(ask().create({"n": 1}))))

    told = await MadeBefore(world.log, world.read_model).outcome(ask().create(), again)
    assert told == first


async def test_a_repeat_before_the_projection_is_known_in_memory(
    world: Universe, one: Instance
) -> None:
    await world.pause()
    first = event_of(await one.submit(keyed(ask().put({"n": 1})), awaits_projection=False))

    again = made_by(await one.submit(keyed(ask().put({"n": 1})), awaits_projection=False))

    assert again.outcome == first
    world.project()


async def test_another_request_under_the_key_is_refused(world: Universe, one: Instance) -> None:
    """Projected or not; a key names one request."""
    await one.submit(keyed(ask().put({"n": 1})))
    other = replace(KEY, request=str(UUID(int=9)))

    answer = await one.submit(keyed(ask().put({"n": 2}), other))

    assert answer.outcome == KeyReused()


async def test_a_refusal_leaves_the_key_unused(one: Instance) -> None:
    """It has changed nothing, so the repeat is decided on what is true by then."""
    refused = await one.submit(keyed(ask(if_match="*").put({"n": 1})))
    await one.submit(ask().put({"n": 0}))

    made = await one.submit(keyed(ask(if_match="*").put({"n": 1})))

    assert isinstance(refused.outcome, ObjectModified)
    assert event_of(made).after.data["n"] == 1


async def test_a_key_is_forgotten_when_its_time_is_over(
    world: Universe, one: Instance, clock: Clock
) -> None:
    """`idempotency_key_ttl_s`."""
    first = event_of(await one.submit(keyed(ask().put({"n": 1}))))
    clock.now += int(KEYS_TTL_S * 1000)

    again = event_of(await one.submit(keyed(ask().put({"n": 1}))))

    assert again.id != first.id
    assert isinstance((await one.submit(keyed(ask().put({"n": 1})))).outcome, AlreadyMade)


async def test_a_batch_is_made_once_with_all_that_was_refused_in_it(one: Instance) -> None:
    """What changed nothing then changes nothing now, though it would: BAT-12's order counts."""
    unless_there = keyed(ask(if_none_match="*").put({"n": 2}), replace(OTHER, batch="b"))
    batch = Atomic(steps=[unless_there, keyed(ask().delete(), replace(KEY, batch="b"))])
    await one.submit(ask().put({"n": 1}))

    first, again = await one.submit(batch), await one.submit(batch)

    assert isinstance(first.outcome, Outcomes)
    refused, deleted = first.outcome.each
    assert isinstance(refused, ObjectModified)
    assert isinstance(deleted, ObjectChanged)
    assert isinstance(again.outcome, Outcomes)
    not_repeated, made = again.outcome.each
    assert not_repeated == NotRepeated()
    assert isinstance(made, AlreadyMade)


async def test_a_step_with_a_key_of_its_own_is_made_beside_a_repeat(one: Instance) -> None:
    """Clients may put what has no answer yet into other batches."""
    await one.submit(keyed(ask().put({"n": 1})))

    answer = await one.submit(
        Atomic(steps=[keyed(ask().put({"n": 1})), keyed(ask().put({"n": 2}), OTHER)])
    )

    assert isinstance(answer.outcome, Outcomes)
    repeat, new = answer.outcome.each
    assert isinstance(repeat, AlreadyMade)
    assert isinstance(new, ObjectChanged)


def delete_all() -> DeleteMany:
    return DeleteMany(
        kind=Kind.RECORD,
        bucket_id=BucketId("atlas"),
        collection_id=CollectionId("stations"),
        requester=NADIA,
        cause=Cause(actor=NADIA.user_id, request_id="r"),
        query=(),
    )


def test_the_last_event_of_an_order_carries_its_key() -> None:
    """Else a deletion that was cut short would pass for done."""
    cause = Cause(actor=None, request_id="r", key=KEY)
    events = [changed(cause=cause), changed(cause=cause)]
    gone = [event.after.data for event in events]
    whole = Deleted(events=events, tombstones=gone, list_at=events[0].last_modified, next_token="t")
    rest = DeleteRest(order=delete_all(), found=(), next_token=None)

    told = [event.cause.key for event in sealed(whole, KEY).events]

    assert told == [None, replace(KEY, events=2, next_token="t")]
    assert [event.cause.key for event in sealed(replace(whole, rest=rest), KEY).events] == [
        None
    ] * 2
