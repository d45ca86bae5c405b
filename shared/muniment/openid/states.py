"""Logins on their way to the provider and back: on any instance, and each only once."""

import secrets
from typing import Final

from muniment.accounts.durable import Durable
from muniment.readmodel.sql import Statements
from muniment.web.pipeline import Unavailable

SQL: Final = Statements(__package__, "states.sql")

LOGINS_MAX: Final = 100_000
STATE_BYTES: Final = 32


class LoginStates:
    """One-time states; every method raises `Unavailable` while Postgres is away."""

    def __init__(self, durable: Durable, *, ttl_s: float) -> None:
        self._durable = durable
        self._ttl_s = ttl_s

    async def begin(self, provider: str, callback: str) -> str:
        """A new state, with which the login comes back."""
        state = secrets.token_hex(STATE_BYTES)
        await self._remember(provider, state, callback)
        return state

    async def end(self, provider: str, state: str) -> str | None:
        """The callback of a login that has come back; `None` where none was on its way."""
        async with self._durable.connection() as connection:
            callback: str | None = await connection.fetchval(SQL.take, state, provider)
            return callback

    async def put_back(self, provider: str, state: str, callback: str) -> None:
        """Let the login come back once more, as its answer was that it shall be sent again."""
        await self._remember(provider, state, callback)

    async def _remember(self, provider: str, state: str, callback: str) -> None:
        async with self._durable.connection() as connection:
            await connection.execute(SQL.forget_late)
            kept = await connection.fetchval(
                SQL.remember, state, provider, callback, self._ttl_s, LOGINS_MAX
            )
        if kept is None:
            raise Unavailable("too many logins are on their way")
