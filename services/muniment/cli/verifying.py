"""`muniment webhooks verify`: what a receiver's library would say of a request."""

import sys
from base64 import b64decode
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from muniment.domain.webhooks.keys import parse_public_key, parse_secret
from muniment.runtime.errors import ConfigurationError, UserError


class NotVerified(UserError):
    """The signature is not one of the secret for this request."""

    exit_code = 2


def verify_request(body: Path, *, secret: str, id_: str, timestamp: str, signature: str) -> None:
    """Print that the request is genuine.

    The secret is `whsec_…` or, for `v1a`, the public key `whpk_…`. Raises `NotVerified`, and
    `ConfigurationError` for what is neither. The time of the request is judged as receivers do:
    five minutes at most from now.
    """
    content = sys.stdin.buffer.read() if str(body) == "-" else body.read_bytes()
    if parse_secret(secret) is not None:
        _verify_hmac(content, secret, id_, timestamp, signature)
    elif (public_key := parse_public_key(secret)) is not None:
        _verify_ed25519(content, public_key, id_, timestamp, signature)
    else:
        raise ConfigurationError("The secret is neither whsec_… nor whpk_….")
    print("The request is genuine.")


def _verify_hmac(content: bytes, secret: str, id_: str, timestamp: str, signature: str) -> None:
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }
    try:
        Webhook(secret).verify(content, headers, json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        raise NotVerified(f"Not genuine: {error}.") from error


def _verify_ed25519(
    content: bytes, public_key: bytes, id_: str, timestamp: str, signature: str
) -> None:
    signed = b"%b.%b.%b" % (id_.encode(), timestamp.encode(), content)
    key = Ed25519PublicKey.from_public_bytes(public_key)
    found = [each.removeprefix("v1a,") for each in signature.split() if each.startswith("v1a,")]
    for each in found:
        try:
            key.verify(b64decode(each, validate=True), signed)
        except (InvalidSignature, ValueError):
            continue
        return
    raise NotVerified("Not genuine: no v1a signature of this key fits the request.")
