"""Turns to write buckets against a real Postgres, as two instances take them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress

import asyncpg
import pytest

from muniment.command.bucket_list import BucketList, Holder
from muniment.command.loading import ReadModel
from muniment.command.waiting import Unavailable
from muniment.log.protocol import Offset, Partition
from muniment.readmodel.connection import open_pool
from muniment.readmodel.projection.recording import Recording
from tests.support.projecting import until

HERE = Holder(partition=Partition(0), claim=Offset(5))
THERE = Holder(partition=Partition(1), claim=Offset(0))
ROOT = "00000000-0000-0000-0000-000000000000"

Two = tuple[BucketList, BucketList]


@pytest.fixture
async def two(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncGenerator[Two]:
    """The lists of two instances; of each partition the read model shows the claim in force."""
    await connection.execute(
        "INSERT INTO checkpoint (partition, next_offset, claim_offset) VALUES (0, 9, 5), (1, 1, 0)"
    )
    await show(connection, 100)
    async with AsyncExitStack() as stack:
        lists: list[BucketList] = []
        for _ in range(2):
            pool = await stack.enter_async_context(
                open_pool(database, application="test", size_max=3)
            )
            made = BucketList(ReadModel(pool, recording=Recording()), turn_timeout_s=0.3)
            stack.push_async_callback(made.close)
            lists.append(made)
        yield lists[0], lists[1]


async def show(connection: "asyncpg.Connection[asyncpg.Record]", at: int) -> None:
    """Let the list of buckets have this timestamp."""
    await connection.execute(
        "INSERT INTO timeline (parent, kind, last_modified) VALUES ($1, 'bucket', $2)"
        " ON CONFLICT (parent, kind) DO UPDATE SET last_modified = excluded.last_modified",
        ROOT,
        at,
    )


async def claim_anew(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The read model shows that another owner has claimed the partition of `HERE`."""
    await connection.execute(
        "UPDATE checkpoint SET next_offset = 21, claim_offset = 20 WHERE partition = 0"
    )


async def is_given(lists: BucketList, holder: Holder) -> bool:
    try:
        async with lists.turn(holder):
            return True
    except Unavailable:
        return False


async def test_a_turn_lasts_until_it_can_be_read(
    two: Two, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """E-4: the next one begins with the timestamp that the last one has left."""
    one, other = two
    readable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with one.turn(HERE) as turn:
        assert turn.timeline.at == 100
        turn.held_until.add(readable)

    assert not await is_given(other, THERE)
    await show(connection, 101)
    readable.set_result(None)
    await until(lambda: is_given(other, THERE))
    async with other.turn(THERE) as turn:
        assert turn.timeline.at == 101


async def test_after_a_turn_that_was_lost_a_later_claim_is_waited_for(
    two: Two, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Its owner learned nothing of its append: what it wrote may appear until then."""
    one, other = two
    with suppress(ConnectionError):
        async with one.turn(HERE) as turn:
            turn.is_unsure = True
            raise ConnectionError

    assert not await is_given(other, THERE)
    assert not await is_given(one, HERE)
    await claim_anew(connection)
    await until(lambda: is_given(other, THERE))
    await until(lambda: is_given(one, THERE))


async def test_a_process_that_dies_leaves_its_turn_noted(
    two: Two, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """`kill -9` between append and projection: its lock is gone at once, its events are not."""
    one, other = two
    async with one.turn(HERE):
        await one.close()

        assert not await is_given(other, THERE)
        await claim_anew(connection)
        await until(lambda: is_given(other, THERE))


async def test_a_turn_outlives_the_connection_that_held_it(
    two: Two, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Postgres drops it: others wait all the same, and the turn is given back afterwards."""
    one, other = two
    async with one.turn(HERE):
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert not await is_given(other, THERE)

    await until(lambda: is_given(other, THERE))


async def test_who_gave_up_waiting_keeps_nothing(two: Two) -> None:
    """Neither the lock nor the note, however late its turn would have come."""
    one, other = two
    async with one.turn(HERE):
        assert not await is_given(other, THERE)
        assert not await is_given(other, THERE)

    await until(lambda: is_given(one, HERE))
    await until(lambda: is_given(other, THERE))
    await until(lambda: is_given(one, HERE))
