"""Waiting for the read model, as every write does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from muniment.log.protocol import Fenced, Offset, Partition, Position
from muniment.readmodel.checkpoints import CHANNEL, Checkpoint, Checkpoints
from tests.support.projecting import until

DEADLINE_S = 30.0
ZERO = Partition(0)


@pytest.fixture
async def opened(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The checkpoints of a log that is empty."""
    await connection.execute(
        "INSERT INTO checkpoint (partition, next_offset) VALUES (0, 0), (1, 0)"
    )


@pytest.mark.usefixtures("opened")
async def test_those_who_wait_go_on_in_order(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """One notification is enough for all whose entries it covers, and for no others."""
    done: list[int] = []

    async def wait(offset: int) -> None:
        position = Position(ZERO, Offset(offset))
        assert await checkpoints.wait_for(position, claim=Offset(0), timeout_s=DEADLINE_S)
        done.append(offset)

    async with following(database) as checkpoints:
        waiting = [asyncio.create_task(wait(offset)) for offset in (7, 5, 6, 3)]
        await asyncio.sleep(0)
        await _move(connection, next_offset=7, claim=0)
        await asyncio.wait(waiting[1:], timeout=DEADLINE_S)
        assert done == [3, 5, 6]

        await _move(connection, next_offset=8, claim=0)
        await asyncio.wait(waiting, timeout=DEADLINE_S)
    assert done == [3, 5, 6, 7]


@pytest.mark.usefixtures("opened")
async def test_a_notification_that_is_lost_costs_a_moment(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """It is only a hint: the table is read beneath it."""
    async with following(database) as checkpoints:
        await _move(connection, next_offset=4, claim=0, is_told=False)

        assert await checkpoints.wait_for(
            Position(ZERO, Offset(3)), claim=Offset(0), timeout_s=DEADLINE_S
        )


@pytest.mark.usefixtures("opened")
async def test_what_does_not_come_is_told_in_time(database: str) -> None:
    """The write is answered all the same, and says so."""
    async with following(database) as checkpoints:
        assert not await checkpoints.wait_for(
            Position(ZERO, Offset(3)), claim=Offset(0), timeout_s=0.05
        )


@pytest.mark.usefixtures("opened")
async def test_a_later_claim_fences_those_who_wait(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A stale owner must never answer that a write without effect is done."""
    async with following(database) as checkpoints:
        waiting = asyncio.create_task(
            checkpoints.wait_for(Position(ZERO, Offset(9)), claim=Offset(0), timeout_s=DEADLINE_S)
        )
        await asyncio.sleep(0)
        await _move(connection, next_offset=6, claim=5)

        with pytest.raises(Fenced):
            await waiting


@pytest.mark.usefixtures("opened")
async def test_what_was_acknowledged_before_a_later_claim_counts(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A change of owners must not turn a write that has happened into an error."""
    async with following(database) as checkpoints:
        await _move(connection, next_offset=6, claim=5)

        assert await checkpoints.wait_for(
            Position(ZERO, Offset(2)), claim=Offset(0), timeout_s=DEADLINE_S
        )


@pytest.mark.usefixtures("opened")
async def test_every_step_is_told_before_those_who_wait_go_on(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """The owner lets go of what is projected before the next command asks for it."""
    async with following(database) as checkpoints:
        waiting = checkpoints.wait_for(Position(ZERO, Offset(0)), claim=Offset(0), timeout_s=9)
        await _move(connection, next_offset=1, claim=0)
        await waiting

        assert checkpoints.advances[-1] == (0, Checkpoint(next_offset=Offset(1), claim=Offset(0)))


@pytest.mark.usefixtures("opened")
async def test_a_connection_that_breaks_is_made_anew(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Postgres may restart under load."""
    async with following(database) as checkpoints:
        waiting = asyncio.create_task(
            checkpoints.wait_for(Position(ZERO, Offset(0)), claim=Offset(0), timeout_s=DEADLINE_S)
        )
        await _break(connection)
        await _move(connection, next_offset=1, claim=0)

        assert await waiting


@pytest.mark.usefixtures("opened")
async def test_a_read_model_that_was_set_back_is_told(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A crash of Postgres may lose its last commits, which did not wait for the disk."""
    await _move(connection, next_offset=9, claim=0)
    async with following(database) as checkpoints:
        await connection.execute("UPDATE checkpoint SET next_offset = 7 WHERE partition = 0")
        await _break(connection)
        await until(lambda: checkpoints.retreats)

        assert checkpoints.retreats == [(0, Checkpoint(next_offset=Offset(7), claim=Offset(0)))]
        assert not await checkpoints.wait_for(
            Position(ZERO, Offset(8)), claim=Offset(0), timeout_s=0.1
        )


@pytest.mark.usefixtures("opened")
async def test_who_cannot_follow_any_more_ends(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Else each write would wait its whole time for ever, and nobody would be told why."""

    async def wait() -> None:
        async with following(database) as checkpoints:
            await connection.execute("ALTER TABLE checkpoint RENAME TO elsewhere")
            await checkpoints.wait_for(
                Position(ZERO, Offset(0)), claim=Offset(0), timeout_s=DEADLINE_S
            )

    with pytest.raises(asyncpg.UndefinedTableError):
        await wait()


class Followed(Checkpoints):
    """Remembers what it was told."""

    def __init__(self, database: str) -> None:
        self.advances: list[tuple[int, Checkpoint]] = []
        self.retreats: list[tuple[int, Checkpoint]] = []
        super().__init__(
            database,
            on_advance=lambda partition, step: self.advances.append((partition, step)),
            on_retreat=lambda partition, step: self.retreats.append((partition, step)),
        )


@asynccontextmanager
async def following(database: str) -> AsyncGenerator[Followed, None]:
    checkpoints = Followed(database)
    async with checkpoints.followed():
        await until(lambda: len(checkpoints.current) == 2)
        yield checkpoints


async def _move(
    connection: "asyncpg.Connection[asyncpg.Record]",
    *,
    next_offset: int,
    claim: int,
    is_told: bool = True,
) -> None:
    async with connection.transaction():
        await connection.execute(
            "UPDATE checkpoint SET next_offset = $1, claim_offset = $2 WHERE partition = 0",
            next_offset,
            claim,
        )
        if is_told:
            await connection.execute(
                "SELECT pg_notify($1, $2)", CHANNEL, f"0:{next_offset}:{claim}"
            )


async def _break(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    broken = await connection.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'muniment checkpoints' AND datname = current_database()"
    )
    assert broken == 1
