"""The tokens of pages of list deletions: each is good for one page, for a while (DELL-4).

They are noted in Postgres, so that any instance takes them, and none takes one twice.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from muniment.command.loading import ReadModel
from muniment.domain.queries.selection import Selection
from muniment.domain.refusals import Fault, Invalid
from muniment.readmodel.sql import Statements

SQL: Final = Statements("muniment.command", "tokens.sql")

USED_TOKEN: Final = Invalid(
    (
        Fault(
            location="querystring",
            name=None,
            description="_token was already used or has expired.",
        ),
    )
)


class UnusedTokens:
    """The marks of the tokens that were given out and have not come back."""

    def __init__(self, read_model: ReadModel, *, validity_s: float) -> None:
        self._read_model = read_model
        self._validity_s = validity_s

    def make(self) -> str:
        """A mark for a token that may be given out."""
        return secrets.token_urlsafe(12)

    async def give_out(self, nonce: str) -> None:
        """A token with this mark is given out."""
        async with self._read_model.acquire() as connection:
            await connection.execute(SQL.give_out, nonce, self._validity_s)

    async def use(self, selection: Selection) -> Invalid | None:
        """Refuse a token that was used, is too old or was never given out; else use it up."""
        return await self._refusal(selection, self._take)

    async def look_at(self, selection: Selection) -> Invalid | None:
        """Refuse what `use` would refuse, and use nothing up: before preconditions fail (2.3)."""
        return await self._refusal(selection, self._is_good)

    @staticmethod
    async def _refusal(
        selection: Selection, find: Callable[[str], Awaitable[bool]]
    ) -> Invalid | None:
        if selection.after is None:
            return None
        if selection.nonce is None or not await find(selection.nonce):
            return USED_TOKEN
        return None

    async def _is_good(self, nonce: str) -> bool:
        async with self._read_model.acquire() as connection:
            return bool(await connection.fetchval(SQL.is_good, nonce))

    async def _take(self, nonce: str) -> bool:
        async with self._read_model.acquire() as connection:
            return await connection.fetchval(SQL.use, nonce) is not None
