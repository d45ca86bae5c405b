"""What services order of the command service about webhooks: requests between instances.

They come in by the door for clients, at the URL in the claim of the partition's owner; so they are
signed with a key that is made from the secret key, which all instances share.
"""

import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

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
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRekey:
    """Seal the secret texts of one life of a webhook with the first key."""

    address: Address
    uid: Uid


WebhookOrder: TypeAlias = WebhookReport | WebhookRekey


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


def write_order(order: WebhookOrder, key: InternalKey) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers of the request."""
    told: dict[str, JsonValue] = {
        "bucket_id": order.address.bucket_id,
        "webhook_id": order.address.id,
        "uid": order.uid,
    }
    if isinstance(order, WebhookReport):
        told |= {"state": order.state.value, "reason": order.reason}
        if order.is_warning:
            told["is_warning"] = True
    body = orjson.dumps(told)
    signature = key.sign(body, at_s=int(time.time()))
    return body, {"Content-Type": "application/json", SIGNATURE: signature}


def read_order(body: bytes, headers: Mapping[str, str], key: InternalKey) -> WebhookOrder:
    """What `write_order` wrote. Raises `Unsigned` for anything else."""
    key.check(body, headers.get(SIGNATURE, ""), now_s=time.time())
    told: JsonValue = orjson.loads(body)
    match told:
        case {"bucket_id": str(bucket_id), "webhook_id": str(webhook_id), "uid": str(uid)} if (
            is_valid_id(bucket_id) and is_valid_id(webhook_id)
        ):
            address, life = webhook(bucket_id, webhook_id), Uid(uid)
        case _:
            raise Unsigned
    match told:
        case {"state": str(state), "reason": str(reason), **more}:
            return WebhookReport(
                address=address,
                uid=life,
                state=State(state),
                reason=reason,
                is_warning=more.get("is_warning") is True,
            )
        case _:
            return WebhookRekey(address=address, uid=life)
