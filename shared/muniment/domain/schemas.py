"""JSON Schemas of users: checked when they are saved, and run on every write of what they rule.

They are hostile input. What a validation costs is bounded before it starts (`schema_cost`), nothing
is ever fetched, and regular expressions run in an engine whose cost is bounded. `jsonschema_rs`
decides; where it refuses, `jsonschema` says why in the words that Kinto's clients know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import jsonschema_rs
import referencing.jsonschema
from cachetools import LRUCache
from jsonschema import Draft7Validator
from referencing import Specification
from referencing.exceptions import Unresolvable

from muniment.domain.refusals import Fault
from muniment.domain.schema_cost import COST_MAX, Cost, TooCostly, price
from muniment.domain.schema_graph import DEPTH_MAX, measure
from muniment.domain.schema_patterns import regex_engine
from muniment.domain.schema_words import Words, refused, shortened
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid

SchemaField: TypeAlias = Literal["schema", "record:schema", "collection:schema", "group:schema"]
SchemaKey: TypeAlias = tuple[Uid, Timestamp, SchemaField]
"""The life and `last_modified` of the object that holds the schema, and the field it is in."""

RECORD_FIELDS: Final = frozenset({"last_modified", "schema"})
OBJECT_FIELDS: Final = frozenset({"last_modified"})
TAKEN_OUT: Final[Mapping[SchemaField, frozenset[str]]] = {
    "schema": RECORD_FIELDS,
    "record:schema": RECORD_FIELDS,
    "collection:schema": OBJECT_FIELDS,
    "group:schema": OBJECT_FIELDS,
}
"""What is not shown to a schema, beside an `id` that it does not name (SCH-5)."""

SCHEMA_NODES_MAX: Final = 20_000
"""Most JSON values in one schema."""
SCHEMAS_CACHED_MAX: Final = 512


def schema_faults(schema: JsonValue, *, name: str) -> Fault | None:
    """Why the value can't be saved as a JSON Schema, if so (SCH-1): not one, or one too costly."""
    if not isinstance(schema, Mapping):
        return _fault(name, f"{schema!r} is not of type 'object'")
    size = measure(schema)
    if size.depth > DEPTH_MAX:
        return _fault(name, f"The schema is nested deeper than {DEPTH_MAX} levels")
    if size.nodes > SCHEMA_NODES_MAX:
        return _fault(name, f"The schema has more than {SCHEMA_NODES_MAX} parts")
    if not _META_SCHEMA.is_valid(schema):
        words = _META_WORDS.first(schema)
        return _fault(name, words.description if words else "The schema is not a JSON Schema")
    compiled = _compile(schema)
    if isinstance(compiled, _Unusable) and not compiled.is_reference:
        return _fault(name, compiled.why)
    return None


def compile_schema(schema: JsonObject, *, field: SchemaField = "schema") -> "CompiledSchema":
    """The schema, ready to judge what the field rules. Never raises, whatever the schema."""
    return CompiledSchema(schema, taken_out=TAKEN_OUT[field])


class CompiledSchema:
    """One version of a schema, compiled once."""

    def __init__(self, schema: JsonObject, *, taken_out: frozenset[str]) -> None:
        properties = schema.get("properties")
        names_id = isinstance(properties, Mapping) and "id" in properties
        self._taken_out = taken_out if names_id else taken_out | {"id"}
        self._compiled = _compile(_without_required(schema, self._taken_out))

    def fault(self, instance: JsonObject) -> Fault | None:
        """What is wrong with the object, if something is: the first fault found (SCH-8).

        The object comes whole; the fields that the server owns are not looked at (SCH-5). A
        schema that can't be run, for a reference that leads nowhere, refuses all (SCH-9).
        """
        compiled = self._compiled
        if isinstance(compiled, _Unusable):
            return _fault("schema", compiled.why)
        shown = {name: value for name, value in instance.items() if name not in self._taken_out}
        size = measure(shown)
        if size.depth > DEPTH_MAX:
            return _fault("schema", f"The object is nested deeper than {DEPTH_MAX} levels")
        bound = compiled.cost.bound(size)
        if bound > COST_MAX and not compiled.cost.is_bearable(shown):
            return _fault("schema", "The object is too large to be validated with its schema")
        if compiled.engine.is_valid(shown):
            return None
        return compiled.words(shown, effort=bound * (1 + size.chars // 1_000))


class SchemaCache:
    """The compiled schemas used last."""

    def __init__(self, *, schemas_max: int = SCHEMAS_CACHED_MAX) -> None:
        self._compiled: LRUCache[SchemaKey, CompiledSchema] = LRUCache(schemas_max)

    def of(self, key: SchemaKey, schema: JsonObject) -> CompiledSchema:
        """The compiled schema; `schema` is only looked at when the key is not known."""
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = compile_schema(schema, field=key[2])
        return compiled


@dataclass(frozen=True, slots=True)
class _Usable:
    engine: jsonschema_rs.Validator
    cost: Cost
    draft: "_Draft"
    schema: JsonObject

    def words(self, instance: JsonObject, *, effort: int) -> Fault:
        """Why the instance was refused; in few words where finding better ones costs too much."""
        words = Words(self.schema, self.draft.name).first(instance)
        if words is None and effort <= _OWN_WORDS_EFFORT_MAX:
            words = refused(self.engine, instance)
        if words is None:
            return _fault("schema", "The object does not match the schema")
        return _fault(words.name, words.description)


_OWN_WORDS_EFFORT_MAX: Final = 200_000
"""jsonschema-rs took 24 s to word 2,000 alternatives that a text of 1 MB had failed (0.60)."""


@dataclass(frozen=True, slots=True)
class _Unusable:
    why: str
    is_reference: bool = False
    """Then it may be saved all the same (SCH-9)."""


@dataclass(frozen=True, slots=True)
class _Draft:
    name: str
    engine: type[jsonschema_rs.Validator]
    specification: Specification[Any]


_DRAFT_7: Final = _Draft(
    "http://json-schema.org/draft-07/schema",
    jsonschema_rs.Draft7Validator,
    referencing.jsonschema.DRAFT7,
)
_NEWEST: Final = _Draft(
    "https://json-schema.org/draft/2020-12/schema",
    jsonschema_rs.Draft202012Validator,
    referencing.jsonschema.DRAFT202012,
)
_DRAFTS: Final = {
    draft.name: draft
    for draft in (
        _Draft(
            "http://json-schema.org/draft-04/schema",
            jsonschema_rs.Draft4Validator,
            referencing.jsonschema.DRAFT4,
        ),
        _Draft(
            "http://json-schema.org/draft-06/schema",
            jsonschema_rs.Draft6Validator,
            referencing.jsonschema.DRAFT6,
        ),
        _DRAFT_7,
        _Draft(
            "https://json-schema.org/draft/2019-09/schema",
            jsonschema_rs.Draft201909Validator,
            referencing.jsonschema.DRAFT201909,
        ),
        _NEWEST,
    )
}


def _compile(schema: JsonObject) -> _Usable | _Unusable:
    uri = schema.get("$schema")
    draft = _DRAFTS.get(uri.removesuffix("#"), _NEWEST) if isinstance(uri, str) else _NEWEST
    compiled = _compile_as(draft, schema)
    if isinstance(compiled, _Usable) or draft is _DRAFT_7:
        return compiled
    # A schema is saved when it is one by Draft 7: `{"items": [...]}` is none by 2020-12.
    older = _compile_as(_DRAFT_7, schema)
    return older if isinstance(older, _Usable) else compiled


def _compile_as(draft: _Draft, schema: JsonObject) -> _Usable | _Unusable:
    size = measure(schema)
    if size.depth > DEPTH_MAX or size.nodes > SCHEMA_NODES_MAX:
        return _Unusable("The schema is too large")
    try:
        cost = price(schema, draft.specification)
    except Unresolvable as error:
        return _Unusable(f"Unresolvable reference: {error}", is_reference=True)
    except _STUMBLES as error:
        return _Unusable(f"The schema can't be read: {error}")
    if isinstance(cost, TooCostly):
        return _Unusable(cost.why)
    try:
        engine = draft.engine(
            dict(schema),
            validate_formats=False,
            pattern_options=regex_engine(is_backtracking=cost.has_backtracking),
            offline=True,
            keywords=_SILENT,
        )
    except jsonschema_rs.ValidationError as error:
        is_reference = isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Referencing)
        return _Unusable(shortened(error.message), is_reference=is_reference)
    except ValueError as error:
        return _Unusable(shortened(str(error)))
    return _Usable(engine, cost, draft, schema)


_STUMBLES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a schema raises that is none by its draft: `{"$id": 5}` in `$defs`, say."""


class _Annotation:
    """A keyword that refuses nothing."""

    def __init__(self, parent_schema: Any, value: Any, schema_path: Any) -> None:
        """As jsonschema-rs calls it."""

    def validate(self, instance: Any) -> None:
        """Accept all."""


_SILENT: "Final[dict[str, type[jsonschema_rs.KeywordValidator]]]" = {
    "contentEncoding": _Annotation,
    "contentMediaType": _Annotation,
}
"""As `format`: annotations, which jsonschema-rs asserts for Drafts 6 and 7, jsonschema for none."""

_META_SCHEMA: Final = jsonschema_rs.Draft7Validator(
    dict(Draft7Validator.META_SCHEMA), validate_formats=False, offline=True
)
_META_WORDS: Final = Words(Draft7Validator.META_SCHEMA, _DRAFT_7.name)


def _without_required(schema: JsonObject, taken_out: frozenset[str]) -> JsonObject:
    required = schema.get("required")
    if not isinstance(required, list):
        return schema
    left = [name for name in required if not (isinstance(name, str) and name in taken_out)]
    # In its place, as the order of keywords decides which fault is told; Draft 4 has no empty one.
    return {
        keyword: left if keyword == "required" else value
        for keyword, value in schema.items()
        if left or keyword != "required"
    }


def _fault(name: str | int, description: str) -> Fault:
    return Fault(location="body", name=name, description=shortened(description))
