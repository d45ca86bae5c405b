"""Sections 11 to 14: what is particular to buckets, collections, records and groups; caching."""

from typing import Any

import pytest

from tests.clients.requester import (
    EVERYONE,
    IF_NONE,
    Atlas,
    Requester,
    data,
    detail,
    directives,
    expires_after_s,
    ids,
    quoted,
    refusal,
    without,
)


def test_anybody_with_a_name_makes_buckets(atlas: Atlas, new_user: Requester) -> None:
    """BKT-1, PERM-8: the anonymous don't; each sees those with their name in them."""
    made = data(new_user("POST", "/v1/buckets", {"data": {"title": "mine"}}))

    assert ids(new_user("GET", "/v1/buckets")) == [made["id"]]
    assert made["title"] == "mine"
    assert refusal(atlas.anonymous("POST", "/v1/buckets", {})) == (401, 104)
    assert refusal(atlas.anonymous("PUT", f"{atlas.bucket}-2")) == (401, 104)


@pytest.mark.parametrize("permission", ["read", "write", "collection:create", "group:create"])
def test_buckets_are_listed_by_any_permission(
    atlas: Atlas, new_user: Requester, permission: str
) -> None:
    """PERM-8."""
    before = data(new_user("GET", "/v1/buckets"))
    atlas.grant(atlas.bucket, {permission: new_user})

    assert before == []
    assert ids(new_user("GET", "/v1/buckets")) == [atlas.bucket.rpartition("/")[2]]


def test_a_name_that_is_taken(atlas: Atlas) -> None:
    """BKT-2, PRE-4: 403 for who may not read it, 412 for a PUT that must make it."""
    body = {"data": {"id": atlas.bucket.rpartition("/")[2]}}

    assert refusal(atlas.omar("PUT", atlas.bucket)) == (403, 121)
    assert refusal(atlas.omar("POST", "/v1/buckets", body)) == (403, 121)
    assert refusal(atlas.omar("POST", "/v1/buckets", body, IF_NONE)) == (403, 121)
    once = atlas.omar("PUT", atlas.bucket, headers=IF_NONE)
    assert refusal(once) == (412, 114)
    assert "details" not in once.json()


def test_a_deleted_bucket_takes_all_in_it(atlas: Atlas) -> None:
    """BKT-3, E-7: at once and for good; one whose name begins alike stays."""
    neighbour = f"{atlas.bucket}2"
    for path in (neighbour, f"{neighbour}/collections/stations"):
        data(atlas.nadia("PUT", path))
    members = {"data": {"members": [atlas.omar.user_id]}}
    data(atlas.nadia("PUT", f"{atlas.bucket}/groups/crew", members))
    atlas.record("a")

    data(atlas.nadia("DELETE", atlas.bucket))
    principals = atlas.omar("GET", "/v1/").json()["user"]["principals"]
    data(atlas.nadia("PUT", atlas.bucket))

    assert f"{atlas.bucket}/groups/crew".removeprefix("/v1") not in principals
    for list_ in ("collections", "groups"):
        assert data(atlas.nadia("GET", f"{atlas.bucket}/{list_}?_since=0")) == []
    [entry] = data(atlas.nadia("GET", f"{atlas.bucket}/history"))
    assert (entry["action"], entry["resource_name"]) == ("create", "bucket")
    assert ids(atlas.nadia("GET", f"{neighbour}/collections")) == ["stations"]


def test_tombstones_of_buckets_are_not_shown(new_user: Requester) -> None:
    """BKT-4, PERM-10: but to who has a right on all of them by a setting."""
    path = f"/v1/buckets/{data(new_user('POST', '/v1/buckets'))['id']}"
    data(new_user("DELETE", path))

    assert data(new_user("GET", "/v1/buckets?_since=0")) == []


@pytest.mark.parametrize(
    "path", ["", "/collections", "/collections/x", "/groups", "/groups/x", "/history"]
)
def test_under_a_missing_bucket_nothing_grants_anything(atlas: Atlas, path: str) -> None:
    """BKT-5: 403, and 401 for the anonymous."""
    missing = f"{atlas.bucket}-none{path}"

    assert refusal(atlas.nadia("GET", missing)) == (403, 121)
    assert refusal(atlas.anonymous("GET", missing)) == (401, 104)


@pytest.mark.parametrize("parent", ["{bucket}-none/collections/x", "{bucket}/collections/none"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("PUT", "/a"), ("PATCH", "/a"), ("DELETE", "/a")]
)
def test_records_of_what_is_missing(atlas: Atlas, parent: str, method: str, path: str) -> None:
    """BKT-6, REC-1, D-2, ERR-16: 404 with the collection's id, for anyone."""
    url = f"{atlas.path(parent)}/records{path}"
    body: Any = None if method == "DELETE" else {"data": {}}

    for who in (atlas.nadia, atlas.omar, atlas.anonymous):
        answer = who(method, url, body)
        assert refusal(answer) == (404, 111)
        assert answer.json()["details"]["resource_name"] == "collection"


# --- Collections and records ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["{bucket}", "{collection}"])
def test_metadata_are_their_owners(atlas: Atlas, path: str) -> None:
    """E-15, Section 1.2: fields that mean something elsewhere, or something wrong, are kept."""
    free: dict[str, Any] = {
        "indexes": 1,
        "webhooks": "none",
        "status": None,
        "sort": "-title",
        "displayFields": ["title"],
        "webhook:url": 7,
        "webhook:filter": "no object",
    }

    kept = data(atlas.nadia("PATCH", atlas.path(path), {"data": free}))

    assert without(kept, "id", "last_modified") == free
    assert data(atlas.nadia("GET", atlas.path(path))) == kept


def test_a_collection_made_again_is_empty(atlas: Atlas) -> None:
    """COL-1, COL-2, TS-11: nothing of before, not even tombstones."""
    atlas.record("a")
    atlas.record("b")
    atlas.nadia("DELETE", f"{atlas.records}/a")
    before = atlas.revision()
    entries = len(data(atlas.nadia("GET", f"{atlas.bucket}/history")))

    tombstone = data(atlas.nadia("DELETE", atlas.collection))
    listed = data(atlas.nadia("GET", f"{atlas.bucket}/collections?_since=0"))
    data(atlas.nadia("PUT", atlas.collection))

    assert listed == [tombstone]
    for since in (0, before):
        assert data(atlas.nadia("GET", f"{atlas.records}?_since={since}")) == []
    # The collection's deletion and its creation: none of records.
    assert len(data(atlas.nadia("GET", f"{atlas.bucket}/history"))) == entries + 2


@pytest.mark.parametrize(
    ("given", "kept"), [(60, 60), ("60", 60), (1.5, 1), (0, 0), (None, "absent")]
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_cache_expires_is_a_number_of_seconds(
    atlas: Atlas, method: str, given: Any, kept: Any
) -> None:
    """COL-3: made one where it can be; `null` is none."""
    path = atlas.collection if method == "PUT" else f"{atlas.bucket}/collections"

    made = data(atlas.nadia(method, path, {"data": {"cache_expires": given}}))

    assert made.get("cache_expires", "absent") == kept


def test_put_without_a_schema_removes_it(atlas: Atlas) -> None:
    """COL-4, SCH-7."""
    data(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"required": ["t"]}}}))
    refused = atlas.nadia("POST", atlas.records)

    data(atlas.nadia("PUT", atlas.collection, {"data": {"colour": "red"}}))

    assert refused.status_code == 400
    assert "schema" not in data(atlas.nadia("POST", atlas.records))


def test_writing_records_leaves_the_collection_as_it_is(atlas: Atlas) -> None:
    """COL-5."""
    before = atlas.nadia("GET", atlas.collection)
    atlas.record("a")
    atlas.nadia("DELETE", f"{atlas.records}/a")

    after = atlas.nadia("GET", atlas.collection)

    assert after.json() == before.json()
    assert after.headers["ETag"] == before.headers["ETag"]


# --- Caching --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["{records}", "{records}/a"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_records_may_be_kept_for_seconds(atlas: Atlas, method: str, path: str) -> None:
    """CACHE-2, CACHE-3, D-18: by all readers; privately where one has said who one is."""
    body = {"data": {"cache_expires": 60}, "permissions": EVERYONE}
    data(atlas.nadia("PATCH", atlas.collection, body))
    atlas.record("a")

    anonymous = atlas.anonymous(method, atlas.path(path))
    known = atlas.nadia(method, atlas.path(path))

    assert directives(anonymous) == {"max-age=60"}
    assert directives(known) == {"max-age=60", "private"}
    assert expires_after_s(known) == pytest.approx(60, abs=1)
    assert "Pragma" not in known.headers


def test_records_that_may_not_be_kept(atlas: Atlas) -> None:
    """CACHE-2: 0 says so in every way there is."""
    data(atlas.nadia("PATCH", atlas.collection, {"data": {"cache_expires": 0}}))

    answer = atlas.nadia("GET", atlas.records)

    assert directives(answer) >= {"max-age=0", "must-revalidate", "no-cache", "no-store"}
    assert expires_after_s(answer) == pytest.approx(0, abs=1)
    assert answer.headers["Pragma"] == "no-cache"


def test_what_is_no_record_is_not_kept(atlas: Atlas) -> None:
    """CACHE-5: nor a 304."""
    data(atlas.nadia("PATCH", atlas.collection, {"data": {"cache_expires": 60}}))
    etag = {"If-None-Match": quoted(atlas.revision())}

    unchanged = atlas.nadia("GET", atlas.records, headers=etag)

    assert directives(atlas.nadia("GET", atlas.collection)) == {"no-cache", "no-store"}
    assert unchanged.status_code == 304
    assert not {"Cache-Control", "Expires"} & set(unchanged.headers)


# --- Groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    ["account:omar", None, {}, 1, [1], [None], ["system.Everyone"], ["/buckets/a/groups/b"]],
)
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
def test_what_are_no_members(atlas: Atlas, method: str, members: Any) -> None:
    """GRP-1, ERR-36: a list of user ids; no groups in groups."""
    path = f"{atlas.bucket}/groups/crew"
    data(atlas.nadia("PUT", path, {"data": {"members": ["account:pia"]}}))
    list_or_group = f"{atlas.bucket}/groups" if method == "POST" else path

    answer = atlas.nadia(method, list_or_group, {"data": {"members": members}})

    assert str(detail(answer)["name"]).removeprefix("data.").startswith("members")
    assert data(atlas.nadia("GET", path))["members"] == ["account:pia"]


def test_members_that_are_not_said(atlas: Atlas) -> None:
    """GRP-2: none in what is made, and a PATCH keeps them."""
    groups = f"{atlas.bucket}/groups"
    posted = data(atlas.nadia("POST", groups, {"data": {"label": "Field crew"}}))
    put = data(atlas.nadia("PUT", f"{groups}/crew"))
    path = f"{groups}/{posted['id']}"
    data(atlas.nadia("PATCH", path, {"data": {"members": ["account:omar"]}}))

    patched = data(atlas.nadia("PATCH", path, {"data": {"label": "x"}}))

    assert (posted["members"], posted["label"]) == ([], "Field crew")
    assert put.get("members", []) == []
    assert patched["members"] == ["account:omar"]


def test_duplicate_members_are_kept(atlas: Atlas) -> None:
    """GRP-3."""
    members = ["account:omar", "account:omar"]

    made = data(atlas.nadia("PUT", f"{atlas.bucket}/groups/g", {"data": {"members": members}}))

    assert made["members"] == members


def test_a_group_counts_in_other_buckets(atlas: Atlas) -> None:
    """GRP-4, E-5: by its URI."""
    group = f"{atlas.bucket}/groups/crew"
    data(atlas.nadia("PUT", group, {"data": {"members": [atlas.omar.user_id]}}))
    other = f"{atlas.bucket}-other"
    permissions = {"permissions": {"read": [group.removeprefix("/v1")]}}
    assert atlas.nadia("PUT", other, permissions).status_code == 201

    assert atlas.omar("GET", other).status_code == 200


@pytest.mark.parametrize("path", ["/groups/crew", "/groups", ""])
def test_a_group_that_is_gone_gives_nothing(atlas: Atlas, path: str) -> None:
    """GRP-5, BKT-3: deleted alone, with others, or with its bucket."""
    group = f"{atlas.bucket}/groups/crew"
    data(atlas.nadia("PUT", group, {"data": {"members": [atlas.omar.user_id]}}))
    other = f"{atlas.bucket}-other"
    data(atlas.nadia("PUT", other, {"permissions": {"read": [group.removeprefix("/v1")]}}))
    before = atlas.omar("GET", other)

    data(atlas.nadia("DELETE", f"{atlas.bucket}{path}"))

    assert before.status_code == 200
    assert refusal(atlas.omar("GET", other)) == (403, 121)


def test_groups_are_lists_as_others(atlas: Atlas) -> None:
    """GRP-6: filtered, sorted, counted and deleted; by their members too."""
    groups = f"{atlas.bucket}/groups"
    for id_, members in (("a", ["account:omar"]), ("b", []), ("c", ["x", "account:omar"])):
        data(atlas.nadia("PUT", f"{groups}/{id_}", {"data": {"members": members}}))
    query = "contains_members=account:omar&_sort=id"

    assert ids(atlas.nadia("GET", f"{groups}?{query}")) == ["a", "c"]
    assert atlas.nadia("HEAD", f"{groups}?{query}").headers["Total-Records"] == "2"
    assert sorted(ids(atlas.nadia("DELETE", f"{groups}?{query}"))) == ["a", "c"]
    assert ids(atlas.nadia("GET", groups)) == ["b"]
