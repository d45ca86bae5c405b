"""Section 5: the form of errors, their numbers, and what is said of each bad input."""

import re
from typing import Any

import pytest

from tests.clients.requester import JSON_PATCH, Atlas, Requester, data, detail, refusal

Detail = tuple[str, str | int | None, str]


def test_an_error_says_what_there_is_to_say(atlas: Atlas) -> None:
    """ERR-1: never null, never empty."""
    missing = atlas.nadia("GET", f"{atlas.records}/none").json()
    unknown = atlas.nadia("GET", "/v1/nope").json()
    refused = atlas.omar("GET", atlas.bucket).json()

    assert missing == {
        "code": 404,
        "errno": 110,
        "error": "Not Found",
        "details": {"id": "none", "resource_name": "record"},
    }
    assert set(unknown) == set(refused) == {"code", "errno", "error", "message"}


@pytest.mark.parametrize(
    ("asked", "body", "headers", "expected"),
    [
        ("anonymous GET /v1/buckets", None, {}, (401, 104, "Unauthorized")),
        ("nadia POST {records}", {"data": 1}, {}, (400, 107, "Invalid parameters")),
        ("nadia GET /v1/%82%AC", None, {}, (400, 107, "Bad Request")),
        ("nadia GET {records}/none", None, {}, (404, 110, "Not Found")),
        ("nadia GET /v1/nope", None, {}, (404, 111, "Not Found")),
        ("nadia GET /v2/", None, {}, (404, 116, "Not Found")),
        ("nadia PUT /v1/buckets", None, {}, (405, 115, "Method Not Allowed")),
        ("nadia GET {records}", None, {"If-Match": '"1"'}, (412, 114, "Precondition Failed")),
        ("omar GET {bucket}", None, {}, (403, 121, "Forbidden")),
    ],
)
def test_each_status_has_its_number_and_name(
    atlas: Atlas,
    asked: str,
    body: Any,
    headers: dict[str, str],
    expected: tuple[int, int, str],
) -> None:
    """Section 5.2, D-33, C-20."""
    who, method, path = asked.split(" ")
    requester: Requester = getattr(atlas, who)

    answer = requester(method, atlas.path(path), body, headers)

    assert (*refusal(answer), answer.json()["error"]) == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("anonymous GET {records}", "Please authenticate yourself to use this endpoint."),
        ("omar GET {records}", "This user cannot access this resource."),
        ("nadia GET /v1/nope", "The resource you are looking for could not be found."),
        ("nadia PUT {records}", "Method not allowed on this endpoint."),
    ],
)
def test_messages_that_clients_show(atlas: Atlas, asked: str, message: str) -> None:
    """Section 5.2."""
    who, method, path = asked.split(" ")
    requester: Requester = getattr(atlas, who)

    assert requester(method, atlas.path(path)).json()["message"] == message


def test_a_body_that_is_too_large(atlas: Atlas) -> None:
    """Section 5.2: 413 has errno 113."""
    text = b'{"data":{"t":"' + b"x" * (11 * 1024 * 1024) + b'"}}'

    assert refusal(atlas.nadia.send("PUT", f"{atlas.records}/a", text)) == (413, 113)


# --- Messages -------------------------------------------------------------------------------------


def test_the_message_is_the_description_that_holds_the_name(atlas: Atlas) -> None:
    """ERR-4: the name occurs in it, or is empty."""
    unfit = atlas.nadia("POST", atlas.records, {"data": {}, "colour": 1}).json()
    sent_to = atlas.nadia("GET", f"{atlas.records}?_since=x").json()

    assert unfit["message"] == unfit["details"][0]["description"]
    assert sent_to["message"] == sent_to["details"][0]["description"] == "Invalid value for _since"


def test_the_message_has_the_name_in_front(atlas: Atlas) -> None:
    """ERR-4: when the description does not hold it."""
    answer = atlas.nadia("POST", atlas.records, {"data": 1}).json()

    described = answer["details"][0]["description"]
    assert answer["message"] == f"data in body: {described}"


def test_the_message_has_the_location_in_front(atlas: Atlas) -> None:
    """ERR-4: when there is no name."""
    answer = atlas.nadia("GET", f"{atlas.records}?_token=x").json()

    assert answer["details"][0]["name"] is None
    assert answer["message"] == "querystring: _token has invalid content"


def test_an_integer_is_the_name_of_what_an_array_holds(atlas: Atlas) -> None:
    """ERR-3, SCH-8."""
    schema = {"properties": {"l": {"items": {"type": "string"}}}}
    data(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}}))

    answer = atlas.nadia("POST", atlas.records, {"data": {"l": ["a", 2]}})

    assert detail(answer)["name"] == 1


# --- Bad bodies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "Parse error at offset 1: Missing a name for object member."),
        (b'{"data":', "Parse error at offset 8: Invalid value."),
        (b'{"data":{}}x', "Parse error at offset 11: The document root must not be followed"),
    ],
)
def test_a_body_that_is_no_json(atlas: Atlas, text: bytes, words: str) -> None:
    """ERR-6, D-33: in RapidJSON's words."""
    answer = atlas.nadia.send("POST", atlas.records, text)

    assert (detail(answer)["location"], detail(answer)["name"]) == ("body", "")
    assert detail(answer)["description"].startswith(f"Invalid JSON: {words}")


BODIES: dict[str, tuple[str, Any, Detail]] = {
    "ERR-12 record": (
        "PUT {records}/x",
        {"permissions": {"fly": []}},
        ("body", "permissions", r'"fly" is not one of read, write'),
    ),
    "ERR-12 bucket": (
        "PATCH {bucket}",
        {"permissions": {"record:create": []}},
        (
            "body",
            "permissions",
            r'"record:create" is not one of .*collection:create.*',
        ),
    ),
    "ERR-13": (
        "PUT {records}/x",
        {"permissions": {"read": "system.Everyone"}},
        ("body", "permissions.read", r'"system.Everyone" is not iterable'),
    ),
    "ERR-14": (
        "PUT {records}/x",
        {"permissions": {"read": [1]}},
        ("body", "permissions.read.0", r"1 is not a string: .*"),
    ),
    "ERR-15": (
        "PATCH {records}/a",
        {},
        ("body", "data", r"Provide at least one of data or permissions"),
    ),
    "ERR-17 POST": (
        "POST {bucket}/collections",
        {"data": {"cache_expires": "abc"}},
        ("body", "data.cache_expires", r'"abc" is not a number'),
    ),
    "ERR-17 PUT": (
        "PUT {collection}",
        {"data": {"cache_expires": "abc"}},
        ("body", "data.cache_expires", r'"abc" is not a number'),
    ),
    "ERR-18": (
        "PATCH {collection}",
        {"data": {"cache_expires": "abc"}},
        ("body", "cache_expires", r'"abc" is not a number'),
    ),
    "ERR-19": (
        "PUT /v1/accounts/someone",
        {"data": {}},
        ("body", "data.password", r"Required"),
    ),
    "ERR-21 PUT": (
        "PUT {collection}",
        {"data": {"schema": {"type": "nope"}}},
        ("body", "data.schema", r".+"),
    ),
    "ERR-21 PATCH": (
        "PATCH {collection}",
        {"data": {"schema": {"type": "nope"}}},
        ("body", "schema", r".+"),
    ),
    "ERR-36 Everyone": (
        "PUT {bucket}/groups/g",
        {"data": {"members": ["system.Everyone"]}},
        ("body", "data.members.0", r"'system.Everyone' is not a valid user ID\."),
    ),
    "ERR-36 group": (
        "PUT {bucket}/groups/g",
        {"data": {"members": ["account:omar", "/buckets/a/groups/b"]}},
        ("body", "data.members.1", r"'/buckets/a/groups/b' is not a valid user ID\."),
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_what_is_wrong_with_a_body(atlas: Atlas, case: str) -> None:
    """Section 5.3: at the body, by its name."""
    asked, body, (location, name, words) = BODIES[case]
    method, path = asked.split(" ")
    atlas.record("a")
    requester = atlas.anonymous if "accounts" in path else atlas.nadia

    answer = requester(method, atlas.path(path), body)

    told = detail(answer)
    assert (told["location"], told["name"]) == (location, name)
    assert re.fullmatch(words, told["description"])


# --- Bad headers and queries ----------------------------------------------------------------------


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["5", 'W/"5"', '"5", "6"', '"abc"', "text", '""', '"-1"'])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_precondition_that_is_none(atlas: Atlas, method: str, value: str, header: str) -> None:
    """ERR-22, Section 9.3: digits between quotes, or `*`."""
    atlas.record("a")
    body: Any = {} if method == "PUT" else None

    answer = atlas.nadia(method, f"{atlas.records}/a", body, {header: value})

    assert detail(answer) == {
        "location": "header",
        "name": header,
        "description": "The value should be integer between double quotes.",
    }


def test_a_behavior_that_is_none(atlas: Atlas) -> None:
    """ERR-23."""
    atlas.record("a")
    headers = {"Response-Behavior": "loud"}

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", {"data": {}}, headers)

    assert detail(answer) == {
        "location": "header",
        "name": "Response-Behavior",
        "description": '"loud" is not one of full, light, diff',
    }


QUERIES: dict[str, Detail] = {
    "_limit=abc": ("querystring", "_limit", r'"abc" is not a number'),
    "_limit=-1": ("querystring", "_limit", r"-1 is less than minimum value 0"),
    "_since=x": ("querystring", "_since", r"Invalid value for _since"),
    "gt_last_modified=x": (
        "querystring",
        "gt_last_modified",
        r"Invalid value for gt_last_modified",
    ),
    "_token=x": ("querystring", None, r"_token has invalid content"),
    "id=12": ("querystring", "id", r"12 is not a string.*"),
    "contains_id=a": ("querystring", "contains_id", r"Field 'id' is not an array"),
    "n=%00": ("querystring", "n", r"Invalid character 0x00"),
}


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_wrong_with_a_query(atlas: Atlas, query: str) -> None:
    """ERR-24 to ERR-27, ERR-31 to ERR-33."""
    location, name, words = QUERIES[query]

    told = detail(atlas.nadia("GET", f"{atlas.records}?{query}"))

    assert (told["location"], told["name"]) == (location, name)
    assert re.fullmatch(words, told["description"])


FIXED: dict[str, Detail] = {
    "colour=1": ("querystring", "colour", "Unknown filter field 'colour'"),
    "_sort=colour": ("querystring", None, "Unknown sort field 'colour'"),
    "_fields=colour": ("body", "Invalid _fields parameter", "Fields colour do not exist"),
}


@pytest.mark.parametrize("query", FIXED)
@pytest.mark.parametrize("path", ["{bucket}/history", "/v1/permissions"])
def test_lists_of_fixed_fields_know_their_own(atlas: Atlas, path: str, query: str) -> None:
    """ERR-28 to ERR-30, QV-7, QS-3."""
    location, name, words = FIXED[query]

    told = detail(atlas.nadia("GET", f"{atlas.path(path)}?{query}"))

    assert told == {"location": location, "name": name, "description": words}


@pytest.mark.parametrize("query", ["id.x=1", "last_modified.x=1", "_sort=id.x", "gt_id.x=1"])
@pytest.mark.parametrize("path", ["{bucket}/history", "/v1/permissions"])
def test_nothing_is_within_an_id(atlas: Atlas, path: str, query: str) -> None:
    """QV-6, QV-7: known by what is before the dot, and missing behind it; no 500."""
    listed = data(atlas.nadia("GET", f"{atlas.path(path)}?{query}"))

    # What is missing equals nothing, and is greater than all (10.3).
    assert bool(listed) is query.startswith(("_sort", "gt_"))


# --- JSON Patch -----------------------------------------------------------------------------------

OPERATIONS: dict[str, tuple[Any, str | None, str]] = {
    "test": (
        {"op": "test", "path": "/data/n", "value": 2},
        None,
        r"JSON Patch operation failed: .+",
    ),
    "missing": ({"op": "remove", "path": "/data/x"}, None, r"JSON Patch operation failed: .+"),
    "op": (
        {"op": "fly", "path": "/data/n"},
        "0.op",
        r'"fly" is not one of test, add, remove, replace, move, copy',
    ),
    "no path": ({"op": "remove"}, "0.path", r"Required"),
    "path": (
        {"op": "remove", "path": "data"},
        "0.path",
        r"String does not match expected pattern",
    ),
    "key": (
        {"op": "remove", "path": "/data/n", "why": 1},
        "0",
        r"Unrecognized keys in mapping: .+",
    ),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_what_is_wrong_with_an_operation(atlas: Atlas, case: str) -> None:
    """ERR-34, ERR-35, PAT-11, PAT-12: and nothing is changed."""
    operation, name, words = OPERATIONS[case]
    before = atlas.record("a", {"n": 1})

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", [operation], JSON_PATCH)

    told = detail(answer)
    assert (told["location"], told["name"]) == ("body", name)
    assert re.fullmatch(words, told["description"])
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == before
