"""Standard Webhooks signatures, and the keys that each endpoint's are made with."""

import hmac
from base64 import b64encode
from binascii import b2a_base64
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.domain import addresses
from muniment.domain.webhooks.keys import parse_secret, parse_signing_key
from muniment.domain.webhooks.spec import Algorithm

_PURPOSE: Final = b"muniment webhook secret 1\n"


@dataclass(frozen=True, slots=True)
class Secret:
    """The 32 bytes that one endpoint's deliveries are signed with."""

    key: bytes

    def __str__(self) -> str:
        """The form in which receivers are given it: `whsec_…`."""
        return f"whsec_{b64encode(self.key).decode('ascii')}"

    def __repr__(self) -> str:
        return "Secret(whsec_…)"

    def sign(self, message_id: str, timestamp: str, body: bytes) -> str:
        """The value of `webhook-signature` for exactly these bytes."""
        signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
        digest = hmac.digest(self.key, signed, "sha256")
        return f"v1,{b2a_base64(digest, newline=False).decode('ascii')}"


class Unreadable(Exception):
    """A secret text is no key; the message says which, not what it is."""


class Signer(Protocol):
    """A key that signs."""

    def sign(self, message_id: str, timestamp: str, body: bytes) -> str:
        """One signature in the list of `webhook-signature`, for exactly these bytes."""
        ...


class SigningKey:
    """The private key of `v1a`: receivers need only the public one."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def sign(self, message_id: str, timestamp: str, body: bytes) -> str:
        """As of `Signer`."""
        signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
        return f"v1a,{b64encode(self._key.sign(signed)).decode('ascii')}"


def signer_of(algorithm: Algorithm, text: str) -> Signer:
    """The key that a text like `whsec_…` or `whsk_…` stands for. Raises `Unreadable`."""
    match algorithm:
        case Algorithm.HMAC:
            key = parse_secret(text)
            if key is not None:
                return Secret(key)
        case Algorithm.ED25519:
            pair = parse_signing_key(text)
            if pair is not None:
                return SigningKey(pair[0])
        case _:
            assert_never(algorithm)
    message = f"the secret of {algorithm} is none"
    raise Unreadable(message)


def secret_for(master: bytes, bucket_id: str, collection_id: str) -> Secret:
    """The secret of a collection's endpoint: the same at every instance and for any URL of it."""
    uri = addresses.collection(bucket_id, collection_id).uri
    return Secret(hmac.digest(master, _PURPOSE + uri.encode(), "sha256"))
