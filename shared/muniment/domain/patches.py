"""The three kinds of PATCH of `/v1`: what an object becomes, and what a short answer tells of it.

Pure functions on `data` and `permissions`; what is given in is left as it is. PERM-12 (the writer
stays a writer) and the timestamp come after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import jsonpatch
from jsonpointer import JsonPointer, JsonPointerException

from muniment.domain.commands import Body, Change, DocumentPatch, JsonPatch
from muniment.domain.merging import merged, same
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue, Permissions, Principal

Operation: TypeAlias = Mapping[str, JsonValue]

OPERATIONS: Final = ("test", "add", "remove", "replace", "move", "copy")
OPERATIONS_MAX: Final = 1_000
"""Most operations of one JSON Patch."""
ADDED_BYTES_MAX: Final = 12_000_000
"""Most bytes, about, that one JSON Patch adds: each `copy` can double the document."""
DEPTH_MAX: Final = 100
"""Deepest nesting of what a patch makes, as of a body."""
ALWAYS_THERE: Final = ("read", "write")

ID_CHANGED: Final = Fault(
    location="body", name="id", description="Object id does not match existing object"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """What the object has become."""

    data: JsonObject
    permissions: Permissions
    hidden: JsonObject | None = None


def apply_fields(data: JsonObject, permissions: Permissions, body: Body) -> Patched | Fault:
    """Plain PATCH: the fields and ACEs given replace the object's (PAT-2, PERM-15)."""
    patched = {**data, **(body.data or {})}
    given = {name: holders or () for name, holders in _aces(body) if holders is not None}
    return _checked(data, patched, _with_aces(permissions, given))


def apply_merge(data: JsonObject, permissions: Permissions, body: Body) -> Patched | Fault:
    """Merge patch (RFC 7396): `null` removes a field or empties an ACE (PAT-3, PERM-16)."""
    patched = merged(data, body.data or {})
    given = {name: holders or () for name, holders in _aces(body)}
    return _checked(data, cast("JsonObject", patched), _with_aces(permissions, given))


def apply_json_patch(
    data: JsonObject,
    permissions: Permissions,
    operations: Sequence[Operation],
    *,
    permission_names: Sequence[str],
) -> Patched | Fault:
    """JSON Patch (RFC 6902) on `{"data": …, "permissions": …}`, all or nothing (PAT-11 to PAT-17).

    ACEs are objects keyed by principal; all permission names that the object can carry are there.
    """
    if faults := operation_faults(operations):
        return faults[0]
    if len(operations) > OPERATIONS_MAX:
        return _failed(f"more than {OPERATIONS_MAX} operations")
    names = dict.fromkeys((*ALWAYS_THERE, *permission_names))
    aces = {name: _ace(sorted(permissions.get(name, ()))) for name in names}
    document: JsonValue = {"data": _copied(data), "permissions": aces}
    left = ADDED_BYTES_MAX
    for operation in map(_with_value, operations):
        left -= _added(document, operation)
        if left < 0:
            return _failed("it adds too much")
        result = _applied(document, operation)
        if isinstance(result, Fault):
            return result
        document = result
    return _taken_apart(data, permissions, document, permission_names)


def operation_faults(operations: Sequence[JsonValue]) -> tuple[Fault, ...]:
    """What is wrong with the shape of JSON Patch operations (PAT-11, ERR-35)."""
    return tuple(
        fault for index, each in enumerate(operations) for fault in _shape_faults(index, each)
    )


def requested_fields(change: Change, patched: JsonObject) -> JsonObject:
    """The fields that a short answer may tell of, with the values asked for (PAT-8).

    `patched` is the object as the patch left it, before the server's own fields were set.
    """
    return patched if isinstance(change, JsonPatch | DocumentPatch) else change.body.data or {}


def light_answer(before: JsonObject, after: JsonObject, requested: JsonObject) -> JsonObject:
    """The requested fields whose value changed, as they are now (PAT-8)."""
    return {
        name: after[name]
        for name in requested
        if name in after and not (name in before and same(before[name], after[name]))
    }


def diff_answer(after: JsonObject, requested: JsonObject) -> JsonObject:
    """The requested fields that did not become what was asked for, as they are now (PAT-9)."""
    return {
        name: after[name]
        for name, asked in requested.items()
        if name in after and not same(after[name], asked)
    }


def _aces(body: Body) -> Sequence[tuple[str, Sequence[str] | None]]:
    return tuple((body.permissions or {}).items())


def _with_aces(permissions: Permissions, given: Mapping[str, Sequence[str]]) -> Permissions:
    changed = {name: frozenset(map(Principal, holders)) for name, holders in given.items()}
    return {name: holders for name, holders in {**permissions, **changed}.items() if holders}


def _checked(before: JsonObject, data: JsonObject, permissions: Permissions) -> Patched | Fault:
    """What both say of the id must be the same, and it never goes away (ID-5)."""
    if "id" not in before:
        return Patched(data=data, permissions=permissions)
    if "id" in data and not same(data["id"], before["id"]):
        return ID_CHANGED
    return Patched(data={**data, "id": before["id"]}, permissions=permissions)


def _with_value(operation: Operation) -> Operation:
    """The operation with ACEs as our document has them: objects of principals that are `true`."""
    match str(operation["path"]).split("/"):
        case ["", "permissions", _, _]:
            # A principal has no value, it is in the set or not: one that is given means nothing.
            return {**operation, "value": True}
        case ["", "permissions", _] if "value" in operation:
            return {**operation, "value": _ace(operation["value"])}
        case ["", "permissions"] if isinstance(aces := operation.get("value"), Mapping):
            return {**operation, "value": {name: _ace(aces[name]) for name in aces}}
        case _:
            return operation


def _ace(holders: JsonValue) -> JsonValue:
    listed = _holders(holders)
    return holders if listed is None else dict.fromkeys(listed, True)


def _added(document: JsonValue, operation: Operation) -> int:
    if operation["op"] != "copy":
        return _size(operation)
    try:
        copied: JsonValue = JsonPointer(str(operation.get("from"))).resolve(document)
    except (JsonPointerException, LookupError, TypeError, ValueError):
        return 1
    return _size(copied)


def _applied(document: JsonValue, operation: Operation) -> "JsonValue | Fault":
    try:
        # In place: the document is our own copy, and the library copies the values it puts in.
        patched: JsonValue = jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        return _failed(f"the test of {operation['path']!r} does not hold")
    except (jsonpatch.JsonPatchException, JsonPointerException) as error:
        return _failed(str(error))
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        # What the library lets through where a path leads into a number or a text.
        return _failed(str(error))
    return patched


def _taken_apart(
    data: JsonObject, permissions: Permissions, document: JsonValue, names: Sequence[str]
) -> Patched | Fault:
    patched = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(patched, Mapping):
        return _failed("the object's data is gone")
    if _depth(document) > DEPTH_MAX:
        return _failed(f"the result is nested deeper than {DEPTH_MAX} levels")
    aces = document.get("permissions", {})
    if not isinstance(aces, Mapping):
        return _failed("permissions are not an object")
    given: dict[str, Sequence[str]] = {}
    for name, holders in aces.items():
        listed = _holders(holders)
        if listed is None or name not in (*ALWAYS_THERE, *names):
            return _failed(f"/permissions/{name} is no list of principals")
        given[name] = listed
    return _checked(data, patched, _with_aces(permissions, given))


def _holders(ace: JsonValue) -> Sequence[str] | None:
    if isinstance(ace, Mapping):
        return tuple(ace)
    if isinstance(ace, list) and all(isinstance(each, str) for each in ace):
        return cast("list[str]", ace)
    return None


def _shape_faults(index: int, operation: JsonValue) -> Sequence[Fault]:
    if not isinstance(operation, Mapping):
        return (_fault(str(index), f'"{operation}" is not a mapping type'),)
    faults: list[Fault] = []
    op = operation.get("op")
    if "op" not in operation:
        faults.append(_fault(f"{index}.op", "Required"))
    elif op not in OPERATIONS:
        faults.append(_fault(f"{index}.op", f'"{op}" is not one of {", ".join(OPERATIONS)}'))
    for name in ("path", "from"):
        if name in operation:
            faults.extend(_pointer_faults(f"{index}.{name}", operation[name]))
        elif name == "path":
            faults.append(_fault(f"{index}.path", "Required"))
    unknown = {name: operation[name] for name in operation if name not in _MEMBERS}
    if unknown:
        faults.append(_fault(str(index), f'Unrecognized keys in mapping: "{unknown}"'))
    return faults


_MEMBERS: Final = frozenset({"op", "path", "from", "value"})


def _pointer_faults(name: str, pointer: JsonValue) -> Sequence[Fault]:
    if not isinstance(pointer, str):
        return (_fault(name, f"{pointer} is not a string"),)
    if not pointer.startswith("/"):
        return (_fault(name, "String does not match expected pattern"),)
    return ()


def _fault(name: str | None, description: str) -> Fault:
    return Fault(location="body", name=name, description=description[:_DESCRIPTION_CHARS_MAX])


def _failed(why: str) -> Fault:
    return _fault(None, f"JSON Patch operation failed: {why}")


_DESCRIPTION_CHARS_MAX: Final = 2_000


def _copied(value: JsonValue) -> JsonValue:
    if isinstance(value, Mapping):
        made: dict[str, JsonValue] = {}
        for name, each in value.items():
            made[name] = _copied(each)
        return made
    if isinstance(value, list):
        items: list[JsonValue] = []
        items.extend(map(_copied, value))  # A comprehension takes two frames a level.
        return items
    return value


def _size(value: JsonValue) -> int:
    """The value's size, about: 16 bytes for each JSON value, and the characters."""
    size = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        size += 16
        if isinstance(each, str):
            size += len(each)
        elif isinstance(each, Mapping):
            size += sum(map(len, each))
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return size


def _depth(value: JsonValue) -> int:
    depth = 0
    level = [value]
    while level:
        depth += 1
        level = [child for each in level for child in _children(each)]
    return depth


def _children(value: JsonValue) -> Sequence[JsonValue]:
    if isinstance(value, Mapping):
        return tuple(value.values())
    return value if isinstance(value, list) else ()
