"""The list of all buckets is one timeline over many streams: its writers take turns.

A turn lasts until what was written in it can be read, so that the next one's timestamps are later
and appear later. It is noted in Postgres, by partition and claim, before anything is appended: if
its owner dies, or never learns what became of the append, the next turn waits until the read model
shows a later claim of that partition. From then on nothing of the lost turn can appear any more.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from muniment.command.loading import ReadModel
from muniment.command.waiting import Unavailable
from muniment.domain.timelines import Timeline
from muniment.domain.values import Timestamp
from muniment.log.protocol import Offset, Partition
from muniment.readmodel.connection import UNREACHABLE, Connection
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger

log = get_logger(__name__)

SQL: Final = Statements("muniment.command", "bucket_list.sql")

LOST_TURN_PAUSE_S: Final = 0.02
RETRY_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who writes buckets: the owner of a partition, under its claim."""

    partition: Partition
    claim: Offset


@dataclass(slots=True)
class BucketTurn:
    """The right to write buckets, and the clock that their timestamps come from."""

    timeline: Timeline
    is_unsure: bool = False
    """Whether something was appended of which nobody knows what became."""
    held_until: set[asyncio.Future[None]] = field(default_factory=set[asyncio.Future[None]])
    """Done when what was written can be read: the next turn starts from there."""


class BucketList:
    """Hands out turns, one at a time over all owners of all instances."""

    def __init__(self, read_model: ReadModel, *, turn_timeout_s: float) -> None:
        self._read_model = read_model
        self._turn_timeout_s = turn_timeout_s
        self._in_this_process = asyncio.Lock()
        self._holding: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(self, holder: Holder) -> AsyncGenerator[BucketTurn]:
        """Wait for a turn, within the deadline; raises `Unavailable` after it.

        The turn outlasts the block for as long as it was told to hold.
        """
        taken: asyncio.Future[BucketTurn] = asyncio.get_running_loop().create_future()
        decided = asyncio.Event()
        holding = asyncio.create_task(self._hold(holder, taken, decided))
        self._holding.add(holding)
        holding.add_done_callback(self._holding.discard)
        try:
            turn = await self._given(taken)
            yield turn
        finally:
            decided.set()

    async def close(self) -> None:
        """Let go of all turns; those in which something may have been written stay noted."""
        for holding in self._holding:
            holding.cancel()
        await asyncio.gather(*self._holding, return_exceptions=True)

    async def _given(self, taken: "asyncio.Future[BucketTurn]") -> BucketTurn:
        try:
            async with asyncio.timeout(self._turn_timeout_s):
                return await asyncio.shield(taken)
        except (TimeoutError, *UNREACHABLE) as error:
            message = "no turn to write buckets: others do, and their changes are not visible yet"
            raise Unavailable(message) from error

    async def _hold(
        self, holder: Holder, taken: "asyncio.Future[BucketTurn]", decided: asyncio.Event
    ) -> None:
        """Hold the lock in a task of its own: the turn may outlast who asked for it."""
        async with self._in_this_process:
            if decided.is_set():
                return  # Who asked has given up meanwhile.
            try:
                async with self._read_model.acquire() as connection, _locked(connection):
                    turn = await _taken(connection, holder, unless=decided)
                    if turn is None:
                        return
                    taken.set_result(turn)
                    await _over(turn, decided)
                    if not turn.is_unsure:
                        await connection.execute(SQL.give_back, holder.partition, holder.claim)
            except UNREACHABLE as error:
                if taken.done():
                    await self._give_back_later(holder, taken.result(), decided)
                else:
                    taken.set_exception(error)

    async def _give_back_later(
        self, holder: Holder, turn: BucketTurn, decided: asyncio.Event
    ) -> None:
        """Postgres went away meanwhile: the turn is noted there, and others wait for us."""
        await _over(turn, decided)
        while not turn.is_unsure:
            try:
                async with self._read_model.acquire() as connection:
                    await connection.execute(SQL.give_back, holder.partition, holder.claim)
                    return
            except UNREACHABLE as error:
                log.warning("bucket_list.turn_not_given_back", reason=repr(error))
                await asyncio.sleep(RETRY_PAUSE_S)


async def _taken(
    connection: Connection, holder: Holder, *, unless: asyncio.Event
) -> BucketTurn | None:
    """The turn, as soon as nothing of an earlier one can appear any more."""
    while not unless.is_set():
        list_at = await connection.fetchval(SQL.take, holder.partition, holder.claim)
        if list_at is not None:
            return BucketTurn(Timeline(at=Timestamp(list_at)))
        await asyncio.sleep(LOST_TURN_PAUSE_S)
    return None


async def _over(turn: BucketTurn, decided: asyncio.Event) -> None:
    """Return when what was written in the turn can be read."""
    await decided.wait()
    if turn.held_until:
        await asyncio.wait(turn.held_until)


@asynccontextmanager
async def _locked(connection: Connection) -> AsyncGenerator[None]:
    try:
        await connection.execute(SQL.lock)
        yield
        await connection.execute(SQL.unlock)
    except BaseException:
        # The lock is the session's: it must not go back to the pool with it.
        with suppress(asyncpg.InterfaceError):  # The pool has noticed already that it is lost.
            connection.terminate()
        raise
