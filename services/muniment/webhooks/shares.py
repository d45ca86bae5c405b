"""Which partitions this instance delivers for: a fair share, taken and given back by locks.

Each instance, and each partition that is taken, is an advisory lock of one connection; Postgres
lets go of them when the connection ends, so that the others take over within a second or two. It
ends the connection of an instance that has asked nothing for a few seconds: one that hangs, or
whose machine is gone.
The locks only avoid work done twice: what keeps two from both writing is the epoch (`Positions`).
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from muniment.log.protocol import Partition
from muniment.readmodel.connection import Connection, open_connection
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger

SQL: Final = Statements(__package__, "shares.sql")
STATEMENT_TIMEOUT_S: Final = 5.0
LEASE_S: Final = 3.0
"""For so long Postgres waits for an instance that asks nothing, or that has begun a commit."""

log = get_logger(__name__)


class Shares:
    """See the module; one task calls `settle`, and delivers for what is `held` in between."""

    def __init__(self, connection: Connection, partitions: Sequence[Partition]) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        # Not in the order of their numbers: two that begin at once would go for the same ones.
        self._partitions = sorted(partitions, key=lambda _: secrets.randbits(32))
        self._wanted = 0
        self._held: set[Partition] = set()
        self._is_connected = True
        self._is_out_of_date = asyncio.Event()

    @property
    def held(self) -> Sequence[Partition]:
        """The partitions that are this instance's until the next `settle`."""
        return sorted(self._held)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has broken, and the locks with it."""
        return not self._is_connected

    async def wait_for_change(self) -> None:
        """Return when another share than `held` would be fair, or possible, or all is lost."""
        await self._is_out_of_date.wait()

    async def settle(self) -> None:
        """Give back what is too much; nobody may deliver for it any more when this is called."""
        self._is_out_of_date.clear()
        while len(self._held) > self._wanted:
            partition = self._held.pop()
            await self._ask(SQL.give_back, partition)

    async def watch(self, every_s: float) -> None:
        """Look for a fairer share again and again; ends when the connection is broken."""
        try:
            while True:
                if await self._take_share():
                    log.info("webhooks.share_changes", held=len(self._held), fair=self._wanted)
                    self._is_out_of_date.set()
                await asyncio.sleep(every_s)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._is_connected = False
            self._is_out_of_date.set()

    async def show_up(self) -> None:
        """Be counted by the others from now on."""
        await self._ask(SQL.show_up, secrets.randbits(31))

    def lose(self, *_: object) -> None:
        """The connection has ended."""
        self._is_connected = False
        self._is_out_of_date.set()

    async def _take_share(self) -> bool:
        """Take what is fair and free; true when what is delivered for should change."""
        instances = max(await self._ask(SQL.count_instances), 1)
        self._wanted = -(-len(self._partitions) // instances)
        has_more = False
        for partition in self._partitions:
            if len(self._held) >= self._wanted:
                break
            if partition not in self._held and await self._ask(SQL.try_take, partition):
                self._held.add(partition)
                has_more = True
        return has_more or len(self._held) > self._wanted

    async def _ask(self, statement: str, *arguments: object) -> int:
        async with self._turn:
            try:
                answer: int = await self._connection.fetchval(
                    statement, *arguments, timeout=STATEMENT_TIMEOUT_S
                )
            except asyncpg.InternalClientError as error:
                # asyncpg stumbles over a server that says it is shutting down.
                raise ConnectionResetError(str(error)) from error
        return answer


@asynccontextmanager
async def sharing(
    dsn: str,
    partitions: Sequence[Partition],
    *,
    schema: str,
    every_s: float,
    lease_s: float = LEASE_S,
) -> AsyncGenerator[Shares]:
    """This instance's share of the partitions, as long as the block runs.

    It is looked at every `every_s`, and lost when Postgres was asked nothing for `lease_s`.
    """
    async with open_connection(
        dsn,
        application="webhooks share",
        schema=schema,
        idle_session_timeout=str(round(lease_s * 1000)),
    ) as connection:
        shares = Shares(connection, partitions)
        connection.add_termination_listener(shares.lose)
        await shares.show_up()
        watching = asyncio.create_task(shares.watch(every_s), name="webhooks.share")
        try:
            yield shares
        finally:
            watching.cancel()
            await asyncio.wait([watching])
