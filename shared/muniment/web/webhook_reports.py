"""How the webhooks service tells the command service how deliveries go: a request between the two.

It comes in by the door for clients, at the URL in the claim of the partition's owner; so it is
signed with a key that is made from the secret key, which all instances share.
"""

import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from muniment.domain.addresses import Address, is_valid_id, webhook
from muniment.domain.values import JsonValue, Uid
from muniment.domain.webhooks.spec import State
from muniment.runtime.secret_key import secret_key
from muniment.runtime.settings import Settings

PATH: Final = "/v1/__webhooks__"
SIGNATURE: Final = "Muniment-Signature"
TOLERANCE_S: Final = 300
"""How far the clocks of two instances may be apart."""

_SIGNATURE: Final = re.compile(r"(?P<at_s>[0-9]{1,12})\.[0-9a-f]{64}")
_PURPOSE: Final = b"muniment internal requests 1\n"


class Unsigned(Exception):
    """The request is none of ours, or its time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReport:
    """How deliveries to one life of a webhook go, and why."""

    address: Address
    uid: Uid
    state: State
    reason: str


class InternalKey:
    """Signs requests between instances, and checks them."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _PURPOSE, "sha256")

    @classmethod
    def of(cls, settings: Settings) -> "InternalKey":
        """The key that all instances with these settings have."""
        return cls(secret_key(settings))

    def sign(self, body: bytes, *, at_s: int) -> str:
        """The value of the header `SIGNATURE`."""
        digest = hmac.new(self._key, b"%d.%b" % (at_s, body), "sha256").hexdigest()
        return f"{at_s}.{digest}"

    def check(self, body: bytes, signature: str, *, now_s: float) -> None:
        """Raises `Unsigned` for what was not signed with this key a short while ago."""
        found = _SIGNATURE.fullmatch(signature)
        if found is None or abs(now_s - int(found["at_s"])) > TOLERANCE_S:
            raise Unsigned
        if not hmac.compare_digest(signature, self.sign(body, at_s=int(found["at_s"]))):
            raise Unsigned


def write_report(report: WebhookReport, key: InternalKey) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers of the request."""
    body = orjson.dumps(
        {
            "bucket_id": report.address.bucket_id,
            "webhook_id": report.address.id,
            "uid": report.uid,
            "state": report.state,
            "reason": report.reason,
        }
    )
    signature = key.sign(body, at_s=int(time.time()))
    return body, {"Content-Type": "application/json", SIGNATURE: signature}


def read_report(body: bytes, headers: Mapping[str, str], key: InternalKey) -> WebhookReport:
    """What `write_report` wrote. Raises `Unsigned` for anything else."""
    key.check(body, headers.get(SIGNATURE, ""), now_s=time.time())
    told: JsonValue = orjson.loads(body)
    match told:
        case {
            "bucket_id": str(bucket_id),
            "webhook_id": str(webhook_id),
            "uid": str(uid),
            "state": str(state),
            "reason": str(reason),
        } if is_valid_id(bucket_id) and is_valid_id(webhook_id):
            return WebhookReport(
                address=webhook(bucket_id, webhook_id),
                uid=Uid(uid),
                state=State(state),
                reason=reason,
            )
        case _:
            raise Unsigned
