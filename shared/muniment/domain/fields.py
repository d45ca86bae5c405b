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
from muniment.domain.webhooks.completing import webhook_faults
from muniment.domain.webhooks.rules import WebhookRules

SCHEMA_FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BUCKET: ("collection:schema", "group:schema", "record:schema"),
    Kind.COLLECTION: ("schema",),
    Kind.GROUP: (),
    Kind.RECORD: (),
    Kind.WEBHOOK: (),
}
"""Where an object keeps schemas for what is below it."""


SECONDS_MAX: Final = 10**15 - 1
"""Most seconds that `cache_expires` can say; JSON on the log holds no number that is far longer."""

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,15}\s*")


def typed_faults(
    data: JsonObject, kind: Kind, *, own: Timestamp | None, prefix: str, rules: Rules
) -> Iterator[Fault]:
    """What is wrong with the fields that have a type.

    `own` is the timestamp of the object, if it exists. `prefix` stands before the fields' names:
    `data.` for POST and PUT (ERR-17, ERR-18).
    """
    wished = wanted_timestamp(data.get("last_modified"))
    if is_beyond_dates(wished, own):
        yield _fault(f"{prefix}last_modified", f"{wished} is beyond the last date there is")
    if kind is Kind.COLLECTION:
        seconds = _whole_seconds(data.get("cache_expires"))
        if isinstance(seconds, str):
            yield _fault(f"{prefix}cache_expires", seconds)
    for name in SCHEMA_FIELDS[kind]:
        if name in data and (fault := schema_faults(data[name], name=f"{prefix}{name}")):
            yield fault
    if kind is Kind.GROUP and (fault := member_fault(data, prefix=prefix)):
        yield fault
    if kind is Kind.WEBHOOK:
        yield from webhook_faults(data, webhook_rules(rules), prefix=prefix)


def complete(
    data: JsonObject,
    scene: Scene,
    address: Address,
    *,
    at: Timestamp,
    rules: Rules,
    has_made_id: bool = False,
) -> JsonObject | Invalid:
    """The object as it will be stored and shown, or what its JSON Schemas refuse.

    Its typed fields must have been looked at. An id that the server has made counts as absent for
    the schemas, which may ask clients for one (SCH-5).
    """
    completed = {**data, "id": address.id, "last_modified": at}
    if address.kind is Kind.COLLECTION and "cache_expires" in completed:
        seconds = _whole_seconds(completed.pop("cache_expires"))
        if seconds is not None:
            completed["cache_expires"] = seconds
    if not rules.validates_records:
        return completed
    return _validated(completed, scene, address, rules, has_made_id=has_made_id)


def webhook_rules(rules: Rules) -> WebhookRules:
    """Those for webhooks, of which there are none without them."""
    assert rules.webhooks is not None  # noqa: S101 - else no address is a webhook's
    return rules.webhooks


def _validated(
    data: dict[str, JsonValue], scene: Scene, address: Address, rules: Rules, *, has_made_id: bool
) -> JsonObject | Invalid:
    """Hold the object against its parents' schemas; stamp a record of a typed collection."""
    shown = {name: data[name] for name in data if name != "id"} if has_made_id else data
    for parent, field in _schemas_above(scene, address.kind):
        schema = None if parent is None else parent.data.get(field)
        if parent is None or parent.uid is None or not isinstance(schema, Mapping):
            continue
        compiled = rules.schemas.of((parent.uid, parent.last_modified, field), schema)
        if fault := compiled.fault(shown):
            return Invalid((fault,))
        if field == "schema":
            data["schema"] = parent.last_modified
    return data


def _schemas_above(scene: Scene, kind: Kind) -> tuple[tuple[Present | None, SchemaField], ...]:
    """Who may hold a schema for an object of the kind, in the order they are asked."""
    match kind:
        case Kind.BUCKET | Kind.WEBHOOK:
            return ()
        case Kind.COLLECTION:
            return ((scene.bucket, "collection:schema"),)
        case Kind.GROUP:
            return ((scene.bucket, "group:schema"),)
        case Kind.RECORD:
            return ((scene.collection, "schema"), (scene.bucket, "record:schema"))
        case _:
            assert_never(kind)


def _whole_seconds(value: JsonValue) -> int | str | None:
    """`cache_expires` as a number (COL-3), or what is wrong with it; `null` means none."""
    if value is None:
        return None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= SECONDS_MAX:
        return int(value)
    return f"{_quoted(value)} is not a number"


def _quoted(value: JsonValue) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _fault(name: str, description: str) -> Fault:
    return Fault(location="body", name=name, description=description)
