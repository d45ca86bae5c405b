"""Section 1: what holds for all endpoints, identifiers, fields of the server's."""

import re
import uuid
from typing import Any

import pytest

from tests.clients.requester import Atlas, data, detail, ids, names_in, refusal, without

JSON_ENDPOINTS = ["/v1/", "/v1/buckets", "{bucket}", "{records}", "{records}/a", "{bucket}/history"]
OBJECTS = ["{bucket}", "{collection}", "{records}/a", "{bucket}/groups/crew"]


@pytest.mark.parametrize("path", JSON_ENDPOINTS)
def test_answers_are_json_in_utf8(furnished: Atlas, path: str) -> None:
    """BASE-1, BASE-2, D-30: under `/v1`, with or without a charset."""
    answer = furnished.nadia("GET", furnished.path(path))

    assert re.fullmatch(r"application/json(; ?charset=utf-8)?", answer.headers["Content-Type"])
    assert isinstance(answer.json(), dict)


def test_text_is_utf8_in_both_directions(atlas: Atlas) -> None:
    """BASE-2: sent as it is or escaped, it is the same text."""
    plain = atlas.nadia.send("PUT", f"{atlas.records}/a", '{"data":{"t":"Å 🦀"}}'.encode())
    escaped = atlas.nadia("PUT", f"{atlas.records}/b", {"data": {"t": "Å 🦀"}})

    assert data(plain)["t"] == data(escaped)["t"] == "Å 🦀"
    assert "Å 🦀".encode() in plain.content


def test_version_of_the_api(atlas: Atlas) -> None:
    """BASE-1, HELLO-4, C-1: a string."""
    assert atlas.anonymous("GET", "/v1/").json()["http_api_version"] == "1.23"


@pytest.mark.parametrize("path", OBJECTS)
def test_objects_come_in_an_envelope(furnished: Atlas, path: str) -> None:
    """BASE-3: data and permissions, in requests and answers alike."""
    path = furnished.path(path)
    read = furnished.nadia("GET", path).json()

    written = furnished.nadia("PUT", path, read).json()

    assert set(read) == set(written) == {"data", "permissions"}
    assert without(written["data"], "last_modified") == without(read["data"], "last_modified")


@pytest.mark.parametrize("list_", ["/v1/buckets", "{bucket}/collections", "{records}"])
def test_lists_come_in_an_envelope(furnished: Atlas, list_: str) -> None:
    """BASE-3: an array under `data`, and nothing beside it."""
    body = furnished.nadia("GET", furnished.path(list_)).json()

    assert set(body) == {"data"}
    assert isinstance(body["data"], list)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/", 200),
        ("GET", "{records}", 200),
        ("PUT", "{records}/a", 200),
        ("PUT", "{records}/b!", 400),
        ("GET", "{records}/none", 404),
        ("PATCH", "/v1/buckets", 405),
        ("GET", "/v1/nope", 404),
    ],
)
def test_answers_are_secured_and_readable_by_scripts(
    furnished: Atlas, method: str, path: str, status: int
) -> None:
    """BASE-4, BASE-5: also when no `Origin` was sent."""
    answer = furnished.nadia(method, furnished.path(path))

    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].replace(" ", "") == (
        "default-src'none';frame-ancestors'none';base-uri'none';"
    )
    exposed = names_in(answer, "Access-Control-Expose-Headers")
    assert exposed >= {"Backoff", "Retry-After", "Alert", "Content-Length", "Content-Type"}


@pytest.mark.parametrize(
    "path", [*JSON_ENDPOINTS, "{bucket}/groups", "/v1/__heartbeat__", "/v1/__api__", "/v1/nope"]
)
def test_head_has_the_status_and_headers_of_get(furnished: Atlas, path: str) -> None:
    """BASE-6: and no body."""
    get = furnished.nadia("GET", furnished.path(path))
    head = furnished.nadia("HEAD", furnished.path(path))

    counts = {"Total-Objects", "Total-Records"}
    varying = {"Date", "X-Request-Id", "Content-Length", "Access-Control-Expose-Headers", *counts}
    assert head.status_code == get.status_code
    assert not head.content
    assert without(head.headers, *varying) == without(get.headers, *varying)


def test_urls_are_those_of_the_request(furnished: Atlas) -> None:
    """BASE-7: scheme, host and port as the outside sees them."""
    furnished.record("b")
    outside = {"Host": "data.example.org:8443"}

    root = furnished.nadia("GET", "/v1/", headers=outside).json()
    page = furnished.nadia("GET", f"{furnished.records}?_limit=1", headers=outside)

    assert root["url"] == "http://data.example.org:8443/v1/"
    assert page.headers["Next-Page"].startswith(f"http://data.example.org:8443{furnished.records}?")


def test_numbers_are_kept(atlas: Atlas) -> None:
    """BASE-8: 2 and 2.0 are equal in filters."""
    text = b'{"data":{"i":2,"f":2.0,"big":9007199254740993,"tiny":1e-300}}'
    atlas.nadia.send("PUT", f"{atlas.records}/a", text)

    record = data(atlas.nadia("GET", f"{atlas.records}/a"))

    assert (record["i"], record["f"]) == (2, 2.0)
    assert record["big"] == 9007199254740993
    assert record["tiny"] == 1e-300
    for query in ("i=2.0", "i=2", "f=2", "f=2.0"):
        assert ids(atlas.nadia("GET", f"{atlas.records}?{query}")) == ["a"], query


def test_an_integer_past_64_bits_becomes_a_double(atlas: Atlas) -> None:
    """BASE-8: its last digits are lost."""
    text = b'{"data":{"n":123456789012345678901234567890}}'

    written = data(atlas.nadia.send("PUT", f"{atlas.records}/a", text))

    assert written["n"] == 1.2345678901234568e29
    assert float(data(atlas.nadia("GET", f"{atlas.records}/a"))["n"]) == written["n"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_what_is_no_number_of_json_is_refused(atlas: Atlas, number: str) -> None:
    """BASE-8: 400 at the body."""
    answer = atlas.nadia.send("POST", atlas.records, f'{{"data":{{"n":{number}}}}}'.encode())

    assert detail(answer)["location"] == "body"


@pytest.mark.parametrize(
    "fields", ['{"t":"a\\u0000b"}', '{"a\\u0000b":1}', '{"deep":[{"t":"\\u0000"}]}']
)
def test_nul_in_a_body_is_refused(atlas: Atlas, fields: str) -> None:
    """BASE-9, D-1: 400 and not to be tried again."""
    answer = atlas.nadia.send("POST", atlas.records, f'{{"data":{fields}}}'.encode())

    assert detail(answer)["location"] == "body"
    assert "Retry-After" not in answer.headers


# --- Identifiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("list_", "body"),
    [
        ("/v1/buckets", {}),
        ("{bucket}/collections", {}),
        ("{bucket}/groups", {"data": {"members": []}}),
    ],
)
def test_ids_made_by_the_server_are_eight_characters(
    atlas: Atlas, list_: str, body: dict[str, object]
) -> None:
    """Section 1.1: for buckets, collections and groups."""
    made = data(atlas.nadia("POST", atlas.path(list_), body))

    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{7}", made["id"])


def test_ids_of_records_made_by_the_server_are_uuids(atlas: Atlas) -> None:
    """Section 1.1: of version 4, in lower case, with dashes."""
    id_ = data(atlas.nadia("POST", atlas.records))["id"]

    assert uuid.UUID(id_).version == 4
    assert id_ == str(uuid.UUID(id_))


def test_ids_differ_by_case_and_may_be_long(atlas: Atlas) -> None:
    """ID-1: the reference has no limit; ours of 512 characters is told as any wrong id is."""
    taken = ("a", "A", "x" * 512)
    made = [atlas.nadia("PUT", f"{atlas.records}/{id_}") for id_ in taken]
    refused = atlas.nadia("PUT", f"{atlas.records}/{'x' * 513}")

    assert [answer.status_code for answer in made] == [201] * 3
    assert set(ids(atlas.nadia("GET", atlas.records))) == set(taken)
    assert detail(refused)["description"] == "Invalid object id"


@pytest.mark.parametrize("id_", ["b!", "-b", "_b", "b.c", "b%20c", "b%0A", "%C3%A9"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "GET", "DELETE"])
def test_an_id_that_is_none_is_refused(atlas: Atlas, method: str, id_: str) -> None:
    """ID-2, ID-3: the whole string must match; a newline at its end is part of it."""
    body = {"data": {"n": 1}} if method in {"PUT", "PATCH"} else None

    answer = atlas.nadia(method, f"{atlas.records}/{id_}", body)

    assert detail(answer) == {
        "location": "path",
        "name": None,
        "description": "Invalid object id",
    }
    assert answer.json()["message"] == "path: Invalid object id"


@pytest.mark.parametrize("id_", ["b!", "b\n", 7, None, "", ["b"]])
def test_an_id_that_is_none_in_a_body_is_refused(atlas: Atlas, id_: object) -> None:
    """ID-3, ID-4: at `path` too, whatever its type."""
    answer = atlas.nadia("POST", atlas.records, {"data": {"id": id_}})

    assert detail(answer)["location"] == "path"
    assert detail(answer)["description"] == "Invalid object id"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_id_in_a_body_is_that_of_the_url(furnished: Atlas, method: str) -> None:
    """ID-5: it may be said, and must not differ."""
    path = f"{furnished.records}/a"

    same = furnished.nadia(method, path, {"data": {"id": "a", "n": 2}})
    other = furnished.nadia(method, path, {"data": {"id": "b", "n": 2}})

    assert data(same)["id"] == "a"
    assert detail(other) == {
        "location": "body",
        "name": "id",
        "description": "Object id does not match existing object",
    }


def test_a_slash_in_an_id_leads_nowhere(atlas: Atlas) -> None:
    """ID-6: 404 without a route."""
    assert refusal(atlas.nadia("GET", f"{atlas.records}/a%2Fb")) == (404, 111)


# --- Fields ---------------------------------------------------------------------------------------


def test_server_fields_are_the_servers_and_the_rest_is_free(atlas: Atlas) -> None:
    """Section 1.2, REC-3: `deleted`, `schema` and odd keys are kept as they were given."""
    free: dict[str, Any] = {
        "deleted": True,
        "schema": "mine",
        "a.b": 1,
        "a-b": 2,
        "a b": 3,
        "": 4,
        "webhooks": [],
        "attachment": {"hash": None},
    }

    record = atlas.record("a", {**free, "id": "a", "last_modified": "soon"})

    assert without(record, "id", "last_modified") == free
    assert isinstance(record["last_modified"], int)
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == record
    assert data(atlas.nadia("GET", atlas.records)) == [record]
