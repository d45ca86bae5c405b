"""`POST /v1/batch` (contract section 16): order, effects, all or nothing."""

from typing import Any

import pytest

from tests.clients.kinto.batching import at, batch, get, names, put, request, statuses
from tests.clients.requester import IF_NONE, Atlas, data, ids, refusal, revision
from tests.support.stack import new_name


def test_each_request_sees_what_the_ones_before_did(atlas: Atlas) -> None:
    """BAT-12: reads and writes alternate, with the timestamps of what was written."""
    path = f"{atlas.records}/a"

    items = batch(
        atlas.nadia,
        get(path),
        put(path, {"n": 1}),
        get(path),
        request("PATCH", path, {"data": {"m": 2}}),
        get(atlas.records),
        request("DELETE", path),
        get(path),
        get(f"{atlas.records}?_since=0"),
        put(path, {"n": 3}, IF_NONE),
    )

    assert statuses(items) == [404, 201, 200, 200, 200, 200, 404, 200, 201]
    _, made, read, patched, listed, deleted, _, since, again = items
    assert read["body"] == made["body"]
    assert listed["body"]["data"] == [patched["body"]["data"]]
    assert since["body"]["data"] == [deleted["body"]["data"]]
    assert (at(listed), at(since)) == (at(patched), at(deleted))
    assert at(made) < at(patched) < at(deleted) < at(again)
    assert data(atlas.nadia("GET", path)) == again["body"]["data"]


def test_writes_alone_see_each_other(atlas: Atlas) -> None:
    """BAT-12: also where nothing is read between them; POST-8 for an id made in the batch."""
    items = batch(
        atlas.nadia,
        request("POST", atlas.records, {"data": {"id": "a", "n": 1}}),
        request("POST", atlas.records, {"data": {"id": "a", "n": 2}}),
        request("PATCH", f"{atlas.records}/a", {"data": {"m": 1}}),
        request("DELETE", f"{atlas.records}/a"),
        request("DELETE", f"{atlas.records}/a"),
        request("POST", atlas.records, {"data": {"n": 3}}),
    )

    assert statuses(items) == [201, 200, 200, 200, 404, 201]
    assert items[1]["body"] == items[0]["body"]
    assert items[2]["body"]["data"]["n"] == 1
    assert ids(atlas.nadia("GET", atlas.records)) == [items[5]["body"]["data"]["id"]]


def test_lists_are_deleted_in_their_turn(atlas: Atlas) -> None:
    """BAT-12: what was written before goes, what is written after stays."""
    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/a", {"n": 1}),
        put(f"{atlas.records}/b", {"n": 2}),
        request("DELETE", f"{atlas.records}?n=1"),
        put(f"{atlas.records}/c", {"n": 1}),
        get(atlas.records),
        request("HEAD", atlas.records),
        request("DELETE", atlas.records),
        put(f"{atlas.records}/d"),
    )

    assert statuses(items) == [201, 201, 200, 201, 200, 200, 200, 201]
    assert names(items[2]) == ["a"]
    assert names(items[4]) == ["b", "c"]
    assert items[5]["headers"]["Total-Records"] == "2"
    assert names(items[6]) == ["b", "c"]
    assert ids(atlas.nadia("GET", atlas.records)) == ["d"]


def test_a_collection_is_made_anew_with_records(atlas: Atlas) -> None:
    """BAT-19, D-20: the old records go and the new ones stay."""
    atlas.record("old")
    atlas.record("both", {"n": 1})

    items = batch(
        atlas.nadia,
        request("DELETE", atlas.collection),
        put(f"{atlas.records}/early"),
        put(atlas.collection),
        put(f"{atlas.records}/new"),
        put(f"{atlas.records}/both", {"n": 2}, IF_NONE),
    )

    assert statuses(items) == [200, 404, 201, 201, 201]
    found = data(atlas.nadia("GET", f"{atlas.records}?_since=0&_sort=id"))
    assert found == [items[4]["body"]["data"], items[3]["body"]["data"]]


def test_a_bucket_is_made_anew_with_all_in_it(atlas: Atlas) -> None:
    """BAT-19: as a collection, and nothing of before grants anything."""
    atlas.nadia("PATCH", atlas.bucket, {"permissions": {"read": ["system.Everyone"]}})
    atlas.record("old")

    items = batch(
        atlas.nadia,
        request("DELETE", atlas.bucket),
        put(atlas.bucket, headers=IF_NONE),
        put(atlas.collection, headers=IF_NONE),
        put(f"{atlas.records}/new", headers=IF_NONE),
    )

    assert statuses(items) == [200, 201, 201, 201]
    assert ids(atlas.nadia("GET", f"{atlas.records}?_since=0")) == ["new"]
    assert atlas.anonymous("GET", atlas.bucket).status_code == 401


def test_the_schema_of_that_moment_counts(atlas: Atlas) -> None:
    """SCH-11, D-20: a record before it is free of it, those after are not."""
    schema = {"type": "object", "required": ["title"]}

    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/before", {"n": 1}),
        put(atlas.collection, {"schema": schema}),
        put(f"{atlas.records}/bad", {"n": 1}),
        put(f"{atlas.records}/good", {"title": "x"}),
        put(atlas.collection, {"free": True}),
        put(f"{atlas.records}/after", {"n": 1}),
    )

    assert statuses(items) == [201, 200, 400, 201, 200, 201]
    assert items[2]["body"]["details"][0]["name"] == "title"
    assert [items[place]["body"]["data"].get("schema") for place in (0, 3, 5)] == [
        None,
        at(items[1]),
        None,
    ]


def test_what_does_not_go_through_the_log_keeps_its_turn(atlas: Atlas) -> None:
    """BAT-12: a flush takes what was made before it, and nothing that comes after."""
    other = f"/v1/buckets/b{new_name()}"

    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/a"),
        request("POST", "/__flush__"),
        put(other),
        put(f"{atlas.records}/b"),
    )

    assert statuses(items) == [201, 202, 201, 404]
    assert ids(atlas.nadia("GET", "/v1/buckets")) == [other.rpartition("/")[2]]


def test_several_buckets(atlas: Atlas) -> None:
    """BAT-12, BAT-18: mixed, each with its own order."""
    buckets = [f"/buckets/b{new_name()}" for _ in range(4)]
    paths = [
        f"{bucket}{below}"
        for below in ("", "/collections/c", "/collections/c/records/r")
        for bucket in buckets
    ]

    items = batch(atlas.nadia, *map(put, paths), *map(get, paths[-4:]))

    assert statuses(items) == [201] * 12 + [200] * 4
    assert [item["path"] for item in items] == [f"/v1{path}" for path in (*paths, *paths[-4:])]
    assert len({at(item) for item in items[:4]}) == 4  # E-4
    assert [at(item) for item in items[12:]] == [at(item) for item in items[8:12]]


def test_row_69_too_many_requests(atlas: Atlas) -> None:
    """BAT-6, BAT-8: and none of them runs."""
    given = [put(f"{atlas.records}/r{number}") for number in range(26)]

    answer = atlas.nadia("POST", "/v1/batch", {"requests": given})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"] == [
        {
            "location": "body",
            "name": "requests",
            "description": "Number of requests is limited to 25",
        }
    ]
    assert data(atlas.nadia("GET", atlas.records)) == []
    assert statuses(batch(atlas.nadia, *given[:25])) == [201] * 25


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"path": "/buckets", "method": "put"}, id="BAT-3"),
        pytest.param({"path": "/buckets", "x": 1}, id="BAT-2"),
        pytest.param({"path": "/buckets", "body": []}, id="BAT-4"),
        pytest.param({"path": "/batch", "method": "POST"}, id="BAT-7"),
        pytest.param({"path": "/b%61tch/", "method": "POST"}, id="BAT-7-encoded"),
        pytest.param("/buckets", id="BAT-8"),
    ],
)
def test_an_invalid_envelope_runs_nothing(atlas: Atlas, wrong: Any) -> None:
    """BAT-8: one 400 for the whole."""
    given = [put(f"{atlas.records}/a"), wrong]

    answer = atlas.nadia("POST", "/v1/batch", {"requests": given})

    assert refusal(answer) == (400, 107)
    assert data(atlas.nadia("GET", atlas.records)) == []


@pytest.mark.parametrize("body", [[], [{"path": "/"}], None])
def test_a_body_that_is_no_envelope(atlas: Atlas, body: Any) -> None:
    """BAT-1, BAT-8: 400 and no crash."""
    assert refusal(atlas.nadia("POST", "/v1/batch", body)) == (400, 107)


def test_a_body_that_is_said_to_be_no_json(atlas: Atlas) -> None:
    """MT-1, MT-2: 415, as browsers send forms of foreign pages without asking; `Accept` is free."""
    given = {"requests": [put(f"{atlas.records}/a")]}

    plain = atlas.nadia("POST", "/v1/batch", given, {"Content-Type": "text/plain"})
    read = atlas.nadia("GET", f"{atlas.records}/a")
    foreign = atlas.nadia("POST", "/v1/batch", given, {"Accept": "text/html"})

    assert refusal(plain) == (415, 107)
    assert read.status_code == 404
    assert foreign.status_code == 200


def test_no_requests(atlas: Atlas) -> None:
    """BAT-1."""
    assert batch(atlas.nadia) == []


def test_a_batch_is_posted(atlas: Atlas) -> None:
    """RT-7."""
    answer = atlas.nadia("GET", "/v1/batch")

    assert refusal(answer) == (405, 115)
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_what_is_too_large_for_the_log_happens_not_at_all(atlas: Atlas) -> None:
    """BAT-18: 413 for each change of the bucket, none is made; another bucket's are."""
    other = f"/v1/buckets/b{new_name()}"
    before = revision(atlas.nadia("HEAD", atlas.records))
    large = {"data": {"text": "x" * 900_000}}

    *refused, made = batch(
        atlas.nadia,
        *(request("PUT", f"{atlas.records}/r{number}") for number in range(24)),
        put(other, {"text": ""}),
        defaults={"body": large},
    )

    assert statuses(refused) == [413] * 24
    assert made["status"] == 201
    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == []
    assert revision(atlas.nadia("HEAD", atlas.records)) == before
    assert atlas.record("small")["id"] == "small"


def test_a_repeated_batch_is_safe(atlas: Atlas) -> None:
    """E-6: with `If-None-Match: *` the second time changes nothing."""
    given = [put(f"{atlas.records}/r{number}", {}, IF_NONE) for number in range(3)]

    first = batch(atlas.nadia, *given)
    again = batch(atlas.nadia, *given)

    assert statuses(first) == [201] * 3
    assert statuses(again) == [412] * 3
    assert revision(atlas.nadia("HEAD", atlas.records)) == at(first[-1])
