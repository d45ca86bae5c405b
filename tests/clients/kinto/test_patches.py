"""Section 8.6: the three kinds of PATCH, and how they are answered."""

from typing import Any

import pytest

from tests.clients.requester import (
    JSON_PATCH,
    MERGE_PATCH,
    Atlas,
    data,
    detail,
    refusal,
    revision,
    without,
)

KINDS: dict[str, tuple[dict[str, str], Any]] = {
    "plain": ({}, {"data": {"n": 2}}),
    "merge": (MERGE_PATCH, {"data": {"n": 2}}),
    "operations": (JSON_PATCH, [{"op": "replace", "path": "/data/n", "value": 2}]),
}
NOTHING: dict[str, tuple[dict[str, str], Any]] = {
    "plain": ({}, {"data": {}}),
    "permissions": ({}, {"permissions": {}}),
    "merge": (MERGE_PATCH, {"data": {}}),
    "operations": (JSON_PATCH, []),
}


def patched(atlas: Atlas, before: dict[str, Any], body: Any, headers: dict[str, str]) -> Any:
    """The fields of a record with those before, after the patch."""
    atlas.record("a", before)
    answer = atlas.nadia("PATCH", f"{atlas.records}/a", body, headers)
    read = atlas.nadia("GET", f"{atlas.records}/a")
    assert data(answer) == data(read)
    return without(data(read), "id", "last_modified")


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_is_answered_with_the_whole_object(atlas: Atlas, kind: str) -> None:
    """PAT-1, D-28: 200 with data and permissions, and the object's timestamp."""
    headers, body = KINDS[kind]
    before = atlas.record("a", {"n": 1, "m": 1})

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", body, headers)

    assert answer.status_code == 200
    assert without(data(answer), "last_modified") == {"id": "a", "n": 2, "m": 1}
    assert revision(answer) == data(answer)["last_modified"] > before["last_modified"]
    assert answer.json()["permissions"] == {"write": [atlas.nadia.user_id]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_of_what_is_not_there(atlas: Atlas, kind: str) -> None:
    """PAT-1: missing or deleted."""
    headers, body = KINDS[kind]
    atlas.record("a", {"n": 1})
    atlas.nadia("DELETE", f"{atlas.records}/a")

    for id_ in ("a", "none"):
        answer = atlas.nadia("PATCH", f"{atlas.records}/{id_}", body, headers)
        assert refusal(answer) == (404, 110)


def test_a_plain_patch_is_shallow(atlas: Atlas) -> None:
    """PAT-2: fields are replaced whole, `null` is stored, others stay."""
    before = {"a": {"x": 1}, "b": 1, "c": [1, 2]}

    after = patched(atlas, before, {"data": {"a": {"y": 2}, "b": None}}, {})

    assert after == {"a": {"y": 2}, "b": None, "c": [1, 2]}


@pytest.mark.parametrize(
    ("before", "merged", "after"),
    [
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ({"a": [1, 2], "b": {"x": 1}}, {"a": [3], "b": 4}, {"a": [3], "b": 4}),
        ({"a": None}, {"b": 1}, {"a": None, "b": 1}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": None}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": [1]}, {"a": {"x": None, "y": 1}}, {"a": {"y": 1}}),
    ],
)
def test_a_merge_patch_goes_deep(
    atlas: Atlas, before: dict[str, Any], merged: dict[str, Any], after: dict[str, Any]
) -> None:
    """PAT-3, D-7: objects merge, `null` removes, all else replaces."""
    assert patched(atlas, before, {"data": merged}, MERGE_PATCH) == after


@pytest.mark.parametrize("headers", [{}, MERGE_PATCH])
def test_a_patch_without_either_part(atlas: Atlas, headers: dict[str, str]) -> None:
    """PAT-4, ERR-15."""
    atlas.record("a")

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", {}, headers)

    assert detail(answer)["name"] == "data"


@pytest.mark.parametrize("kind", NOTHING)
def test_a_patch_of_nothing_is_a_change(atlas: Atlas, kind: str) -> None:
    """PAT-4, PAT-5, PAT-11, D-8, E-9: the timestamp moves, and history tells."""
    headers, body = NOTHING[kind]
    before = atlas.record("a", {"n": 1})

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", body, headers)

    assert data(answer)["last_modified"] > before["last_modified"]
    assert without(data(answer), "last_modified") == without(before, "last_modified")
    newest = data(atlas.nadia("GET", f"{atlas.bucket}/history?_limit=1"))[0]
    assert newest["action"] == "update"
    assert newest["target"]["data"] == data(answer)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {"data": {"cache_expires": "x"}}),
        (MERGE_PATCH, {"data": {"cache_expires": "x"}}),
        (JSON_PATCH, [{"op": "add", "path": "/data/cache_expires", "value": "x"}]),
    ],
)
def test_the_result_must_have_its_types(atlas: Atlas, headers: dict[str, str], body: Any) -> None:
    """PAT-6, ERR-18: of a patch of any kind; the name has no `data.` before it."""
    before = data(atlas.nadia("GET", atlas.collection))

    answer = atlas.nadia("PATCH", atlas.collection, body, headers)

    assert (detail(answer)["location"], detail(answer)["name"]) == ("body", "cache_expires")
    assert data(atlas.nadia("GET", atlas.collection)) == before


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {"data": {"title": 1}}),
        (MERGE_PATCH, {"data": {"title": None}}),
        (JSON_PATCH, [{"op": "remove", "path": "/data/title"}]),
    ],
)
def test_the_result_must_fit_the_schema(atlas: Atlas, headers: dict[str, str], body: Any) -> None:
    """PAT-6, SCH-3: of a patch of any kind."""
    schema = {"required": ["title"], "properties": {"title": {"type": "string"}}}
    data(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}}))
    before = atlas.record("a", {"title": "x"})

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", body, headers)

    assert detail(answer)["name"] == "title"
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == before


# --- Response-Behavior ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behavior", "sent", "answered"),
    [
        ("light", {"n": 2, "m": 1}, {"n": 2}),
        ("light", {"n": 1}, {}),
        ("light", {"new": 1}, {"new": 1}),
        ("diff", {"n": 2, "new": 1}, {}),
    ],
)
def test_answers_with_less(
    atlas: Atlas, behavior: str, sent: dict[str, Any], answered: dict[str, Any]
) -> None:
    """PAT-7 to PAT-10: what changed, or what became something else; history is on."""
    atlas.record("a", {"n": 1, "m": 1})

    answer = atlas.nadia(
        "PATCH", f"{atlas.records}/a", {"data": sent}, {"Response-Behavior": behavior}
    )

    assert answer.status_code == 200
    assert answer.json() == {"data": answered}


def test_a_diff_tells_what_the_server_replaced(atlas: Atlas) -> None:
    """PAT-9."""
    atlas.record("a")
    headers = {"Response-Behavior": "diff"}
    body = {"data": {"n": 1, "last_modified": 7}}

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", body, headers)

    assert answer.json() == {"data": {"last_modified": revision(answer)}}


def test_a_light_answer_leaves_out_what_was_removed(atlas: Atlas) -> None:
    """PAT-8, D-7."""
    atlas.record("a", {"n": 1, "m": 1})
    headers = {**MERGE_PATCH, "Response-Behavior": "light"}

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", {"data": {"n": None, "m": 2}}, headers)

    assert answer.json() == {"data": {"m": 2}}


def test_a_light_answer_to_operations(atlas: Atlas) -> None:
    """PAT-8: what changed of the whole object."""
    atlas.record("a", {"n": 1, "m": 1})
    headers = {**JSON_PATCH, "Response-Behavior": "light"}
    operations = [{"op": "replace", "path": "/data/n", "value": 2}]

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", operations, headers)

    assert without(answer.json()["data"], "last_modified") == {"n": 2}


@pytest.mark.parametrize("behavior", ["LIGHT", "Full", "loud", ""])
def test_another_behavior_is_refused(atlas: Atlas, behavior: str) -> None:
    """PAT-7, ERR-23: lower case only."""
    atlas.record("a")
    headers = {"Response-Behavior": behavior}

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", {"data": {}}, headers)

    assert detail(answer)["name"] == "Response-Behavior"


# --- JSON Patch -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "after"),
    [
        ([{"op": "add", "path": "/data/l/-", "value": 3}], {"n": 1, "l": [1, 2, 3]}),
        ([{"op": "add", "path": "/data/l/0", "value": 0}], {"n": 1, "l": [0, 1, 2]}),
        ([{"op": "remove", "path": "/data/n"}], {"l": [1, 2]}),
        ([{"op": "replace", "path": "/data/n", "value": {"x": 1}}], {"n": {"x": 1}, "l": [1, 2]}),
        ([{"op": "move", "from": "/data/n", "path": "/data/m"}], {"m": 1, "l": [1, 2]}),
        ([{"op": "copy", "from": "/data/n", "path": "/data/m"}], {"n": 1, "m": 1, "l": [1, 2]}),
        ([{"op": "test", "path": "/data/n", "value": 1}], {"n": 1, "l": [1, 2]}),
        ([{"op": "replace", "path": "/data", "value": {"x": 1}}], {"x": 1}),
    ],
)
def test_operations(atlas: Atlas, operations: list[Any], after: dict[str, Any]) -> None:
    """PAT-11, PAT-13: on `/data`, which may be replaced whole and keeps its id."""
    assert patched(atlas, {"n": 1, "l": [1, 2]}, operations, JSON_PATCH) == after


def test_operations_happen_all_or_not_at_all(atlas: Atlas) -> None:
    """PAT-12, ERR-34."""
    before = atlas.record("a", {"n": 1})
    operations = [
        {"op": "add", "path": "/data/m", "value": 1},
        {"op": "test", "path": "/data/n", "value": 2},
    ]

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", operations, JSON_PATCH)

    assert detail(answer)["description"].startswith("JSON Patch operation failed: ")
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == before


@pytest.mark.parametrize(
    "body",
    [
        [{"op": "replace", "path": "/data/id", "value": "b"}],
        [{"op": "remove", "path": "/data"}],
        [{"op": "add", "path": "/data/n"}],
        [{"op": "move", "path": "/data/n"}],
        [{"op": "copy", "from": "/data/none", "path": "/data/n"}],
        [1],
        {"op": "remove", "path": "/data/n"},
        {"data": {"n": 2}},
    ],
)
def test_operations_that_are_refused(atlas: Atlas, body: Any) -> None:
    """PAT-11 to PAT-13, ID-5, D-7: never with 500."""
    before = atlas.record("a", {"n": 1})

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", body, JSON_PATCH)

    assert refusal(answer) == (400, 107)
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == before


def test_operations_elsewhere_have_no_effect(atlas: Atlas) -> None:
    """PAT-13: on a part that is thrown away."""
    operations = [{"op": "add", "path": "/other", "value": 1}]

    assert patched(atlas, {"n": 1}, operations, JSON_PATCH) == {"n": 1}


@pytest.mark.parametrize(
    ("operations", "after"),
    [
        ([{"op": "add", "path": "/permissions/read/x"}], {"read": ["o", "x"]}),
        ([{"op": "add", "path": "/permissions/read/x", "value": 1}], {"read": ["o", "x"]}),
        ([{"op": "remove", "path": "/permissions/read/o"}], {}),
        ([{"op": "test", "path": "/permissions/read/o"}], {"read": ["o"]}),
        (
            [{"op": "add", "path": "/permissions/record:create/x"}],
            {"read": ["o"], "record:create": ["x"]},
        ),
        (
            [{"op": "add", "path": "/permissions/record:create/x", "value": ""}],
            {"read": ["o"], "record:create": ["x"]},
        ),
        (
            [{"op": "add", "path": "/permissions/read/~1buckets~1atlas~1groups~1crew"}],
            {"read": ["/buckets/atlas/groups/crew", "o"]},
        ),
        ([{"op": "add", "path": "/permissions/read", "value": ["x", "y"]}], {"read": ["x", "y"]}),
        ([{"op": "add", "path": "/permissions/read", "value": {"x": ""}}], {"read": ["x"]}),
        ([{"op": "remove", "path": "/permissions/read"}], {"read": ["o"]}),
    ],
)
def test_operations_on_permissions(
    atlas: Atlas, operations: list[Any], after: dict[str, list[str]]
) -> None:
    """PAT-14 to PAT-18, PERM-17, D-9, C-15: each is a set, keyed by principal."""
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": {"read": ["o"]}}))

    answer = atlas.nadia("PATCH", atlas.collection, operations, JSON_PATCH)

    assert answer.status_code == 200, answer.text
    shown = answer.json()["permissions"]
    assert {name: sorted(principals) for name, principals in shown.items()} == {
        **after,
        "write": [atlas.nadia.user_id],
    }


@pytest.mark.parametrize("name", ["read", "write"])
def test_some_permissions_are_always_there(atlas: Atlas, name: str) -> None:
    """PAT-15: `test` and `add` find them, though they may be empty."""
    atlas.record("a")
    operations = [{"op": "add", "path": f"/permissions/{name}/x"}]

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", operations, JSON_PATCH)

    assert "x" in answer.json()["permissions"][name]


def test_a_principal_that_is_not_there_cannot_be_removed(atlas: Atlas) -> None:
    """PAT-12, PAT-14: nor tested."""
    atlas.record("a")

    for op in ("remove", "test"):
        operations = [{"op": op, "path": "/permissions/read/x"}]
        answer = atlas.nadia("PATCH", f"{atlas.records}/a", operations, JSON_PATCH)
        assert detail(answer)["description"].startswith("JSON Patch operation failed: ")
