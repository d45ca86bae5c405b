"""The fields of a webhook that the server alone writes: signing keys and status."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.values import JsonValue, Timestamp
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
