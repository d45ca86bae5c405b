"""The three kinds of PATCH, and what their short answers tell."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain import patches
from muniment.domain.addresses import Kind
from muniment.domain.commands import Body, FieldsPatch, JsonPatch, MergePatch
from muniment.domain.merging import merged, same
from muniment.domain.patches import (
    ID_CHANGED,
    Patched,
    apply_fields,
    apply_json_patch,
    apply_merge,
    diff_answer,
    light_answer,
    operation_faults,
    requested_fields,
)
from muniment.domain.permissions import PERMISSION_NAMES
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue, Permissions, Principal

NADIA: Final = Principal("account:nadia")
OMAR: Final = Principal("account:omar")
CURATORS: Final = Principal("/buckets/atlas/groups/curators")
BAY: Final[JsonObject] = {"id": "st-042", "last_modified": 7, "name": "Bay", "depth": 9}
WRITERS: Final[Permissions] = {"write": frozenset({NADIA})}


def patched(outcome: Patched | Fault) -> Patched:
    assert isinstance(outcome, Patched)
    return outcome


def run(
    *operations: Any,
    data: JsonObject = BAY,
    permissions: Permissions = WRITERS,
    kind: Kind = Kind.RECORD,
) -> Patched | Fault:
    return apply_json_patch(data, permissions, operations, permission_names=PERMISSION_NAMES[kind])


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **more}


def why(outcome: Patched | Fault) -> str:
    """The reason of a failed JSON Patch (ERR-34)."""
    assert isinstance(outcome, Fault)
    assert (outcome.location, outcome.name) == ("body", None)
    prefix = "JSON Patch operation failed: "
    assert outcome.description.startswith(prefix)
    return outcome.description.removeprefix(prefix)


# --- Plain ----------------------------------------------------------------------------------------


def test_plain_fields_replace() -> None:
    """PAT-2: shallow, and `null` is a value."""
    body = Body(data={"a": {"y": 2}, "b": None})

    outcome = patched(apply_fields({"a": {"x": 1}, "c": 3}, {}, body))

    assert outcome.data == {"a": {"y": 2}, "b": None, "c": 3}


def test_plain_permissions_replace_those_named() -> None:
    """PERM-15: `[]` empties, `null` is as good as not mentioned."""
    held = {**WRITERS, "read": frozenset({NADIA}), "record:create": frozenset({NADIA})}
    body = Body(permissions={"read": [OMAR, OMAR], "record:create": [], "write": None})

    outcome = patched(apply_fields({}, held, body))

    assert outcome.permissions == {**WRITERS, "read": frozenset({OMAR})}


@pytest.mark.parametrize("apply", [apply_fields, apply_merge])
def test_an_empty_body_changes_nothing(apply: Any) -> None:
    """PAT-4: `{"data": {}}` and `{"permissions": {}}` are fine."""
    assert apply(BAY, WRITERS, Body(data={}, permissions={})) == Patched(
        data=BAY, permissions=WRITERS
    )


@pytest.mark.parametrize("apply", [apply_fields, apply_merge])
@pytest.mark.parametrize("asked", ["st-1", 42, {"a": 1}])
def test_another_id_is_refused(apply: Any, asked: JsonValue) -> None:
    """ID-5: the id may be given, and must be the object's."""
    assert apply(BAY, WRITERS, Body(data={"id": asked})) == ID_CHANGED
    assert apply(BAY, WRITERS, Body(data={"id": "st-042"})) == Patched(
        data=BAY, permissions=WRITERS
    )


def test_last_modified_can_be_asked_for() -> None:
    """TS-6: what becomes of it is decided later."""
    assert patched(apply_fields(BAY, {}, Body(data={"last_modified": 9}))).data == {
        **BAY,
        "last_modified": 9,
    }


# --- Merge ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_that_of_the_rfc(target: JsonValue, patch: JsonValue, result: JsonValue) -> None:
    """PAT-3: the table of RFC 7396, appendix A."""
    assert merged(target, patch) == result


@pytest.mark.parametrize("stored", [1, "x", None, [1]])
def test_an_object_merged_over_anything_else_replaces_it(stored: JsonValue) -> None:
    """PAT-3, D-7: the reference crashes here."""
    outcome = patched(
        apply_merge({"a": stored, "n": None}, {}, Body(data={"a": {"b": 1, "c": None}}))
    )

    assert outcome.data == {"a": {"b": 1}, "n": None}


def test_merging_null_empties_a_permission() -> None:
    """PERM-16: a list replaces the list, others stay."""
    held = {**WRITERS, "read": frozenset({NADIA})}

    outcome = patched(apply_merge({}, held, Body(permissions={"read": None, "write": [OMAR]})))

    assert outcome.permissions == {"write": frozenset({OMAR})}


def test_merging_null_over_the_id_keeps_it() -> None:
    """ID-5: an id never goes away."""
    assert patched(
        apply_merge(BAY, {}, Body(data={"id": None, "name": None, "depth": None}))
    ).data == {
        "id": "st-042",
        "last_modified": 7,
    }


# --- JSON Patch -----------------------------------------------------------------------------------


def test_a_json_patch_of_data_and_permissions() -> None:
    """Section 12.2: the contract's example."""
    outcome = patched(
        run(
            op("test", "/data/depth", value=9),
            op("add", "/data/tags", value=["deep"]),
            op("add", "/permissions/read/account:omar"),
        )
    )

    assert outcome.data == {**BAY, "tags": ["deep"]}
    assert outcome.permissions == {**WRITERS, "read": frozenset({OMAR})}


def test_no_operations_change_nothing() -> None:
    """PAT-11: `[]` is allowed."""
    assert run() == Patched(data=BAY, permissions=WRITERS)


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(op("test", "/data/depth", value=8), id="unequal"),
        pytest.param(op("test", "/data/depth", value=True), id="true is not 1"),
        pytest.param(op("test", "/data/nothing", value=1), id="test of nothing"),
        pytest.param(op("remove", "/data/nothing"), id="remove nothing"),
        pytest.param(op("replace", "/data/nothing", value=1), id="replace nothing"),
        pytest.param(op("add", "/data/a/b/c", value=1), id="no parent"),
        pytest.param(op("add", "/data/name/b", value=1), id="into a text"),
        pytest.param(op("add", "/data/depth/b", value=1), id="into a number"),
        pytest.param(op("add", "/data/depth"), id="no value"),
        pytest.param(op("add", "/permissions/read"), id="no value for a whole ACE"),
        pytest.param(op("move", "/data/a"), id="no from"),
        pytest.param(op("copy", "/data/a", **{"from": "/data/nothing"}), id="copy nothing"),
        pytest.param(op("move", "/data/a", **{"from": "/data"}), id="into itself"),
        pytest.param(op("remove", "/data"), id="PAT-13 remove data"),
        pytest.param(op("replace", "/data", value=[1]), id="PAT-13 data no object"),
        pytest.param(op("add", "/data/~2", value=1), id="bad escape"),
        pytest.param(op("add", "/permissions/fly/account:omar"), id="unknown permission"),
        pytest.param(op("add", "/permissions/fly", value=[]), id="unknown permission, whole"),
        pytest.param(op("add", "/permissions/read", value=[1]), id="no principals"),
        pytest.param(op("add", "/permissions", value=[]), id="permissions no object"),
        pytest.param(op("remove", "/permissions/read/account:pia"), id="not in the ACE"),
        pytest.param(op("test", "/permissions/read/account:pia"), id="test not in the ACE"),
    ],
)
def test_an_operation_that_fails_refuses_all(operation: Mapping[str, Any]) -> None:
    """PAT-12, PAT-13, ERR-34: all or nothing, never a crash."""
    assert why(run(op("add", "/data/first", value=1), operation))


def test_the_id_stays() -> None:
    """PAT-13: data may be replaced whole; the id can be given, not changed."""
    assert run(op("replace", "/data/id", value="x")) == ID_CHANGED
    assert run(op("replace", "/data", value={"id": "x"})) == ID_CHANGED
    assert patched(run(op("replace", "/data", value={"a": 1}))).data == {"a": 1, "id": "st-042"}
    assert patched(run(op("remove", "/data/id"))).data == BAY


def test_other_parts_of_the_document_are_thrown_away() -> None:
    """PAT-13: they may be used on the way."""
    outcome = run(
        op("add", "/aside", value={"a": 1}), op("copy", "/data/b", **{"from": "/aside/a"})
    )

    assert patched(outcome).data == {**BAY, "b": 1}


@pytest.mark.parametrize("name", PERMISSION_NAMES[Kind.BUCKET])
@pytest.mark.parametrize("more", [{}, {"value": "account:omar"}, {"value": None}])
def test_a_principal_is_added_to_any_permission(name: str, more: Mapping[str, Any]) -> None:
    """PAT-14, PAT-15, D-9: with or without a value, also where nobody holds it yet."""
    operation = op("add", f"/permissions/{name}/account:omar", **more)

    outcome = patched(run(operation, permissions={}, kind=Kind.BUCKET))

    assert outcome.permissions == {name: frozenset({OMAR})}


def test_a_principal_is_tested_and_removed() -> None:
    """PAT-14: what is given as value means nothing."""
    outcome = run(
        op("test", "/permissions/write/account:nadia"),
        op("test", "/permissions/write/account:nadia", value="account:nadia"),
        op("remove", "/permissions/write/account:nadia"),
    )

    assert patched(outcome).permissions == {}


def test_a_principal_with_slashes_is_escaped() -> None:
    """PAT-16: `~1` in a pointer is a slash."""
    path = "/permissions/write/~1buckets~1atlas~1groups~1curators"

    outcome = patched(run(op("add", path)))

    assert outcome.permissions == {"write": frozenset({NADIA, CURATORS})}


@pytest.mark.parametrize("value", [["account:omar"], {"account:omar": "account:omar"}])
@pytest.mark.parametrize("name", ["add", "replace"])
def test_an_ace_is_set_whole(name: str, value: JsonValue) -> None:
    """PAT-17: by a list, or by an object with principals as keys; operations may follow."""
    outcome = run(
        op(name, "/permissions/write", value=value), op("test", "/permissions/write/account:omar")
    )

    assert patched(outcome).permissions == {"write": frozenset({OMAR})}


@pytest.mark.parametrize("path", ["/permissions/write", "/permissions"])
def test_removing_an_ace_whole_changes_nothing(path: str) -> None:
    """PAT-17: as in the reference."""
    assert run(op("remove", path)) == Patched(data=BAY, permissions=WRITERS)


def test_copies_can_not_double_without_end() -> None:
    """60 doublings would fill any memory."""
    doubling = [op("copy", f"/data/a{i}", **{"from": "/data"}) for i in range(60)]

    assert why(run(*doubling)) == "it adds too much"


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([op("add", "/data/a", value=1)] * 1_001, id="many"),
        pytest.param(
            [
                op("add", "/data/a", value={}),
                *[op("move", "/aside", **{"from": "/data/a"}), op("add", "/data/a", value={})],
                *[
                    each
                    for _ in range(150)
                    for each in (
                        op("add", "/next", value={}),
                        op("move", "/next/a", **{"from": "/aside"}),
                        op("move", "/aside", **{"from": "/next"}),
                    )
                ],
                op("move", "/data/a", **{"from": "/aside"}),
            ],
            id="deep",
        ),
        pytest.param(
            [op("add", "/data/a", value=[]), op("add", "/data/a/" + "9" * 5_000, value=1)],
            id="large index",
        ),
        pytest.param([op("add", "/data" + "/a" * 100_000, value=1)], id="long path"),
    ],
)
def test_large_patches_are_refused(operations: Sequence[Mapping[str, Any]]) -> None:
    """Everything has a limit."""
    assert why(run(*operations))


def test_operations_of_a_wrong_shape() -> None:
    """PAT-11, ERR-35: all faults, each with its place."""
    operations: list[JsonValue] = [
        {"op": "fly", "path": "/data"},
        {"op": "add", "value": 1},
        {"path": "/data"},
        {"op": "add", "path": "data", "value": 1},
        {"op": "add", "path": "/data/a", "value": 1, "colour": 1},
        {"op": "copy", "path": "/data/a", "from": 1},
        1,
        {"op": ["add"], "path": "/data/a"},
        {"op": "add", "path": "/data/a", "value": 1},
    ]

    found = [(fault.name, fault.description) for fault in operation_faults(operations)]

    assert found == [
        ("0.op", '"fly" is not one of test, add, remove, replace, move, copy'),
        ("1.path", "Required"),
        ("2.op", "Required"),
        ("3.path", "String does not match expected pattern"),
        ("4", "Unrecognized keys in mapping: \"{'colour': 1}\""),
        ("5.from", "1 is not a string"),
        ("6", '"1" is not a mapping type'),
        ("7.op", "\"['add']\" is not one of test, add, remove, replace, move, copy"),
    ]


# --- Short answers --------------------------------------------------------------------------------


def test_light_tells_what_changed_of_what_was_asked() -> None:
    """PAT-8: new values; a removed field is left out."""
    before: JsonObject = {
        "id": "a",
        "last_modified": 1,
        "name": "x",
        "depth": 1,
        "flag": 1,
        "gone": 1,
    }
    after: JsonObject = {"id": "a", "last_modified": 2, "name": "x", "depth": 9, "flag": True}
    requested: JsonObject = {"id": "a", "name": "x", "depth": 9, "flag": True, "gone": None}

    assert light_answer(before, after, requested) == {"depth": 9, "flag": True}
    assert light_answer(before, after, {"depth": 1.0, "name": "x"}) == {"depth": 9}
    assert light_answer(after, after, requested) == {}


def test_diff_tells_what_is_not_as_asked() -> None:
    """PAT-9: a `last_modified` that the server replaced, say."""
    after: JsonObject = {"id": "a", "last_modified": 9, "depth": 1, "a": {"x": 1, "y": 2}}

    assert diff_answer(after, {"last_modified": 3, "depth": 1.0}) == {"last_modified": 9}
    assert diff_answer(after, {"a": {"y": 2}, "gone": None}) == {"a": {"x": 1, "y": 2}}


def test_what_a_patch_asked_for() -> None:
    """PAT-8: the fields of the body; for JSON Patch all of the patched object."""
    body = Body(data={"a": 1})

    assert requested_fields(FieldsPatch(body=body), BAY) == {"a": 1}
    assert requested_fields(MergePatch(body=Body()), BAY) == {}
    assert requested_fields(JsonPatch(operations=()), BAY) == BAY


# --- Properties -----------------------------------------------------------------------------------

names = st.text("ab~/", max_size=2)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(names, json_values, max_size=4)
paths = st.lists(
    st.sampled_from(["data", "permissions", "read", "a", "b", "0", "-", "~1", "id"]), max_size=4
).map(lambda parts: "/" + "/".join(parts))
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(patches.OPERATIONS), "path": paths},
    optional={"from": paths, "value": json_values},
)


@given(data=objects, patch=objects)
def test_patching_leaves_its_inputs_alone(data: dict[str, Any], patch: dict[str, Any]) -> None:
    """Pure: state and commands are read, never changed."""
    given_in = copy.deepcopy((data, patch))

    apply_fields(data, {}, Body(data=patch))
    apply_merge(data, {}, Body(data=patch))
    run(op("add", "/data/a", value=patch), op("add", "/data/a/b", value=1), data=data)

    assert (data, patch) == given_in


@given(target=json_values, patch=json_values)
def test_merging_twice_is_merging_once(target: JsonValue, patch: JsonValue) -> None:
    """RFC 7396: a merge patch says how the result looks."""
    once = merged(target, patch)

    assert merged(once, patch) == once


@given(before=objects, after=objects)
def test_the_difference_of_two_objects_makes_one_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """RFC 6902: with `jsonpatch`, which clients use as well, as the maker."""
    made = jsonpatch.make_patch({"data": before}, {"data": after}).patch

    outcome = patched(run(*made, data={**before}))

    assert same(outcome.data, {**after, **({"id": before["id"]} if "id" in before else {})})


@given(data=objects, asked=st.lists(operations, max_size=5))
def test_no_operation_raises(data: dict[str, Any], asked: list[Any]) -> None:
    """D-7: never 500 for client input, and a refusal changes nothing."""
    before = copy.deepcopy((data, asked))

    outcome = run(*asked, data={**data, "id": "x"})

    assert (data, asked) == before
    assert isinstance(outcome, Fault) or outcome.data["id"] == "x"


@given(asked=st.lists(json_values, max_size=4))
def test_no_shape_raises(asked: list[Any]) -> None:
    """ERR-35: any JSON array may come as the body."""
    assert all(fault.location == "body" for fault in operation_faults(asked))
