"""What is kept in Postgres alone, as it is no projection: reached here, and called away here."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from muniment.readmodel.connection import (
    ACQUIRE_TIMEOUT_S,
    UNREACHABLE,
    Connection,
    Pool,
    open_pool,
    postgres_of,
)
from muniment.runtime.settings import Settings
from muniment.web.pipeline import Unavailable

SCHEMA: Final = "accounts"

AWAY: Final = (
    *UNREACHABLE,
    asyncpg.QueryCanceledError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    # Before the migrations have run.
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
)


class Durable:
    """Connections to the tables of one schema."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """One of them. Raises `Unavailable` while Postgres is away, also in the block."""
        try:
            # asyncpg's own timeout makes a task for each call.
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                connection = await self._pool.acquire()
            try:
                yield connection
            finally:
                await self._pool.release(connection)
        except AWAY as error:
            raise Unavailable(f"Postgres: {type(error).__name__} {error}".strip()) from error


@asynccontextmanager
async def open_durable(
    settings: Settings, *, application: str = "accounts", schema: str = SCHEMA
) -> AsyncGenerator[Durable]:
    """There at once, also while Postgres is away."""
    async with open_pool(
        postgres_of(settings),
        application=application,
        size_min=0,
        size_max=settings.postgres_pool_size,
        schema=schema,
        statement_timeout_s=settings.statement_timeout_s,
    ) as pool:
        yield Durable(pool)
