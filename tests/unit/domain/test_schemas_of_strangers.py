"""JSON Schemas of users that are hostile, or anything at all: none stops the process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, cast

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.domain.schemas import schema_faults
from muniment.domain.values import JsonObject
from tests.support.schemas import fault

# --- Hostile ones, in a process of their own ------------------------------------------------------

HOSTILE: Final = """
import sys
from muniment.domain.schemas import compile_schema, schema_faults
from tests.support.schemas import doubling, nested

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
