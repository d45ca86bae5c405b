"""`muniment webhooks verify`: what a receiver's library would say of a request."""

import hmac
import sys
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from muniment.domain.webhooks.keys import parse_public_key, parse_secret
from muniment.runtime.errors import ConfigurationError, UserError
from muniment.webhooks.signing import Secret

TOLERANCE_S: Final = 300
"""How far a request's time may be from now: what the libraries allow."""

OPTIONS: Final[Mapping[str, str]] = {
    "webhook-id": "--id",
    "webhook-timestamp": "--timestamp",
    "webhook-signature": "--signature",
}


class NotVerified(UserError):
    """The signature is not one of the secret for this request."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What is signed, and the signatures."""

    id: str
    timestamp: str
    signature: str
    body: bytes


def verify_request(
    file: Path, *, secret: str, headers: Mapping[str, str], ignores_time: bool = False
) -> None:
    """Print that the request is genuine.

    The file holds its body, and where not all of `headers` are given, the rest of them before it:
    a request as it went over the wire. The secret is `whsec_…` or, for `v1a`, the public key
    `whpk_…`. Raises `NotVerified`, and `ConfigurationError` for what can't be judged. The time of
    the request is judged as receivers do, unless told otherwise.
    """
    signed = _signed(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes(), headers)
    if (key := parse_secret(secret)) is not None:
        is_genuine = _is_of_secret(signed, Secret(key))
    elif (public_key := parse_public_key(secret)) is not None:
        is_genuine = _is_of_private_key(signed, public_key)
    else:
        raise ConfigurationError("The secret is neither whsec_… nor whpk_….")
    if not is_genuine:
        raise NotVerified(
            "Not genuine: no signature of this key fits the id, the time and the body."
        )
    if not ignores_time:
        _judge_time(signed.timestamp)
    print("The request is genuine.")


def _signed(content: bytes, headers: Mapping[str, str]) -> Signed:
    found, body = dict(headers), content
    if len(found) < len(OPTIONS):
        head, body = _parted(content)
        found = {**head, **found}
    for name, option in OPTIONS.items():
        if name not in found:
            message = (
                f"The request has no header {name}: save it with its headers, or give {option}."
            )
            raise ConfigurationError(message)
    return Signed(
        id=found["webhook-id"],
        timestamp=found["webhook-timestamp"],
        signature=found["webhook-signature"],
        body=body,
    )


def _parted(content: bytes) -> tuple[Mapping[str, str], bytes]:
    """Headers, by their names in lower case, and body of a request that was saved whole."""
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    if b"\r\n\r\n" in content:
        body = content.partition(b"\r\n\r\n")[2]
    lines = [line.partition(":") for line in head.decode("utf-8", "replace").splitlines()]
    headers = {name.strip().lower(): value.strip() for name, colon, value in lines if colon}
    length = headers.get("content-length", "")
    # An editor may have added the end of a line.
    return headers, body[: int(length)] if length.isdecimal() else body


def _is_of_secret(signed: Signed, secret: Secret) -> bool:
    expected = secret.sign(signed.id, signed.timestamp, signed.body).encode()
    return any(hmac.compare_digest(expected, each.encode()) for each in signed.signature.split())


def _is_of_private_key(signed: Signed, public_key: bytes) -> bool:
    text = b"%b.%b.%b" % (signed.id.encode(), signed.timestamp.encode(), signed.body)
    key = Ed25519PublicKey.from_public_bytes(public_key)
    for each in signed.signature.split():
        version, _, signature = each.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(b64decode(signature, validate=True), text)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def _judge_time(timestamp: str) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal()):
        raise NotVerified(f'Not genuine: the time "{timestamp}" is no number of seconds.')
    seconds = int(time.time()) - int(timestamp)
    if abs(seconds) > TOLERANCE_S:
        raise NotVerified(
            f"Signed with this key, but for a time {abs(seconds)} s "
            f"{'ago' if seconds > 0 else 'ahead'}: receivers refuse more than {TOLERANCE_S} s. "
            "For a request that was saved earlier: --ignore-time."
        )
