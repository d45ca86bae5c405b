"""Sections 20 and 21: history, snapshots, counters, forgetting a user."""

import uuid
from datetime import datetime
from typing import Any

import pytest
from requests import Response

from tests.clients.requester import (
    EVERYONE,
    IF_NONE,
    Atlas,
    Requester,
    data,
    detail,
    ids,
    refusal,
    without,
)


def history(atlas: Atlas, query: str = "") -> list[dict[str, Any]]:
    """The entries, oldest first."""
    found: list[dict[str, Any]] = data(atlas.nadia("GET", f"{atlas.bucket}/history?{query}"))
    return found[::-1]


def told(entries: list[dict[str, Any]]) -> list[str]:
    """Each entry in two words."""
    return [f"{each['action']} {each['uri'].rpartition('/')[2]}" for each in entries]


@pytest.fixture
def made(atlas: Atlas) -> Atlas:
    """A record that was made, changed, shared and deleted; a group; another record."""
    atlas.record("a", {"n": 1})
    data(atlas.nadia("PATCH", f"{atlas.records}/a", {"data": {"n": 2}}))
    data(atlas.nadia("PATCH", f"{atlas.records}/a", {"permissions": EVERYONE}))
    data(atlas.nadia("DELETE", f"{atlas.records}/a"))
    data(atlas.nadia("PUT", f"{atlas.bucket}/groups/crew", {"data": {"members": []}}))
    atlas.record("b")
    return atlas


def test_every_change_is_an_entry(made: Atlas) -> None:
    """HIS-1, HIS-13, E-9, E-10: of objects of all types, ACEs too; reads and refusals are none."""
    made.nadia("GET", made.records)
    made.nadia("PUT", f"{made.records}/b", {}, IF_NONE)
    made.nadia("POST", made.records, {"data": {"id": "b"}})
    made.omar("DELETE", f"{made.records}/b")
    bucket_id = made.bucket.rpartition("/")[2]

    assert told(history(made)) == [
        *(f"create {bucket_id}", "create stations"),
        *("create a", "update a", "update a", "delete a"),
        *("create crew", "create b"),
    ]


def test_what_an_entry_says(made: Atlas) -> None:
    """HIS-2 to HIS-4, E-10: the object after the change, and its ACEs."""
    created, _, shared, deleted = history(made, "record_id=a")
    [group] = history(made, "group_id=crew")
    [bucket] = history(made, "resource_name=bucket")

    assert set(created) == {
        *("id", "last_modified", "date", "action", "resource_name", "uri"),
        *("collection_id", "record_id", "user_id", "target"),
    }
    assert uuid.UUID(created["id"]).version == 4
    assert datetime.fromisoformat(created["date"]).tzinfo
    assert (created["collection_id"], created["record_id"]) == ("stations", "a")
    assert created["user_id"] == made.nadia.user_id
    assert without(created["target"]["data"], "last_modified") == {"id": "a", "n": 1}
    assert created["target"]["permissions"] == {"write": [made.nadia.user_id]}
    assert shared["target"]["permissions"] == {**EVERYONE, "write": [made.nadia.user_id]}
    assert deleted["target"]["data"]["deleted"] is True
    assert deleted["target"]["permissions"] == {}
    assert (group["group_id"], bucket["bucket_id"]) == ("crew", made.bucket.rpartition("/")[2])
    assert not {"collection_id", "record_id"} & set(group)


def test_the_anonymous_have_no_id(atlas: Atlas) -> None:
    """HIS-2."""
    permissions = {"record:create": ["system.Everyone"]}
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": permissions}))
    data(atlas.anonymous("POST", atlas.records))

    assert history(atlas)[-1]["user_id"] is None


def test_what_is_deleted_with_its_parent_makes_no_entry(atlas: Atlas) -> None:
    """HIS-5: the collection's alone; in a bulk delete one for each."""
    for id_ in "ab":
        atlas.record(id_)
    data(atlas.nadia("DELETE", f"{atlas.records}?_sort=id"))
    in_bulk = told(history(atlas))[-2:]
    atlas.record("c")

    data(atlas.nadia("DELETE", atlas.collection))

    assert in_bulk == ["delete a", "delete b"]
    assert told(history(atlas))[-1] == "delete stations"


def test_what_is_made_silently_makes_an_entry(new_user: Requester) -> None:
    """HIS-6, DEF-8: the bucket of one's own, and the collection in it."""
    new_user("GET", "/v1/buckets/default/collections/tides/records")
    real_id = new_user("GET", "/v1/").json()["user"]["bucket"]

    entries = data(new_user("GET", "/v1/buckets/default/history"))

    assert told(entries[::-1]) == [f"create {real_id}", "create tides"]
    assert {entry["user_id"] for entry in entries} == {new_user.user_id}


def test_a_batch_is_told_in_its_order(atlas: Atlas) -> None:
    """HIS-7, D-27: not by action."""
    before = len(history(atlas))
    requests = [
        {"method": "PUT", "path": f"{atlas.records}/a"},
        {"method": "DELETE", "path": f"{atlas.records}/a"},
        {"method": "PUT", "path": f"{atlas.records}/b"},
        {"method": "PUT", "path": f"{atlas.records}/b"},
    ]

    atlas.nadia("POST", "/v1/batch", {"requests": requests})

    assert told(history(atlas))[before:] == ["create a", "delete a", "create b", "update b"]


def test_who_sees_which_entries(made: Atlas) -> None:
    """HIS-8: those whose object they could read then, whatever became of that."""
    shared_while_it_was = told(data(made.omar("GET", f"{made.bucket}/history")))
    made.grant(made.bucket, {"read": made.omar})
    all_of_them = data(made.omar("GET", f"{made.bucket}/history"))

    assert shared_while_it_was == ["update a"]
    assert len(all_of_them) == len(history(made))


def test_who_sees_none_is_refused(atlas: Atlas) -> None:
    """HIS-8."""
    assert refusal(atlas.omar("GET", f"{atlas.bucket}/history")) == (403, 121)
    assert refusal(atlas.anonymous("GET", f"{atlas.bucket}/history")) == (401, 104)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("uri=/buckets/{id}/collections/stations/records/a", 4),
        ("resource_name=record", 5),
        ("action=delete", 1),
        ("collection_id=stations&resource_name=collection", 1),
        ("record_id=b", 1),
        ("target.data.n=2", 2),
        ("min_target.data.last_modified=0", 8),
        ("like_uri=*records*", 5),
        ("_since=0", 8),
        ("_before=1", 0),
        ("_sort=action&_limit=3", 3),
        ("user_id=nobody", 0),
    ],
)
def test_history_is_a_list_as_others(made: Atlas, query: str, count: int) -> None:
    """HIS-9, HIS-10: counted by HEAD too, whatever the page."""
    query = query.format(id=made.bucket.rpartition("/")[2])

    found = history(made, query)
    head = made.nadia("HEAD", f"{made.bucket}/history?{query.partition('&_limit')[0]}")

    assert len(found) == count
    assert int(head.headers["Total-Records"]) == max(count, 8 if "_limit" in query else 0)


def test_ids_that_look_like_numbers_are_texts(atlas: Atlas) -> None:
    """HIS-9."""
    atlas.record("12")

    assert told(history(atlas, "record_id=12")) == ["create 12"]


def test_history_is_deleted_by_who_may_write_the_bucket(made: Atlas) -> None:
    """HIS-11: with filters, answered with tombstones; it is a list only."""
    path = f"{made.bucket}/history"
    tombstones = data(made.nadia("DELETE", f"{path}?record_id=a"))

    assert [each["deleted"] for each in tombstones] == [True] * 4
    assert len(history(made)) == 4
    assert refusal(made.nadia("POST", path, {})) == (405, 115)
    assert refusal(made.nadia("GET", f"{path}/{tombstones[0]['id']}")) == (404, 111)


# --- Snapshots ------------------------------------------------------------------------------------


def snapshot(atlas: Atlas, at: object, who: str = "nadia") -> Response:
    requester: Requester = getattr(atlas, who)
    return requester("GET", f"{atlas.bucket}/snapshot/collections/stations@{at}")


def test_a_collection_as_it_was(atlas: Atlas) -> None:
    """SNAP-1, SNAP-2, SNAP-5, E-8: newest first, what came later left out."""
    first = atlas.record("a", {"n": 1})
    kept = atlas.record("b")
    gone = atlas.record("c")
    moment = atlas.revision()
    atlas.record("a", {"n": 2})
    atlas.nadia("DELETE", f"{atlas.records}/c")
    later = atlas.record("d")

    then = snapshot(atlas, moment)
    now = snapshot(atlas, later["last_modified"])

    assert data(then) == [gone, kept, first]
    assert ids(now) == ["d", "a", "b"]
    assert "ETag" not in then.headers
    assert data(snapshot(atlas, f"{moment}?_limit=1&n=7")) == data(then)


def test_the_moment_comes_after_the_last_at_sign(atlas: Atlas) -> None:
    """SNAP-4: what stands before is a collection, here one that cannot be."""
    answer = atlas.nadia("GET", f"{atlas.bucket}/snapshot/collections/stations@@1")

    assert data(answer) == []


@pytest.mark.parametrize("at", ["abc", "-1", "1.5", ""])
def test_no_moment(atlas: Atlas, at: str) -> None:
    """SNAP-3."""
    assert detail(snapshot(atlas, at)) == {
        "location": "path",
        "name": "timestamp",
        "description": f"Invalid timestamp '{at}'",
    }


def test_who_may_see_a_snapshot(atlas: Atlas) -> None:
    """SNAP-4: who has read or write on bucket or collection; of an unknown one, nothing."""
    refused = [refusal(snapshot(atlas, 1, who)) for who in ("omar", "anonymous")]
    atlas.grant(atlas.collection, {"read": atlas.omar})
    unknown = atlas.nadia("GET", f"{atlas.bucket}/snapshot/collections/none@1")

    assert refused == [(403, 121), (401, 104)]
    assert snapshot(atlas, 1, "omar").status_code == 200
    assert data(unknown) == []


# --- Counters and forgetting ----------------------------------------------------------------------


def test_counters(made: Atlas) -> None:
    """CNT-1: of what there is and of tombstones; for anybody, without zeros."""
    before = made.anonymous("GET", "/v1/__counters__").json()
    made.record("c")
    made.nadia("DELETE", f"{made.records}/b")

    after = made.anonymous("GET", "/v1/__counters__").json()

    assert set(after) == {"objects", "tombstones"}
    assert after["objects"]["record"] == before["objects"]["record"]
    assert after["tombstones"]["record"] == before["tombstones"]["record"] + 1
    known = {"account", "bucket", "group", "collection", "record", "history", "attachments"}
    assert set(after["objects"]) | set(after["tombstones"]) <= known
    assert 0 not in after["objects"].values()


def test_a_user_is_forgotten(atlas: Atlas, new_user: Requester) -> None:
    """UD-1: what they alone may write goes, and their name in all else; unknown ones too."""
    user_id = new_user.user_id
    alone, shared = f"{atlas.bucket}-1", f"{atlas.bucket}-2"
    data(new_user("PUT", alone))
    data(new_user("PUT", shared, {"permissions": {"write": [atlas.nadia.user_id]}}))
    members = {"data": {"members": [user_id, "account:pia"]}}
    data(atlas.nadia("PUT", f"{atlas.bucket}/groups/crew", members))

    forgotten = atlas.nadia("DELETE", f"/v1/__user_data__/{user_id}")
    unknown = atlas.nadia("DELETE", "/v1/__user_data__/account:nobody")

    assert forgotten.json() == {"data": {"principal": user_id}}
    assert unknown.status_code == 200
    assert refusal(atlas.nadia("PUT", alone, {}, {"If-Match": "*"})) == (412, 114)
    assert atlas.nadia("GET", shared).json()["permissions"] == {"write": [atlas.nadia.user_id]}
    group = data(atlas.nadia("GET", f"{atlas.bucket}/groups/crew"))
    assert group["members"] == ["account:pia"]


@pytest.mark.parametrize("path", ["/v1/__user_data__/x", "/v1/__user_data__"])
def test_user_data_are_not_read(atlas: Atlas, path: str) -> None:
    """UD-2: 405; and to delete them one must be let."""
    assert refusal(atlas.nadia("GET", path)) == (405, 115)
    assert refusal(atlas.anonymous("DELETE", "/v1/__user_data__/x")) == (401, 104)
