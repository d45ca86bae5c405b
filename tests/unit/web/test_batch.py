"""The envelope of a batch: what is read out of it, and what is refused."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import pytest

from muniment.domain.refusals import Invalid
from muniment.web.batch import METHODS, BatchReader, batch_response
from tests.unit.web.batching import JSON_PATCH, OPERATIONS, READER, batch, read, read_one
from tests.unit.web.building import json_of, pipeline

NOTHING: Final[Mapping[str, str]] = {}
NO_ITEMS: Final[Sequence[str]] = []
RECURSIVE: Final = "Recursive call on /batch endpoint is forbidden."


def faults(body: object) -> list[tuple[str | int | None, str]]:
    refused = READER.read(batch(body))
    assert isinstance(refused, Invalid), refused
    assert {fault.location for fault in refused.faults} == {"body"}
    return [(fault.name, fault.description) for fault in refused.faults]


def names(body: object) -> list[str | int | None]:
    return [name for name, _ in faults(body)]


# --- what is in it --------------------------------------------------------------------------------


def test_requests_come_in_their_order() -> None:
    """BAT-1, BAT-12: nothing is added, and nothing left out."""
    found = read({"requests": [{"path": f"/buckets/b{number}"} for number in range(25)]})

    assert [each.raw_path for each in found] == [f"/v1/buckets/b{number}" for number in range(25)]


def test_no_requests() -> None:
    """BAT-1: no requests, no answers."""
    assert list(read({"requests": []})) == []
    assert json_of(batch_response([], [])) == {"responses": []}


def test_a_request_of_a_path_alone() -> None:
    """BAT-2, BAT-3: a GET without a body."""
    found = read_one({"path": "/buckets"})

    assert (found.method, found.raw_path, found.raw_query, found.body) == (
        "GET",
        "/v1/buckets",
        "",
        b"",
    )
    assert (found.base_url, found.id) == ("http://data.example.org", "r-1")


@pytest.mark.parametrize("method", METHODS)
def test_methods(method: str) -> None:
    """BAT-3."""
    assert read_one({"path": "/", "method": method}).method == method


@pytest.mark.parametrize(
    ("path", "raw_path", "raw_query"),
    [
        ("/", "/v1/", ""),
        ("/buckets", "/v1/buckets", ""),
        ("/v1/buckets", "/v1/buckets", ""),
        ("/v1", "/v1", ""),
        ("/v1?a=b", "/v1", "a=b"),
        ("/v10/buckets", "/v1/v10/buckets", ""),
        ("/v3/buckets", "/v1/v3/buckets", ""),
        ("/buckets/", "/v1/buckets/", ""),
        ("/buckets?_sort=-a&b=%22x%22", "/v1/buckets", "_sort=-a&b=%22x%22"),
        ('/buckets?a="x y"', "/v1/buckets", "a=%22x%20y%22"),
        ("/buckets?a=/v1/batch?", "/v1/buckets", "a=/v1/batch?"),
        ("/buckets/é", "/v1/buckets/%C3%A9", ""),
        ("/buckets/%C3%A9", "/v1/buckets/%C3%A9", ""),
        ("/buckets/a b#c", "/v1/buckets/a%20b%23c", ""),
        ("/buckets?like_name=Åland", "/v1/buckets", "like_name=%C3%85land"),
    ],
)
def test_paths(path: str, raw_path: str, raw_query: str) -> None:
    """BAT-9: a prefix where it lacks, queries as they are, UTF-8 for what is not ASCII."""
    found = read_one({"path": path})

    assert (found.raw_path, found.raw_query) == (raw_path, raw_query)


# --- defaults -------------------------------------------------------------------------------------


def test_defaults_fill_what_lacks() -> None:
    """BAT-5: down into headers and body; what the request has stays, lists are not merged."""
    found = read_one(
        {
            "path": "/buckets/atlas",
            "headers": {"If-Match": '"2"'},
            "body": {"data": {"n": 2, "list": [2]}},
        },
        defaults={
            "method": "PUT",
            "path": "/buckets/other",
            "headers": {"If-Match": '"1"', "Response-Behavior": "light"},
            "body": {"data": {"n": 1, "list": [1], "m": {"k": 1}}, "permissions": {"read": ["x"]}},
        },
    )

    assert (found.method, found.raw_path) == ("PUT", "/v1/buckets/atlas")
    assert dict(found.headers) == {"If-Match": '"2"', "Response-Behavior": "light"}
    assert orjson.loads(found.body) == {
        "data": {"n": 2, "list": [2], "m": {"k": 1}},
        "permissions": {"read": ["x"]},
    }


def test_a_path_of_the_defaults() -> None:
    """BAT-2, BAT-5."""
    found = read({"defaults": {"path": "/buckets"}, "requests": [{}, {"path": "/"}]})

    assert [each.raw_path for each in found] == ["/v1/buckets", "/v1/"]


def test_a_header_counts_over_a_default_in_another_case() -> None:
    """BAT-5, BAT-10: names of headers have no case."""
    found = read_one(
        {"path": "/", "headers": {"If-Match": '"2"', "authorization": "own"}},
        headers={"AUTHORIZATION": "batch"},
        defaults={"headers": {"if-match": '"1"', "Authorization": "default"}},
    )

    assert found.headers.getall("If-Match") == ['"2"']
    assert found.headers.getall("Authorization") == ["own"]


def test_a_scalar_is_not_merged() -> None:
    """BAT-5: neither with an object nor into one."""
    found = read(
        {
            "defaults": {"body": {"data": {"a": {"k": 1}, "b": 1}}},
            "requests": [{"path": "/", "body": {"data": {"a": 2, "b": {"k": 2}}}}],
        }
    )

    assert orjson.loads(found[0].body) == {"data": {"a": 2, "b": {"k": 2}}}


# --- headers --------------------------------------------------------------------------------------


def test_headers_of_the_batch_are_inherited() -> None:
    """BAT-10: but for those that are about its body; what the request gives overrides."""
    inherited = {
        "Authorization": "Basic of nadia",
        "Origin": "https://example.org",
        "Content-Length": "312",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Transfer-Encoding": "chunked",
        "Expect": "100-continue",
    }

    plain = read_one({"path": "/"}, inherited)
    own = read_one({"path": "/", "headers": {"authorization": "Basic of omar"}}, inherited)

    assert dict(plain.headers) == {
        "Authorization": "Basic of nadia",
        "Origin": "https://example.org",
    }
    assert own.headers.getall("Authorization") == ["Basic of omar"]


@pytest.mark.parametrize(
    "type_",
    [
        "application/json-patch+json",
        "application/json-patch+json; charset=utf-8",
        "Application/JSON-Patch+JSON",
    ],
)
@pytest.mark.parametrize("name", ["Content-Type", "content-type"])
def test_operations_of_a_json_patch(name: str, type_: str) -> None:
    """BAT-4, BAT-11, D-22: an array, and its type is kept (MT-3)."""
    found = read_one({"path": "/", "method": "PATCH", "headers": {name: type_}, "body": OPERATIONS})

    assert orjson.loads(found.body) == OPERATIONS
    assert found.headers["Content-Type"] == type_


def test_operations_with_the_type_in_the_defaults() -> None:
    """BAT-5, BAT-11: what the defaults give is the request's own."""
    envelope = {
        "defaults": {"method": "PATCH", "headers": JSON_PATCH},
        "requests": [{"path": "/", "body": OPERATIONS}],
    }

    assert orjson.loads(read(envelope)[0].body) == OPERATIONS


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/merge-patch+json"}])
def test_an_array_is_no_body_of_anything_else(headers: Mapping[str, str]) -> None:
    """BAT-4; the batch's own type says nothing of what is in it."""
    item = {"path": "/", "method": "PATCH", "headers": headers, "body": OPERATIONS}

    assert names({"requests": [item]}) == ["requests.0.body"]
    assert isinstance(READER.read(batch({"requests": [item]}, JSON_PATCH)), Invalid)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", ["requests"], id="nothing"),
        pytest.param({}, ["requests"], id="no-requests"),
        pytest.param(b"{", [""], id="no-json"),
        pytest.param([], [""], id="array"),
        pytest.param([{"path": "/"}], [""], id="array-of-requests"),
        pytest.param(b"null", [""], id="null"),
        pytest.param(b'"x"', [""], id="string"),
        pytest.param({"requests": None}, ["requests"], id="requests-null"),
        pytest.param({"requests": {}}, ["requests"], id="requests-object"),
        pytest.param({"requests": [], "x": 1}, [""], id="other-key"),
        pytest.param({"requests": [], "defaults": None}, ["defaults"], id="defaults-null"),
        pytest.param({"requests": [], "defaults": []}, ["defaults"], id="defaults-array"),
        pytest.param({"requests": [], "defaults": {"x": 1}}, ["defaults"], id="defaults-key"),
        pytest.param(
            {"requests": [], "defaults": {"path": "x"}}, ["defaults.path"], id="defaults-path"
        ),
        pytest.param(
            {"requests": [{"path": "/"}], "defaults": {"headers": {"X": 1}}},
            ["defaults.headers"],
            id="defaults-headers",
        ),
        pytest.param(
            {"requests": [{"path": "/"}], "defaults": {"body": [1]}},
            ["defaults.body", "requests.0.body"],
            id="defaults-body",
        ),
        pytest.param({"requests": ["/"]}, ["requests.0"], id="item-string"),
        pytest.param({"requests": [{"path": "/"}, None]}, ["requests.1"], id="item-null"),
        pytest.param({"requests": [{"path": "/", "x": 1}]}, ["requests.0"], id="item-key"),
        pytest.param({"requests": [NOTHING]}, ["requests.0.path"], id="path-missing"),
        pytest.param({"requests": [{"path": None}]}, ["requests.0.path"], id="path-null"),
        pytest.param({"requests": [{"path": ""}]}, ["requests.0.path"], id="path-empty"),
        pytest.param({"requests": [{"path": "buckets"}]}, ["requests.0.path"], id="path-bare"),
        pytest.param(
            {"requests": [{"path": "/", "method": "put"}]}, ["requests.0.method"], id="method-case"
        ),
        pytest.param(
            {"requests": [{"path": "/", "method": "OPTIONS"}]},
            ["requests.0.method"],
            id="method-options",
        ),
        pytest.param(
            {"requests": [{"path": "/", "method": NOTHING}]},
            ["requests.0.method"],
            id="method-object",
        ),
        pytest.param(
            {"requests": [{"path": "/", "headers": NO_ITEMS}]},
            ["requests.0.headers"],
            id="headers-list",
        ),
        pytest.param(
            {"requests": [{"path": "/", "headers": {"X": None}}]},
            ["requests.0.headers"],
            id="header-null",
        ),
        pytest.param(
            {"requests": [{"path": "/", "headers": {"X": "a\r\nY: b"}}]},
            ["requests.0.headers"],
            id="header-of-two-lines",
        ),
        pytest.param(
            {"requests": [{"path": "/", "headers": {"X\n": "a"}}]},
            ["requests.0.headers"],
            id="header-name-of-two-lines",
        ),
        pytest.param(
            {"requests": [{"path": "/", "body": "x"}]}, ["requests.0.body"], id="body-string"
        ),
        pytest.param(
            {"requests": [{"path": "/", "body": None}]}, ["requests.0.body"], id="body-null"
        ),
        pytest.param(
            {"requests": [{"path": "/"}, {"path": "x", "method": "x"}, NOTHING]},
            ["requests.1.method", "requests.1.path", "requests.2.path"],
            id="each-fault",
        ),
    ],
)
def test_an_invalid_envelope(body: object, expected: list[str]) -> None:
    """BAT-1 to BAT-4, BAT-8: all that is wrong, by its place; then nothing runs."""
    assert names(body) == expected


def test_words_of_faults() -> None:
    """ERR-8: keys by their names; methods with those that are known."""
    assert faults({"requests": [], "x": 1}) == [("", "Unrecognized keys in mapping: \"{'x': 1}\"")]
    [(_, words)] = faults({"requests": [{"path": "/", "method": "OPTIONS"}]})
    assert words == '"OPTIONS" is not one of GET, HEAD, DELETE, TRACE, POST, PUT, PATCH'


def test_too_many_requests() -> None:
    """BAT-6, row 69: the limit is the setting's."""
    items = [{"path": "/"}] * 26

    assert faults({"requests": items}) == [("requests", "Number of requests is limited to 25")]
    one = BatchReader(requests_max=1).read(batch({"requests": items[:2]}))
    assert isinstance(one, Invalid)


@pytest.mark.parametrize(
    "path",
    [
        "/batch",
        "/v1/batch",
        "/batch/",
        "/v1/batch//",
        "/batch?x=1",
        "/b%61tch",
        "/v1/%62atch/",
        "/batch%2F",
    ],
)
def test_a_batch_within_a_batch(path: str) -> None:
    """BAT-7: however its path is written."""
    assert faults({"requests": [{"method": "POST", "path": path}]}) == [
        ("requests.0.path", RECURSIVE)
    ]
    assert faults({"requests": [], "defaults": {"path": path}}) == [("defaults.path", RECURSIVE)]


@pytest.mark.parametrize(
    "path",
    ["/buckets/batch", "/buckets/batch-x", "/batches", "/buckets/b/collections/batch/records"],
)
def test_what_is_only_called_so(path: str) -> None:
    """BAT-7, D-21: the endpoint alone is forbidden."""
    assert read_one({"path": path}).raw_path == f"/v1{path}"


def test_a_path_that_is_no_text_is_left_to_the_pipeline() -> None:
    """RT-8: it answers 400 for the one request."""
    assert read_one({"path": "/%ff"}).raw_path == "/v1/%ff"


def test_bodies_are_as_deep_within_as_outside() -> None:
    """BASE-9: the envelope around them is not counted."""
    deep: Any = {}
    for _ in range(99):
        deep = {"k": deep}

    assert read_one({"path": "/", "method": "PUT", "body": deep}).body == orjson.dumps(deep)
    assert names({"requests": [{"path": "/", "body": {"k": deep}}]}) == [""]


@pytest.mark.parametrize("body", [{"requests": []}, {"requests": "x"}])
async def test_readonly_mode_has_no_batches(body: object) -> None:
    """BAT-21: 405, whatever is in it."""
    response = await pipeline(readonly=True).handle(batch(body))

    assert response.status == 405
    assert json_of(response)["errno"] == 115
