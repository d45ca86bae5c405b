"""The list of all buckets is one timeline over many streams: its writers take turns."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from muniment.command.loading import SQL, ReadModel
from muniment.command.waiting import Unavailable
from muniment.domain.timelines import Timeline
from muniment.domain.values import Timestamp
from muniment.readmodel.connection import UNREACHABLE, Connection


@dataclass(slots=True)
class BucketTurn:
    """The right to write buckets, and the clock that their timestamps come from."""

    timeline: Timeline
    held_until: set[asyncio.Future[None]] = field(default_factory=set[asyncio.Future[None]])
    """Done when what was written can be read: the next turn starts from there."""


class BucketList:
    """Hands out turns, one at a time over all owners of all instances."""

    def __init__(self, read_model: ReadModel, *, turn_timeout_s: float) -> None:
        self._read_model = read_model
        self._turn_timeout_s = turn_timeout_s
        self._in_this_process = asyncio.Lock()
        self._releases: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[BucketTurn]:
        """Wait for a turn, within the deadline; raises `Unavailable` after it.

        The turn outlasts the block for as long as it was told to hold.
        """
        taken: asyncio.Future[BucketTurn] = asyncio.get_running_loop().create_future()
        decided = asyncio.Event()
        holder = asyncio.create_task(self._hold(taken, decided))
        self._releases.add(holder)
        holder.add_done_callback(self._releases.discard)
        try:
            async with asyncio.timeout(self._turn_timeout_s):
                turn = await asyncio.shield(taken)
        except (TimeoutError, *UNREACHABLE) as error:
            holder.cancel()
            message = "no turn to write buckets: others do, and their changes are not visible yet"
            raise Unavailable(message) from error
        try:
            yield turn
        finally:
            decided.set()

    async def close(self) -> None:
        """Give all turns back."""
        for release in self._releases:
            release.cancel()
        await asyncio.gather(*self._releases, return_exceptions=True)

    async def _hold(self, taken: "asyncio.Future[BucketTurn]", decided: asyncio.Event) -> None:
        """Hold the lock in a task of its own: the turn may outlast who asked for it."""
        try:
            async with (
                self._in_this_process,
                self._read_model.acquire() as connection,
                connection.transaction(),
            ):
                await connection.execute(SQL.lock_bucket_list)
                turn = BucketTurn(Timeline(at=Timestamp(await _list_at(connection))))
                taken.set_result(turn)
                await decided.wait()
                await asyncio.wait(turn.held_until) if turn.held_until else None
        except UNREACHABLE as error:
            if not taken.done():
                taken.set_exception(error)


async def _list_at(connection: Connection) -> int:
    return int(await connection.fetchval(SQL.bucket_list_at))
