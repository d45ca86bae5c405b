"""What an object's fields must be: the server's own, the typed ones, and the JSON Schemas'."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from muniment.domain.addresses import Address, Kind
from muniment.domain.groups import member_fault
from muniment.domain.refusals import Fault, Invalid
from muniment.domain.rules import Rules
from muniment.domain.schemas import SchemaField, schema_faults
from muniment.domain.states import Present, Scene
from muniment.domain.timelines import is_beyond_dates, wanted_timestamp
from muniment.domain.values import JsonObject, JsonValue, Timestamp

SCHEMA_FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BUCKET: ("collection:schema", "group:schema", "record:schema"),
    Kind.COLLECTION: ("schema",),
    Kind.GROUP: (),
    Kind.RECORD: (),
}
"""Where an object keeps schemas for what is below it."""


SECONDS_MAX: Final = 10**15 - 1
"""Most seconds that `cache_expires` can say; JSON on the log holds no number that is far longer."""

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,15}\s*")


def complete(
    data: JsonObject,
    scene: Scene,
    address: Address,
    *,
    at: Timestamp,
    rules: Rules,
    prefix: str,
) -> JsonObject | Invalid:
    """The object as it will be stored and shown, or what is wrong with it.

    `prefix` stands before the names of typed fields in faults: `data.` for POST and PUT.
    """
    wished = wanted_timestamp(data.get("last_modified"))
    own = scene.target.last_modified if isinstance(scene.target, Present) else None
    if is_beyond_dates(wished, own):
        return _invalid(f"{prefix}last_modified", f"{wished} is beyond the last date there is")
    completed = {**data, "id": address.id, "last_modified": at}
    if address.kind is Kind.COLLECTION and "cache_expires" in completed:
        seconds = _whole_seconds(completed["cache_expires"])
        if isinstance(seconds, Fault):
            return _invalid(f"{prefix}cache_expires", seconds.description)
        completed["cache_expires"] = seconds
        if seconds is None:
            del completed["cache_expires"]
    faults = list(_schema_field_faults(completed, address.kind, prefix))
    if address.kind is Kind.GROUP and (fault := member_fault(completed, prefix=prefix)):
        faults.append(fault)
    if faults:
        return Invalid(tuple(faults))
    return _validated(completed, scene, address, rules) if rules.validates_records else completed


def _schema_field_faults(data: JsonObject, kind: Kind, prefix: str) -> Iterator[Fault]:
    for name in SCHEMA_FIELDS[kind]:
        if name in data and (fault := schema_faults(data[name], name=f"{prefix}{name}")):
            yield fault


def _validated(
    data: dict[str, JsonValue], scene: Scene, address: Address, rules: Rules
) -> JsonObject | Invalid:
    """Hold the object against its parents' schemas; stamp a record of a typed collection."""
    for parent, field in _schemas_above(scene, address.kind):
        schema = None if parent is None else parent.data.get(field)
        if parent is None or parent.uid is None or not isinstance(schema, Mapping):
            continue
        compiled = rules.schemas.of((parent.uid, parent.last_modified, field), schema)
        if fault := compiled.fault(data):
            return Invalid((fault,))
        if field == "schema":
            data["schema"] = parent.last_modified
    return data


def _schemas_above(scene: Scene, kind: Kind) -> tuple[tuple[Present | None, SchemaField], ...]:
    """Who may hold a schema for an object of the kind, in the order they are asked."""
    match kind:
        case Kind.BUCKET:
            return ()
        case Kind.COLLECTION:
            return ((scene.bucket, "collection:schema"),)
        case Kind.GROUP:
            return ((scene.bucket, "group:schema"),)
        case Kind.RECORD:
            return ((scene.collection, "schema"), (scene.bucket, "record:schema"))
        case _:
            assert_never(kind)


def _whole_seconds(value: JsonValue) -> int | Fault | None:
    """`cache_expires` as a number (COL-3); `null` means none."""
    if value is None:
        return None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= SECONDS_MAX:
        return int(value)
    return Fault(
        location="body", name="cache_expires", description=f"{_quoted(value)} is not a number"
    )


def _quoted(value: JsonValue) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _invalid(name: str, description: str) -> Invalid:
    return Invalid((Fault(location="body", name=name, description=description),))
