"""As much of JSON Schema as the model's requests use: `type`, `required` and `properties`."""

from typing import Any, Final

from tests.support.model.messages import Refused
from tests.support.model.world import Data, Place, World, is_object

TYPES: Final = {"object": dict, "string": str, "integer": int}


def is_schema(value: Any) -> bool:
    """SCH-1."""
    return is_object(value) and value.get("type", "object") in TYPES


def stamped(world: World, place: Place, data: Data) -> Data:
    """The object as its schemas let it be stored, with the version of its collection's (SCH-6).

    The collection's own schema comes first, the bucket's second (section 15).
    """
    bucket = world.things[place.parents[0]].data if place.parents else {}
    if place.kind != "record":
        _validate(data, bucket.get(f"{place.kind}:schema"), place.kind)
        return data
    collection = world.things[place.parents[1]].data
    _validate(data, collection.get("schema"), place.kind)
    _validate(data, bucket.get("record:schema"), place.kind)
    if "schema" in collection:
        return {**data, "schema": collection["last_modified"]}
    return data


def _validate(data: Data, schema: Data | None, kind: str) -> None:
    """SCH-5 and SCH-8: what the server adds is neither looked at nor asked for."""
    if schema is None:
        return
    for name in schema.get("required", ()):
        if name not in data:
            raise Refused(400, 107, faults=[("body", name)])
    for name, rule in schema.get("properties", {}).items():
        if name in data and not _is_of(data[name], rule["type"]):
            raise Refused(400, 107, faults=[("body", name)])


def _is_of(value: Any, type_: str) -> bool:
    if type_ == "integer" and isinstance(value, float):
        return value.is_integer()  # 2.0 is one, from draft 6 on (SCH-2).
    return isinstance(value, TYPES[type_]) and not isinstance(value, bool)
