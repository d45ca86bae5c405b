"""`/buckets/default` over HTTP (contract section 17)."""

import hmac
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID

import pytest

from tests.clients.requester import Requester, data, ids, refusal
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name

SECRET: Final = "of default buckets"
ALIAS: Final = "/v1/buckets/default"
TIDES: Final = f"{ALIAS}/collections/tides"


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[MunimentServer]:
    """Nobody may create buckets here, and everybody has their default one."""
    settings = {
        "default_bucket_hmac_secret": SECRET,
        "bucket_create_principals": "basicauth:nobody",
    }
    with new_server(stack, tmp_path_factory.mktemp("default"), settings) as server:
        yield server


@pytest.fixture
def nadia(server: MunimentServer) -> Generator[Requester]:
    """Somebody who has never been here."""
    with Requester(server.origin, new_name()) as requester:
        yield requester


@pytest.fixture
def omar(server: MunimentServer) -> Generator[Requester]:
    with Requester(server.origin, new_name()) as requester:
        yield requester


@pytest.fixture
def anonymous(server: MunimentServer) -> Generator[Requester]:
    with Requester(server.origin, None) as requester:
        yield requester


def bucket_of(requester: Requester) -> str:
    return str(requester("GET", "/v1/").json()["user"]["bucket"])


def batch(requester: Requester, *requests: Any) -> list[Any]:
    answer = requester("POST", "/v1/batch", {"requests": list(requests)})
    assert answer.status_code == 200, answer.text
    responses: list[Any] = answer.json()["responses"]
    return responses


def item(method: str, path: str, body: Any = None) -> dict[str, Any]:
    return {"method": method, "path": path} | ({} if body is None else {"body": body})


def history_of(requester: Requester) -> list[tuple[str, str]]:
    entries = data(
        requester("GET", f"/v1/buckets/{bucket_of(requester)}/history?_sort=last_modified")
    )
    return [(entry["resource_name"], entry["action"]) for entry in entries]


def test_the_real_id_is_made_of_the_user_id(nadia: Requester) -> None:
    """DEF-2; the root view shows it and the capability (C-1)."""
    digest = hmac.new(SECRET.encode(), nadia.user_id.encode(), "sha256").hexdigest()

    assert bucket_of(nadia) == str(UUID(digest[:32]))
    assert "default_bucket" in nadia("GET", "/v1/").json()["capabilities"]


def test_it_is_there_on_the_first_read(nadia: Requester) -> None:
    """DEF-3, DEF-5, and the example of section 17; whoever may create buckets."""
    answer = nadia("GET", ALIAS)

    assert data(answer)["id"] == bucket_of(nadia)
    assert answer.json()["permissions"] == {"write": [nadia.user_id]}


def test_a_collection_is_there_on_its_first_read(nadia: Requester) -> None:
    """DEF-4 [S]."""
    assert data(nadia("GET", f"{TIDES}/records")) == []

    real = f"/v1/buckets/{bucket_of(nadia)}"
    assert ids(nadia("GET", f"{real}/collections")) == ["tides"]
    made = nadia("GET", f"{real}/collections/tides")
    assert made.json()["permissions"] == {"write": [nadia.user_id]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", TIDES, None, 200),
        ("HEAD", f"{TIDES}/records", None, 200),
        ("POST", f"{TIDES}/records", {"data": {"n": 1}}, 201),
        ("PUT", f"{TIDES}/records/a", {"data": {"n": 1}}, 201),
        ("PATCH", f"{TIDES}/records/a", {"data": {"n": 1}}, 404),
        ("DELETE", f"{TIDES}/records/a", None, 404),
        ("DELETE", f"{TIDES}/records", None, 200),
        ("GET", f"{TIDES}/records/a", None, 404),
        ("PATCH", TIDES, {"data": {"n": 1}}, 200),
        ("PATCH", ALIAS, {"data": {"n": 1}}, 200),
        ("GET", f"{ALIAS}/collections", None, 200),
        ("POST", f"{ALIAS}/collections", {"data": {"id": "x"}}, 201),
        ("GET", f"{ALIAS}/groups", None, 200),
        ("PUT", f"{ALIAS}/groups/g", {"data": {"members": []}}, 201),
        ("GET", f"{ALIAS}/groups/g", None, 404),
        ("DELETE", TIDES, None, 200),
        ("DELETE", ALIAS, None, 200),
        ("DELETE", f"{ALIAS}/collections", None, 200),
        ("GET", f"{ALIAS}/history", None, 200),
    ],
)
def test_whatever_the_first_request_is(
    nadia: Requester, method: str, path: str, body: Any, status: int
) -> None:
    """DEF-3, DEF-4: of any kind; what the path names at its end is not made."""
    answer = nadia(method, path, body)

    assert answer.status_code == status, answer.text


def test_put_is_the_creation_itself(nadia: Requester) -> None:
    """DEF-6."""
    bucket = nadia("PUT", ALIAS, {"data": {"id": "default", "title": "mine"}})
    collection = nadia("PUT", TIDES, {"data": {"title": "tides"}}, {"If-None-Match": "*"})

    assert (bucket.status_code, collection.status_code) == (201, 201)
    assert data(bucket).items() >= {"id": bucket_of(nadia), "title": "mine"}.items()
    assert history_of(nadia) == [("bucket", "create"), ("collection", "create")]


def test_put_again_is_a_change(nadia: Requester) -> None:
    """DEF-5: `data.id` may be the alias; DEF-6: it need not be the creation."""
    nadia("GET", ALIAS)

    again = nadia("PUT", ALIAS, {"data": {"id": "default"}})

    assert again.status_code == 200
    assert data(again)["id"] == bucket_of(nadia)


def test_implicit_creations_are_events_like_others(nadia: Requester) -> None:
    """DEF-8: each happens once, and is in the history."""
    for _ in range(3):
        nadia("GET", f"{TIDES}/records")

    assert history_of(nadia) == [("bucket", "create"), ("collection", "create")]


def test_pages_go_on_at_the_real_id(nadia: Requester) -> None:
    """DEF-5."""
    for name in ("a", "b"):
        nadia("PUT", f"{TIDES}/records/{name}")

    page = nadia("GET", f"{TIDES}/records?_limit=1&_sort=id")

    assert f"/buckets/{bucket_of(nadia)}/collections/tides/records?" in page.headers["Next-Page"]
    assert ids(nadia("GET", page.headers["Next-Page"])) == ["b"]


def test_an_invalid_collection_name_is_refused(nadia: Requester, anonymous: Requester) -> None:
    """DEF-4; and nothing is made."""
    answer = nadia("GET", f"{ALIAS}/collections/n!/records")

    assert refusal(answer) == (400, 107)
    assert answer.json()["message"] == "path: Invalid collection id"
    assert refusal(nadia("GET", f"/v1/buckets/{bucket_of(nadia)}")) == (403, 121)
    assert refusal(anonymous("GET", f"{ALIAS}/collections/n!/records")) == (401, 104)


def test_it_is_for_the_authenticated(anonymous: Requester) -> None:
    """DEF-1, AUTH-7."""
    for method, path in [("GET", ALIAS), ("POST", f"{TIDES}/records"), ("DELETE", ALIAS)]:
        answer = anonymous(method, path)
        assert refusal(answer) == (401, 104)
        assert answer.headers["WWW-Authenticate"]


def test_browsers_may_ask_before(anonymous: Requester) -> None:
    """DEF-10: a preflight carries no credentials; errors carry the CORS headers."""
    origin = {"Origin": "https://app.example.org"}

    asked = anonymous("OPTIONS", TIDES, headers={**origin, "Access-Control-Request-Method": "PUT"})
    refused = anonymous("GET", TIDES, headers=origin)

    assert asked.status_code == 200
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_others_reach_it_by_its_real_id(nadia: Requester, omar: Requester) -> None:
    """DEF-7: and by the alias each reaches only the own one."""
    nadia("PUT", f"{TIDES}/records/a", {"permissions": {"read": [omar.user_id]}})
    path = f"/v1/buckets/{bucket_of(nadia)}/collections/tides/records"

    assert omar("GET", f"{path}/a").status_code == 200
    assert data(omar("GET", f"{TIDES}/records")) == []
    assert refusal(omar("GET", f"/v1/buckets/{bucket_of(nadia)}")) == (403, 121)
    assert refusal(omar("PUT", f"/v1/buckets/{bucket_of(nadia)}")) == (403, 121)


def test_after_its_deletion_there_is_an_empty_one(nadia: Requester) -> None:
    """DEF-9."""
    nadia("PUT", f"{TIDES}/records/a")

    assert data(nadia("DELETE", ALIAS))["id"] == bucket_of(nadia)

    assert data(nadia("GET", f"{ALIAS}/collections")) == []
    assert data(nadia("GET", f"{TIDES}/records")) == []


def test_a_collection_deleted_by_its_real_id_is_made_again(nadia: Requester) -> None:
    """DEF-4: nothing remembers what was there."""
    nadia("PUT", f"{TIDES}/records/a")
    real = f"/v1/buckets/{bucket_of(nadia)}/collections/tides"
    assert nadia("DELETE", real).status_code == 200

    assert data(nadia("GET", f"{TIDES}/records")) == []
    assert nadia("GET", real).status_code == 200


def test_no_bucket_is_called_as_the_alias(nadia: Requester) -> None:
    """DEF-11, D-24."""
    for text in (b'{"data":{"id":"default"}}', b'{"data":{"id":"\\u0064efault"}}'):
        answer = nadia.send("POST", "/v1/buckets", text)
        assert refusal(answer) == (400, 107)
        assert answer.json()["details"][0]["location"] == "path"


def test_a_first_batch_makes_everything_once(nadia: Requester) -> None:
    """DEF-8, BAT-13: and answers what was asked, under the real id."""
    responses = batch(
        nadia,
        item("PUT", f"{TIDES}/records/a", {"data": {"n": 1}}),
        item("GET", "/buckets/default/collections/tides/records"),
        item("POST", f"{TIDES}/records/", {"data": {"id": "b"}}),
        item("PUT", f"{ALIAS}/collections/winds", {"data": {"title": "winds"}}),
        item("GET", f"{ALIAS}/collections?_sort=id"),
    )

    assert [each["status"] for each in responses] == [201, 200, 201, 201, 200]
    assert responses[0]["path"] == f"/v1/buckets/{bucket_of(nadia)}/collections/tides/records/a"
    assert [one["id"] for one in responses[1]["body"]["data"]] == ["a"]
    assert [one["id"] for one in responses[4]["body"]["data"]] == ["tides", "winds"]
    assert history_of(nadia) == [
        ("bucket", "create"),
        ("collection", "create"),
        ("record", "create"),
        ("record", "create"),
        ("collection", "create"),
    ]


def test_in_a_batch_it_comes_back_after_its_deletion(nadia: Requester) -> None:
    """DEF-9, BAT-19."""
    responses = batch(
        nadia,
        item("PUT", f"{TIDES}/records/a"),
        item("DELETE", ALIAS),
        item("PUT", f"{TIDES}/records/b"),
        item("GET", f"{TIDES}/records"),
    )

    assert [each["status"] for each in responses] == [201, 200, 201, 200]
    assert [one["id"] for one in responses[3]["body"]["data"]] == ["b"]


def test_an_anonymous_batch_is_told_so_item_by_item(anonymous: Requester) -> None:
    """BAT-20, DEF-1."""
    responses = batch(anonymous, item("GET", ALIAS), item("PUT", f"{TIDES}/records/a"))

    assert [each["status"] for each in responses] == [401, 401]


def test_many_first_requests_at_once_make_it_once(nadia: Requester, server: MunimentServer) -> None:
    """DEF-8."""

    def write(number: int) -> int:
        return nadia("PUT", f"{TIDES}/records/r{number}").status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(write, range(16)))

    assert statuses == [201] * 16
    assert [entry for entry in history_of(nadia) if entry[0] != "record"] == [
        ("bucket", "create"),
        ("collection", "create"),
    ]
