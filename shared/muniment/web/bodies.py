"""Request bodies of resources: `data` and `permissions`, or the operations of a JSON Patch.

Nothing here raises for what a client sends: faults are collected, because they are told only
after the requester's rights have been judged (contract section 2.3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from muniment.domain.addresses import Kind
from muniment.domain.commands import EMPTY_BODY, Body, JsonPatch
from muniment.domain.permissions import PERMISSION_NAMES
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue
from muniment.web.errors import FAULTS_TOLD_MAX
from muniment.web.json_text import body_fault, parse_json

Faults: TypeAlias = tuple[Fault, ...]
Ace: TypeAlias = Sequence[str] | None

ECHOED_CHARS_MAX: Final = 100
"""How much of what a client sent comes back in a description."""

OPERATIONS: Final = ("test", "add", "remove", "replace", "move", "copy")

_PARTS: Final = frozenset({"data", "permissions"})
_OPERATION_KEYS: Final = frozenset({"op", "path", "from", "value"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A body, as far as it could be understood, and what is wrong with it."""

    body: Body = EMPTY_BODY
    faults: Faults = ()


_EMPTY: Final = Read()


def read_body(
    text: bytes, kind: Kind, *, depth_max: int, null_permissions_allowed: bool = False
) -> Read:
    """The envelope of POST, PUT, and PATCH with plain or merge semantics (MT-5 to MT-8).

    `null_permissions_allowed` is for PATCH, where `null` empties or does not mention.
    """
    if not text:
        return _EMPTY
    parsed = parse_json(text, depth_max=depth_max)
    if isinstance(parsed, Fault):
        return Read(faults=(parsed,))
    if not isinstance(parsed, dict):
        return Read(faults=(not_an_envelope(parsed),))
    faults: list[Fault] = []
    if not _PARTS.issuperset(parsed):
        faults.append(unrecognized("", {k: v for k, v in parsed.items() if k not in _PARTS}))
    data = _mapping(parsed, "data", faults)
    permissions = _mapping(parsed, "permissions", faults)
    aces: Mapping[str, Ace] | None = None
    if permissions is not None:
        aces = _aces(permissions, kind, faults, null_allowed=null_permissions_allowed)
    return Read(body=Body(data=data, permissions=aces), faults=tuple(faults))


def require_a_part(read: Read) -> Faults:
    """The faults of a PATCH body: one of the parts must be there (ERR-15)."""
    if read.faults or read.body.data is not None or read.body.permissions is not None:
        return read.faults
    return (body_fault("data", "Provide at least one of data or permissions"),)


def read_operations(text: bytes, *, depth_max: int) -> tuple[JsonPatch, Faults]:
    """The operations of a JSON Patch (PAT-11, ERR-35)."""
    parsed = parse_json(text or b"{}", depth_max=depth_max)
    if isinstance(parsed, Fault):
        return _NO_OPERATIONS, (parsed,)
    if not isinstance(parsed, list):
        return _NO_OPERATIONS, (body_fault("", f"{quoted(parsed)} is not iterable"),)
    faults: list[Fault] = []
    operations: list[Mapping[str, JsonValue]] = []
    for index, operation in enumerate(parsed):
        if isinstance(operation, dict):
            faults.extend(_operation_faults(index, operation))
            operations.append(operation)
        else:
            faults.append(body_fault(str(index), not_a_mapping(operation)))
        if len(faults) >= FAULTS_TOLD_MAX:
            break
    return JsonPatch(operations=() if faults else operations), tuple(faults)


def quoted(value: object) -> str:
    """A client's value as descriptions name it: bounded, strings in double quotes.

    Bytes of a header that are no UTF-8 become `?`.
    """
    text = value if isinstance(value, str) else repr(value)
    if len(text) > ECHOED_CHARS_MAX:
        text = f"{text[:ECHOED_CHARS_MAX]}…"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return f'"{text}"' if isinstance(value, str | list | dict) else text


_NO_OPERATIONS: Final = JsonPatch(operations=())


def _mapping(envelope: JsonObject, name: str, faults: list[Fault]) -> JsonObject | None:
    if name not in envelope:
        return None
    value = envelope[name]
    if isinstance(value, dict):
        return value
    faults.append(body_fault(name, not_a_mapping(value)))
    return None


def _aces(
    permissions: JsonObject, kind: Kind, faults: list[Fault], *, null_allowed: bool
) -> Mapping[str, Ace]:
    known = PERMISSION_NAMES[kind]
    aces: dict[str, Ace] = {}
    for name, holders in permissions.items():
        if name not in known:
            faults.append(
                body_fault("permissions", f"{quoted(name)} is not one of {', '.join(known)}")
            )
        elif isinstance(holders, list):
            aces[name] = _principals(name, holders, faults)
        elif holders is None and null_allowed:
            aces[name] = None
        else:
            faults.append(body_fault(f"permissions.{name}", f"{quoted(holders)} is not iterable"))
        if len(faults) >= FAULTS_TOLD_MAX:
            break
    return aces


def _principals(name: str, holders: Sequence[JsonValue], faults: list[Fault]) -> list[str]:
    principals: list[str] = []
    for index, holder in enumerate(holders):
        if isinstance(holder, str):
            principals.append(holder)
        elif len(faults) < FAULTS_TOLD_MAX:
            description = f"{quoted(holder)} is not a string: a principal is text"
            faults.append(body_fault(f"permissions.{name}.{index}", description))
    return principals


def _operation_faults(index: int, operation: JsonObject) -> Iterator[Fault]:
    unknown = {key: value for key, value in operation.items() if key not in _OPERATION_KEYS}
    if unknown:
        yield unrecognized(str(index), unknown)
    kind = operation.get("op")
    if "op" not in operation:
        yield body_fault(f"{index}.op", "Required")
    elif kind not in OPERATIONS:
        yield body_fault(f"{index}.op", f"{quoted(kind)} is not one of {', '.join(OPERATIONS)}")
    if "path" not in operation:
        yield body_fault(f"{index}.path", "Required")
    for name in ("path", "from"):
        if name in operation:
            yield from _pointer_faults(f"{index}.{name}", operation[name])


def _pointer_faults(name: str, pointer: JsonValue) -> Iterator[Fault]:
    if not isinstance(pointer, str):
        yield body_fault(name, f"{quoted(pointer)} is not a string: a path is text")
    elif not pointer.startswith("/"):
        yield body_fault(name, "String does not match expected pattern")


def unrecognized(name: str, unknown: JsonObject) -> Fault:
    """Keys that nobody asked for (ERR-8)."""
    return body_fault(name, f"Unrecognized keys in mapping: {quoted(unknown)}")


def not_an_envelope(value: JsonValue) -> Fault:
    """A whole body that is JSON but no object (MT-6)."""
    if isinstance(value, list):
        return body_fault("", not_a_mapping(value))
    return body_fault("", "Should be a JSON object or an array")


def not_a_mapping(value: JsonValue) -> str:
    """What is wrong with something that should be an object (ERR-9, ERR-10)."""
    return f"{quoted(value)} is not a mapping type: Does not implement dict-like functionality."
