"""Sections 7.2 and 7.3: what missing and hidden objects look like, and permissions in bodies."""

from typing import Any

import pytest
from requests import Response

from tests.clients.requester import (
    IF_NONE,
    MERGE_PATCH,
    Atlas,
    Requester,
    data,
    ids,
    refusal,
)


def granted(answer: Response) -> dict[str, set[str]]:
    """The permissions of an answer, without regard to order."""
    assert answer.ok, answer.text
    shown = answer.json()["permissions"]
    assert all(len(set(each)) == len(each) for each in shown.values())
    return {name: set(principals) for name, principals in shown.items()}


@pytest.fixture
def shared(atlas: Atlas) -> Atlas:
    """With records `a`, which omar may read, and `b`, which he may not."""
    atlas.record("a", permissions={"read": [atlas.omar.user_id]})
    atlas.record("b")
    return atlas


# --- Missing or forbidden -------------------------------------------------------------------------


def test_readers_of_the_parent_learn_what_is_missing(shared: Atlas) -> None:
    """PERM-2: others can't tell it from what they may not read."""
    owner = shared.nadia("GET", f"{shared.records}/none")
    stranger = [shared.omar("GET", f"{shared.records}/{id_}") for id_ in ("none", "b")]
    nobody = [shared.anonymous("GET", f"{shared.records}/{id_}") for id_ in ("none", "b")]

    assert refusal(owner) == (404, 110)
    assert [refusal(answer) for answer in stranger] == [(403, 121)] * 2
    assert [refusal(answer) for answer in nobody] == [(401, 104)] * 2


def test_put_once_needs_the_right_to_create(shared: Atlas) -> None:
    """PERM-3, BKT-2: who may write one object but not create beside it is refused."""
    data(
        shared.nadia(
            "PATCH",
            f"{shared.records}/a",
            {"permissions": {"write": [shared.omar.user_id]}},
        )
    )

    writes = shared.omar("PUT", f"{shared.records}/a")
    creates = shared.omar("PUT", f"{shared.records}/a", {}, IF_NONE)

    assert writes.status_code == 200
    assert refusal(creates) == (403, 121)


def test_put_once_by_a_mere_creator_shows_nothing(shared: Atlas) -> None:
    """PRE-4, D-15, PERM-3: 412 without the object, which they can't read."""
    shared.grant(shared.collection, {"record:create": shared.omar})

    hidden = shared.omar("PUT", f"{shared.records}/b", {}, IF_NONE)
    readable = shared.omar("PUT", f"{shared.records}/a", {}, IF_NONE)

    assert refusal(hidden) == refusal(readable) == (412, 114)
    assert "details" not in hidden.json()
    assert readable.json()["details"]["existing"]["id"] == "a"


def test_post_of_an_id_that_exists_needs_the_right_to_read_it(shared: Atlas) -> None:
    """PERM-4, POST-2: nothing is written."""
    read = shared.omar("POST", shared.records, {"data": {"id": "a", "n": 1}})
    hidden = shared.omar("POST", shared.records, {"data": {"id": "b"}})
    unknown = shared.omar("POST", shared.records, {"data": {"id": "c"}})

    assert (read.status_code, "n" in data(read)) == (200, False)
    assert refusal(hidden) == refusal(unknown) == (403, 121)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_only_who_may_list_learns_that_nothing_was_there_to_change(
    shared: Atlas, new_user: Requester, method: str
) -> None:
    """PERM-5: a holder of `record:create` alone gets 403."""
    shared.grant(shared.collection, {"record:create": shared.omar, "read": new_user})
    body: Any = {"data": {}} if method == "PATCH" else None

    creator = shared.omar(method, f"{shared.records}/none", body)
    reader = new_user(method, f"{shared.records}/none", body)

    assert refusal(creator) == (403, 121)
    assert refusal(reader) == (404, 110)


def test_a_list_has_one_timestamp_for_all(shared: Atlas) -> None:
    """PERM-9: that of the whole timeline, also for 304 and 412."""
    whole, part = (who("GET", shared.records) for who in (shared.nadia, shared.omar))
    shared.record("c")
    stale = {"If-None-Match": part.headers["ETag"]}
    changed = shared.omar("GET", shared.records, headers=stale)
    refused = shared.omar("GET", shared.records, headers={"If-Match": part.headers["ETag"]})

    assert ids(part) == ids(changed) == ["a"]
    assert part.headers["ETag"] == whole.headers["ETag"]
    assert part.headers["Last-Modified"] == whole.headers["Last-Modified"]
    assert changed.status_code == 200
    assert refused.status_code == 412


def test_tombstones_of_shared_objects_are_not_shown(shared: Atlas) -> None:
    """PERM-10: their ACEs are gone with them."""
    tombstone = data(shared.nadia("DELETE", f"{shared.records}/a"))
    shared.record("c", permissions={"read": [shared.omar.user_id]})

    assert ids(shared.omar("GET", f"{shared.records}?_since=0")) == ["c"]
    assert tombstone in data(shared.nadia("GET", f"{shared.records}?_since=0"))


def test_permissions_end_with_the_object(shared: Atlas) -> None:
    """PERM-11: one made anew has none of the old."""
    shared.nadia("DELETE", f"{shared.records}/a")
    again = shared.nadia("PUT", f"{shared.records}/a")

    assert granted(again) == {"write": {shared.nadia.user_id}}
    assert refusal(shared.omar("GET", f"{shared.records}/a")) == (403, 121)


def test_permissions_end_with_the_parent(shared: Atlas) -> None:
    """PERM-11: those of everything under it too."""
    shared.nadia("DELETE", shared.bucket)
    for path in (shared.bucket, shared.collection, f"{shared.records}/a"):
        assert shared.nadia("PUT", path).status_code == 201

    assert refusal(shared.omar("GET", f"{shared.records}/a")) == (403, 121)


def test_a_group_made_again_revives_what_names_it(atlas: Atlas) -> None:
    """PERM-11: ACEs keep the URI of a group that is gone."""
    group = f"{atlas.bucket}/groups/crew"
    members = {"data": {"members": [atlas.omar.user_id]}}
    uri = group.removeprefix("/v1")
    shown = atlas.nadia("PATCH", atlas.collection, {"permissions": {"read": [uri]}})
    statuses = [atlas.omar("GET", atlas.records).status_code]
    for method, body in (("PUT", members), ("DELETE", None), ("PUT", members)):
        data(atlas.nadia(method, group, body))
        statuses.append(atlas.omar("GET", atlas.records).status_code)

    assert statuses == [403, 200, 403, 200]
    assert granted(atlas.nadia("GET", atlas.collection)) == granted(shown)


# --- In bodies ------------------------------------------------------------------------------------


def test_who_changes_an_object_may_write_it_from_then_on(atlas: Atlas) -> None:
    """PERM-12, PERM-19: also when the right came from the parent; then they see the ACEs."""
    atlas.grant(atlas.bucket, {"write": atlas.omar})
    atlas.record("a")
    path = f"{atlas.records}/a"
    both = {atlas.nadia.user_id, atlas.omar.user_id}

    before = atlas.omar("GET", path)
    patched = atlas.omar("PATCH", path, {"data": {"n": 1}})

    assert before.json()["permissions"] == {}
    assert granted(patched) == {"write": both}
    assert granted(atlas.omar("GET", path)) == {"write": both}


@pytest.mark.parametrize(
    ("method", "content_type", "body"),
    [
        ("PUT", "application/json", {"permissions": {"write": ["account:pia"]}}),
        ("PATCH", "application/json", {"permissions": {"write": ["account:pia"]}}),
        ("PATCH", "application/merge-patch+json", {"permissions": {"write": ["account:pia"]}}),
        (
            "PATCH",
            "application/json-patch+json",
            [{"op": "add", "path": "/permissions/write", "value": ["account:pia"]}],
        ),
    ],
)
def test_nobody_takes_themselves_off_the_writers(
    atlas: Atlas, method: str, content_type: str, body: Any
) -> None:
    """PERM-12, PAT-18, PAT-17: by any kind of change."""
    atlas.record("a")

    answer = atlas.nadia(method, f"{atlas.records}/a", body, {"Content-Type": content_type})

    assert granted(answer) == {"write": {atlas.nadia.user_id, "account:pia"}}


def test_what_the_anonymous_make_is_everyones(atlas: Atlas) -> None:
    """PERM-12: so anybody may write it."""
    permissions = {"record:create": ["system.Everyone"]}
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": permissions}))

    made = atlas.anonymous("POST", atlas.records, {"data": {"id": "a"}})

    assert granted(made) == {"write": {"system.Everyone"}}
    assert atlas.omar("PATCH", f"{atlas.records}/a", {"data": {}}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_permissions_given_at_creation(atlas: Atlas, method: str) -> None:
    """PERM-13, PUT-4: those, and the creator's; without any, the creator's alone."""
    path, other = {
        "POST": (atlas.records, atlas.records),
        "PUT": (f"{atlas.records}/a", f"{atlas.records}/b"),
    }[method]
    named = {"read": ["account:omar", "account:pia"], "write": ["account:pia"]}
    creator = atlas.nadia.user_id

    given = atlas.nadia(method, path, {"data": {"id": "a"}, "permissions": named})
    plain = atlas.nadia(method, other, {"data": {"n": 1}})

    assert granted(given) == {
        "read": {"account:omar", "account:pia"},
        "write": {"account:pia", creator},
    }
    assert granted(plain) == {"write": {creator}}


@pytest.mark.parametrize(
    ("permissions", "kept"),
    [
        (None, {"read": {"account:omar"}, "record:create": {"account:pia"}}),
        ({}, {"read": {"account:omar"}, "record:create": {"account:pia"}}),
        ({"read": ["account:ida"]}, {"read": {"account:ida"}}),
        ({"read": []}, {}),
    ],
)
def test_put_replaces_all_permissions_or_none(
    atlas: Atlas, permissions: dict[str, list[str]] | None, kept: dict[str, set[str]]
) -> None:
    """PERM-14, PUT-4: one name is enough for those not mentioned to become empty."""
    before = {"read": ["account:omar"], "record:create": ["account:pia"]}
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": before}))
    body: Any = {"data": {}} if permissions is None else {"permissions": permissions}

    answer = atlas.nadia("PUT", atlas.collection, body)

    assert granted(answer) == {**kept, "write": {atlas.nadia.user_id}}


@pytest.mark.parametrize(
    ("headers", "permissions", "kept"),
    [
        ({}, {"read": ["account:ida"]}, {"read": {"account:ida"}, "record:create": {"x"}}),
        ({}, {"read": []}, {"record:create": {"x"}}),
        ({}, {"read": None}, {"read": {"account:omar"}, "record:create": {"x"}}),
        (MERGE_PATCH, {"read": ["y"]}, {"read": {"y"}, "record:create": {"x"}}),
        (MERGE_PATCH, {"read": None}, {"record:create": {"x"}}),
    ],
)
def test_patch_replaces_the_permissions_it_names(
    atlas: Atlas,
    headers: dict[str, str],
    permissions: dict[str, list[str] | None],
    kept: dict[str, set[str]],
) -> None:
    """PERM-15, PERM-16: `null` mentions nothing, but empties in a merge patch."""
    before = {"read": ["account:omar"], "record:create": ["x"]}
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": before}))

    answer = atlas.nadia("PATCH", atlas.collection, {"permissions": permissions}, headers)

    assert granted(answer) == {**kept, "write": {atlas.nadia.user_id}}


def test_permissions_are_shown_without_empty_lists_and_repeats(atlas: Atlas) -> None:
    """PERM-18."""
    named = {"read": ["a", "b", "a"], "write": []}

    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"permissions": named})

    assert granted(answer) == {"read": {"a", "b"}, "write": {atlas.nadia.user_id}}


def test_only_own_writers_see_permissions(shared: Atlas, new_user: Requester) -> None:
    """PERM-19: not readers, nor who may write by the parent."""
    shared.grant(shared.bucket, {"write": new_user})

    shown = [who("GET", f"{shared.records}/a") for who in (shared.nadia, shared.omar, new_user)]

    assert granted(shown[0]) == {"read": {shared.omar.user_id}, "write": {shared.nadia.user_id}}
    assert [answer.json()["permissions"] for answer in shown[1:]] == [{}, {}]


def test_where_permissions_are_shown_and_where_not(atlas: Atlas) -> None:
    """PERM-20: with whole objects only."""
    path = f"{atlas.records}/a"
    changes: dict[str, Any] = {"data": {"n": 1}}
    with_them = [
        atlas.nadia("POST", atlas.records),
        atlas.nadia("PUT", path),
        atlas.nadia("PATCH", path, changes),
        atlas.nadia("GET", path),
    ]
    without_them = [
        atlas.nadia("GET", atlas.records),
        atlas.nadia("GET", f"{path}?_fields=n"),
        atlas.nadia("PATCH", path, changes, {"Response-Behavior": "light"}),
        atlas.nadia("PATCH", path, changes, {"Response-Behavior": "diff"}),
        atlas.nadia("DELETE", path),
    ]
    existing = atlas.nadia("PUT", atlas.collection, {}, IF_NONE).json()["details"]["existing"]

    assert ["permissions" in answer.json() for answer in with_them] == [True] * 4
    assert [set(answer.json()) for answer in without_them] == [{"data"}] * 5
    assert "permissions" not in existing
