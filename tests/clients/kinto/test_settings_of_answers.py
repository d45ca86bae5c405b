"""Section 25: what other settings make of limits, pages, headers and texts of answers."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
import requests

from tests.clients.requester import (
    EVERYONE,
    Atlas,
    Requester,
    basicauth_id,
    data,
    detail,
    directives,
    expires_after_s,
    ids,
    names_in,
    quoted,
    refusal,
)
from tests.support.server import MunimentServer, new_server, wait_until
from tests.support.stack import Stack

OUTSIDE: Final = "https://data.example.org"
LINK: Final = "https://status.example.org/"
VERSION: Final = {"name": "atlas", "version": "1.4", "commit": "abc", "source": "here"}
QUIET: Final = "quiet"


@pytest.fixture(scope="module")
def version_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("version") / "version.json"
    path.write_text(json.dumps(VERSION), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def settings(version_file: Path) -> dict[str, str]:
    """None as it is by default."""
    return {
        "batch_max_requests": "2",
        "paginate_by": "3",
        "pagination_token_validity_seconds": "1",
        "bucket_cache_expires_seconds": "11",
        "group_cache_expires_seconds": "12",
        "collection_cache_expires_seconds": "13",
        "record_cache_expires_seconds": "14",
        "record_cache_expires_seconds_by_parent": '{"cached": 15, "cached.tides": 16}',
        "cors_origins": "https://a.example https://b.example",
        "cors_max_age_seconds": "7",
        "backoff": "9",
        "retry_after_seconds": "8",
        "eos": "2999-01-31",
        "eos_message": "Ends – soon",
        "eos_url": "https://example.org/end",
        "trailing_slash_redirect_ttl_seconds": "5",
        "version_prefix_redirect_ttl_seconds": "6",
        "http_scheme": "https",
        "http_host": "data.example.org",
        "error_info_link": LINK,
        "project_name": "atlas",
        "project_docs": "https://docs.example.org/",
        "project_version": "7.8.9",
        "version_json_path": str(version_file),
        "userid_hmac_secret": "of users",
        "default_bucket_hmac_secret": "of buckets",
        "plural_collection_delete_enabled": "false",
        "object_record_patch_enabled": "false",
        "history_exclude_resources": f"/buckets/{QUIET}/collections/stations",
        "history_auto_trim_max_count": "2",
        "history_auto_trim_threshold": "1",
        "history_auto_trim_user_ids": user_id("trimmed"),
        "history_exclude_user_ids": user_id("unseen"),
    }


@pytest.fixture(scope="module")
def muniment_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]
) -> Generator[MunimentServer]:
    with new_server(stack, tmp_path_factory.mktemp("answers"), settings) as server:
        yield server


def user_id(name: str) -> str:
    return basicauth_id(name, secret=b"of users")


def local(atlas: Atlas, url: str) -> str:
    """The URL of an answer as this machine reaches it."""
    assert url.startswith(OUTSIDE)
    return url.replace(OUTSIDE, atlas.nadia.origin)


# --- Limits and pages -----------------------------------------------------------------------------


def test_requests_of_a_batch(atlas: Atlas) -> None:
    """`batch_max_requests`: BAT-6, HELLO-3, C-1."""
    batches = [
        atlas.nadia("POST", "/v1/batch", {"requests": [{"path": "/"}] * count}) for count in (2, 3)
    ]

    assert atlas.nadia("GET", "/v1/").json()["settings"]["batch_max_requests"] == 2
    assert batches[0].status_code == 200
    assert detail(batches[1])["description"] == "Number of requests is limited to 2"


@pytest.mark.parametrize(("query", "count"), [("", 3), ("_limit=9", 3), ("_limit=2", 2)])
def test_objects_of_a_page(atlas: Atlas, query: str, count: int) -> None:
    """`paginate_by`: LIST-5, QP-1, QP-2; a greater limit is lowered to it."""
    for id_ in "abcde":
        atlas.record(id_)

    page = atlas.nadia("GET", f"{atlas.records}?{query}")
    rest = atlas.nadia("GET", local(atlas, page.headers["Next-Page"]))

    assert len(data(page)) == count
    assert f"_limit={count}" in page.headers["Next-Page"]
    assert not set(ids(page)) & set(ids(rest))


def test_deletions_of_a_page(atlas: Atlas) -> None:
    """`paginate_by`, `pagination_token_validity_seconds`: DELL-4, ERR-27."""
    for id_ in "abcd":
        atlas.record(id_)
    page = atlas.nadia("DELETE", atlas.records)
    time.sleep(1.1)  # The validity is one second: it has passed.

    late = atlas.nadia("DELETE", local(atlas, page.headers["Next-Page"]))

    assert len(data(page)) == 3
    assert detail(late)["description"] == "_token was already used or has expired."
    assert len(data(atlas.nadia("GET", atlas.records))) == 1


# --- Caching --------------------------------------------------------------------------------------


@pytest.fixture
def public(atlas: Atlas) -> Atlas:
    """A bucket that everybody may read, with a group and a record."""
    data(atlas.nadia("PATCH", atlas.bucket, {"permissions": EVERYONE}))
    data(atlas.nadia("PUT", f"{atlas.bucket}/groups/crew", {"data": {"members": []}}))
    atlas.record("a")
    return atlas


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/v1/buckets", 11),
        ("{bucket}", 11),
        ("{bucket}/groups", 12),
        ("{bucket}/groups/crew", 12),
        ("{bucket}/collections", 13),
        ("{collection}", 13),
        ("{records}", 14),
        ("{records}/a", 14),
    ],
)
def test_answers_may_be_kept_by_the_anonymous(public: Atlas, path: str, seconds: int) -> None:
    """`<type>_cache_expires_seconds`: CACHE-4; not by who has said who they are."""
    anonymous = public.anonymous("GET", public.path(path))
    known = public.nadia("GET", public.path(path))

    assert directives(anonymous) == {f"max-age={seconds}"}
    assert expires_after_s(anonymous) == pytest.approx(seconds, abs=1)
    assert directives(known) == {"no-cache", "no-store"}


def test_the_most_specific_setting_wins(cast: tuple[Requester, Requester, Requester]) -> None:
    """`<bid>.record_cache_expires_seconds`, `<bid>.<cid>.…`: CACHE-4."""
    nadia, _, anonymous = cast
    bucket = "/v1/buckets/cached"
    data(nadia("PUT", bucket, {"permissions": EVERYONE}))
    for id_ in ("stations", "tides"):
        data(nadia("PUT", f"{bucket}/collections/{id_}"))

    kept = [
        directives(anonymous("GET", f"{bucket}/collections/{id_}/records"))
        for id_ in ("stations", "tides")
    ]

    assert kept == [{"max-age=15"}, {"max-age=16"}]


@pytest.mark.parametrize(("field", "seconds"), [(60, 60), (5, 14)])
def test_the_greater_of_setting_and_field_counts(public: Atlas, field: int, seconds: int) -> None:
    """CACHE-4: of `record_cache_expires_seconds` and `cache_expires`."""
    data(public.nadia("PATCH", public.collection, {"data": {"cache_expires": field}}))

    assert directives(public.anonymous("GET", public.records)) == {f"max-age={seconds}"}


# --- Headers --------------------------------------------------------------------------------------


def test_origins_that_may_ask(atlas: Atlas) -> None:
    """`cors_origins`: CORS-1, CORS-2, C-18; one is echoed, another refused."""
    answers = [
        atlas.nadia("GET", atlas.records, headers={"Origin": f"https://{name}.example"})
        for name in "abc"
    ]

    allowed = [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]
    assert allowed == ["https://a.example", "https://b.example", None]
    assert detail(answers[2]) == {
        "location": "header",
        "name": "Origin",
        "description": "https://c.example not allowed",
    }


def test_preflights_may_be_kept(atlas: Atlas) -> None:
    """`cors_max_age_seconds`: CORS-5."""
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}

    answer = atlas.anonymous("OPTIONS", "/v1/buckets", headers=headers)

    assert answer.headers["Access-Control-Max-Age"] == "7"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/", 200),
        ("GET", "{records}", 200),
        ("PUT", "{records}/a", 201),
        ("GET", "{records}/none", 404),
        ("GET", "/v1/nope", 404),
        ("PUT", "/v1/buckets", 405),
        ("PUT", "{records}/b!", 400),
        ("GET", "/buckets", 307),
    ],
)
def test_every_answer_tells_clients_to_slow_down(
    atlas: Atlas, method: str, path: str, status: int
) -> None:
    """`backoff`, `eos`: SIG-1, SIG-3, SIG-4, D-32, C-13; and that the service will end."""
    answer = atlas.nadia(method, atlas.path(path))

    assert answer.status_code == status
    assert answer.headers["Backoff"] == "9"
    assert json.loads(answer.headers["Alert"]) == {
        "code": "soft-eol",
        "message": "Ends – soon",
        "url": "https://example.org/end",
    }


def test_a_304_tells_them_too(atlas: Atlas) -> None:
    """SIG-1."""
    etag = {"If-None-Match": quoted(atlas.revision())}

    answer = atlas.nadia("GET", atlas.records, headers=etag)

    assert answer.status_code == 304
    assert answer.headers["Backoff"] == "9"


def test_seconds_until_another_try(atlas: Atlas) -> None:
    """`retry_after_seconds`: SIG-2."""
    at = atlas.record("a")["last_modified"]
    atlas.record("b")

    answer = atlas.nadia("PATCH", f"{atlas.records}/b", {}, {"If-Match": "*"})
    collision = atlas.nadia("PUT", f"{atlas.records}/c", {"data": {"last_modified": at}})

    assert "Retry-After" not in answer.headers
    assert refusal(collision) == (409, 122)
    assert collision.headers["Retry-After"] == "8"


@pytest.mark.parametrize(("path", "seconds"), [("/v1/buckets/", 5), ("/v1", 5), ("/buckets", 6)])
def test_redirects_may_be_kept(atlas: Atlas, path: str, seconds: int) -> None:
    """`…_redirect_ttl_seconds`: RT-1, RT-4, RT-5."""
    answer = atlas.anonymous("GET", path)

    assert answer.status_code == 307
    assert answer.headers["Location"].startswith(f"{OUTSIDE}/v1/")
    assert directives(answer) == {f"max-age={seconds}"}


# --- Texts ----------------------------------------------------------------------------------------


def test_the_root_view_says_what_it_is_told(atlas: Atlas) -> None:
    """`project_…`, `http_scheme`, `http_host`, `eos`: BASE-7, HELLO-6, HELLO-7."""
    body = atlas.anonymous("GET", "/v1/").json()

    assert body["project_name"] == "atlas"
    assert body["project_docs"] == "https://docs.example.org/"
    assert body["project_version"] == "7.8.9"
    assert body["url"] == f"{OUTSIDE}/v1/"
    assert body["eos"] == "2999-01-31"


def test_version_of_the_deployment(atlas: Atlas) -> None:
    """`version_json_path`: HB-3."""
    assert atlas.anonymous("GET", "/v1/__version__").json() == VERSION


def test_user_ids_are_made_under_a_secret(atlas: Atlas) -> None:
    """`userid_hmac_secret`: AUTH-3."""
    assert atlas.nadia.user_id == user_id("nadia")


def test_default_buckets_are_made_under_a_secret(atlas: Atlas) -> None:
    """`default_bucket_hmac_secret`: DEF-2, HELLO-2."""
    made = hmac.new(b"of buckets", user_id("nadia").encode(), hashlib.sha256).hexdigest()

    root = atlas.nadia("GET", "/v1/").json()

    assert root["user"]["bucket"] == str(UUID(made[:32]))


# --- Switches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "others"),
    [
        ("DELETE", "{bucket}/collections", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PATCH", "{records}/a", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
    ],
)
def test_methods_that_are_switched_off(
    atlas: Atlas, method: str, path: str, others: set[str]
) -> None:
    """`plural_…_enabled`, `object_…_enabled`: OFF-1; other types keep theirs."""
    answer = atlas.nadia(method, atlas.path(path))

    assert refusal(answer) == (405, 115)
    assert names_in(answer, "Allow") == others
    assert atlas.nadia("PATCH", atlas.collection, {"data": {}}).status_code == 200


# --- History --------------------------------------------------------------------------------------


def entries(requester: Requester, bucket: str, query: str = "") -> list[Any]:
    found: list[Any] = data(requester("GET", f"{bucket}/history?_limit=3&{query}"))
    return found


def test_what_history_leaves_out(cast: tuple[Requester, Requester, Requester]) -> None:
    """`history.exclude_resources`: HIS-12; with what is in them."""
    nadia, _, _ = cast
    bucket = f"/v1/buckets/{QUIET}"
    for path in ("", "/collections/stations", "/collections/stations/records/a", "/groups/crew"):
        data(nadia("PUT", f"{bucket}{path}"))

    assert [each["resource_name"] for each in entries(nadia, bucket)] == ["group", "bucket"]


def test_whom_history_leaves_out(muniment_server: MunimentServer, empty_atlas: Atlas) -> None:
    """`history.exclude_user_ids`: HIS-12."""
    unseen = Requester(empty_atlas.nadia.origin, "unseen")
    data(unseen("PUT", empty_atlas.bucket, {"permissions": {"write": [user_id("nadia")]}}))
    data(empty_atlas.nadia("PUT", empty_atlas.collection))

    [entry] = entries(empty_atlas.nadia, empty_atlas.bucket)

    assert entry["user_id"] == user_id("nadia")
    unseen.close()


def test_how_much_history_keeps(atlas: Atlas) -> None:
    """`history.auto_trim_…`: HIS-12; of one user's entries of a type, the newest two."""
    trimmed = Requester(atlas.nadia.origin, "trimmed")
    atlas.grant(atlas.bucket, {"write": trimmed})
    for number in range(6):
        data(trimmed("PUT", f"{atlas.records}/{'abcdef'[number]}"))
        data(atlas.nadia("PUT", f"{atlas.records}/{'uvwxyz'[number]}"))

    def kept(name: str) -> list[str]:
        query = f"resource_name=record&user_id={user_id(name)}"
        return [each["record_id"] for each in entries(atlas.nadia, atlas.bucket, query)]

    wait_until(lambda: kept("trimmed") == ["f", "e"], what="the trimming", timeout_s=60)

    assert kept("nadia") == ["z", "y", "x"]
    trimmed.close()


# --- What needs a server of its own ---------------------------------------------------------------


def test_after_the_end_there_is_nothing(stack: Stack, tmp_path: Path) -> None:
    """`eos`: SIG-4: 410 for every request, and an alert that links to the documentation."""
    settings = {"eos": "2001-01-31", "project_docs": "https://docs.example.org/"}
    with (
        new_server(stack, tmp_path, settings, waits=False) as server,
        Requester(server.origin, "nadia") as nadia,
    ):
        wait_until(lambda: answers(nadia), what="the server", timeout_s=60)

        gone = [nadia(method, "/v1/buckets") for method in ("GET", "POST", "DELETE")]

    assert [refusal(answer) for answer in gone] == [(410, 202)] * 3
    alert = json.loads(gone[0].headers["Alert"])
    assert (alert["code"], alert["url"]) == ("hard-eol", "https://docs.example.org/")
    assert gone[0].json()["message"] == (
        "The service you are trying to connect no longer exists at this location."
    )


def test_checks_that_take_too_long_count_as_false(stack: Stack, tmp_path: Path) -> None:
    """`heartbeat_timeout_seconds`: HB-1: 503, and the load balancer's is fine all the same."""
    settings = {"heartbeat_timeout_seconds": "0.000001"}
    with (
        new_server(stack, tmp_path, settings, waits=False) as server,
        Requester(server.origin, None) as anonymous,
    ):
        wait_until(lambda: answers(anonymous), what="the server", timeout_s=60)

        heartbeat = anonymous("GET", "/v1/__heartbeat__")

    assert heartbeat.status_code == 503
    assert heartbeat.json()["storage"] is False


def answers(requester: Requester) -> bool:
    try:
        return requester("GET", "/v1/__lbheartbeat__").status_code in {200, 410}
    except requests.ConnectionError:
        return False


def test_a_failing_backend_is_told_with_a_link(
    atlas: Atlas, muniment_server: MunimentServer
) -> None:
    """`error_info_link`, SIG-2, BAT-15, CORS-6, C-13, C-20: 503, to be tried again.

    The last test here: it breaks the server's database.
    """
    asyncio.run(break_database(muniment_server))
    failing = f"{atlas.bucket}/collections"

    alone = atlas.nadia("GET", failing, headers={"Origin": "https://a.example"})
    batch = atlas.nadia("POST", "/v1/batch", {"requests": [{"path": "/"}, {"path": failing}]})

    assert refusal(alone) == refusal(batch) == (503, 201)
    assert alone.json()["error"] == "Service Unavailable"
    assert alone.json()["info"] == LINK
    assert alone.json()["message"] == (
        "Service temporary unavailable due to overloading or maintenance, please retry later."
    )
    assert alone.headers["Retry-After"] == "8"
    assert alone.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "responses" not in batch.json()


async def break_database(server: MunimentServer) -> None:
    connection = await asyncpg.connect(server.postgres_url)
    try:
        await connection.execute("ALTER TABLE read_model.collection RENAME TO gone")
    finally:
        await connection.close()
