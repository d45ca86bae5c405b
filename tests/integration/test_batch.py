"""`POST /v1/batch` over HTTP on the whole product (contract section 16)."""

import gzip
from collections.abc import Generator
from typing import Any, Final

import orjson
import pytest
import requests

from tests.clients.requester import Atlas, Requester, data, ids, quoted, refusal, revision
from tests.support.cluster import basic
from tests.support.server import MunimentServer
from tests.support.stack import new_name

IF_NONE: Final = {"If-None-Match": "*"}
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}
MERGE_PATCH: Final = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def cast(muniment_server: MunimentServer) -> Generator[tuple[Requester, Requester, Requester]]:
    """Nadia, Omar and nobody."""
    origin = muniment_server.url.removesuffix("/v1")
    requesters = Requester(origin, "nadia"), Requester(origin, "omar"), Requester(origin, None)
    yield requesters
    for requester in requesters:
        requester.close()


@pytest.fixture
def atlas(cast: tuple[Requester, Requester, Requester]) -> Atlas:
    """Nadia's bucket with a collection without records."""
    nadia, omar, anonymous = cast
    atlas = Atlas(
        nadia=nadia, omar=omar, anonymous=anonymous, bucket=f"/v1/buckets/atlas-{new_name()}"
    )
    statuses = [item["status"] for item in batch(nadia, put(atlas.bucket), put(atlas.collection))]
    assert statuses == [201, 201]
    return atlas


def batch(requester: Requester, *given: Any, **envelope: Any) -> list[Any]:
    answer = requester("POST", "/v1/batch", {"requests": list(given), **envelope})
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["responses"]
    assert len(items) == len(given)
    return items


def statuses(items: list[Any]) -> list[int]:
    return [item["status"] for item in items]


def request(method: str, path: str, body: Any = None, headers: Any = None) -> dict[str, Any]:
    given = {"method": method, "path": path, "body": body, "headers": headers}
    return {name: value for name, value in given.items() if value is not None}


def put(path: str, fields: Any = None, headers: Any = None) -> dict[str, Any]:
    return request("PUT", path, None if fields is None else {"data": fields}, headers)


def get(path: str, headers: Any = None) -> dict[str, Any]:
    return request("GET", path, headers=headers)


def names(item: Any) -> list[str]:
    """The ids in a list's item, sorted."""
    return sorted(each["id"] for each in item["body"]["data"])


def at(item: Any) -> int:
    return int(item["headers"]["ETag"].strip('"'))


# --- order and effects ----------------------------------------------------------------------------


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


# --- items ----------------------------------------------------------------------------------------


def test_items_of_all_sorts(atlas: Atlas) -> None:
    """BAT-13, BAT-17, D-7, C-9: status, path without its query, headers, body."""
    record = atlas.record("a", {"n": 1})
    atlas.record("b")
    etag = quoted(record["last_modified"])

    made, page, head, same, missing = batch(
        atlas.nadia,
        put(f"{atlas.records}/c", {"n": 1}),
        get(f"{atlas.records}?_limit=1&_sort=id"),
        request("HEAD", f"{atlas.records}?n=1"),
        get(f"{atlas.records}/a", {"If-None-Match": etag}),
        get(f"{atlas.records}/none"),
    )

    assert all(set(item) == {"status", "path", "headers", "body"} for item in (made, page, head))
    assert made["headers"]["Content-Type"].startswith("application/json")
    assert made["headers"]["ETag"] == quoted(made["body"]["data"]["last_modified"])
    assert made["headers"]["Last-Modified"].endswith("GMT")
    assert page["path"] == atlas.records
    assert page["body"]["data"] == [record]
    following = atlas.nadia("GET", page["headers"]["Next-Page"])
    assert ids(following) == ["b", "c"][: len(ids(following))]
    assert (head["status"], head["body"]) == (200, "")
    assert head["headers"]["Total-Objects"] == head["headers"]["Total-Records"] == "2"
    assert (same["status"], same["body"], same["headers"]["ETag"]) == (304, "", etag)
    assert (missing["status"], missing["body"]["errno"]) == (404, 110)


def test_refusals_do_not_stop_the_others(atlas: Atlas) -> None:
    """BAT-14: nor undo them."""
    atlas.record("a", {"n": 1})
    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/first"),
        put(f"{atlas.records}/b!", {}),
        put(f"{atlas.records}/b", {"id": "c"}),
        request("PUT", f"{atlas.records}/b", {"x": 1}),
        request("PUT", f"{atlas.records}/b", headers={"Content-Type": "text/plain"}),
        get(atlas.records, {"Accept": "text/html"}),
        get(f"{atlas.records}?_limit=x"),
        put("/buckets"),
        request("TRACE", "/buckets"),
        get("/nope"),
        get("/%ff"),
        get(f"{atlas.bucket}/collections/none/records"),
        put(f"{atlas.records}/a", {"n": 2}, {"If-Match": '"1"'}),
        put(f"{atlas.records}/a", {"n": 2}, {"If-Match": "1"}),
        put(f"{atlas.records}/last"),
    )

    assert statuses(items) == [
        *(201, 400, 400, 400, 415, 406, 400, 405, 405, 404, 400, 404, 412, 400, 201)
    ]
    assert set(ids(atlas.nadia("GET", atlas.records))) == {"first", "a", "last"}


def test_a_conflict_shows_what_is_there(atlas: Atlas) -> None:
    """C-8: `details.existing`, also when it was made in the same batch."""
    made, refused = batch(
        atlas.nadia,
        put(f"{atlas.records}/a", {"n": 1}),
        put(f"{atlas.records}/a", {"n": 2}, IF_NONE),
    )

    assert (refused["status"], refused["body"]["errno"]) == (412, 114)
    assert refused["body"]["details"]["existing"] == made["body"]["data"]
    assert refused["headers"]["ETag"] == made["headers"]["ETag"]


def test_a_timestamp_that_is_taken(atlas: Atlas) -> None:
    """BAT-16, D-23, D-12: 409 for the second, whether it was made before or in the batch."""
    atlas.record("old", {"last_modified": 1_000})

    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/a", {"last_modified": 2_000}),
        put(f"{atlas.records}/b", {"last_modified": 2_000}),
        put(f"{atlas.records}/c", {"last_modified": 1_000}),
        put(f"{atlas.records}/d", {"last_modified": 3_000}),
        put(f"{atlas.records}/e"),
    )

    assert statuses(items) == [201, 409, 409, 201, 201]
    assert [items[1]["body"]["errno"], items[2]["body"]["errno"]] == [122, 122]
    assert set(ids(atlas.nadia("GET", atlas.records))) == {"old", "a", "d", "e"}


# --- paths, headers, bodies -----------------------------------------------------------------------


def test_redirects_are_followed(atlas: Atlas) -> None:
    """BAT-9: the item has the path where it ended; methods and queries are kept."""
    bare = atlas.records.removeprefix("/v1")

    items = batch(
        atlas.nadia,
        put(f"{bare}/a/", {"n": 1}),
        get(f"{bare}/?n=1&_fields=n"),
        get("/v1"),
        get("/v3/buckets"),
    )

    assert statuses(items) == [201, 200, 200, 404]
    assert [item["path"] for item in items[:3]] == [f"{atlas.records}/a", atlas.records, "/v1/"]
    assert [set(each) for each in items[1]["body"]["data"]] == [{"id", "last_modified", "n"}]


def test_values_that_are_not_ascii(atlas: Atlas) -> None:
    """BAT-9: in queries and in paths, as they are or encoded."""
    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/a", {"name": "Åland"}),
        get(f"{atlas.records}?name=Åland"),
        get(f"{atlas.records}?name=%C3%85land"),
        put("/buckets/é"),
    )

    assert statuses(items) == [201, 200, 200, 400]
    assert [names(item) for item in items[1:3]] == [["a"], ["a"]]
    assert items[3]["path"] == "/v1/buckets/é"


def test_patches_of_all_kinds(atlas: Atlas) -> None:
    """BAT-11, D-22, PAT-14: each is what its own `Content-Type` says."""
    path = f"{atlas.records}/a"

    items = batch(
        atlas.nadia,
        put(path, {"n": 1, "m": 1, "k": 1}),
        request("PATCH", path, {"data": {"n": None}}),
        request("PATCH", path, {"data": {"m": None}}, MERGE_PATCH),
        request("PATCH", path, [{"op": "remove", "path": "/data/k"}], JSON_PATCH),
        request("PATCH", path, [{"op": "add", "path": "/permissions/read/x:y"}], JSON_PATCH),
        request("PATCH", path, [{"op": "test", "path": "/data/n", "value": 7}], JSON_PATCH),
    )

    assert statuses(items) == [201, 200, 200, 200, 200, 400]
    final = atlas.nadia("GET", path).json()
    assert final["data"] == {"id": "a", "last_modified": at(items[4]), "n": None}
    assert final["permissions"]["read"] == ["x:y"]


def test_defaults(atlas: Atlas) -> None:
    """BAT-5: as in the contract's example."""
    defaults = {
        "method": "PUT",
        "headers": IF_NONE,
        "body": {"permissions": {"read": ["system.Everyone"]}},
    }
    path = f"{atlas.records}/st-1".removeprefix("/v1")

    first, second, third = batch(
        atlas.nadia,
        {"path": path, "body": {"data": {"name": "Cape"}}},
        {"path": f"/v1{path}", "body": {"data": {"name": "Cape 2"}}},
        {
            "method": "GET",
            "path": f"{atlas.records}/nope",
            "headers": {"If-None-Match": '"1"'},
        },
        defaults=defaults,
    )

    assert statuses([first, second, third]) == [201, 412, 404]
    assert first["path"] == second["path"] == f"/v1{path}"
    assert first["body"]["permissions"] == {
        "read": ["system.Everyone"],
        "write": [atlas.nadia.user_id],
    }
    assert second["body"]["details"]["existing"]["name"] == "Cape"


def test_anonymous(atlas: Atlas) -> None:
    """BAT-20: each request gets its own answer."""
    atlas.record("a", permissions={"read": ["system.Everyone"]})

    items = batch(
        atlas.anonymous, get("/"), get(f"{atlas.records}/a"), put(f"{atlas.records}/b"), get("/x")
    )

    assert statuses(items) == [200, 200, 401, 404]
    assert items[2]["headers"]["WWW-Authenticate"]


def test_a_request_of_somebody_else(atlas: Atlas) -> None:
    """BAT-10: its own `Authorization` counts, and for that request only."""
    path = f"/v1/buckets/b{new_name()}"

    items = batch(
        atlas.anonymous,
        put(path, headers={"Authorization": basic("omar")}),
        put(path, headers={"authorization": basic("nadia")}),
        put(path),
        get(path, {"Authorization": basic("omar")}),
    )

    assert statuses(items) == [201, 403, 401, 200]
    assert items[3]["body"]["permissions"] == {"write": [atlas.omar.user_id]}


def test_preconditions_of_the_batch_are_inherited(atlas: Atlas) -> None:
    """BAT-10: as every header."""
    atlas.record("a")
    envelope = {"requests": [put(f"{atlas.records}/a"), put(f"{atlas.records}/b")]}

    answer = atlas.nadia("POST", "/v1/batch", envelope, IF_NONE)

    assert statuses(answer.json()["responses"]) == [412, 201]


def test_a_compressed_batch(atlas: Atlas, muniment_server: MunimentServer) -> None:
    """BAT-10: its encoding is not its requests'."""
    text = orjson.dumps({"requests": [put(f"{atlas.records}/a", {"n": 1})]})

    answer = requests.post(
        f"{muniment_server.url}/batch",
        auth=("nadia", "password"),
        data=gzip.compress(text),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        timeout=15,
    )

    assert statuses(answer.json()["responses"]) == [201]


# --- all or nothing -------------------------------------------------------------------------------


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
