"""Documents: the user's own object in a record, and its patches (CocoBase section 5 and 13)."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.commands import Body, DocumentPatch, Patch, Put
from muniment.domain.documents import document_of, parse_document_patch, parts_of
from muniment.domain.refusals import Fault, Invalid
from muniment.domain.states import Present
from muniment.domain.values import JsonObject
from tests.support.deciding import COLLECTION, Asked, ask, changed, decided, present, scene

HIDDEN: JsonObject = {"id": 7, "last_modified": "1998", "schema": [], "deleted": None}

documents = st.dictionaries(
    st.sampled_from([*HIDDEN, "title", "", "a.b", "$set", "created_at"]), st.integers()
)


@given(document=documents)
def test_a_document_is_what_it_was(document: JsonObject) -> None:
    """Section 5: any key, whatever the server calls so too."""
    data, hidden = parts_of(document)

    stored = {**data, "id": "st-042", "last_modified": 5, "schema": 4}

    assert document_of(stored, hidden) == document
    assert not data.keys() & HIDDEN.keys()


def test_what_is_hidden_is_beside_the_data() -> None:
    """`/v1` shows the server's own fields, the event holds both."""
    data, hidden = parts_of({"title": "Log", **HIDDEN})
    command = ask().put()

    event = changed(scene(), _with_body(command, Body(data=data, hidden=hidden)))

    assert event.after.data == {
        "title": "Log",
        "id": "st-042",
        "last_modified": event.last_modified,
    }
    assert event.after.hidden == HIDDEN


def test_a_record_made_without_hidden_fields_has_none() -> None:
    """Old events and plain ones are alike."""
    assert changed(scene(), ask().create({"title": "Log"})).after.hidden is None


@pytest.mark.parametrize(
    "command",
    [
        ask().put({"title": "Book"}),
        ask().put({"title": "Book"}, {"read": ["account:omar"]}),
        ask().patch({"title": "Book"}),
        ask().merge({"title": "Book"}),
        ask().json_patch({"op": "add", "path": "/data/title", "value": "Book"}),
    ],
    ids=["put", "put-permissions", "patch", "merge", "json-patch"],
)
def test_writes_of_v1_keep_what_they_do_not_see(command: Put | Patch) -> None:
    """Who reads an object, changes it and puts it back has not meant to lose anything."""
    event = changed(scene(_document(title="Log", **HIDDEN)), command)

    assert event.after.data["title"] == "Book"
    assert event.after.hidden == HIDDEN
    assert event.before is not None
    assert event.before.hidden == HIDDEN


def test_a_put_can_clear_what_is_hidden() -> None:
    """A dialect that replaces a document replaces all of it."""
    command = _with_body(ask().put(), Body(data={"title": "Book"}, hidden={}))

    assert changed(scene(_document(id=7)), command).after.hidden is None


def test_hidden_fields_go_with_the_record() -> None:
    """A tombstone tells nothing of them; what came before does."""
    event = changed(scene(_document(id=7)), ask().delete())

    assert event.after.hidden is None
    assert event.before is not None
    assert event.before.hidden == {"id": 7}


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": 1}, {"id": "mine", "schema": 3}, {"a": 1, "id": "mine", "schema": 3}),
        ({"id": 7}, {"id": 8}, {"id": 8}),
        ({"t": [1, 2, 1]}, {"$remove": {"t": 1}}, {"t": [2]}),
        ({"t": [1, 2, 3]}, {"$remove": {"t": [1, 3, 9]}}, {"t": [2]}),
        ({"t": "x"}, {"$remove": {"t": "x", "u": 1}}, {"t": "x"}),
        ({"t": [1, True]}, {"$remove": {"t": 1.0}}, {"t": [True]}),
        ({"t": [1]}, {"$append": {"t": 2}}, {"t": [1, 2]}),
        ({"t": [1]}, {"$append": {"t": [1, 2, 2]}}, {"t": [1, 2]}),
        ({}, {"$append": {"t": 2}}, {"t": [2]}),
        ({"t": "x"}, {"$append": {"t": ["x", "y"]}}, {"t": ["x", "y"]}),
        ({"t": {"k": 1}}, {"$append": {"t": {"k": 1}}}, {"t": [{"k": 1}]}),
        ({"t": [1, 2]}, {"$append": {"t": 1}, "$remove": {"t": 1}}, {"t": [2, 1]}),
        ({"t": [1]}, {"$append": {"t": 2}, "t": [9]}, {"t": [9]}),
        ({"id": [1]}, {"$append": {"id": 2}}, {"id": [1, 2]}),
        ({}, {"$set": 1, "a.b": 2}, {"$set": 1, "a.b": 2}),
    ],
)
def test_a_patch_removes_then_appends_then_sets(
    document: dict[str, Any], patch: dict[str, Any], expected: JsonObject
) -> None:
    """Section 5, in its order."""
    event = changed(scene(_document(**document)), _patch(patch))

    assert document_of(event.after.data, event.after.hidden) == expected
    assert event.after.data["id"] == "st-042"
    assert event.after.data["last_modified"] == event.last_modified


@pytest.mark.parametrize("name", ["$remove", "$append"])
def test_remove_and_append_are_objects(name: str) -> None:
    """From field to items; anything else is told, not guessed at."""
    assert isinstance(parse_document_patch({name: ["tags"]}), Fault)


def test_a_users_own_timestamp_is_no_wish_for_one() -> None:
    """`last_modified` of a document is not the record's."""
    event = changed(scene(_document(title="Log")), _patch({"last_modified": 5}))

    assert event.last_modified > 5
    assert event.after.hidden == {"last_modified": 5}


def test_a_patched_document_must_fit_its_collections_schema() -> None:
    """As all that is written: the outcome counts, not the patch."""
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}}
    typed = present(COLLECTION, more={"schema": schema})

    refused = decided(scene(_document(n=1), collection=typed), _patch({"n": "one"}))
    event = changed(scene(_document(n=1), collection=typed), _patch({"n": 2, "schema": "mine"}))

    assert isinstance(refused, Invalid)
    assert event.after.data["schema"] == typed.last_modified
    assert document_of(event.after.data, event.after.hidden) == {"n": 2, "schema": "mine"}


def _document(**document: Any) -> Present:
    data, hidden = parts_of(document)
    made = present(more=data)
    return Present(
        last_modified=made.last_modified,
        data=made.data,
        permissions=made.permissions,
        hidden=hidden,
    )


def _patch(given: Mapping[str, Any]) -> Patch:
    change = parse_document_patch(given)
    assert isinstance(change, DocumentPatch)
    like = Asked().patch()
    return Patch(address=like.address, requester=like.requester, cause=like.cause, change=change)


def _with_body(command: Put, body: Body) -> Put:
    return Put(address=command.address, requester=command.requester, cause=command.cause, body=body)
