"""Sections 8.4, 8.5 and 8.7: reading, replacing and deleting an object."""

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
    quoted,
    refusal,
    revision,
    without,
)

# Each is read, replaced and deleted in the same way.
OBJECTS = ["{bucket}", "{collection}", "{records}/a", "{bucket}/groups/crew"]


@pytest.mark.parametrize("path", OBJECTS)
def test_an_object_has_its_own_timestamp(furnished: Atlas, path: str) -> None:
    """Section 8.4, Section 9.3, CACHE-1: in both headers, and not to be cached."""
    answer = furnished.nadia("GET", furnished.path(path))

    at = data(answer)["last_modified"]
    moment = datetime.fromtimestamp(at // 1000, UTC)
    assert answer.headers["ETag"] == quoted(at)
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == moment
    assert directives(answer) == {"no-cache", "no-store"}
    assert not {"Expires", "Pragma"} & set(answer.headers)


@pytest.mark.parametrize("query", ["_limit=x", "_since=x", "n=7", "_token=x", "_sort="])
def test_an_object_does_not_read_filters(furnished: Atlas, query: str) -> None:
    """Section 8.4: other parameters than `_fields` are ignored."""
    answer = furnished.nadia("GET", f"{furnished.records}/a?{query}")

    assert data(answer)["n"] == 1


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since"])
def test_preconditions_on_dates_are_ignored(furnished: Atlas, header: str) -> None:
    """Section 9.3."""
    for date in ("Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2052 00:00:00 GMT"):
        answer = furnished.nadia("GET", f"{furnished.records}/a", headers={header: date})
        assert answer.status_code == 200


@pytest.mark.parametrize("path", OBJECTS)
def test_a_deleted_object_is_missing(furnished: Atlas, path: str) -> None:
    """Section 8.4, DEL-2: 404 for who may know, 403 where nothing grants anything any more."""
    data(furnished.nadia("DELETE", furnished.path(path)))
    expected = (403, 121) if path == "{bucket}" else (404, 110)

    assert refusal(furnished.nadia("GET", furnished.path(path))) == expected
    assert refusal(furnished.nadia("DELETE", furnished.path(path))) == expected


# --- PUT ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["{bucket}-2", "{bucket}/collections/new", "{records}/new", "{bucket}/groups/new"]
)
def test_put_creates_and_replaces(atlas: Atlas, path: str) -> None:
    """PUT-1, PUT-2, D-28: 201, then 200; what is absent is gone."""
    path = atlas.path(path)

    made = atlas.nadia("PUT", path, {"data": {"n": 1, "m": 1}})
    replaced = atlas.nadia("PUT", path, {"data": {"n": 2}})

    assert (made.status_code, replaced.status_code) == (201, 200)
    assert data(made)["m"] == 1
    assert without(data(replaced), "id", "last_modified", "members") == {"n": 2}
    for answer in (made, replaced):
        assert revision(answer) == data(answer)["last_modified"]
        assert answer.json()["permissions"] == {"write": [atlas.nadia.user_id]}


def test_put_sets_nothing_of_the_servers(atlas: Atlas) -> None:
    """PUT-2: `id` and an old `last_modified` change nothing."""
    before = atlas.record("a", {"n": 1})

    after = atlas.record("a", {"id": "a", "last_modified": 7, "n": 2})

    assert after["id"] == "a"
    assert after["last_modified"] > before["last_modified"]


@pytest.mark.parametrize("text", [b"", b"{}", b'{"permissions":{"read":["account:omar"]}}'])
def test_put_without_data(furnished: Atlas, text: bytes) -> None:
    """PUT-3, C-16: what is there is kept; what is not is made without fields."""
    kept = furnished.nadia.send("PUT", f"{furnished.records}/a", text)
    made = furnished.nadia.send("PUT", f"{furnished.records}/b", text)

    assert (kept.status_code, data(kept)["n"]) == (200, 1)
    assert made.status_code == 201
    assert set(data(made)) == {"id", "last_modified"}


@pytest.mark.parametrize("path", OBJECTS)
def test_put_is_always_a_change(furnished: Atlas, path: str) -> None:
    """PUT-5, E-9: also when nothing differs."""
    before = furnished.nadia("GET", furnished.path(path)).json()

    empty = furnished.nadia("PUT", furnished.path(path))
    same = furnished.nadia("PUT", furnished.path(path), before)

    times = [before["data"]["last_modified"], revision(empty), revision(same)]
    assert times == sorted(set(times))
    assert without(data(same), "last_modified") == without(before["data"], "last_modified")


def test_put_over_a_tombstone(furnished: Atlas) -> None:
    """PUT-6, PUT-7: made anew, and the tombstone is gone; so with `If-None-Match: *`."""
    data(furnished.nadia("DELETE", f"{furnished.records}/a"))
    made = furnished.nadia("PUT", f"{furnished.records}/a", {"data": {"m": 2}})
    data(furnished.nadia("DELETE", f"{furnished.records}/a"))
    once = furnished.nadia("PUT", f"{furnished.records}/a", {"data": {"m": 3}}, IF_NONE)

    assert (made.status_code, once.status_code) == (201, 201)
    assert without(data(once), "id", "last_modified") == {"m": 3}
    assert data(furnished.nadia("GET", f"{furnished.records}?_since=0")) == [data(once)]


def test_put_once(furnished: Atlas) -> None:
    """PUT-7, C-10: 412 with what is there, and what is missing is made."""
    existing = data(furnished.nadia("GET", f"{furnished.records}/a"))

    refused = furnished.nadia("PUT", f"{furnished.records}/a", {}, IF_NONE)
    made = furnished.nadia("PUT", f"{furnished.records}/b", {}, IF_NONE)

    assert refusal(refused) == (412, 114)
    assert refused.json()["details"]["existing"] == existing
    assert made.status_code == 201


@pytest.mark.parametrize("tag", ['"1"', "*"])
def test_put_of_what_must_be_there(atlas: Atlas, tag: str) -> None:
    """PUT-8: 412, with nothing to show."""
    answer = atlas.nadia("PUT", f"{atlas.records}/a", {}, {"If-Match": tag})

    assert refusal(answer) == (412, 114)
    assert "details" not in answer.json()
    assert answer.json()["message"] == "Resource was modified meanwhile"


# --- DELETE ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OBJECTS)
def test_delete_answers_a_tombstone(furnished: Atlas, path: str) -> None:
    """DEL-1: alone, with its own timestamp as the ETag."""
    before = data(furnished.nadia("GET", furnished.path(path)))

    answer = furnished.nadia("DELETE", furnished.path(path))

    tombstone = data(answer)
    assert set(answer.json()) == {"data"}
    assert tombstone == {
        "id": before["id"],
        "last_modified": revision(answer),
        "deleted": True,
    }
    assert tombstone["last_modified"] > before["last_modified"]


def test_delete_may_say_when(furnished: Atlas) -> None:
    """DEL-3, TS-9: later than the object's own timestamp, bare or quoted; else ignored."""
    at = furnished.record("a")["last_modified"] + 5000
    furnished.record("b", {"last_modified": at + 5000})

    bare = data(furnished.nadia("DELETE", f"{furnished.records}/a?last_modified={at}"))
    old = data(furnished.nadia("DELETE", f'{furnished.records}/b?last_modified="7"'))

    assert bare["last_modified"] == at
    assert old["last_modified"] > at + 5000


@pytest.mark.parametrize("when", ["abc", "1.5", "", "null"])
def test_delete_at_no_time(furnished: Atlas, when: str) -> None:
    """TS-9, D-7: 400 at the query, and it is still there."""
    answer = furnished.nadia("DELETE", f"{furnished.records}/a?last_modified={when}")

    assert (detail(answer)["location"], detail(answer)["name"]) == ("querystring", "last_modified")
    assert furnished.nadia("GET", f"{furnished.records}/a").status_code == 200


def test_deletes_at_the_same_moment(furnished: Atlas) -> None:
    """DEL-4: one deletes it, the other finds nothing."""
    delete = partial(furnished.nadia, "DELETE", f"{furnished.records}/a")

    answers = at_once(delete, delete)

    assert sorted(answer.status_code for answer in answers) == [200, 404]
