"""Bodies about the signing keys of a webhook: what a client asks for, and what it is told."""

from collections.abc import Sequence
from typing import Final

from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue
from muniment.domain.webhooks.key_rings import OVERLAP_S, OVERLAP_S_MAX, NewKey, key_fault
from muniment.domain.webhooks.sealing import Sealer, Unopenable
from muniment.domain.webhooks.spec import Algorithm, Secret
from muniment.domain.webhooks.stored import stored_part
from muniment.domain.webhooks.values import Read, T, Wrong, choice, whole_number
from muniment.web.bodies import Faults, not_a_mapping, unrecognized
from muniment.web.json_text import body_fault, parse_json

_PARTS: Final = ("algorithm", "secret", "overlap_s")


def read_new_key(text: bytes, *, depth_max: int) -> tuple[NewKey, Faults]:
    """What `{"algorithm": …, "secret": …, "overlap_s": …}` asks for; all of it may be left out."""
    asked = parse_json(text or b"{}", depth_max=depth_max)
    if isinstance(asked, Fault):
        return _DEFAULT, (asked,)
    if not isinstance(asked, dict):
        return _DEFAULT, (body_fault("", not_a_mapping(asked)),)
    faults: list[Fault] = []
    unknown: JsonObject = {name: True for name in asked if name not in _PARTS}
    if unknown:
        faults.append(unrecognized("", unknown))
    algorithm = _part(asked, "algorithm", choice(Algorithm), Algorithm.HMAC, faults)
    overlap_s = _part(asked, "overlap_s", whole_number(0, OVERLAP_S_MAX), OVERLAP_S, faults)
    given = asked.get("secret")
    if given is not None and (not isinstance(given, str) or key_fault(algorithm, given)):
        wrong = key_fault(algorithm, given if isinstance(given, str) else "")
        faults.append(body_fault("secret", wrong or ""))
    text_given = given if isinstance(given, str) else None
    return NewKey(algorithm=algorithm, text=text_given, overlap_s=overlap_s), tuple(faults)


def secrets_json(data: JsonObject, uri: str, sealer: Sealer) -> Sequence[JsonObject]:
    """The keys of a stored webhook, opened: what its receiver verifies with."""
    return [_opened(secret, uri, sealer) for secret in stored_part(data).secrets]


_DEFAULT: Final = NewKey(algorithm=Algorithm.HMAC)


def _part(asked: JsonObject, name: str, read: Read[T], default: T, faults: list[Fault]) -> T:
    value = asked.get(name)
    if value is None:
        return default
    found = read(value)
    if not isinstance(found, Wrong):
        return found
    faults.append(body_fault(name, found.description))
    return default


def _opened(secret: Secret, uri: str, sealer: Sealer) -> JsonObject:
    found: dict[str, JsonValue] = {
        "id": secret.id,
        "algorithm": secret.algorithm.value,
        "created": secret.created,
        "expires": secret.expires,
    }
    if secret.algorithm is Algorithm.ED25519:
        return {**found, "public_key": secret.public_key}
    try:
        return {**found, "secret": sealer.unseal(secret.sealed, uri)}
    except Unopenable as reason:
        return {**found, "secret": None, "reason": str(reason)}
