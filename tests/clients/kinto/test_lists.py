"""Sections 8.1 to 8.3: reading a list, creating in it, deleting it."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

import pytest

from tests.clients.requester import (
    IF_NONE,
    Atlas,
    at_once,
    data,
    detail,
    directives,
    ids,
    quoted,
    refusal,
    revision,
    without,
)


def http_date_of(number: int) -> datetime:
    """The moment of a timestamp, floored to the second."""
    return datetime.fromtimestamp(number // 1000, UTC)


@pytest.fixture
def depths(atlas: Atlas) -> Atlas:
    """Records `a` to `e`, of depths 1 to 5."""
    atlas.fill({id_: {"depth": depth} for depth, id_ in enumerate("abcde", start=1)})
    return atlas


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?depth=3", "?_limit=1", "?_since=0"])
def test_a_list_has_the_timestamp_of_its_timeline(depths: Atlas, method: str, query: str) -> None:
    """LIST-2, LIST-3, CACHE-1, D-29: no matter what the query shows; not to be cached."""
    newest = data(depths.nadia("DELETE", f"{depths.records}/b"))["last_modified"]

    answer = depths.nadia(method, f"{depths.records}{query}")

    assert answer.headers["ETag"] == quoted(newest)
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == http_date_of(newest)
    assert directives(answer) == {"no-cache", "no-store"}
    assert not {"Expires", "Pragma"} & set(answer.headers)


def test_a_list_is_newest_first(depths: Atlas) -> None:
    """LIST-1: by what was changed last."""
    data(depths.nadia("PATCH", f"{depths.records}/b", {"data": {"n": 1}}))

    assert ids(depths.nadia("GET", depths.records)) == ["b", "e", "d", "c", "a"]


def test_pages_tell_the_timestamp_of_their_first(depths: Atlas) -> None:
    """LIST-2, QP-4, C-6: asked `_since` it, the list shows all that came between them."""
    first = depths.nadia("GET", f"{depths.records}?_limit=3")
    data(depths.nadia("PATCH", f"{depths.records}/a", {"data": {"depth": 6}}))
    data(depths.nadia("DELETE", f"{depths.records}/b"))

    second = depths.nadia("GET", first.headers["Next-Page"])

    etag = first.headers["ETag"]
    assert (ids(first), ids(second)) == (["e", "d", "c"], [])
    assert second.headers["ETag"] == etag
    assert ids(depths.nadia("GET", f"{depths.records}?_since={etag}")) == ["b", "a"]
    noticed = depths.nadia("GET", first.headers["Next-Page"], headers={"If-Match": etag})
    assert refusal(noticed) == (412, 114)


@pytest.mark.parametrize(
    ("query", "count"), [("", "4"), ("?_limit=1", "4"), ("?min_depth=3", "3"), ("?_since=0", "4")]
)
def test_head_counts_what_matches(depths: Atlas, query: str, count: str) -> None:
    """LIST-4, C-5, QO-11: no tombstones, whatever the page; GET does not count."""
    depths.nadia("DELETE", f"{depths.records}/a")

    head = depths.nadia("HEAD", f"{depths.records}{query}")
    get = depths.nadia("GET", f"{depths.records}{query}")

    assert head.headers["Total-Records"] == head.headers["Total-Objects"] == count
    assert "Next-Page" not in head.headers
    assert not {"Total-Records", "Total-Objects"} & set(get.headers)


def test_head_counts_what_one_may_see(depths: Atlas) -> None:
    """LIST-4: of shared objects those."""
    depths.record("a", permissions={"read": [depths.omar.user_id]})

    assert depths.omar("HEAD", depths.records).headers["Total-Records"] == "1"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", False),
        ("_limit=10", False),
        ("_sort=last_modified", False),
        ("not_n=1", False),
        ("_since=0", True),
        ("_since=0&has_depth=true", False),
        ("gt_last_modified=0", True),
        ("min_last_modified=0", True),
        ("last_modified={tombstone}", True),
        ("_before={later}", True),
        ("lt_last_modified={later}", True),
    ],
)
def test_tombstones_are_listed_by_filters_on_time(depths: Atlas, query: str, shown: bool) -> None:
    """LIST-6, C-7: and by none else; they must pass all filters."""
    at = data(depths.nadia("DELETE", f"{depths.records}/c"))["last_modified"]

    answer = depths.nadia("GET", f"{depths.records}?{query.format(tombstone=at, later=at + 1)}")

    assert [each["id"] for each in answer.json().get("data", []) if "deleted" in each] == (
        ["c"] if shown else []
    )


# --- Creating -------------------------------------------------------------------------------------


def test_post_creates(atlas: Atlas) -> None:
    """POST-1, PERM-12, D-28, E-11: 201, with the timestamp of the object and no `Location`."""
    body = {"data": {"id": "a", "n": 1}, "permissions": {"read": ["account:omar"]}}

    answer = atlas.nadia("POST", atlas.records, body)

    made = data(answer)
    assert answer.status_code == 201
    assert without(made, "last_modified") == {"id": "a", "n": 1}
    assert answer.json()["permissions"] == {
        "read": ["account:omar"],
        "write": [atlas.nadia.user_id],
    }
    assert answer.headers["ETag"] == quoted(made["last_modified"])
    moment = http_date_of(made["last_modified"])
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == moment
    assert "Location" not in answer.headers


def test_post_of_what_exists_changes_nothing(atlas: Atlas) -> None:
    """POST-2, C-6, E-9: no new timestamp, no entry of history; data and permissions unread."""
    atlas.record("a", {"n": 1})
    atlas.record("b")
    before = atlas.nadia("GET", f"{atlas.records}/a")
    list_at = atlas.revision()
    entries = data(atlas.nadia("GET", f"{atlas.bucket}/history"))

    answer = atlas.nadia(
        "POST",
        atlas.records,
        {"data": {"id": "a", "n": 2}, "permissions": {"read": ["account:omar"]}},
    )

    assert answer.status_code == 200
    assert answer.json() == before.json()
    assert answer.headers["ETag"] == before.headers["ETag"]
    assert atlas.revision() == list_at
    assert data(atlas.nadia("GET", f"{atlas.bucket}/history")) == entries


def test_post_once_of_what_exists(atlas: Atlas) -> None:
    """POST-3, C-8, C-10: 412 with the object."""
    existing = atlas.record("a", {"n": 1})

    answer = atlas.nadia("POST", atlas.records, {"data": {"id": "a"}}, IF_NONE)

    assert refusal(answer) == (412, 114)
    assert answer.json()["details"]["existing"] == existing


@pytest.mark.parametrize("text", [b"", b"{}", b'{"permissions":{}}', b'{"data":{}}'])
def test_post_without_data(atlas: Atlas, text: bytes) -> None:
    """POST-4, MT-5, C-16: an object without fields."""
    made = data(atlas.nadia.send("POST", atlas.records, text))

    assert set(made) == {"id", "last_modified"}


def test_post_without_data_that_a_schema_needs(atlas: Atlas) -> None:
    """POST-4: refused."""
    data(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"required": ["t"]}}}))

    assert detail(atlas.nadia("POST", atlas.records))["name"] == "t"


def test_post_does_not_read_its_query(atlas: Atlas) -> None:
    """POST-6: also where it is malformed."""
    query = "_limit=x&_since=x&_sort=&_token=x&n=1"

    assert atlas.nadia("POST", f"{atlas.records}?{query}").status_code == 201


def test_post_over_a_tombstone(atlas: Atlas) -> None:
    """POST-7: made, and the tombstone is gone."""
    atlas.record("a", {"n": 1})
    atlas.nadia("DELETE", f"{atlas.records}/a")

    answer = atlas.nadia("POST", atlas.records, {"data": {"id": "a", "n": 2}})

    assert answer.status_code == 201
    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == [data(answer)]


def test_posts_of_one_id_at_the_same_moment(atlas: Atlas) -> None:
    """POST-8: one makes it, the others get it or are to try again."""
    bodies = [{"data": {"id": "a", "n": n}} for n in range(8)]

    answers = at_once(*(partial(atlas.nadia, "POST", atlas.records, body) for body in bodies))

    made = [answer for answer in answers if answer.status_code == 201]
    others = [answer for answer in answers if answer.status_code != 201]
    assert len(made) == 1
    assert {answer.status_code for answer in others} <= {200, 409}
    assert all(answer.status_code == 200 or answer.headers["Retry-After"] for answer in others)
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == data(made[0])


# --- Deleting -------------------------------------------------------------------------------------


def test_delete_of_a_list(depths: Atlas) -> None:
    """DELL-1, DELL-3, TS-10: a tombstone each, with timestamps of their own."""
    depths.nadia("DELETE", f"{depths.records}/a")

    answer = depths.nadia("DELETE", depths.records)

    tombstones = data(answer)
    times = [each["last_modified"] for each in tombstones]
    assert {each["id"] for each in tombstones} == set("bcde")
    assert all(set(each) == {"id", "last_modified", "deleted"} for each in tombstones)
    assert len(set(times)) == 4
    assert revision(answer) == max(times) == depths.revision()
    assert data(depths.nadia("GET", depths.records)) == []


@pytest.mark.parametrize(
    ("query", "gone"),
    [
        ("min_depth=4", "de"),
        ("_sort=depth&_limit=2", "ab"),
        ("_sort=-depth&_limit=1", "e"),
        ("depth=3&_fields=depth", "c"),
        ("in_id=a,c,", "ac"),
    ],
)
def test_delete_takes_the_query_of_get(depths: Atlas, query: str, gone: str) -> None:
    """DELL-2, QO-11, C-17: `_fields` has no effect."""
    tombstones = data(depths.nadia("DELETE", f"{depths.records}?{query}"))

    assert {each["id"] for each in tombstones} == set(gone)
    assert all(set(each) == {"id", "last_modified", "deleted"} for each in tombstones)
    assert set(ids(depths.nadia("GET", depths.records))) == set("abcde") - set(gone)


def test_delete_page_by_page(depths: Atlas) -> None:
    """DELL-4, ERR-27: the token works once."""
    first = depths.nadia("DELETE", f"{depths.records}?_limit=2&_sort=depth")
    page = first.headers["Next-Page"]
    second = depths.nadia("DELETE", page)
    again = depths.nadia("DELETE", page)

    assert sorted(ids(first) + ids(second)) == ["a", "b", "c", "d"]
    assert detail(again)["description"] == "_token was already used or has expired."
    assert ids(depths.nadia("GET", depths.records)) == ["e"]


def test_delete_of_what_is_newer_leaves_tombstones_alone(depths: Atlas) -> None:
    """DELL-5: `_since` takes what lives."""
    since = data(depths.nadia("GET", f"{depths.records}/b"))["last_modified"]
    depths.nadia("DELETE", f"{depths.records}/e")

    tombstones = data(depths.nadia("DELETE", f"{depths.records}?_since={since}"))

    assert {each["id"] for each in tombstones} == {"c", "d"}


def test_delete_of_nothing(depths: Atlas) -> None:
    """DELL-6, DELL-3, C-6: 200, and the list's timestamp stays."""
    before = depths.revision()

    answer = depths.nadia("DELETE", f"{depths.records}?depth=9")

    assert data(answer) == []
    assert revision(answer) == depths.revision() == before


def test_delete_of_collections_takes_what_is_in_them(depths: Atlas) -> None:
    """DELL-7, COL-1, E-7: at once, and without tombstones of records."""
    assert ids(depths.nadia("DELETE", f"{depths.bucket}/collections")) == ["stations"]
    gone = depths.nadia("GET", depths.records)
    data(depths.nadia("PUT", depths.collection))

    assert refusal(gone) == (404, 111)
    assert data(depths.nadia("GET", f"{depths.records}?_since=0")) == []
