"""Section 2: endpoints, redirects, the order of refusals, media types."""

from typing import Any

import pytest

from tests.clients.requester import (
    Atlas,
    Requester,
    data,
    detail,
    directives,
    expires_after_s,
    names_in,
    refusal,
    without,
)

LIST_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
OBJECT_METHODS = {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
READ_METHODS = {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/", READ_METHODS),
        ("/v1/__heartbeat__", READ_METHODS),
        ("/v1/__lbheartbeat__", READ_METHODS),
        ("/v1/__api__", READ_METHODS),
        ("/v1/contribute.json", READ_METHODS),
        ("/v1/batch", {"POST", "OPTIONS"}),
        ("/v1/buckets", LIST_METHODS),
        ("{bucket}", OBJECT_METHODS),
        ("{bucket}/groups", LIST_METHODS),
        ("{bucket}/groups/x", OBJECT_METHODS),
        ("{bucket}/collections", LIST_METHODS),
        ("{collection}", OBJECT_METHODS),
        ("{records}", LIST_METHODS),
        ("{records}/a", OBJECT_METHODS),
        ("/v1/accounts", LIST_METHODS),
        ("/v1/accounts/nadia", OBJECT_METHODS),
        ("/v1/permissions", READ_METHODS),
        ("{bucket}/history", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("{bucket}/snapshot/collections/stations@1", READ_METHODS),
        ("/v1/__flush__", {"POST", "OPTIONS"}),
        ("/v1/__counters__", READ_METHODS),
        ("/v1/__user_data__/x", {"DELETE", "OPTIONS"}),
    ],
)
def test_an_endpoint_has_its_methods_and_no_other(
    atlas: Atlas, path: str, methods: set[str]
) -> None:
    """Section 2.1, RT-7: 405 names those that are there."""
    answer = atlas.nadia("TRACE", atlas.path(path))

    assert refusal(answer) == (405, 115)
    assert answer.json()["message"] == "Method not allowed on this endpoint."
    assert names_in(answer, "Allow") == methods


@pytest.mark.parametrize("path", ["/", "/buckets/x?y=1&z=%20", "/nope"])
def test_a_path_without_version_is_redirected(atlas: Atlas, path: str) -> None:
    """RT-1: with its query, and not to be kept."""
    answer = atlas.anonymous("GET", path)

    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{atlas.anonymous.origin}/v1{path}"
    assert not {"Cache-Control", "Expires"} & set(answer.headers)


def test_a_preflight_without_version_is_answered(atlas: Atlas) -> None:
    """RT-2: browsers don't follow redirects of preflights."""
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}

    answer = atlas.anonymous("OPTIONS", "/buckets", headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v0/buckets", "/v2/", "/v3/x"])
def test_another_version_is_not_here(atlas: Atlas, path: str) -> None:
    """RT-3: an errno of its own."""
    answer = atlas.anonymous("GET", path)

    assert refusal(answer) == (404, 116)
    assert answer.json()["message"] == "The requested API version is not available on this server."


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/v1?a=1", "/v1/?a=1"),
        ("/v1/buckets/", "/v1/buckets"),
        ("/v1/buckets//?_limit=1", "/v1/buckets?_limit=1"),
        ("/v1/buckets/atlas/", "/v1/buckets/atlas"),
    ],
)
def test_slashes_at_the_end_are_redirected(atlas: Atlas, path: str, location: str) -> None:
    """RT-4, RT-5: with the query; browsers may keep that for an hour."""
    answer = atlas.anonymous("GET", path)

    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{atlas.anonymous.origin}{location}"
    assert directives(answer) == {"max-age=3600"}
    assert expires_after_s(answer) == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("path", ["/v1/nope", "/v1/nope/", "/v1/buckets/a/b", "/v1/buckets/a/b/"])
def test_a_path_that_names_nothing(atlas: Atlas, path: str) -> None:
    """RT-6, RT-5: 404; redirects are for paths that are known without their slash."""
    answer = atlas.nadia("GET", path)

    assert refusal(answer) == (404, 111)
    assert answer.json()["message"] == "The resource you are looking for could not be found."


def test_path_that_is_not_utf8(atlas: Atlas) -> None:
    """RT-8: 400."""
    answer = atlas.nadia("GET", "/v1/%82%AC")

    assert refusal(answer) == (400, 107)
    assert answer.json()["message"] == "Invalid URL path."


def test_query_that_is_not_utf8(atlas: Atlas) -> None:
    """RT-9: 400, with the status's own name."""
    answer = atlas.nadia("GET", f"{atlas.records}?n=%FF")

    assert refusal(answer) == (400, 107)
    assert answer.json()["error"] == "Bad Request"


# --- Order of checks ------------------------------------------------------------------------------

Check = tuple[str, str, str, Any, dict[str, str], tuple[int, int]]

ORDER: list[Check] = [
    # who, method, path, body, headers, answer; each breaks several rules, the first of which counts
    ("anonymous", "POST", "{records}/a", {}, {"Accept": "text/html"}, (405, 115)),
    ("anonymous", "POST", "{records}", {}, {"Accept": "text/html"}, (406, 107)),
    ("anonymous", "PUT", "{records}/a", 1, {"Content-Type": "text/plain"}, (415, 107)),
    ("anonymous", "PUT", "{bucket}/collections/none/records/a", 1, {}, (404, 111)),
    ("omar", "DELETE", "{bucket}/collections/none/records/a", 1, {}, (404, 111)),
    ("omar", "POST", "{records}", {"data": {"id": "b!"}}, {}, (400, 107)),
    ("anonymous", "GET", "{bucket}/collections/none/records", None, {}, (401, 104)),
    ("omar", "GET", "{bucket}/collections/none/records", None, {}, (403, 121)),
    ("omar", "PUT", "{records}/a", [1], {"If-Match": "x"}, (403, 121)),
    ("anonymous", "PUT", "{records}/a", [1], {"If-Match": "x"}, (401, 104)),
    ("nadia", "GET", "{bucket}/collections/none/records?_limit=x", None, {}, (404, 111)),
    ("nadia", "PATCH", "{records}/none", [1], {"If-Match": "x"}, (400, 107)),
    ("nadia", "GET", "{records}/b!", None, {"If-Match": '"1"'}, (400, 107)),
    ("nadia", "PATCH", "{records}/none", {"data": {}}, {"If-Match": '"1"'}, (404, 110)),
]


@pytest.mark.parametrize(
    "check", ORDER, ids=[f"{check[0]}-{check[1]}-{check[2]}-{check[5][0]}" for check in ORDER]
)
def test_the_first_rule_that_is_broken_counts(atlas: Atlas, check: Check) -> None:
    """Section 2.3, D-2, BKT-6, REC-1, ERR-16."""
    who, method, path, body, headers, expected = check
    requester: Requester = getattr(atlas, who)

    assert refusal(requester(method, atlas.path(path), body, headers)) == expected


def test_preconditions_come_before_schemas(atlas: Atlas) -> None:
    """Section 2.3: steps 10 and 11."""
    atlas.record("a")
    atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"required": ["title"]}}})

    stale = atlas.nadia("PUT", f"{atlas.records}/a", {}, {"If-Match": '"1"'})
    unfit = atlas.nadia("PUT", f"{atlas.records}/a", {})

    assert (stale.status_code, unfit.status_code) == (412, 400)


def test_all_that_is_wrong_with_a_request_is_told(atlas: Atlas) -> None:
    """Section 2.3, ERR-2: header, body and query in one 400, sorted by name."""
    answer = atlas.nadia(
        "PATCH",
        f"{atlas.records}/a",
        {"data": 1, "permissions": []},
        {"If-Match": "x", "Response-Behavior": "loud"},
    )

    names = [each["name"] for each in answer.json()["details"]]
    assert refusal(answer) == (400, 107)
    assert set(names) == {"If-Match", "Response-Behavior", "data", "permissions"}
    assert names == sorted(names)


# --- Media types ----------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0"])
def test_who_accepts_no_json_is_told_406(atlas: Atlas, accept: str) -> None:
    """MT-1."""
    answer = atlas.nadia("GET", atlas.records, headers={"Accept": accept})

    assert refusal(answer) == (406, 107)
    assert answer.json()["error"] == "Invalid parameters"
    assert answer.json()["details"] == [
        {
            "location": "header",
            "name": "Accept",
            "description": "Accept header should be one of ['application/json']",
        }
    ]


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "text/html, application/json;q=0.5", "text/html,*/*;q=0.1"]
)
def test_who_accepts_json_among_others_gets_it(atlas: Atlas, accept: str) -> None:
    """MT-1."""
    assert atlas.nadia("GET", atlas.records, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/"), ("GET", "/v1/__heartbeat__"), ("POST", "/v1/batch")]
)
def test_utilities_take_any_accept(atlas: Atlas, method: str, path: str) -> None:
    """MT-1: they don't check it."""
    body: Any = {"requests": []} if method == "POST" else None

    answer = atlas.nadia(method, path, body, {"Accept": "text/html"})

    assert answer.status_code == 200


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", None])
@pytest.mark.parametrize("text", [b'{"data":{"n":1}}', b""])
def test_json_is_taken_by_its_name_or_by_none(
    atlas: Atlas, content_type: str | None, text: bytes
) -> None:
    """MT-2, MT-5: with parameters, or without a type; an empty body is an empty object."""
    answer = atlas.nadia.send("PUT", f"{atlas.records}/a", text, content_type)

    assert answer.status_code == 201
    assert without(data(answer), "id", "last_modified") == ({"n": 1} if text else {})


@pytest.mark.parametrize(
    ("method", "path", "types"),
    [
        ("POST", "{records}", "['application/json']"),
        ("PUT", "{records}/a", "['application/json']"),
        (
            "PATCH",
            "{records}/a",
            "['application/json', 'application/merge-patch+json', 'application/json-patch+json']",
        ),
    ],
)
def test_another_type_is_told_415(atlas: Atlas, method: str, path: str, types: str) -> None:
    """MT-2, MT-3: with those that are taken."""
    answer = atlas.nadia.send(method, atlas.path(path), b"n=1", "text/plain")

    assert refusal(answer) == (415, 107)
    assert answer.json()["details"] == [
        {
            "location": "header",
            "name": "Content-Type",
            "description": f"Content-Type header should be one of {types}",
        }
    ]


def test_parameters_do_not_change_the_kind_of_a_patch(atlas: Atlas) -> None:
    """MT-3, D-3: with a charset a merge patch is one, and a JSON Patch too."""
    atlas.record("a", {"m": {"x": 1}, "n": 1})
    record = f"{atlas.records}/a"
    merge = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    operations = {"Content-Type": "application/json-patch+json; charset=utf-8"}

    atlas.nadia("PATCH", record, {"data": {"m": {"y": 2}, "n": None}}, merge)
    answer = atlas.nadia(
        "PATCH", record, [{"op": "add", "path": "/data/k", "value": 3}], operations
    )

    assert without(data(answer), "id", "last_modified") == {"m": {"x": 1, "y": 2}, "k": 3}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
@pytest.mark.parametrize("text", [b"{}", b"no json", b""])
def test_a_delete_may_carry_anything(atlas: Atlas, text: bytes, content_type: str | None) -> None:
    """MT-4, C-11: kinto-http.py sends `{}` with each."""
    atlas.record("a")

    assert atlas.nadia.send("DELETE", f"{atlas.records}/a", text, content_type).status_code == 200
    assert atlas.nadia.send("DELETE", atlas.records, text, content_type).status_code == 200


def test_a_get_may_say_that_it_is_json(atlas: Atlas) -> None:
    """MT-4, C-11: kinto.js always does."""
    assert atlas.nadia.send("GET", atlas.records, b"").status_code == 200


@pytest.mark.parametrize("text", ['"text"', "1", "null", "true"])
def test_a_body_that_is_a_scalar(atlas: Atlas, text: str) -> None:
    """MT-6, ERR-7."""
    answer = atlas.nadia.send("POST", atlas.records, text.encode())

    assert detail(answer) == {
        "location": "body",
        "name": "",
        "description": "Should be a JSON object or an array",
    }


def test_a_body_that_is_an_array(atlas: Atlas) -> None:
    """MT-6, ERR-9."""
    answer = atlas.nadia("POST", atlas.records, [])

    assert (detail(answer)["location"], detail(answer)["name"]) == ("body", "")
    assert detail(answer)["description"].startswith('"[]" is not a mapping type')


def test_a_body_with_a_key_of_its_own(atlas: Atlas) -> None:
    """MT-7, ERR-8."""
    answer = atlas.nadia("POST", atlas.records, {"data": {}, "colour": 1})

    assert detail(answer) == {
        "location": "body",
        "name": "",
        "description": "Unrecognized keys in mapping: \"{'colour': 1}\"",
    }


@pytest.mark.parametrize("part", ["data", "permissions"])
@pytest.mark.parametrize("value", [None, "abc", 1, []])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_part_that_is_no_object(atlas: Atlas, method: str, part: str, value: Any) -> None:
    """MT-8, ERR-10, ERR-11."""
    path = atlas.records if method == "POST" else f"{atlas.records}/a"
    atlas.record("a")

    answer = atlas.nadia(method, path, {part: value})

    assert (detail(answer)["location"], detail(answer)["name"]) == ("body", part)
    assert "is not a mapping type" in detail(answer)["description"]
