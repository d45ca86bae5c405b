"""Rows 65 to 82 of the conformance table (contract, section 26): schemas, batches, routes."""

import pytest

from tests.clients.requester import (
    EVERYONE,
    IF_NONE,
    Atlas,
    Requester,
    data,
    directives,
    expires_after_s,
    ids,
    refusal,
    revision,
)


def test_row_65_record_against_the_schema(atlas: Atlas) -> None:
    """Row 65: 400 in the seed's words."""
    schema = {"type": "object", "required": ["title"]}
    atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}})

    answer = atlas.nadia("POST", atlas.records, {"data": {"b": 1}})

    text = "'title' is a required property"
    assert refusal(answer) == (400, 107)
    assert answer.json()["message"] == text
    assert answer.json()["details"] == [{"location": "body", "name": "title", "description": text}]


def test_row_66_record_is_stamped_with_the_schema(atlas: Atlas) -> None:
    """Row 66: `schema` is the collection's timestamp, whatever was sent."""
    schema = {"type": "object", "required": ["title"]}
    version = revision(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}}))

    answer = atlas.nadia("POST", atlas.records, {"data": {"title": "x", "schema": 1}})

    assert answer.status_code == 201
    assert data(answer)["schema"] == version


def test_row_67_schema_that_is_none(atlas: Atlas) -> None:
    """Row 67: 400 with the name `schema`."""
    answer = atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"type": "nope"}}})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["name"] == "schema"


@pytest.mark.parametrize("reader", ["nadia", "omar", "anonymous"])
def test_row_68_cached_records(atlas: Atlas, reader: str) -> None:
    """Row 68: all readers may keep them for a minute."""
    body = {"data": {"cache_expires": 60}, "permissions": EVERYONE}
    set_up = atlas.nadia("PATCH", atlas.collection, body)

    answer = getattr(atlas, reader)("GET", atlas.records)

    assert set_up.status_code == answer.status_code == 200
    assert "max-age=60" in directives(answer)
    assert expires_after_s(answer) == pytest.approx(60, abs=1)


def test_row_69_batch_of_too_many(atlas: Atlas) -> None:
    """Row 69: 400 in the words of BAT-6, and nothing of it runs."""
    requests = [{"method": "PUT", "path": f"{atlas.records}/r{each}"} for each in range(26)]

    answer = atlas.nadia("POST", "/v1/batch", {"requests": requests})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["description"] == "Number of requests is limited to 25"
    assert ids(atlas.nadia("GET", atlas.records)) == []


def test_row_70_batch_with_refusals(atlas: Atlas) -> None:
    """Row 70: 200, with an answer for each."""
    record = f"{atlas.records}/x"
    requests = [
        {"method": "PUT", "path": record},
        {"path": f"{atlas.records}/missing"},
        {"method": "PUT", "path": record, "headers": IF_NONE},
    ]

    answer = atlas.nadia("POST", "/v1/batch", {"requests": requests})

    assert answer.status_code == 200
    made, missing, refused = answer.json()["responses"]
    assert [made["status"], missing["status"], refused["status"]] == [201, 404, 412]
    assert refused["body"]["details"]["existing"] == made["body"]["data"]


def test_row_71_deleted_page_by_page(atlas: Atlas) -> None:
    """Row 71: one tombstone each, and a next page as long as there is one."""
    atlas.record("a")
    atlas.record("b")

    first = atlas.nadia("DELETE", f"{atlas.records}?_limit=1")
    second = atlas.nadia("DELETE", f"{atlas.records}?_limit=1")

    assert [each["deleted"] for each in (*data(first), *data(second))] == [True, True]
    assert set(ids(first) + ids(second)) == {"a", "b"}
    assert "Next-Page" in first.headers
    assert "Next-Page" not in second.headers


def test_row_72_member_of_a_group(atlas: Atlas) -> None:
    """Row 72: allowed from the next request on, and no longer than they are in it."""
    group = f"{atlas.bucket}/groups/crew"
    uri = group.removeprefix("/v1")
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": {"write": [uri]}}))
    before = atlas.omar("POST", atlas.records, {"data": {"n": 1}})

    data(atlas.nadia("PUT", group, {"data": {"members": [atlas.omar.user_id]}}))
    as_member = [atlas.omar("POST", atlas.records), atlas.omar("GET", atlas.records)]
    data(atlas.nadia("PATCH", group, {"data": {"members": []}}))
    after = [atlas.omar("POST", atlas.records), atlas.omar("DELETE", atlas.records)]

    assert refusal(before) == (403, 121)
    assert [answer.status_code for answer in as_member] == [201, 200]
    # What they made is theirs by its own ACEs (PERM-12), which is all that a bulk delete takes.
    assert refusal(after[0]) == (403, 121)
    assert ids(after[1]) == ids(as_member[1])


def test_row_73_everyone_is_no_member(atlas: Atlas) -> None:
    """Row 73: 400, and no group."""
    group = f"{atlas.bucket}/groups/all"

    answer = atlas.nadia("PUT", group, {"data": {"members": ["system.Everyone"]}})

    assert refusal(answer) == (400, 107)
    assert atlas.nadia("GET", group).status_code == 404


def test_row_74_collection_made_again_is_empty(atlas: Atlas) -> None:
    """Row 74: nothing of before shows, not even by `_since`."""
    atlas.record("a")
    atlas.nadia("DELETE", f"{atlas.records}/a")
    atlas.record("b")

    atlas.nadia("DELETE", atlas.collection)
    atlas.nadia("PUT", atlas.collection)

    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == []


def test_row_75_deleted_bucket(atlas: Atlas) -> None:
    """Row 75: 403 even for who had it: nothing grants anything any more."""
    assert data(atlas.nadia("DELETE", atlas.bucket))["deleted"] is True

    assert refusal(atlas.nadia("GET", atlas.bucket)) == (403, 121)
    assert refusal(atlas.anonymous("GET", atlas.bucket)) == (401, 104)


def test_row_76_bucket_made_again(atlas: Atlas) -> None:
    """Row 76: 201."""
    atlas.nadia("DELETE", atlas.bucket)

    answer = atlas.nadia("PUT", atlas.bucket, headers=IF_NONE)

    assert answer.status_code == 201
    assert data(atlas.nadia("GET", f"{atlas.bucket}/collections?_since=0")) == []


def test_row_77_only_readers_learn_what_is_missing(atlas: Atlas, new_user: Requester) -> None:
    """Row 77: 403 for who may only create, 404/110 for who may read."""
    atlas.grant(atlas.collection, {"record:create": atlas.omar, "read": new_user})

    assert refusal(atlas.omar("DELETE", f"{atlas.records}/none")) == (403, 121)
    assert refusal(new_user("DELETE", f"{atlas.records}/none")) == (404, 110)


def test_row_78_creator_without_records(atlas: Atlas) -> None:
    """Row 78: an empty list, not a refusal."""
    atlas.grant(atlas.collection, {"record:create": atlas.omar})
    atlas.record("a")

    answer = atlas.omar("GET", atlas.records)

    assert answer.status_code == 200
    assert data(answer) == []


def test_row_79_history_by_resource_and_action(atlas: Atlas) -> None:
    """Row 79: 200, with the deletion alone and of it what was asked for."""
    atlas.record("a")
    atlas.record("b")
    atlas.nadia("DELETE", f"{atlas.records}/a")
    query = "resource_name=record&action=delete&_fields=uri"

    [entry] = data(atlas.nadia("GET", f"{atlas.bucket}/history?{query}"))

    assert entry["uri"] == f"{atlas.records}/a".removeprefix("/v1")
    assert set(entry) == {"id", "last_modified", "uri"}


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/v1/buckets/", "/v1/buckets"),
        ("/v1", "/v1/"),
        ("/buckets", "/v1/buckets"),
    ],
)
def test_row_80_redirects(atlas: Atlas, path: str, location: str) -> None:
    """Row 80: 307 to where it is."""
    answer = atlas.anonymous("GET", path)

    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{atlas.anonymous.origin}{location}"


@pytest.mark.parametrize(("path", "expected"), [("/v3/x", (404, 116)), ("/v1/nope", (404, 111))])
def test_row_80_unknown_paths(atlas: Atlas, path: str, expected: tuple[int, int]) -> None:
    """Row 80: another version has a number of its own."""
    assert refusal(atlas.anonymous("GET", path)) == expected


def test_row_81_method_that_is_not_there(atlas: Atlas) -> None:
    """Row 81: 405/115 with those that are."""
    answer = atlas.nadia("PUT", "/v1/buckets")

    assert refusal(answer) == (405, 115)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}


def test_row_82_preflight(atlas: Atlas) -> None:
    """Row 82: 200, to be kept for an hour."""
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}

    answer = atlas.anonymous("OPTIONS", "/v1/buckets", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Max-Age"] == "3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"].split(",")
