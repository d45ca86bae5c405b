"""The projector against a real Postgres: the read model equals the log, whatever happens."""

import asyncio
import random
from collections.abc import Sequence

import asyncpg
import orjson
import pytest

from muniment.domain.addresses import bucket, collection, record
from muniment.domain.values import JsonValue
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Entry, Offset, Partition, Start
from muniment.projector.projector import Poisoned
from muniment.readmodel.checkpoints import CHANNEL
from muniment.readmodel.connection import open_connection
from muniment.readmodel.projection.writing import Overtaken
from tests.support.projecting import (
    append,
    checkpoints,
    log_of,
    project_all,
    projecting,
    projector,
    until,
)
from tests.support.read_model import view_of_log, view_of_postgres
from tests.support.story import ADDRESSES, PARTITIONS, Step, Story, Verb

ATLAS = bucket("atlas")
STATIONS = collection("atlas", "stations")
ONE = record("atlas", "stations", "one")
BEGINNING: list[Step] = [("write", ATLAS), ("write", STATIONS), ("write", ONE)]


@pytest.mark.parametrize("seed", range(8))
async def test_the_read_model_equals_a_fold_of_the_log(
    seed: int, database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Any history, in batches of any size, over a projector that is killed now and then."""
    chance = random.Random(seed)
    story = Story().play(_steps(chance, 150))
    log = log_of([])

    for batch in _cut(story, chance):
        append(log, batch)
        async with projecting(log, database, entries_max=chance.randint(1, 40)):
            await asyncio.sleep(chance.random() * 0.02)
    await project_all(log, database)

    assert await view_of_postgres(connection) == view_of_log(story.entries)


@pytest.mark.parametrize("seed", range(3))
async def test_a_replay_changes_nothing(
    seed: int, database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A restored backup, a checkpoint set back: the same entries once more, the same rows."""
    chance = random.Random(seed)
    story = Story().play(_steps(chance, 100))
    log = log_of(story.entries)
    await project_all(log, database)

    await connection.execute("UPDATE checkpoint SET next_offset = 0, claim_offset = NULL")
    await project_all(log, database, entries_max=chance.randint(1, 100))

    assert await view_of_postgres(connection) == view_of_log(story.entries)


async def test_a_projector_that_was_overtaken_writes_nothing(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A zombie that wakes up late must not put old rows over new ones."""
    story = Story().play(BEGINNING)
    log = log_of(story.entries)
    zombie = projector(log, connection)
    await zombie.open()
    story.write(ONE, title="new")
    append(log, story.entries[-1:])
    await project_all(log, database)

    with pytest.raises(Overtaken):
        await zombie.project(story.entries[:4], _reached(Start(offset=Offset(4), claim=Offset(0))))

    assert await view_of_postgres(connection) == view_of_log(story.entries)


async def test_one_checkpoint_that_was_moved_holds_back_the_whole_batch(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Rows of two partitions travel in one statement: both or none."""
    story = Story().play([("write", ATLAS), ("write", bucket("birds"))])
    zombie = projector(log_of(story.entries), connection)
    await zombie.open()
    await connection.execute("UPDATE checkpoint SET next_offset = 2 WHERE partition = 1")

    with pytest.raises(Overtaken):
        await zombie.project(
            story.entries, _reached(*[Start(offset=Offset(2), claim=Offset(0))] * 2)
        )

    assert await checkpoints(connection) == {0: 0, 1: 2}
    assert (await view_of_postgres(connection)).objects == {}


async def test_two_projectors_race_and_one_loses(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """The comparison holds even while the other's transaction is still open."""
    story = Story().play(BEGINNING)
    slow = projector(log_of(story.entries), connection)
    await slow.open()
    async with open_connection(database, application="fast") as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE checkpoint SET next_offset = 1 WHERE partition = 0")

        reached = _reached(Start(offset=Offset(4), claim=Offset(0)))
        losing = asyncio.create_task(slow.project(story.entries, reached))
        await asyncio.sleep(0.1)
        await transaction.commit()

        with pytest.raises(Overtaken):
            await losing
    assert (await view_of_postgres(connection)).objects == {}


async def test_a_flushed_partition_keeps_no_tombstones(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Test suites flush between tests and expect an empty store; other partitions stay."""
    gone: list[Step] = [("write", bucket("birds")), ("delete", ATLAS), ("write", ATLAS)]
    story = Story().play([*BEGINNING, *gone])
    log = log_of(story.entries)
    await project_all(log, database)

    done = len(story.entries)
    story.flush(PARTITIONS[0])
    append(log, story.entries[done:])
    await project_all(log, database)

    assert list((await view_of_postgres(connection)).objects) == ["/buckets/birds"]


async def test_a_flush_and_what_follows_may_share_a_batch(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """The bucket that was there is gone, the new one of the same name is another."""
    story = Story().play(BEGINNING)
    log = log_of(story.entries)
    await project_all(log, database)

    done = len(story.entries)
    story.play([("flush", ATLAS), ("write", ATLAS), ("write", STATIONS)])
    append(log, story.entries[done:])
    await project_all(log, database)

    assert await view_of_postgres(connection) == view_of_log(story.entries)


async def test_an_entry_that_cannot_be_applied_is_not_skipped(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """What comes before it is served; then a person must look."""
    story = Story().play(BEGINNING)
    story.write(ONE, title="\N{NULL}")
    story.write(ONE, title="later")
    log = log_of(story.entries)

    with pytest.raises(Poisoned) as caught:
        await project_all(log, database)

    assert (caught.value.partition, caught.value.offset) == (0, 4)
    assert await checkpoints(connection) == {0: 4, 1: 0}
    assert await view_of_postgres(connection) == view_of_log(story.entries[:4])


async def test_the_checkpoint_passes_what_a_stale_owner_wrote(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Nothing of it is applied, and nobody waits for it for ever."""
    story = Story().play([*BEGINNING, ("claim", ATLAS)])
    log = log_of(story.entries)
    story.write(ONE, title="stale")
    stale = story.entries.pop()
    object.__setattr__(stale, "claim", Offset(0))
    append(log, [stale])

    await project_all(log, database)

    assert await checkpoints(connection) == {0: 6, 1: 0}
    assert await view_of_postgres(connection) == view_of_log(story.entries)


async def test_every_batch_is_told_once(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Writers wait for this: partition, next offset, claim."""
    told = await _listen(connection)
    log = log_of(Story().play([*BEGINNING, ("write", bucket("birds"))]).entries)

    await project_all(log, database)
    await until(lambda: told)

    assert sorted(told[0].split(",")) == ["0:4:0", "1:2:0"]
    assert len(told) == 1


async def test_many_partitions_at_once_are_told_in_several_payloads(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A payload of 8,000 bytes or more would fail the transaction."""
    told = await _listen(connection)
    log = MemoryLog(partitions=1_000)
    many = projector(log, connection)
    await many.open()

    far = Start(offset=Offset(10**15), claim=Offset(10**15 - 1))
    await many.project([], dict.fromkeys(log.partitions, far))
    await until(lambda: sum(said.count(",") + 1 for said in told) == len(log.partitions))

    assert set((await checkpoints(connection)).values()) == {10**15}


async def test_an_idle_projector_shows_that_it_lives(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """The heartbeat can tell one that hangs from one that has nothing to do."""
    async with projecting(log_of([]), database):
        await until(lambda: connection.fetchval("SELECT count(*) FROM projector_beat"))

    row = await connection.fetchrow("SELECT instance_id, lag_entries FROM projector_beat")
    assert row is not None
    assert tuple(row) == ("test", 0)


def _steps(chance: random.Random, count: int) -> list[Step]:
    verbs: Sequence[Verb] = ("write", "delete", "trim", "claim")
    drawn: list[Verb] = chance.choices(verbs, weights=(8, 3, 1, 1), k=count)
    steps: list[Step] = [(verb, chance.choice(ADDRESSES)) for verb in drawn]
    return [*steps[: count // 2], ("flush", ATLAS), *steps[count // 2 :]]


def _cut(story: Story, chance: random.Random) -> list[list[Entry]]:
    ends = sorted(chance.sample(range(len(story.entries)), 5))
    return [
        story.entries[begin:end]
        for begin, end in zip([0, *ends], [*ends, len(story.entries)], strict=True)
    ]


async def _listen(connection: "asyncpg.Connection[asyncpg.Record]") -> Sequence[str]:
    told: list[str] = []

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        told.append(str(payload))

    await connection.add_listener(CHANNEL, hear)
    return told


def _reached(*starts: Start) -> dict[Partition, Start]:
    return dict(zip(PARTITIONS, starts, strict=False))


async def test_numbers_keep_their_kinds(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """CocoBase section 5: what is read is what was written, not only worth the same."""
    numbers: dict[str, JsonValue] = {
        "a": 1e16,
        "b": 1e308,
        "c": -4.955381773552442e16,
        "d": 1e-7,
        "e": 1.0,
        "f": 1,
        "g": 2**53,
    }
    story = Story().play(BEGINNING)
    story.write(ONE, **numbers)
    await project_all(log_of(story.entries), database)

    found = orjson.loads(await connection.fetchval("SELECT data FROM record"))

    assert {name: (type(found[name]), found[name]) for name in numbers} == {
        name: (type(number), number) for name, number in numbers.items()
    }
