"""What becomes of a webhook's data before it is stored: secrets sealed, the server's fields set.

Whoever reads a webhook and writes it back gives sealed texts: they are taken where the webhook has
the same ones in the same place, and nowhere else. So a text that was copied from another object, or
from a header's past, opens nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from muniment.domain.events import EventId
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue, Timestamp
from muniment.domain.webhooks.key_rings import KeyRing, NewKey, given_key
from muniment.domain.webhooks.parsing import Faults, parse_webhook
from muniment.domain.webhooks.rules import WebhookRules
from muniment.domain.webhooks.sealing import Sealer, is_sealed, sealed_anew
from muniment.domain.webhooks.spec import State, Status, WebhookSpec
from muniment.domain.webhooks.stored import Stored, status_json, stored_part

SERVERS_OWN = ("secrets", "status")
BY_A_USER = "set by a user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """One writing of a webhook: where it is, when, and by which event."""

    uri: str
    now: Timestamp
    event_id: EventId
    rules: WebhookRules
    prefix: str = ""
    """Before the names of fields in faults."""


def webhook_faults(data: JsonObject, rules: WebhookRules, *, prefix: str) -> Faults:
    """What is wrong with the fields that a client may set, whatever is stored."""
    spec = parse_webhook(_given(data), prefix=prefix, https_only=rules.https_only)
    return () if isinstance(spec, WebhookSpec) else spec


def complete_webhook(
    data: JsonObject,
    current: JsonObject | None,
    writing: Writing,
    *,
    new_key: NewKey | None = None,
) -> JsonObject | Faults:
    """The data as it is stored and shown, or what is wrong with its secret texts.

    `current` is the data that it replaces. A `secret` in the data is as good as a `new_key`. What
    `webhook_faults` tells must have been looked at.
    """
    given = _given(data)
    spec = parse_webhook(given, prefix=writing.prefix)
    if not isinstance(spec, WebhookSpec):
        return spec
    before = None if current is None else stored_part(current)
    if faults := tuple(_foreign(data, spec, before, writing.prefix)):
        return faults
    secret = given.pop("secret", None)
    ring = KeyRing(
        secrets=() if before is None else before.secrets,
        uri=writing.uri,
        sealer=writing.rules.sealer,
        now=writing.now,
        event_id=writing.event_id,
    )
    keys = ring.turned(
        new_key or (given_key(secret) if isinstance(secret, str) else None), spec.signatures
    )
    if isinstance(keys, Fault):
        return (keys,)
    sealed = _Sealing(writing.rules.sealer, writing.uri)
    return {
        **given,
        **sealed.headers(given.get("headers")),
        **sealed.tls(given.get("tls")),
        "secrets": keys,
        "status": _status(spec, before, writing.now),
    }


def _given(data: JsonObject) -> dict[str, JsonValue]:
    return {name: value for name, value in data.items() if name not in SERVERS_OWN}


def _foreign(
    data: JsonObject, spec: WebhookSpec, before: Stored | None, prefix: str
) -> Iterator[Fault]:
    """Sealed texts that the webhook does not have where they were put."""

    def fault(name: str) -> Fault:
        return Fault(location="body", name=f"{prefix}{name}", description=NOT_OF_HERE)

    for name, value in spec.headers.items():
        if is_sealed(value) and not (before and value in before.headers):
            yield fault(f"headers.{name}")
    key = spec.tls.client_key if spec.tls else None
    if key is not None and is_sealed(key) and not (before and key == before.client_key):
        yield fault("tls.client_key")
    if not _are_of(data.get("secrets"), before):
        yield fault("secrets")


NOT_OF_HERE = "a sealed text that this webhook does not have in this place"


def _are_of(secrets: JsonValue, before: Stored | None) -> bool:
    """Whether these are keys that the webhook has; the server has the last word on which."""
    if secrets is None:
        return True
    if isinstance(secrets, str) or not isinstance(secrets, Sequence):
        return False
    known = {secret.sealed for secret in before.secrets} if before else set[str]()
    return all(isinstance(each, Mapping) and each.get("sealed") in known for each in secrets)


@dataclass(frozen=True, slots=True)
class _Sealing:
    """Seals what is plain, and seals anew what an older key has sealed."""

    sealer: Sealer
    uri: str

    def headers(self, given: JsonValue) -> Mapping[str, JsonValue]:
        if not isinstance(given, Mapping):
            return {}
        return {"headers": {name: self._sealed(str(value)) for name, value in given.items()}}

    def tls(self, given: JsonValue) -> Mapping[str, JsonValue]:
        key = given.get("client_key") if isinstance(given, Mapping) else None
        if not isinstance(key, str):
            return {}
        return {"tls": {**cast("JsonObject", given), "client_key": self._sealed(key)}}

    def _sealed(self, text: str) -> str:
        if is_sealed(text):
            return sealed_anew(text, self.uri, self.sealer)
        return self.sealer.seal(text, self.uri)


def _status(spec: WebhookSpec, before: Stored | None, now: Timestamp) -> JsonObject:
    """As the deliveries left it, unless a user switches them on or off."""
    status = Status(state=State.ACTIVE, since=now) if before is None else before.status
    is_on = status.state is not State.DISABLED
    if spec.is_enabled and not is_on:
        status = Status(state=State.ACTIVE, since=now)
    if not spec.is_enabled and is_on:
        status = Status(state=State.DISABLED, since=now, reason=BY_A_USER)
    return status_json(status)
