"""The text of a key, and what is kept in its place."""

import hmac
import secrets
from typing import Final

from muniment.runtime.secret_key import secret_key
from muniment.runtime.settings import Settings

KEY_PREFIX: Final = "muni_"
"""Tells people and secret scanners whose key it is."""

RANDOM_BYTES: Final = 32
SHOWN_CHARS: Final = len(KEY_PREFIX) + 6
TEXT_CHARS_MAX: Final = 128
"""Longer texts are no keys; none is looked up."""

_PURPOSE: Final = b"muniment api keys 1\n"


def make_text() -> str:
    """A new key: 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def shown_prefix(text: str) -> str:
    """How a key begins, as lists show it."""
    return text[:SHOWN_CHARS]


class KeyHasher:
    """Makes of a key what is stored: of no use to who reads the database alone."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _PURPOSE, "sha256")

    @classmethod
    def of(cls, settings: Settings) -> "KeyHasher":
        """The hasher that all instances with these settings have."""
        return cls(secret_key(settings))

    def hash(self, text: str) -> bytes:
        """HMAC-SHA256. A key is random, so nothing slower is needed."""
        return hmac.digest(self._key, text.encode(), "sha256")
