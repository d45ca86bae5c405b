"""What a write makes of an object: creation, replacement, patches, deletion (contract 7.3, 8)."""

from typing import Any

import pytest

from muniment.domain.addresses import Kind, record
from muniment.domain.commands import ANONYMOUS
from muniment.domain.decisions import Unchanged
from muniment.domain.events import Action, Snapshot
from muniment.domain.refusals import INVALID_ID, Invalid, ObjectMissing
from muniment.domain.rules import Rules
from muniment.domain.states import ABSENT, Absent, State, Tombstone, evolve
from muniment.domain.values import JsonObject, Uid
from tests.support.deciding import (
    BUCKET,
    BUCKET_UID,
    BY_NADIA,
    COLLECTION,
    COLLECTION_UID,
    EARLIER,
    NADIA,
    NOW,
    OMAR,
    RECORD,
    acl,
    ask,
    changed,
    decided,
    moment,
    present,
    scene,
    tombstone,
)

MISSING = pytest.mark.parametrize(
    "missing", [pytest.param(ABSENT, id="never-was"), pytest.param(tombstone(), id="deleted")]
)
SHARED = acl(read="account:omar", write="account:nadia")

# --- POST -----------------------------------------------------------------------------------------


@MISSING
def test_post_creates_what_is_missing(missing: State) -> None:
    """POST-1, POST-7: the tombstone is gone."""
    event = changed(scene(missing), ask().create({"id": "st-042", "name": "Bay"}))

    assert event.action is Action.CREATED
    assert event.before is None
    assert event.after == Snapshot(
        data={"id": "st-042", "last_modified": NOW, "name": "Bay"}, permissions=BY_NADIA
    )


def test_post_of_what_exists_changes_nothing() -> None:
    """POST-2: neither the data nor the permissions given count."""
    existing = present(name="Cove")
    command = ask().create({"id": "st-042", "name": "Bay"}, {"read": ["account:pia"]})

    assert decided(scene(existing), command) == Unchanged(existing)


def test_post_without_data_creates_an_object_without_fields() -> None:
    """POST-4."""
    assert changed(scene(), ask().create()).after.data == {"id": "st-042", "last_modified": NOW}


@pytest.mark.parametrize("text", ["", "-a", "a b", "ä", "a\n", "a" * 513, "a/b"])
@pytest.mark.parametrize("method", ["create", "put", "patch", "merge"])
def test_an_id_off_the_pattern_is_refused(method: str, text: str) -> None:
    """ID-2, ID-3: the whole text must be an id, and short enough for an index."""
    command = getattr(ask(address=record("atlas", "stations", text)), method)({})

    assert decided(scene(), command) == Invalid((INVALID_ID,))


# --- PUT ------------------------------------------------------------------------------------------


@MISSING
def test_put_creates_what_is_missing(missing: State) -> None:
    """PUT-1, PUT-6."""
    event = changed(scene(missing), ask().put({"name": "Bay"}))

    assert (event.type, event.before) == ("record.created", None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param({"b": 2}, {"b": 2}, id="data-replaces-all-fields"),
        pytest.param({}, {}, id="empty-data-empties"),
        pytest.param(None, {"a": 1}, id="no-data-keeps"),
        pytest.param(
            {"id": "st-042", "last_modified": 5}, {}, id="the-servers-fields-stay-its-own"
        ),
    ],
)
def test_put_of_what_exists(given: JsonObject | None, kept: JsonObject) -> None:
    """PUT-2, PUT-3, PUT-5: always a change."""
    event = changed(scene(present(a=1)), ask().put(given))

    assert event.type == "record.updated"
    assert event.before == Snapshot(
        data={"id": "st-042", "last_modified": EARLIER, "a": 1}, permissions=BY_NADIA
    )
    assert event.after.data == {"id": "st-042", "last_modified": NOW, **kept}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, SHARED, id="absent-keeps"),
        pytest.param({}, SHARED, id="empty-keeps"),
        pytest.param({"write": []}, acl(write="account:nadia"), id="one-key-replaces-all"),
        pytest.param(
            {"read": ["account:pia"]},
            acl(read="account:pia", write="account:nadia"),
            id="the-writer-is-added",
        ),
        pytest.param(
            {"write": ["account:pia", "account:pia"]},
            acl(write=["account:pia", "account:nadia"]),
            id="no-duplicates",
        ),
    ],
)
def test_put_replaces_permissions_when_one_is_given(
    given: dict[str, list[str]] | None, expected: dict[str, frozenset[str]]
) -> None:
    """PERM-14."""
    event = changed(scene(present(permissions=SHARED)), ask().put({}, given))

    assert event.after.permissions == expected


# --- who becomes a writer -------------------------------------------------------------------------


def test_who_writes_through_the_parent_becomes_a_writer() -> None:
    """PERM-12: from then on the object's permissions are shown to them."""
    above = present(COLLECTION, permissions=acl(write="account:omar"))

    event = changed(scene(present(), collection=above), ask(by=OMAR).patch({}))

    assert event.after.permissions == acl(write=["account:nadia", "account:omar"])


def test_what_an_anonymous_requester_makes_is_everyones() -> None:
    """PERM-12."""
    public = present(COLLECTION, permissions=acl(record_create="system.Everyone"))

    event = changed(scene(collection=public), ask(by=ANONYMOUS).create({}))

    assert event.after.permissions == acl(write="system.Everyone")
    assert event.cause.actor is None


def test_the_writer_is_not_added_where_the_setting_says_so() -> None:
    """`explicit_permissions: false`."""
    event = changed(
        scene(), ask().create({}, {"read": ["a"]}), rules=Rules(explicit_permissions=False)
    )

    assert event.after.permissions == acl(read="a")


def test_nobody_can_remove_themselves_from_the_writers() -> None:
    """PAT-18."""
    shared = present(permissions=acl(write=["account:nadia", "account:omar"]))
    removal = {"op": "remove", "path": "/permissions/write/account:nadia"}

    event = changed(scene(shared), ask().json_patch(removal))

    assert event.after.permissions == shared.permissions


# --- PATCH ----------------------------------------------------------------------------------------


def test_patch_replaces_the_fields_given_and_keeps_the_rest() -> None:
    """PAT-2: shallow, and `null` is stored."""
    event = changed(scene(present(a={"x": 1}, b=2, c=3)), ask().patch({"a": {"y": 2}, "b": None}))

    assert event.after.data == {
        "id": "st-042",
        "last_modified": NOW,
        "a": {"y": 2},
        "b": None,
        "c": 3,
    }


def test_merge_patch_merges_and_removes() -> None:
    """PAT-3."""
    event = changed(scene(present(a={"x": 1}, b=2)), ask().merge({"a": {"y": 2}, "b": None}))

    assert event.after.data == {"id": "st-042", "last_modified": NOW, "a": {"x": 1, "y": 2}}


def test_json_patch_is_applied_whole() -> None:
    """PAT-11: data and permissions in one document."""
    event = changed(
        scene(present(depth=9)),
        ask().json_patch(
            {"op": "test", "path": "/data/depth", "value": 9},
            {"op": "add", "path": "/data/tags", "value": ["deep"]},
            {"op": "add", "path": "/permissions/read/account:omar"},
        ),
    )

    assert event.after == Snapshot(
        data={"id": "st-042", "last_modified": NOW, "depth": 9, "tags": ["deep"]},
        permissions=acl(read="account:omar", write="account:nadia"),
    )


def test_json_patch_that_fails_changes_nothing() -> None:
    """PAT-12: all or nothing."""
    command = ask().json_patch(
        {"op": "add", "path": "/data/a", "value": 1},
        {"op": "test", "path": "/data/a", "value": 2},
    )

    decision = decided(scene(present()), command)

    assert isinstance(decision, Invalid)
    assert decision.faults[0].description.startswith("JSON Patch operation failed: ")


@pytest.mark.parametrize("method", ["patch", "merge"])
def test_a_patch_without_a_difference_is_a_change(method: str) -> None:
    """PAT-5, D-8: history, ETag and clients follow it."""
    event = changed(scene(present(a=1)), getattr(ask(), method)({"a": 1}))

    assert (event.action, event.last_modified) == (Action.UPDATED, NOW)


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        pytest.param("patch", {"read": []}, acl(write="account:nadia"), id="plain-empties"),
        pytest.param("patch", {"read": None}, SHARED, id="plain-null-does-not-mention"),
        pytest.param("merge", {"read": None}, acl(write="account:nadia"), id="merge-null-empties"),
        pytest.param(
            "merge",
            {"read": ["account:pia"]},
            acl(read="account:pia", write="account:nadia"),
            id="merge-replaces",
        ),
    ],
)
def test_patched_permissions(
    method: str, given: dict[str, list[str] | None], expected: dict[str, frozenset[str]]
) -> None:
    """PERM-15, PERM-16: others stay as they are."""
    command = getattr(ask(), method)(None, given)

    assert changed(scene(present(permissions=SHARED)), command).after.permissions == expected


@pytest.mark.parametrize("method", ["patch", "merge"])
def test_a_patch_cannot_change_the_id(method: str) -> None:
    """ID-5."""
    decision = decided(scene(present()), getattr(ask(), method)({"id": "st-043"}))

    assert isinstance(decision, Invalid)
    assert decision.faults[0].name == "id"


# --- DELETE ---------------------------------------------------------------------------------------


def test_a_deletion_leaves_a_tombstone_without_permissions() -> None:
    """DEL-1, PERM-11."""
    event = changed(scene(present(a=1)), ask().delete())

    assert event.type == "record.deleted"
    assert event.after.permissions == {}
    assert evolve(present(), event) == Tombstone(last_modified=NOW)


@MISSING
def test_what_is_gone_cannot_be_deleted_again(missing: State) -> None:
    """DEL-2, DEL-4."""
    assert decided(scene(missing), ask().delete()) == ObjectMissing(RECORD)


# --- lives ----------------------------------------------------------------------------------------


def test_a_new_life_has_the_id_of_its_first_event() -> None:
    """So that nothing of an earlier life is ever found in it (TS-11)."""
    of_bucket = changed(scene(tombstone(), kind=Kind.BUCKET), ask(address=BUCKET).put({}))
    of_collection = changed(
        scene(tombstone(), kind=Kind.COLLECTION), ask(address=COLLECTION).put({})
    )

    own = Uid(moment().event_id)
    assert (of_bucket.bucket_uid, of_bucket.collection_uid) == (own, None)
    assert of_collection.bucket_uid == BUCKET_UID
    assert of_collection.collection_uid == own


def test_an_event_names_the_lives_it_is_in() -> None:
    """Consumers key what they keep by them."""
    event = changed(scene(), ask().create({}))

    assert (event.bucket_uid, event.collection_uid) == (BUCKET_UID, COLLECTION_UID)


def test_an_update_stays_in_its_life() -> None:
    event = changed(
        scene(present(COLLECTION), kind=Kind.COLLECTION), ask(address=COLLECTION).patch({"a": 1})
    )

    assert (event.bucket_uid, event.collection_uid) == (BUCKET_UID, COLLECTION_UID)
    assert event.records_from is None


def test_an_event_says_who_asked_and_by_which_request() -> None:
    event = changed(scene(), ask().create({}))

    assert (event.cause.actor, event.cause.request_id) == (NADIA.user_id, "request-1")


def test_evolve_starts_from_anything() -> None:
    """An event holds the whole state: what was before does not matter."""
    event = changed(scene(), ask().create({"a": 1}))

    assert evolve(Absent(), event) == evolve(tombstone(), event) == evolve(present(b=2), event)


@pytest.mark.parametrize(
    ("kind", "expected"), [("project", True), ("orbit", False), (None, False), ([], False)]
)
def test_a_collections_event_says_whether_it_is_of_a_project(kind: Any, expected: object) -> None:
    """CocoBase section 8: who tells a project's URLs knows collections by their events alone."""
    parent = present(BUCKET, kind=kind)
    target = present(COLLECTION, webhook_url="http://one.example/")
    around = scene(target, kind=Kind.COLLECTION, bucket=parent)

    made = changed(scene(kind=Kind.COLLECTION, bucket=parent), ask(address=COLLECTION).put({}))
    gone = changed(around, ask(address=COLLECTION).delete())
    of_record = changed(scene(bucket=parent), ask().put({}))

    assert [made.is_of_project, gone.is_of_project] == [expected, expected]
    assert not of_record.is_of_project
