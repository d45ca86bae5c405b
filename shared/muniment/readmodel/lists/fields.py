"""`_fields`: only some fields of an object (contract section 10.6)."""

from collections.abc import Mapping, Sequence

import orjson

from muniment.domain.queries.selection import ID, LAST_MODIFIED, Path
from muniment.domain.values import JsonObject, JsonValue


def project(data: JsonObject, fields: Sequence[Path]) -> JsonObject:
    """The fields that the object has among those asked for, `id` and `last_modified` always."""
    return _subset(data, (ID, LAST_MODIFIED, *fields))


def project_object(data: bytes, fields: Sequence[Path]) -> bytes:
    """The same for an object in JSON text."""
    return orjson.dumps(project(orjson.loads(data), fields))


def project_list(body: bytes, fields: Sequence[Path]) -> bytes:
    """The same for all objects in the body of a list's answer."""
    objects: Sequence[JsonObject] = orjson.loads(body)["data"]
    return orjson.dumps({"data": [project(one, fields) for one in objects]})


def _subset(data: JsonObject, fields: Sequence[Path]) -> JsonObject:
    subset: dict[str, JsonValue] = {}
    for name, *rest in fields:
        if name not in data:
            continue
        value = data[name]
        if not rest or not isinstance(value, Mapping):
            # No object: what is asked for within it is the whole (QF-2).
            subset[name] = value
            continue
        inner, known = _subset(value, (tuple(rest),)), subset.get(name)
        subset[name] = _merged(known, inner) if isinstance(known, Mapping) else inner
    return subset


def _merged(one: JsonObject, other: JsonObject) -> JsonObject:
    merged = dict(one)
    for name, value in other.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(known, value)
        else:
            merged[name] = value
    return merged
