"""JSON Schemas of users: what is saved, what records are told, and that none stops the process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, cast

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.domain import schema_words
from muniment.domain.refusals import Fault
from muniment.domain.schemas import SchemaCache, SchemaKey, compile_schema, schema_faults
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid

TITLE: Final[JsonObject] = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}


def fault(schema: Any, instance: JsonObject) -> Fault | None:
    return compile_schema(schema).fault(instance)


def named(schema: Any, instance: JsonObject) -> tuple[str | int | None, str] | None:
    found = fault(schema, instance)
    return None if found is None else (found.name, found.description)


def nested(depth: int, keyword: str = "a") -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {keyword: value}
    return value


def doubling(length: int, step: str) -> dict[str, Any]:
    """A chain of definitions, each of which applies the next one twice."""

    def twice(number: int) -> dict[str, Any]:
        following = {"$ref": f"#/$defs/a{number + 1}"}
        if step == "patternProperties":
            return {step: {"a": following, "[ab]": following}}
        return {step: [following, following]}

    definitions = {f"a{number}": twice(number) for number in range(length)}
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{length}": {"type": "object"}}}


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


# --- Hostile ones, in a process of their own ------------------------------------------------------

HOSTILE: Final = """
import sys
from muniment.domain.schemas import compile_schema, schema_faults
from tests.unit.domain.test_schemas import doubling, nested

def evil(pattern, **more):
    return {"properties": {"a": {"pattern": pattern, **more}}}

A = "a" * 60 + "b"
CASES = {
    "quadratic": (evil("(?=.*b)c"), {"a": "a" * 1_000_000}),
    "nested": (evil("^(a+)+$"), {"a": A}),
    "nested, back-reference": (evil(r"^(a+)+\\\\1$"), {"a": A}),
    "nested, look-ahead": (evil("^(?=(a+)+$)"), {"a": A}),
    "names": ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {A: 1}),
    "names left over": (
        {"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False}, {A: 1}
    ),
    "the unsafe class by $schema": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {"$ref": "#"}, "b": {"pattern": "^(a+)+$"}},
        },
        {"a": {"b": A}},
    ),
    "states": (evil("[ab]*a[ab]{3000}[c-z]"), {"a": "ab" * 500_000}),
    "paths": (doubling(60, "patternProperties"), nested(60)),
    "left over": (
        {"allOf": [nested(0)]} | {"$defs": {
            **{
                f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i+1}"}], "unevaluatedProperties": False}
                for i in range(40)
            },
            "a40": {"properties": {"a": True}},
        }, "$ref": "#/$defs/a0"},
        {"a": 1},
    ),
    "alternatives": (
        {"anyOf": [{"type": "string", "minLength": i} for i in range(2_000)]},
        {"a": "x" * 1_000_000},
    ),
    "unique": (
        {"properties": {"a": {"uniqueItems": True}}},
        {"a": [{"x": i} for i in range(20_000)] + [{"x": 1}]},
    ),
    "enum": (
        {"properties": {"a": {"items": {"enum": list(range(15_000))}}}}, {"a": [1] * 50_000 + ["x"]}
    ),
    "wide": (
        {"properties": {"a": {"items": {"allOf": [{"not": {"const": i}} for i in range(3_000)]}}}},
        {"a": ["x"] * 100_000},
    ),
    "deep": ({"properties": {"a": {"$ref": "#"}}}, nested(100_000)),
    "chain": (
        {
            "$ref": "#/$defs/a0",
            "$defs": {
                **{f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i+1}"}]} for i in range(90)},
                "a90": {"properties": {"a": {"$ref": "#"}}, "minProperties": 1},
            },
        },
        nested(190),
    ),
}
schema, instance = CASES[sys.argv[1]]
schema_faults(schema, name="schema")
found = compile_schema(schema).fault(instance)
assert found is not None and len(found.description) < 5_000
"""
"""Every case is refused: at once, or the test's deadline tells."""

CASES: Final = tuple(
    line.strip().split('"')[1] for line in HOSTILE.splitlines() if line.startswith('    "')
)


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_schema_is_answered(case: str) -> None:
    """D-7: never a hang, a crash or a 500 for what a client sends."""
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root}/shared:{root}/services"}

    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, case],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr


# --- Properties -----------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-5, 5)
    | st.text("ab$#/1", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)
keywords = st.sampled_from(
    [
        *("$ref", "$id", "$schema", "$dynamicRef", "$defs", "definitions", "allOf", "anyOf", "not"),
        *("if", "then", "items", "prefixItems", "properties", "patternProperties", "required"),
        *("additionalProperties", "unevaluatedProperties", "dependencies", "pattern", "type"),
        *("enum", "multipleOf", "minLength", "contains", "propertyNames", "uniqueItems"),
    ]
)
garbage = st.recursive(
    json_values, lambda inner: st.dictionaries(keywords, inner, max_size=4), max_leaves=10
)


@given(
    schema=st.dictionaries(keywords, garbage, max_size=4),
    instance=st.dictionaries(st.text("ab"), json_values, max_size=3),
)
def test_nothing_raises_whatever_the_schema(schema: JsonObject, instance: JsonObject) -> None:
    """D-7: also for schemas that no save has checked."""
    schema_faults(schema, name="schema")

    found = fault(schema, instance)

    assert found is None or (found.location == "body" and found.description)


simple_schemas: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "string", "integer", "array", "null", "number"]),
            "properties": st.dictionaries(st.sampled_from("ab"), simple_schemas, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": st.booleans() | simple_schemas,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), simple_schemas),
            "items": simple_schemas,
            "anyOf": st.lists(simple_schemas, min_size=1, max_size=2),
            "not": simple_schemas,
            "minLength": st.integers(0, 3),
            "pattern": st.sampled_from(["^a", "[ab]$"]),
            "const": json_values,
            "uniqueItems": st.booleans(),
        },
    )
)


@settings(max_examples=100)
@given(
    schema=simple_schemas, instance=st.dictionaries(st.sampled_from("abc"), json_values, max_size=3)
)
def test_it_says_what_the_library_says(schema: JsonObject, instance: JsonObject) -> None:
    """SCH-8: the fast validator refuses what `jsonschema` refuses, and in its words."""
    library = cast("Any", jsonschema.Draft202012Validator)(schema)
    errors = [error.message for error in library.iter_errors(instance)]

    found = fault(schema, instance)

    assert (found is None) == (not errors)
    assert found is None or found.description in errors


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
