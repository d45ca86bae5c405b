"""JSON Schemas of users: what is saved, what records are told."""

from typing import Any, Final

import pytest

from muniment.domain import schema_words
from muniment.domain.refusals import Fault
from muniment.domain.schemas import SchemaCache, SchemaKey, compile_schema, schema_faults
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid
from tests.support.schemas import doubling, fault, nested

TITLE: Final[JsonObject] = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}


def named(schema: Any, instance: JsonObject) -> tuple[str | int | None, str] | None:
    found = fault(schema, instance)
    return None if found is None else (found.name, found.description)


# --- Saving a schema ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        pytest.param(None, "None is not of type 'object'", id="null"),
        pytest.param(True, "True is not of type 'object'", id="boolean"),
        pytest.param([], "[] is not of type 'object'", id="array"),
        pytest.param(
            {"type": "nope"}, "'nope' is not valid under any of the given schemas", id="type"
        ),
        pytest.param({"required": "a"}, "'a' is not of type 'array'", id="required"),
        pytest.param({"properties": {"a": {"pattern": "["}}}, "'[' is not a 'regex'", id="regex"),
        pytest.param({"pattern": "a{1000000}"}, "'a{1000000}' is not a 'regex'", id="large regex"),
    ],
)
def test_what_is_no_schema_is_not_saved(schema: JsonValue, text: str) -> None:
    """SCH-1, ERR-21: an object and a valid schema by Draft 7, or 400 with the validator's text."""
    found = schema_faults(schema, name="data.schema")

    assert found == Fault(location="body", name="data.schema", description=text)


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({}, id="empty"),
        pytest.param(TITLE, id="title"),
        pytest.param({"$ref": "#/definitions/nowhere"}, id="SCH-9"),
        pytest.param({"$ref": "http://schemas.test/x.json"}, id="SCH-9 remote"),
        pytest.param({"$schema": "http://schemas.test/draft-99"}, id="SCH-2 unknown draft"),
        pytest.param({"items": [{"type": "string"}]}, id="items of Draft 7"),
        pytest.param({"properties": {"a": {"pattern": "^(?=.*[0-9]).{8,}$"}}}, id="look-ahead"),
        pytest.param({"properties": {"kids": {"items": {"$ref": "#"}}}}, id="tree"),
    ],
)
def test_what_is_a_schema_is_saved(schema: JsonValue) -> None:
    """SCH-1, SCH-9: references are not looked up when a schema is saved."""
    assert schema_faults(schema, name="schema") is None


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"$ref": "#"}, id="itself"),
        pytest.param({"allOf": [{"not": {"$ref": "#"}}]}, id="itself, by ways"),
        pytest.param(doubling(40, "allOf"), id="doubling"),
        pytest.param(doubling(40, "anyOf"), id="doubling alternatives"),
        pytest.param(nested(3_000, "not"), id="deep"),
        pytest.param({"enum": list(range(100_000))}, id="large"),
        pytest.param(
            {
                "$ref": "#/$defs/a0",
                "$defs": {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(300)}
                | {"a300": {}},
            },
            id="chain",
        ),
        pytest.param(
            {"properties": {f"p{i}": {"pattern": f"[ab]*a[ab]{{{i}}}c"} for i in range(2_000)}},
            id="many patterns",
        ),
    ],
)
def test_a_schema_that_could_stop_the_process_is_not_saved(schema: JsonValue) -> None:
    """SCH-1, D-7: it costs too much for any record, and never answers 500."""
    found = schema_faults(schema, name="schema")

    assert found is not None
    assert found.name == "schema"


def test_a_schema_that_could_stop_the_process_refuses_records() -> None:
    """Also when it came in by another way than a save."""
    assert fault({"$ref": "#"}, {}) == Fault(
        location="body",
        name="schema",
        description="The schema refers to itself without going into the value",
    )


# --- Words and names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "instance", "expected"),
    [
        pytest.param(TITLE, {"b": 1}, ("title", "'title' is a required property"), id="the seed's"),
        pytest.param(
            {"required": ["a", "title"]},
            {"b": 1},
            ("title", "'a' is a required property"),
            id="last of a list",
        ),
        pytest.param(
            {"additionalProperties": False},
            {"b": 1},
            (
                "additionalProperties",
                "Additional properties are not allowed ('b' was unexpected)",
            ),
            id="keyword",
        ),
        pytest.param(
            {"patternProperties": {"^x": {}}, "additionalProperties": False},
            {"b": 1, "x1": 2},
            ("additionalProperties", "'b' does not match any of the regexes: '^x'"),
            id="patterns",
        ),
        pytest.param(
            {"properties": {"tags": {"items": {"type": "string"}}}},
            {"tags": ["a", 5]},
            (1, "5 is not of type 'string'"),
            id="array item",
        ),
        pytest.param(
            {"properties": {"a": {"pattern": "^b"}}},
            {"a": "c"},
            ("a", "'c' does not match '^b'"),
            id="pattern",
        ),
        pytest.param(
            {"properties": {"a": {"type": "string"}}, "required": ["z"]},
            {"a": 1},
            ("a", "1 is not of type 'string'"),
            id="first keyword",
        ),
        pytest.param(
            {"minProperties": 2},
            {"a": 1},
            ("minProperties", "{'a': 1} does not have enough properties"),
            id="no list",
        ),
    ],
)
def test_a_fault_has_the_librarys_words_and_the_references_name(
    schema: JsonObject, instance: JsonObject, expected: tuple[str | int, str]
) -> None:
    """SCH-8, ERR-20: clients show these texts."""
    assert named(schema, instance) == expected


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        pytest.param({}, {"a": 1}, id="SCH-7 empty"),
        pytest.param({"properties": {"a": {"format": "email"}}}, {"a": "x"}, id="SCH-2 format"),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "properties": {"a": {"contentEncoding": "base64"}},
            },
            {"a": "%"},
            id="SCH-2 content",
        ),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "properties": {"a": {"dependentRequired": {"b": ["c"]}}},
            },
            {"a": {"b": 1}},
            id="SCH-2 keyword of a later draft",
        ),
    ],
)
def test_what_is_only_an_annotation_refuses_nothing(
    schema: JsonObject, instance: JsonObject
) -> None:
    """SCH-2, SCH-7: by the draft that `$schema` names, formats not asserted."""
    assert fault(schema, instance) is None


@pytest.mark.parametrize("uri", ["http://schemas.test/draft-99", None])
def test_an_unknown_draft_is_the_newest(uri: str | None) -> None:
    """SCH-2: `dependentRequired` is of 2019-09 and later."""
    schema = {"$schema": uri} if uri else {}

    found = named({**schema, "dependentRequired": {"b": ["c"]}}, {"b": 1})

    assert found == ("dependentRequired", "'c' is a dependency of 'b'")


@pytest.mark.parametrize("reference", ["#/nowhere", "http://127.0.0.1:1/x", "file:///etc/passwd"])
def test_a_reference_that_leads_nowhere_refuses_every_record(reference: str) -> None:
    """SCH-9: nothing is ever fetched."""
    found = fault({"properties": {"unused": {"$ref": reference}}}, {"a": 1})

    assert found is not None
    assert (found.location, found.name) == ("body", "schema")
    assert "root:" not in found.description


def test_a_long_value_does_not_make_a_long_text() -> None:
    """An answer stays small whatever was sent."""
    found = fault({"properties": {"a": {"type": "integer"}}}, {"a": "x" * 1_000_000})

    assert found is not None
    assert len(found.description) <= schema_words.DESCRIPTION_CHARS_MAX + 1


# --- The fields of the server ---------------------------------------------------------------------

OWNED: Final[JsonObject] = {"id": "st-1", "last_modified": 7, "schema": 5}


def test_fields_of_the_server_are_not_looked_at() -> None:
    """SCH-5: `additionalProperties: false` and `required` mean the user's fields."""
    schema = {"additionalProperties": False, "required": ["id", "schema", "last_modified"]}

    assert fault(schema, OWNED) is None
    assert fault(schema, {}) is None


def test_an_id_that_the_schema_names_is_looked_at() -> None:
    """SCH-5: with `id` in `properties` and `required`, one must be there."""
    schema = {"properties": {"id": {"pattern": "^st-"}}, "required": ["id"]}

    assert fault(schema, OWNED) is None
    assert named(schema, {}) == ("id", "'id' is a required property")
    assert named(schema, {"id": "x"}) == ("id", "'x' does not match '^st-'")


def test_the_schema_field_of_a_collection_is_looked_at() -> None:
    """SCH-5: for collection and group objects it is a field like others."""
    compiled = compile_schema({"required": ["schema"]}, field="collection:schema")

    assert compiled.fault({"last_modified": 7, "schema": {}}) is None
    assert compiled.fault({"last_modified": 7}) is not None


# --- Recursion ------------------------------------------------------------------------------------

TREE: Final[JsonObject] = {
    "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name"],
}
EXPRESSION: Final[JsonObject] = {
    "properties": {"e": {"$ref": "#/definitions/e"}},
    "definitions": {
        "e": {
            "anyOf": [
                {"type": "number"},
                {
                    "properties": {
                        "left": {"$ref": "#/definitions/e"},
                        "right": {"$ref": "#/definitions/e"},
                    },
                    "required": ["left", "right"],
                },
            ]
        }
    },
}


def tree(depth: int) -> dict[str, Any]:
    return {"name": "n", "kids": [tree(depth - 1) for _ in range(3)] if depth else []}


def expression(depth: int) -> Any:
    below = depth - 1
    return {"left": expression(below), "right": expression(below)} if depth else 1


def test_recursive_schemas_work() -> None:
    """Trees and expressions are legitimate, at the depth that people write."""
    assert fault(TREE, tree(7)) is None
    assert fault(EXPRESSION, {"e": expression(10)}) is None
    assert named(TREE, {"name": "n", "kids": [{}]}) == (0, "'name' is a required property")


def test_a_schema_that_branches_is_refused_where_it_gets_deep() -> None:
    """Two ways down at each level are 2 ** 90 ways at the ninetieth."""
    branching = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 2}

    assert fault(branching, nested(8)) is None
    assert named(branching, nested(90)) == (
        "schema",
        "The object is too large to be validated with its schema",
    )


# --- The cache ------------------------------------------------------------------------------------


def key(at: int) -> SchemaKey:
    return Uid("u-1"), Timestamp(at), "schema"


def test_a_schema_is_compiled_once_a_version() -> None:
    """What changes a schema changes its holder's `last_modified`."""
    cache = SchemaCache(schemas_max=2)

    first = cache.of(key(1), TITLE)

    assert cache.of(key(1), TITLE) is first
    assert cache.of(key(2), TITLE) is not first


def test_the_cache_is_bounded() -> None:
    """The version that was not used for longest is dropped."""
    cache = SchemaCache(schemas_max=1)
    first = cache.of(key(1), TITLE)

    cache.of(key(2), TITLE)

    assert cache.of(key(1), TITLE) is not first
