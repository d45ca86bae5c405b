"""The owner of a partition on a log in memory that fails when it is told to."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from muniment.command.owner import OwnerLimits
from muniment.command.waiting import (
    Answer,
    Flush,
    NotOwner,
    TooLargeToAppend,
    Unavailable,
    Waiting,
)
from muniment.domain.addresses import Address, CollectionId, bucket, record
from muniment.domain.commands import ANONYMOUS, Command, DocumentPatch, Patch
from muniment.domain.decisions import Unchanged
from muniment.domain.documents import document_of
from muniment.domain.events import Action, Cause, ObjectChanged, PartitionFlushed
from muniment.domain.refusals import (
    CollectionMissing,
    Invalid,
    NotAllowed,
    ObjectModified,
    TimestampTaken,
)
from muniment.domain.states import Present
from muniment.domain.values import Timestamp
from muniment.log.memory import Fault
from muniment.log.protocol import Claim
from tests.support.deciding import BUCKET, COLLECTION, NOW, RECORD, Asked, ask
from tests.support.instances import ONLY, Instance, Universe, universe, until

SHORT = OwnerLimits(projection_wait_timeout_s=0.05)
FLUSH = Flush(cause=Cause(actor=None, request_id="flush"))
NO_DEADLINE = OwnerLimits(projection_wait_timeout_s=60)


@pytest.fixture
async def world() -> AsyncGenerator[Universe]:
    async with universe() as made:
        yield made


async def opened(world: Universe, name: str = "one") -> Instance:
    """An instance whose owner is open."""
    instance = world.instance(name)
    owner = instance.own()
    await until(lambda: owner.is_open)
    return instance


async def begun(world: Universe) -> Instance:
    """An instance with a bucket and a collection."""
    instance = await opened(world)
    for address in (BUCKET, COLLECTION):
        await instance.submit(ask(address=address).put({}))
    return instance


def event_of(answer: Answer) -> ObjectChanged:
    assert isinstance(answer.outcome, ObjectChanged), answer.outcome
    return answer.outcome


def events_on_log(world: Universe) -> list[ObjectChanged]:
    contents = [entry.content for entry in world.projector.projected]
    return [each for each in contents if isinstance(each, ObjectChanged)]


# --- the way of a write ---------------------------------------------------------------------------


async def test_an_answer_comes_when_the_change_can_be_read(world: Universe) -> None:
    """Read your writes."""
    instance = await begun(world)

    answer = await instance.submit(ask().put({"name": "Bay"}))

    assert answer.is_projected
    state = world.read_model.state(RECORD)
    assert isinstance(state, Present)
    assert state.data == event_of(answer).after.data


async def test_who_does_not_wait_is_answered_when_the_log_has_it(world: Universe) -> None:
    """`Prefer: respond-async`."""
    instance = await begun(world)
    await world.pause()

    answer = await instance.submit(ask().put({}), awaits_projection=False)

    assert not answer.is_projected
    assert answer.position is not None
    assert world.log.end(ONLY) == answer.position.offset + 1


async def test_a_projector_that_lags_too_far_is_not_waited_for() -> None:
    """The log is the truth: 2xx, and the answer says that reads do not show it yet."""
    async with universe(limits=SHORT) as world:
        instance = await begun(world)
        await world.pause()

        answer = await instance.submit(ask().put({}))

        assert event_of(answer).action is Action.CREATED
        assert not answer.is_projected


async def test_what_is_not_projected_yet_is_decided_on_all_the_same(world: Universe) -> None:
    """The owner keeps it: the second of two writes sees the first."""
    instance = await begun(world)
    await world.pause()
    first = event_of(await instance.submit(ask().put({"n": 1}), awaits_projection=False))

    second = await instance.submit(
        ask(if_match=first.last_modified).patch({"n": 2}), awaits_projection=False
    )

    assert event_of(second).before == first.after


async def test_commands_that_arrive_together_are_one_batch_and_each_sees_the_last(
    world: Universe,
) -> None:
    """64 writers of one collection: no conflict, strictly increasing timestamps."""
    instance = await begun(world)
    records = [record("atlas", "stations", f"st-{number}") for number in range(64)]

    answers = await asyncio.gather(
        *(instance.submit(ask(address=address).put({})) for address in records)
    )

    times = [event_of(answer).last_modified for answer in answers]
    assert times == sorted(set(times))
    assert len(set(times)) == 64


async def test_of_two_with_one_condition_one_wins(world: Universe) -> None:
    """PRE-5: the check and the write are one step."""
    instance = await begun(world)
    etag = event_of(await instance.submit(ask().put({}))).last_modified

    answers = await asyncio.gather(
        *(instance.submit(ask(if_match=etag).patch({"by": number})) for number in range(5))
    )

    outcomes = [type(answer.outcome) for answer in answers]
    assert outcomes.count(ObjectChanged) == 1
    assert outcomes.count(ObjectModified) == 4


async def test_a_refusal_waits_for_what_it_rests_on() -> None:
    """A 412 that shows the new state must not come before the new state can be read."""
    async with universe(limits=NO_DEADLINE) as world:
        instance = await begun(world)
        await world.pause()
        writing = asyncio.create_task(instance.submit(ask().put({})))
        refused = asyncio.create_task(instance.submit(ask(if_none_match="*").put({})))
        await until(lambda: world.log.end(ONLY) == 4)

        assert not refused.done()
        world.project()

        assert isinstance((await refused).outcome, ObjectModified)
        assert (await writing).is_projected


async def test_what_exceeds_a_batch_is_written_in_pieces() -> None:
    """By whole commands; one that is too large by itself is refused."""
    async with universe(batch_bytes_max=5_000) as world:
        instance = await begun(world)
        sizes = [2_000, 2_000, 9_000, 2_000]

        answers = await asyncio.gather(
            *(
                instance.submit(
                    ask(address=record("atlas", "stations", f"r{number}")).put({"text": "x" * size})
                )
                for number, size in enumerate(sizes)
            ),
            return_exceptions=True,
        )

        assert [isinstance(answer, Answer) for answer in answers] == [True, True, False, True]
        assert isinstance(answers[2], TooLargeToAppend)
        assert [event.address.id for event in events_on_log(world)][2:] == ["r0", "r1", "r3"]


async def test_too_much_that_is_not_projected_is_refused() -> None:
    """The overlay has a bound: 503, try again later."""
    async with universe(limits=replace(SHORT, overlay_records_max=1)) as world:
        instance = await begun(world)
        await world.pause()
        for number in range(2):
            await instance.submit(
                ask(address=record("atlas", "stations", f"r{number}")).put({}),
                awaits_projection=False,
            )

        with pytest.raises(Unavailable):
            await instance.submit(ask().put({}), awaits_projection=False)


# --- timestamps that others may have --------------------------------------------------------------

PAST = Timestamp(NOW - 10_000)


@pytest.mark.parametrize(
    "address", [bucket("birds"), record("atlas", "stations", "late")], ids=["bucket", "record"]
)
async def test_an_object_can_be_stored_in_the_past(world: Universe, address: Address) -> None:
    """TS-5: the read model is asked whether another has that timestamp."""
    instance = await begun(world)

    answer = await instance.submit(ask(address=address).put({"last_modified": PAST}))

    assert event_of(answer).last_modified == PAST


@pytest.mark.parametrize(
    "addresses",
    [
        [bucket("birds"), bucket("coasts")],
        [record("atlas", "stations", "one"), record("atlas", "stations", "two")],
    ],
    ids=["buckets", "records"],
)
async def test_of_two_that_want_one_past_timestamp_one_gets_it(
    world: Universe, addresses: list[Address]
) -> None:
    """D-12: also when they are decided in one group."""
    instance = await begun(world)

    answers = await asyncio.gather(
        *(instance.submit(ask(address=each).put({"last_modified": PAST})) for each in addresses)
    )

    assert event_of(answers[0]).last_modified == PAST
    assert answers[1].outcome == TimestampTaken(PAST)


# --- an append that fails -------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_write_without_an_acknowledgement_happens_once(
    world: Universe, fault: Fault
) -> None:
    """The log is read up to a new claim: what landed is answered, what did not is decided again."""
    instance = await begun(world)
    world.log.fail_next_append(ONLY, fault)

    answer = await instance.submit(ask().put({"name": "Bay"}))
    world.log.deliver_late(ONLY)
    await instance.submit(ask().patch({"name": "Cove"}))

    assert event_of(answer).action is Action.CREATED
    assert [event.type for event in events_on_log(world)][2:] == [
        "record.created",
        "record.updated",
    ]


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LATE])
async def test_a_bucket_whose_append_was_lost_is_decided_in_another_turn(
    world: Universe, fault: Fault
) -> None:
    instance = await opened(world)
    world.log.fail_next_append(ONLY, fault)

    answer = await instance.submit(ask(address=BUCKET).put({}))

    assert event_of(answer).address == BUCKET


async def test_a_write_that_is_lost_again_and_again_is_given_up(world: Universe) -> None:
    """503 after a bounded number of tries; then it has certainly had no effect."""
    instance = await begun(world)
    for _ in range(3):
        world.log.fail_next_append(ONLY, Fault.LOST)

    with pytest.raises(Unavailable):
        await instance.submit(ask().put({}))

    assert len(events_on_log(world)) == 2
    assert event_of(await instance.submit(ask().put({}))).action is Action.CREATED


async def test_what_was_decided_in_vain_is_not_known(world: Universe) -> None:
    """After a batch that did not land, the states are those of the log."""
    instance = await begun(world)
    world.log.fail_next_append(ONLY, Fault.LOST)

    answers = await asyncio.gather(
        instance.submit(ask().create({"id": "st-042"})),
        instance.submit(ask().create({"id": "st-042"})),
    )

    assert isinstance(answers[0].outcome, ObjectChanged)
    assert isinstance(answers[1].outcome, Unchanged)
    assert len(events_on_log(world)) == 3


# --- other owners ---------------------------------------------------------------------------------


async def test_a_stale_owner_is_refused(world: Universe) -> None:
    """It answers nothing as done that does not count, and ends."""
    stale = await begun(world)
    await opened(world, "two")

    with pytest.raises(Unavailable):
        await stale.submit(ask().put({}))

    with pytest.raises(NotOwner):
        await stale.submit(ask().put({}))
    assert len(events_on_log(world)) == 2


async def test_a_stale_owner_is_refused_where_the_fence_has_lapsed(world: Universe) -> None:
    """The broker takes its append and nobody counts it; the new owner notices, and claims anew."""
    stale = await begun(world)
    world.log.forget_owner(ONLY)
    new = await opened(world, "two")

    with pytest.raises(Unavailable):
        await stale.submit(ask().put({"by": "stale"}))
    with pytest.raises(Unavailable):
        await new.submit(ask().put({"by": "new"}))
    answer = await (await opened(world, "two")).submit(ask().patch({"by": "again"}))

    assert event_of(answer).action is Action.UPDATED
    assert [event.after.data.get("by") for event in events_on_log(world)][2:] == ["new", "again"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(ask().create({"id": "st-042"}), id="unchanged"),
        pytest.param(ask(if_none_match="*").put({}), id="modified"),
        pytest.param(ask(by=ANONYMOUS).put({}), id="not-allowed"),
    ],
)
async def test_a_stale_owner_does_not_answer_what_rests_on_what_it_knows(
    world: Universe, command: Command
) -> None:
    """The next owner may have changed it by now."""
    stale = await begun(world)
    await stale.submit(ask().put({}))
    new = await opened(world, "two")
    await new.submit(ask().delete())

    with pytest.raises(Unavailable):
        await stale.submit(command)


async def test_an_owner_that_ended_takes_nothing(world: Universe) -> None:
    """Who comes late is sent to the next owner at once, not kept waiting."""
    stale = await begun(world)
    await opened(world, "two")
    with pytest.raises(Unavailable):
        await stale.submit(ask().put({}))

    with pytest.raises(NotOwner):
        stale.owners[ONLY].submit(Waiting(ask().put({})))


async def test_a_new_owner_opens_when_all_before_its_claim_is_projected() -> None:
    """It reads the states that older owners left from the read model."""
    async with universe(limits=SHORT) as world:
        first = await begun(world)
        await world.pause()
        written = event_of(await first.submit(ask().put({"n": 1})))
        second = world.instance("two")
        owner = second.own()
        reading = asyncio.create_task(second.submit(ask().patch({"n": 2})))
        await asyncio.sleep(0.15)

        assert not owner.is_open
        world.project()

        assert event_of(await reading).before == written.after


async def test_the_claim_is_renewed_under_steady_load() -> None:
    """Kafka forgets a producer's epoch after days: the fence must not depend on idle hours."""
    async with universe(limits=OwnerLimits(claim_renewal_s=0.05)) as world:
        instance = await begun(world)

        for number in range(40):
            await instance.submit(ask().put({"n": number}))
            await asyncio.sleep(0.005)

        claims = [each for each in world.projector.projected if isinstance(each.content, Claim)]
        assert len(claims) >= 3


async def test_an_owner_that_is_stopped_finishes_what_it_has(world: Universe) -> None:
    instance = await begun(world)
    writes = [
        asyncio.create_task(
            instance.submit(ask(address=record("atlas", "stations", f"r{number}")).put({}))
        )
        for number in range(10)
    ]
    await asyncio.sleep(0)

    instance.owners[ONLY].stop()

    assert all(event_of(answer) for answer in await asyncio.gather(*writes))
    with pytest.raises(NotOwner):
        await instance.submit(ask().put({}))


# --- flush ----------------------------------------------------------------------------------------


async def test_a_flush_leaves_nothing(world: Universe) -> None:
    instance = await begun(world)
    await instance.submit(ask().put({}))

    answer = await instance.submit(FLUSH)

    assert isinstance(answer.outcome, PartitionFlushed)
    assert not isinstance(world.read_model.state(BUCKET), Present)


async def test_what_comes_right_after_a_flush_finds_nothing(world: Universe) -> None:
    """Also while the read model still has what was flushed."""
    instance = await begun(world)
    await world.pause()
    flushing = asyncio.create_task(instance.submit(FLUSH))
    await until(lambda: world.log.end(ONLY) == 4)
    writing = asyncio.create_task(instance.submit(ask().put({})))
    await asyncio.sleep(0.01)

    world.project()
    await flushing

    assert (await writing).outcome == CollectionMissing(CollectionId("stations"))


async def test_a_bad_command_leaves_the_others_alone(world: Universe) -> None:
    """Each of a group is judged by itself."""
    instance = await begun(world)
    bad = Asked(address=COLLECTION).patch({"cache_expires": 1e300})

    answers = await asyncio.gather(
        instance.submit(bad),
        instance.submit(ask(by=ANONYMOUS).put({})),
        instance.submit(ask().put({})),
    )

    assert isinstance(answers[0].outcome, Invalid)
    assert answers[1].outcome == NotAllowed()
    assert event_of(answers[2]).action is Action.CREATED


async def test_patches_of_one_document_at_once_all_survive(world: Universe) -> None:
    """CocoBase section 5: each is decided on what the one before has left."""
    instance = await begun(world)
    made = ask().create()
    await instance.submit(made)
    patches = [
        DocumentPatch(fields={f"field{number}": number}, append={"tags": [number]})
        for number in range(50)
    ]

    await asyncio.gather(
        *(
            instance.submit(
                Patch(address=RECORD, requester=made.requester, cause=made.cause, change=change)
            )
            for change in patches
        )
    )

    target = world.read_model.state(RECORD)
    assert isinstance(target, Present)
    document = document_of(target.data, target.hidden)
    assert document == {"tags": [*range(50)], **{f"field{each}": each for each in range(50)}}
