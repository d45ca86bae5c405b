"""The items of a batch (contract section 16): answers, paths, headers, bodies."""

import gzip

import orjson
import requests

from tests.clients.kinto.batching import at, batch, get, names, put, request, statuses
from tests.clients.requester import (
    IF_NONE,
    JSON_PATCH,
    MERGE_PATCH,
    Atlas,
    ids,
    quoted,
)
from tests.support.cluster import basic
from tests.support.server import MunimentServer
from tests.support.stack import new_name


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


def test_a_timestamp_that_was_given_up_before_in_the_batch(atlas: Atlas) -> None:
    """TS-8, BAT-16: no other object has it any more."""
    free = atlas.record("old")["last_modified"]

    items = batch(
        atlas.nadia,
        put(f"{atlas.records}/old", {"n": 1}),
        put(f"{atlas.records}/new", {"last_modified": free}),
    )

    assert statuses(items) == [200, 201]
    assert items[1]["body"]["data"]["last_modified"] == free
    assert ids(atlas.nadia("GET", atlas.records)) == ["old", "new"]


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
