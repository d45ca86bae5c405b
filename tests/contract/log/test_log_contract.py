"""What every log promises: one suite for the log in memory and for Kafka."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from muniment.domain.events import Event
from muniment.log.envelope import Malformed, Message, encode
from muniment.log.memory import Fault
from muniment.log.protocol import (
    Claim,
    Entry,
    Fenced,
    Log,
    Offset,
    OutcomeUnknown,
    Partition,
    Position,
    PositionLost,
    Reader,
    Start,
    TooLarge,
    Writer,
)
from tests.contract.log.worlds import BATCH_BYTES_MAX, World
from tests.unit.log.builders import changed

HERE = Partition(0)
THERE = Partition(1)
BEGINNING = Start(offset=Offset(0), claim=None)

EVENTS = [changed(record_id=f"r{number}") for number in range(5)]
FOREIGN = Message(b"key", b"not ours", [], None)


_OPENED: list[Writer] = []


@pytest.fixture(autouse=True)
async def _closed_in_the_end(world: World) -> AsyncGenerator[None]:
    yield
    await asyncio.gather(*(writer.close() for writer in _OPENED))
    _OPENED.clear()


async def owner(log: Log, partition: Partition = HERE, *, instance_id: str = "one") -> Writer:
    """A new owner; the test need not close it."""
    writer = await log.claim(partition, instance_id=instance_id, url=f"http://{instance_id}")
    _OPENED.append(writer)
    return writer


async def history(log: Log, partition: Partition = HERE, start: Start = BEGINNING) -> list[Entry]:
    """All entries that count, from the start to the end of the log."""
    reader = await log.reader({partition: start})
    try:
        return await read_to_end(log, reader, partition)
    finally:
        await reader.close()


async def read_to_end(log: Log, reader: Reader, partition: Partition) -> list[Entry]:
    end = (await log.end_offsets())[partition]
    entries: list[Entry] = []
    async with asyncio.timeout(30):
        while reader.positions()[partition].offset < end:
            entries += await reader.read(wait_s=0.1, entries_max=100)
    return entries


def events_of(entries: Sequence[Entry]) -> list[Event]:
    return [entry.content for entry in entries if not isinstance(entry.content, Claim)]


# --- Writing and reading --------------------------------------------------------------------------


async def test_what_was_appended_is_read_in_order(world: World) -> None:
    """The claim comes first, each event names it, and positions are those that were answered."""
    writer = await owner(world.unlucky)

    first = await writer.append(EVENTS[:2])
    second = await writer.append(EVENTS[2:])

    claim, *entries = await history(world.other)
    assert claim.is_claim
    assert claim.position == Position(HERE, writer.claim)
    assert events_of(entries) == EVENTS
    assert [entry.position.offset for entry in entries] == [*range(first, second + 3)]
    assert {entry.claim for entry in entries} == {writer.claim}


async def test_a_claim_tells_who_owns_the_partition_and_where(world: World) -> None:
    """Another instance forwards requests to that URL."""
    await owner(world.unlucky, instance_id="nadia")

    [claim] = await history(world.other)

    assert isinstance(claim.content, Claim)
    assert claim.claim is None
    assert (claim.content.instance_id, claim.content.url) == ("nadia", "http://nadia")


async def test_a_new_claim_has_the_next_epoch(world: World) -> None:
    """It is what the broker tells owners apart by."""
    await owner(world.unlucky)
    await owner(world.other)

    first, second = [entry.content for entry in await history(world.other)]

    assert isinstance(first, Claim)
    assert isinstance(second, Claim)
    assert second.producer_id == first.producer_id
    assert second.epoch == first.epoch + 1


async def test_a_batch_too_large_is_absent_as_a_whole(world: World) -> None:
    """The caller learns how many would fit, and the writer goes on."""
    writer = await owner(world.unlucky)
    large = changed(record_id="large", text="x" * BATCH_BYTES_MAX)

    with pytest.raises(TooLarge) as refusal:
        await writer.append([*EVENTS, large])

    assert refusal.value.fitting == len(EVENTS)
    await writer.append(EVENTS)
    assert events_of(await history(world.other)) == EVENTS


async def test_one_event_too_large_does_not_fit_alone(world: World) -> None:
    """Kafka's client would take any first record of a batch, and the broker refuse it later."""
    writer = await owner(world.unlucky)

    with pytest.raises(TooLarge) as refusal:
        await writer.append([changed(text="x" * BATCH_BYTES_MAX)])

    assert refusal.value.fitting == 0


async def test_appends_side_by_side_come_one_after_another(world: World) -> None:
    """Each of them is whole."""
    writer = await owner(world.unlucky)

    firsts = await asyncio.gather(*(writer.append(EVENTS) for _ in range(3)))

    assert sorted(firsts) == [writer.claim + 1, writer.claim + 6, writer.claim + 11]
    assert events_of(await history(world.other)) == EVENTS * 3


async def test_partitions_are_each_in_order(world: World) -> None:
    """One reader over two partitions sees them interleaved."""
    here, there = await asyncio.gather(owner(world.unlucky, HERE), owner(world.unlucky, THERE))
    await asyncio.gather(*(writer.append([event]) for writer in (here, there) for event in EVENTS))

    reader = await world.other.reader({HERE: BEGINNING, THERE: BEGINNING})
    entries = await read_to_end(world.other, reader, HERE)
    entries += await read_to_end(world.other, reader, THERE)
    await reader.close()

    assert events_of([entry for entry in entries if entry.position.partition == HERE]) == EVENTS
    assert events_of([entry for entry in entries if entry.position.partition == THERE]) == EVENTS


async def test_a_reader_waits_for_what_comes(world: World) -> None:
    """Nothing yet is an empty answer; what is appended during the wait ends it."""
    writer = await owner(world.unlucky)
    reader = await world.other.reader({HERE: BEGINNING})
    await read_to_end(world.other, reader, HERE)

    assert await reader.read(wait_s=0.05, entries_max=10) == []
    waiting = asyncio.create_task(reader.read(wait_s=10, entries_max=10))
    await asyncio.sleep(0.01)
    await writer.append(EVENTS[:1])

    assert events_of(await waiting) == EVENTS[:1]
    await reader.close()


async def test_a_reader_may_be_closed_before_it_has_read(world: World) -> None:
    reader = await world.other.reader({HERE: BEGINNING})

    await reader.close()


async def test_a_reader_answers_no_more_than_asked_for(world: World) -> None:
    """The rest comes with the next call."""
    await (await owner(world.unlucky)).append(EVENTS)
    reader = await world.other.reader({HERE: BEGINNING})

    entries = await reader.read(wait_s=5, entries_max=3)

    assert len(entries) == 3
    assert len(await read_to_end(world.other, reader, HERE)) == 3
    await reader.close()


async def test_reading_goes_on_from_the_middle(world: World) -> None:
    """A checkpoint holds the offset and the claim in force there."""
    await (await owner(world.unlucky)).append(EVENTS)
    reader = await world.other.reader({HERE: BEGINNING})
    seen = await reader.read(wait_s=5, entries_max=3)
    start = reader.positions()[HERE]
    await reader.close()

    rest = await history(world.other, HERE, start)

    assert events_of([*seen, *rest]) == EVENTS


async def test_end_offsets_are_those_of_the_next_appends(world: World) -> None:
    """A new owner reads up to there."""
    writer = await owner(world.unlucky)
    await writer.append(EVENTS)

    ends = await world.other.end_offsets()

    assert ends == {HERE: writer.claim + 6, THERE: 0}
    assert await writer.append(EVENTS) == ends[HERE]


# --- The fence ------------------------------------------------------------------------------------


async def test_a_stale_owner_is_refused(world: World) -> None:
    """From the new claim on, nothing of the older owner lands, and it knows at once."""
    stale = await owner(world.unlucky)
    await stale.append(EVENTS[:1])
    new = await owner(world.other, instance_id="two")

    with pytest.raises(Fenced):
        await stale.append(EVENTS[1:2])

    await new.append(EVENTS[2:])
    assert events_of(await history(world.other)) == [EVENTS[0], *EVENTS[2:]]


async def test_a_stale_owner_stays_refused(world: World) -> None:
    """A writer that was fenced does not ask again."""
    stale = await owner(world.unlucky)
    await owner(world.other)
    with pytest.raises(Fenced):
        await stale.append(EVENTS)

    with pytest.raises(Fenced):
        await stale.append(EVENTS)

    assert events_of(await history(world.other)) == []


async def test_a_stale_owner_is_left_out_where_the_fence_has_lapsed(world: World) -> None:
    """The broker forgets owners it has not heard of for days; the log itself tells them apart."""
    stale = await owner(world.unlucky)
    await stale.append(EVENTS[:1])
    await owner(world.other)

    await world.append_raw(HERE, encode(EVENTS[1], stale.claim))

    reader = await world.other.reader({HERE: BEGINNING})
    entries = await read_to_end(world.other, reader, HERE)
    assert events_of(entries) == EVENTS[:1]
    assert reader.positions() == await world_end(world)
    await reader.close()


async def world_end(world: World) -> dict[Partition, Start]:
    """The position after everything, where the claim of the second owner is in force."""
    end = (await world.other.end_offsets())[HERE]
    return {HERE: Start(offset=end, claim=Offset(2))}


async def test_an_owner_steps_down_when_somebody_else_wrote(world: World) -> None:
    """An acknowledgement with another offset than the next one is proof of it."""
    writer = await owner(world.unlucky)
    await world.append_raw(HERE, encode(EVENTS[0], Offset(writer.claim + 100)))

    with pytest.raises(Fenced):
        await writer.append(EVENTS[1:])

    with pytest.raises(Fenced):
        await writer.append(EVENTS[1:])


async def test_a_closed_writer_writes_nothing(world: World) -> None:
    """Closing twice is closing once."""
    writer = await owner(world.unlucky)
    await writer.close()
    await writer.close()

    with pytest.raises(Fenced):
        await writer.append(EVENTS)


# --- Appends without an answer --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "landed"),
    [
        pytest.param(Fault.ACK_LOST, EVENTS[1:3], id="it landed"),
        pytest.param(Fault.LOST, [], id="it was lost"),
    ],
)
async def test_a_failed_writer_is_replaced_and_nothing_lost_or_doubled(
    world: World, fault: Fault, landed: list[Event]
) -> None:
    """The new claim settles the matter: what is on the log before it has happened, no more."""
    writer = await owner(world.unlucky)
    await writer.append(EVENTS[:1])
    world.spoil(HERE, fault)
    async with asyncio.timeout(30):
        with pytest.raises(OutcomeUnknown):
            await writer.append(EVENTS[1:3])
    await world.mend(HERE)

    writer = await owner(world.unlucky)
    before = events_of(await history(world.unlucky))
    missing = [event for event in EVENTS if event not in before]
    await writer.append(missing)

    assert before == [EVENTS[0], *landed]
    assert events_of(await history(world.other)) == EVENTS


async def test_a_writer_without_an_answer_is_spent(world: World) -> None:
    """A blind repetition could write twice, or after somebody else."""
    writer = await owner(world.unlucky)
    world.spoil(HERE, Fault.LOST)
    with pytest.raises(OutcomeUnknown):
        await writer.append(EVENTS)
    await world.mend(HERE)

    with pytest.raises(OutcomeUnknown):
        await writer.append(EVENTS)

    assert events_of(await history(world.other)) == []


async def test_an_append_that_arrives_late_but_first_counts(world: World) -> None:
    """The writer had given it up, and the next owner finds it before its own claim."""
    writer = await owner(world.unlucky)
    world.spoil(HERE, Fault.LATE)
    with pytest.raises(OutcomeUnknown):
        await writer.append(EVENTS)

    await world.mend(HERE)
    await owner(world.other)

    assert events_of(await history(world.other)) == EVENTS


async def test_an_append_that_arrives_after_the_next_claim_is_refused(world: World) -> None:
    """Otherwise a client could have been told that nothing was written."""
    writer = await owner(world.unlucky)
    world.spoil(HERE, Fault.LATE)
    with pytest.raises(OutcomeUnknown):
        await writer.append(EVENTS)

    new = await owner(world.other)
    await world.mend(HERE)
    await new.append(EVENTS[:1])

    assert events_of(await history(world.other)) == EVENTS[:1]


async def test_an_append_given_up_by_its_caller_spends_the_writer(world: World) -> None:
    """Nobody knows any more what became of it."""
    writer = await owner(world.unlucky)
    appending = asyncio.create_task(writer.append(EVENTS))
    await asyncio.sleep(0)
    appending.cancel()
    await asyncio.wait([appending])

    with pytest.raises(OutcomeUnknown):
        await writer.append(EVENTS)
    await writer.close()


# --- What a reader refuses ------------------------------------------------------------------------


async def test_a_position_after_the_end_is_lost(world: World) -> None:
    """Such a checkpoint belongs to another log: going on in silence would skip events."""
    await owner(world.unlucky)
    reader = await world.other.reader({HERE: Start(offset=Offset(7), claim=Offset(0))})

    with pytest.raises(PositionLost, match="offset 7"):
        await read_until_failure(reader)
    with pytest.raises(PositionLost):
        await reader.read(wait_s=0, entries_max=10)

    await reader.close()


async def test_a_foreign_record_stops_the_reader(world: World) -> None:
    """What was before it is answered; the record is not guessed at, and not skipped."""
    await (await owner(world.unlucky)).append(EVENTS)
    await world.append_raw(HERE, FOREIGN)
    reader = await world.other.reader({HERE: BEGINNING})

    entries = list(await reader.read(wait_s=5, entries_max=10))
    with pytest.raises(Malformed):
        await read_until_failure(reader)
    with pytest.raises(Malformed):
        await reader.read(wait_s=0, entries_max=10)

    assert events_of(entries) == EVENTS[: len(entries) - 1]
    assert reader.positions()[HERE].offset == 6
    await reader.close()


async def read_until_failure(reader: Reader) -> None:
    async with asyncio.timeout(30):
        while True:
            await reader.read(wait_s=0.1, entries_max=10)
