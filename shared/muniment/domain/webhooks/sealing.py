"""Secret texts in a webhook's data: who seals them, and how a sealed one looks."""

import re
from typing import Final, Protocol

SEALED: Final = re.compile(r"sealed:1:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]+")
"""`sealed:1:<id of the key>:<base64url>`."""

SEALED_PREFIX: Final = "sealed:"
"""No plain text may begin with it."""


class Unopenable(Exception):
    """Sealed for another object, or with a key that the settings do not name."""


class Sealer(Protocol):
    """Keeps secret texts secret on the log and in every answer.

    Deterministic: the same text of the same object always makes the same sealed text, so a
    decision that seals is as pure as any other.
    """

    def seal(self, text: str, uri: str) -> str:
        """The text, sealed with the first key for the object at the URI alone."""
        ...

    def unseal(self, sealed: str, uri: str) -> str:
        """The text that was sealed for the object. Raises `Unopenable`."""
        ...

    def is_current(self, sealed: str) -> bool:
        """Whether it was sealed with the first key."""
        ...

    def derive(self, purpose: str) -> bytes:
        """32 bytes that only who knows the master secret can know; the same each time."""
        ...

    def public_key(self, seed: bytes) -> bytes:
        """The ed25519 public key, 32 bytes, that belongs to a seed of 32 bytes."""
        ...


def is_sealed(text: str) -> bool:
    """Whether the text has the form of a sealed one; who sealed it is not told by that."""
    return SEALED.fullmatch(text) is not None


def sealed_anew(sealed: str, uri: str, sealer: Sealer) -> str:
    """The text under the first key; what no key opens stays as it is, to be told of when used."""
    if sealer.is_current(sealed):
        return sealed
    try:
        return sealer.seal(sealer.unseal(sealed, uri), uri)
    except Unopenable:
        return sealed
