"""Logins on their way to the provider and back: on any instance, and each only once."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from muniment.accounts.store import AWAY
from muniment.readmodel.connection import ACQUIRE_TIMEOUT_S, Connection, Pool
from muniment.readmodel.sql import Statements
from muniment.web.pipeline import Unavailable

SQL: Final = Statements(__package__, "states.sql")

LOGINS_MAX: Final = 100_000
STATE_BYTES: Final = 32


class LoginStates:
    """One-time states; every method raises `Unavailable` while Postgres is away."""

    def __init__(self, pool: Pool, *, ttl_s: float) -> None:
        self._pool = pool
        self._ttl_s = ttl_s

    async def begin(self, provider: str, callback: str) -> str:
        """A new state, with which the login comes back."""
        state = secrets.token_hex(STATE_BYTES)
        async with self._connection() as connection:
            await connection.execute(SQL.forget_late)
            kept = await connection.fetchval(
                SQL.remember, state, provider, callback, self._ttl_s, LOGINS_MAX
            )
        if kept is None:
            raise Unavailable("too many logins are on their way")
        return state

    async def end(self, provider: str, state: str) -> str | None:
        """The callback of a login that has come back; `None` where none was on its way."""
        async with self._connection() as connection:
            callback: str | None = await connection.fetchval(SQL.take, state, provider)
            return callback

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                connection = await self._pool.acquire()
            try:
                yield connection
            finally:
                await self._pool.release(connection)
        except AWAY as error:
            raise Unavailable(f"Postgres: {type(error).__name__} {error}".strip()) from error
