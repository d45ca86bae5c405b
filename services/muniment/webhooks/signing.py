"""Standard Webhooks signatures, and the secret that each endpoint's are made with."""

import hmac
from base64 import b64encode
from binascii import b2a_base64
from dataclasses import dataclass
from typing import Final

from muniment.domain import addresses
from muniment.runtime.secret_key import secret_key
from muniment.runtime.settings import Settings

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


def secret_for(master: bytes, bucket_id: str, collection_id: str) -> Secret:
    """The secret of a collection's endpoint: the same at every instance and for any URL of it."""
    uri = addresses.collection(bucket_id, collection_id).uri
    return Secret(hmac.digest(master, _PURPOSE + uri.encode(), "sha256"))


def master_secret(settings: Settings) -> bytes:
    """What all endpoints' secrets are made from: `webhooks_secret`, else the secret key."""
    if settings.webhooks_secret is not None:
        return settings.webhooks_secret.get_secret_value().encode()
    return secret_key(settings)
