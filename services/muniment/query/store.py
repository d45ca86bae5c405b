"""The read model as the query service sees it: up or away, and never waited for without end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlencode

import asyncpg

from muniment.readmodel.connection import (
    ACQUIRE_TIMEOUT_S,
    UNREACHABLE,
    Pool,
    open_pool,
)
from muniment.readmodel.drafts import connection_of_draft
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger
from muniment.web.pipeline import Unavailable

log = get_logger(__name__)

Proxy: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

SQL: Final = Statements(__package__, "store.sql")

AWAY: Final = (
    *UNREACHABLE,
    asyncpg.InternalClientError,
    asyncpg.QueryCanceledError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    # Before the migrations have run.
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
)
"""What a statement raises that may well succeed a little later, or that asks too much."""

_RETRY_FIRST_S: Final = 0.1
_RETRY_MAX_S: Final = 2.0

# Plans are made when tables are small and kept while they grow: whatever the statistics say, a
# read goes by an index. A list's best plan depends on its values, so it is made each time.
_OBJECT_SETTINGS: Final = {"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan"}
_LIST_SETTINGS: Final = {"enable_seqscan": "off", "plan_cache_mode": "force_custom_plan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pools:
    objects: Pool
    lists: Pool


class Store:
    """Runs statements; raises `Unavailable` while Postgres is away, slow or not migrated.

    What is read within a draft goes over the draft's connection.
    """

    def __init__(self, *, acquire_timeout_s: float = ACQUIRE_TIMEOUT_S) -> None:
        self._acquire_timeout_s = acquire_timeout_s
        self._pools: _Pools | None = None

    async def read_object(self, statement: str, values: Sequence[object]) -> asyncpg.Record:
        """The one row of a statement that looks an object up."""
        return await self._read(self._up().objects, statement, values)

    async def read_list(self, statement: str, values: Sequence[object]) -> asyncpg.Record:
        """The one row of a statement that gathers a list."""
        return await self._read(self._up().lists, statement, values)

    async def is_up(self) -> bool:
        """Whether the read model answers: the heartbeat's check `storage`."""
        try:
            await self.read_object(SQL.ping, ())
        except Unavailable:
            return False
        return True

    def use(self, *, objects: Pool, lists: Pool) -> None:
        """Read from these pools from now on."""
        self._pools = _Pools(objects=objects, lists=lists)

    def _up(self) -> _Pools:
        if self._pools is None:
            raise Unavailable("Postgres has not answered yet")
        return self._pools

    async def _read(self, pool: Pool, statement: str, values: Sequence[object]) -> asyncpg.Record:
        draft = connection_of_draft()
        try:
            if draft is None:
                row = await self._fetch(pool, statement, values)
            else:
                row = await draft.fetchrow(statement, *values)
        except AWAY as error:
            reason = f"Postgres: {type(error).__name__} {error}".strip()
            raise Unavailable(reason) from error
        if row is None:
            message = "a statement of the query service answers one row, always"
            raise LookupError(message)
        return row

    async def _fetch(
        self, pool: Pool, statement: str, values: Sequence[object]
    ) -> asyncpg.Record | None:
        connection = await self._acquire(pool)
        try:
            return await connection.fetchrow(statement, *values)
        except asyncpg.InternalClientError:
            # asyncpg stumbles over what the server said while nothing was asked (that it is
            # shutting down), and would on each later use of this connection.
            connection.terminate()
            raise
        finally:
            await pool.release(connection)

    async def _acquire(self, pool: Pool) -> Proxy:
        # asyncpg's own timeout makes a task for each call.
        async with asyncio.timeout(self._acquire_timeout_s):
            return await pool.acquire()


@asynccontextmanager
async def open_store(
    dsn: str, *, pool_size: int, statement_timeout_s: float
) -> AsyncGenerator[Store]:
    """A store that is there at once and works as soon as Postgres does.

    Raises a `UserError` when Postgres refuses the connection for good.
    """
    store = Store()
    try:
        async with AsyncExitStack() as pools, asyncio.TaskGroup() as group:
            connecting = group.create_task(
                _connect(
                    store, pools, dsn, pool_size=pool_size, statement_timeout_s=statement_timeout_s
                ),
                name="query.connect",
            )
            try:
                yield store
            finally:
                connecting.cancel()
    except BaseExceptionGroup as failures:
        # One failure, of connecting or of the block itself, is told as it is.
        if len(failures.exceptions) == 1:
            raise failures.exceptions[0] from None
        raise


async def _connect(
    store: Store, pools: AsyncExitStack, dsn: str, *, pool_size: int, statement_timeout_s: float
) -> None:
    async def opened(name: str, settings: dict[str, str], size_max: int) -> Pool:
        pool = await pools.enter_async_context(
            open_pool(
                _with_settings(dsn, settings),
                application=f"query {name}",
                size_max=size_max,
                statement_timeout_s=statement_timeout_s,
            )
        )
        # Nothing is lost by cutting a read short: the end never waits for a hung server.
        pools.callback(pool.terminate)
        return pool

    retry_s = _RETRY_FIRST_S
    while True:
        try:
            objects = await opened("objects", _OBJECT_SETTINGS, max(1, pool_size // 2))
            lists = await opened("lists", _LIST_SETTINGS, max(1, pool_size - pool_size // 2))
        except UNREACHABLE as error:
            log.warning("query.postgres_away", reason=str(error), retry_s=retry_s)
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, _RETRY_MAX_S)
        else:
            store.use(objects=objects, lists=lists)
            log.info("query.postgres_up")
            return


def _with_settings(dsn: str, settings: dict[str, str]) -> str:
    """The same database for sessions with these settings: asyncpg takes them from the URL."""
    return f"{dsn}{'&' if '?' in dsn else '?'}{urlencode(settings)}"
