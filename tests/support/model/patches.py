"""What a PATCH makes of an object, in its three kinds (section 8.6)."""

import copy
from typing import Any

from tests.support.model.forms import JSON_PATCH, MERGE, refuse
from tests.support.model.messages import Request
from tests.support.model.order import same
from tests.support.model.world import PERMISSION_NAMES, Acl, Data, Thing, is_array, is_object


class _Failed(Exception):
    """An operation of a JSON Patch can't be carried out."""


def patched(thing: Thing, request: Request) -> tuple[Data, Acl]:
    """The object's data and ACEs after the PATCH, before the server sets its own fields."""
    if request.media == JSON_PATCH:
        return _json_patched(thing, request.body)
    body: Data = request.body
    data, acl = copy.deepcopy(thing.data), copy.deepcopy(thing.acl)
    is_merge = request.media == MERGE
    given: Data = body.get("data", {})
    data = merged(data, given) if is_merge else {**data, **given}
    permissions: Data = body.get("permissions", {})
    for name, principals in permissions.items():
        if principals is not None:
            acl[name] = set(principals)
        elif is_merge:
            acl[name] = set()
    return data, acl


def merged(value: Any, patch: Any) -> Any:
    """RFC 7396, but for nulls already stored, which stay (PAT-3)."""
    if not is_object(patch):
        return patch
    result: Data = dict(value) if is_object(value) else {}
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), change)
    return result


def _json_patched(thing: Thing, operations: list[Data]) -> tuple[Data, Acl]:
    document: Data = {
        "data": copy.deepcopy(thing.data),
        # Each ACE is a set written as an object (PAT-14); all names are there (PAT-15, D-9).
        "permissions": {
            name: dict.fromkeys(thing.acl.get(name, ()), True)
            for name in PERMISSION_NAMES[thing.kind]
        },
    }
    try:
        for operation in operations:
            _carry_out(document, operation)
    except _Failed:
        refuse([("body", None)])
    if not is_object(document.get("data")):  # PAT-13
        refuse([("body", None)])
    permissions: dict[str, Any] = document["permissions"]
    # Removing an ACE as a whole changes nothing (PAT-17).
    kept = {name: set(permissions.get(name, thing.acl.get(name, ()))) for name in thing.acl}
    return document["data"], kept | {name: set(acl) for name, acl in permissions.items()}


def _carry_out(document: Data, operation: Data) -> None:
    """RFC 6902."""
    path = _pointer(operation["path"])
    match operation["op"]:
        case "test":
            if not same(_get(document, path), _value(operation, path)):
                raise _Failed
        case "add":
            _add(document, path, _value(operation, path))
        case "remove":
            _remove(document, path)
        case "replace":
            _get(document, path)
            value = _value(operation, path)
            _remove(document, path)
            _add(document, path, value)
        case "move":
            source = _source(operation)
            if path[: len(source)] == source and path != source:
                raise _Failed
            value = _get(document, source)
            _remove(document, source)
            _add(document, path, value)
        case _:
            _add(document, path, copy.deepcopy(_get(document, _source(operation))))


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _source(operation: Data) -> list[str]:
    if "from" not in operation:
        raise _Failed
    return _pointer(operation["from"])


def _value(operation: Data, path: list[str]) -> Any:
    """A principal needs no value (PAT-14)."""
    if path[0] == "permissions" and len(path) == 3:
        return True
    if "value" not in operation:
        raise _Failed
    value = operation["value"]
    if path[0] == "permissions" and is_array(value):
        return dict.fromkeys(value, True)
    return copy.deepcopy(value)


def _get(document: Any, path: list[str]) -> Any:
    for name in path:
        if is_object(document) and name in document:
            document = document[name]
        elif is_array(document) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            raise _Failed
    return document


def _add(document: Any, path: list[str], value: Any) -> None:
    parent, name = _get(document, path[:-1]), path[-1]
    if is_object(parent):
        parent[name] = value
        return
    if not is_array(parent):
        raise _Failed
    length = len(parent)
    index = length if name == "-" else int(name) if name.isdigit() else length + 1
    if index > length:
        raise _Failed
    parent.insert(index, value)


def _remove(document: Any, path: list[str]) -> None:
    _get(document, path)
    parent, name = _get(document, path[:-1]), path[-1]
    if is_array(parent):
        del parent[int(name)]
    else:
        del parent[name]
