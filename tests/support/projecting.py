"""Runs the real projector on a log in memory, for as long as a test needs it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable

import asyncpg

from muniment.log.envelope import encode, encode_claim
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Claim, Entry
from muniment.projector.projector import Projector
from muniment.readmodel.connection import open_connection
from tests.support.story import PARTITIONS

DEADLINE_S = 60.0


def log_of(entries: Sequence[Entry]) -> MemoryLog:
    """A log that holds these entries, at their positions."""
    log = MemoryLog(partitions=len(PARTITIONS))
    append(log, entries)
    return log


def append(log: MemoryLog, entries: Sequence[Entry]) -> None:
    """Put more entries on the log."""
    for entry in entries:
        if isinstance(entry.content, Claim):
            message = encode_claim(entry.content)
        else:
            assert entry.claim is not None
            message = encode(entry.content, entry.claim)
        offset = log.append_raw(entry.position.partition, message)
        assert offset == entry.position.offset


def projector(
    log: MemoryLog, connection: "asyncpg.Connection[asyncpg.Record]", *, entries_max: int = 1_000
) -> Projector:
    """The real one; nobody else may use its connection."""
    return Projector(log=log, connection=connection, instance_id="test", entries_max=entries_max)


@asynccontextmanager
async def projecting(
    log: MemoryLog, database: str, *, entries_max: int = 1_000
) -> AsyncGenerator["asyncio.Task[None]", None]:
    """A projector that runs, and is killed at the end wherever it is."""
    async with open_connection(database, application="projector") as connection:
        running = projector(log, connection, entries_max=entries_max).run(asyncio.Event())
        task = asyncio.create_task(running)
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def project_all(log: MemoryLog, database: str, *, entries_max: int = 1_000) -> None:
    """Project to the end of the log. Raises what the projector raises."""
    async with (
        open_connection(database, application="test") as connection,
        projecting(log, database, entries_max=entries_max) as task,
    ):
        ends = await log.end_offsets()

        async def is_over() -> bool:
            return task.done() or await checkpoints(connection) == ends

        await until(is_over)
        if task.done():
            await task


async def until(is_so: Callable[[], object]) -> None:
    """Wait until it is so, whether that is to be awaited or not; fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = is_so()
            if await answer if isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.005)


async def checkpoints(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, int]:
    """Partition to the next offset."""
    rows = await connection.fetch("SELECT partition, next_offset FROM checkpoint")
    return {row["partition"]: row["next_offset"] for row in rows}
