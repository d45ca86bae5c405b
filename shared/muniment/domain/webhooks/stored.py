"""What a stored webhook has that no client can give: signing keys, status, sealed texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from muniment.domain.values import JsonObject, JsonValue, Timestamp
from muniment.domain.webhooks.sealing import is_sealed
from muniment.domain.webhooks.spec import Algorithm, Secret, State, Status
from muniment.domain.webhooks.values import Wrong, several

SECRETS_MAX: Final = 20
_NOT_OURS: Final = Wrong("not as the server writes it")


def _secret(value: JsonValue) -> Secret | Wrong:
    if not isinstance(value, Mapping):
        return _NOT_OURS
    match value:
        case {
            "id": str(id_),
            "algorithm": str(algorithm),
            "sealed": str(sealed),
            "created": int(created),
        } if algorithm in list(Algorithm) and is_sealed(sealed):
            expires, public_key = value.get("expires"), value.get("public_key")
            return Secret(
                id=id_,
                algorithm=Algorithm(algorithm),
                sealed=sealed,
                public_key=public_key if isinstance(public_key, str) else None,
                created=Timestamp(created),
                expires=Timestamp(expires) if isinstance(expires, int) else None,
            )
        case _:
            return _NOT_OURS


SECRETS: Final = several(_secret, most=SECRETS_MAX)
"""Newest first."""


def status(value: JsonValue) -> Status | Wrong:
    """How deliveries go."""
    match value:
        case {"state": str(state), "since": int(since), "reason": str(reason)} if state in list(
            State
        ):
            return Status(state=State(state), since=Timestamp(since), reason=reason)
        case _:
            return _NOT_OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The part of a stored webhook on which the next writing of it depends."""

    headers: frozenset[str] = frozenset()
    """The sealed values."""
    client_key: str | None = None
    """Sealed."""
    secrets: tuple[Secret, ...] = ()
    status: Status


def stored_part(data: JsonObject) -> Stored:
    """Read from what `complete_webhook` has made, by whatever version of it."""
    headers, certificates = data.get("headers"), data.get("tls")
    key = certificates.get("client_key") if isinstance(certificates, Mapping) else None
    secrets, told = SECRETS(data["secrets"]), status(data["status"])
    if isinstance(secrets, Wrong) or isinstance(told, Wrong):
        message = "keys or status of a stored webhook are not as the server writes them"
        raise TypeError(message)
    return Stored(
        headers=frozenset(map(str, headers.values()) if isinstance(headers, Mapping) else ()),
        client_key=key if isinstance(key, str) else None,
        secrets=secrets,
        status=told,
    )


def sealed_texts(data: JsonObject) -> tuple[str, ...]:
    """All that is sealed in a stored webhook."""
    part = stored_part(data)
    key = () if part.client_key is None else (part.client_key,)
    return (*sorted(part.headers), *key, *(secret.sealed for secret in part.secrets))


def status_json(status: Status) -> JsonObject:
    """The field `status`."""
    return {"state": status.state.value, "since": status.since, "reason": status.reason}


def secret_json(secret: Secret) -> JsonObject:
    """One entry of the field `secrets`."""
    found: dict[str, JsonValue] = {
        "id": secret.id,
        "algorithm": secret.algorithm.value,
        "sealed": secret.sealed,
        "created": secret.created,
        "expires": secret.expires,
    }
    if secret.public_key is not None:
        found["public_key"] = secret.public_key
    return found
