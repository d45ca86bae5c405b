"""Browsers of other origins."""

import pytest

from muniment.web.cors import Cors, exposed
from muniment.web.http import Response, headers_of
from tests.unit.web.building import RECORDS, details_of, request, target_of

ORIGIN = "https://app.example.org"
BASE = {"Backoff", "Retry-After", "Alert", "Content-Length", "Content-Type"}
READ = BASE | {"Last-Modified", "ETag", "Cache-Control", "Expires", "Pragma"}


def preflight(cors: Cors | None = None, **headers: str) -> Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    made = request("OPTIONS", RECORDS, headers=given)
    return (cors or Cors()).preflight(made, made.target.route)


def test_all_origins_are_allowed_by_default() -> None:
    """CORS-1: no credentials header."""
    assert Cors().origin_headers(headers_of({"Origin": ORIGIN})) == {
        "Access-Control-Allow-Origin": "*"
    }


def test_a_listed_origin_is_echoed() -> None:
    """CORS-1."""
    headers = Cors(origins=frozenset({ORIGIN})).origin_headers(headers_of({"origin": ORIGIN}))

    assert headers == {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin"}


def test_an_origin_that_is_not_listed_is_a_fault() -> None:
    """CORS-2."""
    cors, headers = Cors(origins=frozenset({ORIGIN})), headers_of({"Origin": "https://x.example"})

    [fault] = cors.faults(headers)

    assert (fault.location, fault.name) == ("header", "Origin")
    assert fault.description == "https://x.example not allowed"
    assert "Access-Control-Allow-Origin" not in cors.origin_headers(headers)


def test_without_an_origin_nothing_is_said() -> None:
    assert Cors().origin_headers(headers_of({})) == {}


@pytest.mark.parametrize(
    ("path", "method", "names"),
    [
        (f"{RECORDS}/a", "GET", READ),
        (RECORDS, "GET", READ | {"Next-Page"}),
        (RECORDS, "HEAD", READ | {"Next-Page", "Total-Objects", "Total-Records"}),
        (RECORDS, "POST", BASE | {"ETag", "Last-Modified"}),
        ("/v1/", "GET", BASE),
    ],
)
def test_each_endpoint_exposes_its_headers(path: str, method: str, names: set[str]) -> None:
    """CORS-3 and BASE-5."""
    assert set(exposed(target_of(path).route, method).split(", ")) == names


def test_a_preflight_is_told_what_it_may_send() -> None:
    """CORS-5 and C-18."""
    response = preflight(
        Origin=ORIGIN,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="Authorization,If-Match, X-Own ,bad\nname",
    )

    assert (response.status, response.body) == (200, b"null")
    assert response.headers["Access-Control-Allow-Methods"] == "HEAD,GET,POST,DELETE"
    assert response.headers["Access-Control-Max-Age"] == "3600"
    allowed = set(response.headers["Access-Control-Allow-Headers"].split(","))
    assert allowed >= READ | {"Authorization", "If-Match", "X-Own"}
    assert not any("bad" in name for name in allowed)


def test_a_preflight_lacks_both_headers_at_once() -> None:
    """CORS-4."""
    response = preflight()

    assert response.status == 400
    assert [(d["name"], d["description"]) for d in details_of(response)] == [
        ("Access-Control-Request-Method", "this header is mandatory"),
        ("Origin", "this header is mandatory"),
    ]


def test_a_preflight_for_a_method_that_the_path_lacks_is_refused() -> None:
    """CORS-4."""
    response = preflight(Origin=ORIGIN, Access_Control_Request_Method="PATCH")

    assert details_of(response)[0]["description"] == "Method not allowed"


def test_a_preflight_of_an_origin_that_is_not_listed_is_refused() -> None:
    """CORS-2."""
    cors = Cors(origins=frozenset({"https://other.example.org"}))

    response = preflight(cors, Origin=ORIGIN, Access_Control_Request_Method="GET")

    assert response.status == 400
