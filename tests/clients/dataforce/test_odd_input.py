"""Whatever comes in, it is answered in this dialect's form, and never by a 5xx."""

import http.client
import json
from typing import Final
from urllib.parse import urlsplit

import pytest
import requests

from tests.clients.dataforce.site import Site, create

BODIES: Final = {
    "nothing": b"",
    "no JSON": b"{",
    "NaN": b'{"name": NaN}',
    "null": b"null",
    "a lone surrogate": rb'{"name": "\ud800", "description": "", "type": "model"}',
    "NUL": rb'{"name": "\u0000", "description": "", "type": "model"}',
    "no UTF-8": b'{"name": "\xff", "description": "", "type": "model"}',
    "deep": b"[" * 5_000 + b"]" * 5_000,
    "deep tags": b'{"name": "", "description": "", "type": "model", "tags": '
    + b"[" * 200
    + b"]" * 200
    + b"}",
    "a large number": b'{"name": 1e999, "description": "", "type": "model"}',
    "a name that is an object": b'{"name": {"a": []}, "description": "", "type": "model"}',
}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_odd_bodies(site: Site, orbit: str, method: str, body: bytes) -> None:
    """Section 6: 422, and a list that says where."""
    path = f"{orbit}/collections"
    if method == "PATCH":
        path += f"/{create(site.owner, orbit)['id']}"

    answer = send(site, method, path, body)

    assert answer.status_code == 422, answer.text
    assert all(set(each) == {"loc", "msg", "type"} for each in answer.json()["detail"])


@pytest.mark.parametrize(
    "query",
    [
        "search=%00",
        "search=%ff",
        "search=%ED%A0%80",
        "cursor=%00",
        "tags=%00",
        "types=%F0%9F%92%A9",
        "limit=1&limit=2",
        "limit=9999999999999999999999",
        "limit=%D9%A3",
        "&&=&x",
        "search=" + "a" * 7_000,
        "tags=" + "&tags=".join("abc"),
    ],
)
def test_odd_queries(site: Site, orbit: str, query: str) -> None:
    """What cannot be is refused, all else is answered."""
    answer = send(site, "GET", f"{orbit}/collections?{query}", b"")

    assert answer.status_code in {200, 400, 422}, answer.text
    assert answer.ok or "detail" in answer.json()


@pytest.mark.parametrize(
    "tail",
    [
        "/collections/%00",
        "/collections/%ff",
        "/collections/%2e%2e",
        "/collections/{0199c455-21ee-74c6-b747-19a82f1a1e75}",
        "//collections",
        "/collections/" + "a" * 5_000,
        "/collections/0199C455-21EE-74C6-B747-19A82F1A1E75",
        "/collections/0199c45521ee74c6b74719a82f1a1e75",
    ],
)
def test_odd_paths(site: Site, orbit: str, tail: str) -> None:
    """An id in another spelling of UUIDs is that id."""
    status, body = raw(site, f"{orbit}{tail}")

    assert status in {400, 404, 422}, body
    assert "detail" in body


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer \xe9", "bearer  x", "Basic", "Bearer a b"], ids=repr
)
def test_odd_credentials(site: Site, header: str) -> None:
    """Section 6: 401."""
    client = site.client(None)
    client.authorize(header)

    assert client("GET", "/users/me/organizations").status_code == 401


def test_a_body_that_is_too_large_is_told_so(site: Site, orbit: str) -> None:
    """In the dialect's form too, though the server itself refuses it."""
    body = json.dumps({"name": "x" * 11_000_000, "description": "", "type": "model"}).encode()

    answer = send(site, "POST", f"{orbit}/collections", body)

    assert (answer.status_code, type(answer.json()["detail"])) == (413, str)


def test_browsers_may_ask(site: Site, orbit: str) -> None:
    """A preflight needs no key; answers can be read from any origin."""
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PATCH"}
    url = f"{site.origin}{orbit}/collections"

    preflight = requests.options(url, headers=headers, timeout=15)
    refused = requests.get(url, headers=headers, timeout=15)

    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert refused.headers["X-Request-Id"]


def send(site: Site, method: str, path: str, body: bytes) -> requests.Response:
    """The bytes as they are, with the owner's key."""
    return requests.request(
        method,
        f"{site.origin}{path}",
        data=body,
        headers={
            "Authorization": f"Bearer {site.keys['owner']}",
            "Content-Type": "application/json",
        },
        timeout=15,
    )


def raw(site: Site, path: str) -> tuple[int, str]:
    """Status and body of a GET whose path nobody tidies up on its way."""
    connection = http.client.HTTPConnection(urlsplit(site.origin).netloc, timeout=15)
    try:
        headers = {"Authorization": f"Bearer {site.keys['owner']}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
