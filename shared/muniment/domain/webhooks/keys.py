"""Signing keys as people see them: `whsec_…`, `whsk_…` and `whpk_…` of Standard Webhooks."""

from base64 import b64decode, b64encode
from typing import Final

SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64
SEED_BYTES: Final = 32

_SYMMETRIC: Final = "whsec_"
_SIGNING_KEY: Final = "whsk_"
_PUBLIC_KEY: Final = "whpk_"


def secret_text(key: bytes) -> str:
    """The form in which a receiver is given the key of `v1`."""
    return _SYMMETRIC + b64encode(key).decode("ascii")


def signing_key_text(seed: bytes, public_key: bytes) -> str:
    """The form of a key pair of `v1a`: the seed, then the public key, 32 bytes each."""
    return _SIGNING_KEY + b64encode(seed + public_key).decode("ascii")


def public_key_text(public_key: bytes) -> str:
    """The form in which a receiver is given the public key of `v1a`."""
    return _PUBLIC_KEY + b64encode(public_key).decode("ascii")


def parse_secret(text: str) -> bytes | None:
    """The 24 to 64 bytes of a `whsec_…`; `None` for anything else.

    Only padded standard base64 is taken: receivers' libraries in Go and JavaScript read no other.
    """
    key = _decoded(text, _SYMMETRIC)
    return key if key is not None and SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX else None


def parse_signing_key(text: str) -> tuple[bytes, bytes] | None:
    """The seed and the public key of a `whsk_…`; `None` for anything else."""
    pair = _decoded(text, _SIGNING_KEY)
    if pair is None or len(pair) != 2 * SEED_BYTES:
        return None
    return pair[:SEED_BYTES], pair[SEED_BYTES:]


def parse_public_key(text: str) -> bytes | None:
    """The 32 bytes of a `whpk_…`; `None` for anything else."""
    key = _decoded(text, _PUBLIC_KEY)
    return key if key is not None and len(key) == SEED_BYTES else None


def _decoded(text: str, prefix: str) -> bytes | None:
    if not text.startswith(prefix):
        return None
    try:
        decoded = b64decode(text.removeprefix(prefix), validate=True)
    except ValueError:
        return None
    return decoded if prefix + b64encode(decoded).decode("ascii") == text else None
