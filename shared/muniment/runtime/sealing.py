"""Seals the secret texts of webhooks: neither the log nor Postgres nor an answer tells them.

AES-SIV (RFC 5297): without a nonce, hence deterministic, and whoever changes a byte or puts the
text into another object is found out. What leaks is that two texts of one object are the same.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from muniment.domain.webhooks.sealing import Sealer, Unopenable, is_sealed
from muniment.runtime.secret_key import secret_key
from muniment.runtime.settings import Settings

_KEY: Final = b"muniment sealing key 1\n"
_KEY_ID: Final = b"muniment sealing key id 1\n"
_DERIVED: Final = b"muniment webhook key 1\n"


class _Key:
    """One of the operator's keys: a text of any length, from which all that is needed is made."""

    def __init__(self, text: bytes) -> None:
        self.id = hmac.digest(text, _KEY_ID, "sha256")[:4].hex()
        self.cipher = AESSIV(hmac.digest(text, _KEY, "sha512"))


class AesSivSealer:
    """Seals with the first key and opens what any of them has sealed."""

    def __init__(self, keys: Sequence[bytes], *, master: bytes) -> None:
        """`keys` are texts of the operator's, at least one; `master` is what keys are made from."""
        self._current, *_ = found = [_Key(key) for key in keys]
        self._ciphers = {key.id: key.cipher for key in found}
        self._master = master

    def seal(self, text: str, uri: str) -> str:
        """The text, sealed with the first key for the object at the URI alone."""
        sealed = self._current.cipher.encrypt(text.encode(), [uri.encode()])
        encoded = urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
        return f"sealed:1:{self._current.id}:{encoded}"

    def unseal(self, sealed: str, uri: str) -> str:
        """The text that was sealed for the object. Raises `Unopenable`."""
        _, _, key_id, encoded = sealed.split(":") if is_sealed(sealed) else ("", "", "", "")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unopenable(f"no key of the settings is {key_id!r}")
        try:
            found = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            return cipher.decrypt(found, [uri.encode()]).decode()
        except (ValueError, InvalidTag) as error:
            raise Unopenable(f"not sealed for {uri}") from error

    def is_current(self, sealed: str) -> bool:
        """Whether it was sealed with the first key."""
        return sealed.startswith(f"sealed:1:{self._current.id}:")

    def derive(self, purpose: str) -> bytes:
        """32 bytes that only who knows the master secret can know; the same each time."""
        return hmac.digest(self._master, _DERIVED + purpose.encode(), "sha256")

    def public_key(self, seed: bytes) -> bytes:
        """The ed25519 public key, 32 bytes, that belongs to a seed of 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def master_secret(settings: Settings) -> bytes:
    """What all endpoints' keys are made from: `webhooks_secret`, else the secret key."""
    if settings.webhooks_secret is not None:
        return settings.webhooks_secret.get_secret_value().encode()
    return secret_key(settings)


def sealer_of(settings: Settings) -> Sealer:
    """The sealer that the settings want.

    The secret key is always among the keys, as the last: what was sealed before there were others
    can still be opened. Raises `DataFolderBroken` as `secret_key` does.
    """
    keys = [key.get_secret_value().encode() for key in settings.sealing_keys]
    return AesSivSealer([*keys, secret_key(settings)], master=master_secret(settings))
