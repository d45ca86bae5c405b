"""The part of a process that knows keys, put together here."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from cachetools import TTLCache

from muniment.accounts.durable import open_durable
from muniment.domain.values import Principal
from muniment.keys.store import KeyStore
from muniment.keys.texts import TEXT_CHARS_MAX, KeyHasher
from muniment.runtime.settings import Settings

SCHEMA: Final = "keys"

SEEN_TTL_S: Final = 2.0
"""For how long a revoked key may still be good on an instance that has just seen it."""
SEEN_MAX: Final = 10_000


class Keys:
    """Tells whose key a text is; there also while Postgres is away."""

    def __init__(self, store: KeyStore, *, ttl_s: float = SEEN_TTL_S) -> None:
        self.store = store
        self._seen: TTLCache[str, tuple[Principal | None]] = TTLCache[str, tuple[Principal | None]](
            SEEN_MAX, ttl_s
        )

    async def principal_of(self, text: str) -> Principal | None:
        """`project:ID` or `user:ID`; `None` for what is no key that is good. Raises `Unavailable`.

        What was found is believed for `SEEN_TTL_S`, also that a text is no key.
        """
        if not 0 < len(text) <= TEXT_CHARS_MAX or not text.isascii():
            return None
        seen = self._seen.get(text)
        if seen is None:
            found = await self.store.find(text)
            seen = self._seen[text] = (None if found is None else found[1],)
        return seen[0]

    def forget(self) -> None:
        """Believe nothing of what was found: a key has ended."""
        self._seen.clear()


@asynccontextmanager
async def open_keys(settings: Settings) -> AsyncGenerator[Keys]:
    """There at once. Raises `DataFolderBroken` where the secret key is neither given nor kept."""
    hasher = KeyHasher.of(settings)
    async with open_durable(settings, application="keys", schema=SCHEMA) as durable:
        yield Keys(KeyStore(durable, hasher))
