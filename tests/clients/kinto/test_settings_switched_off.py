"""Section 25: what is gone when a feature is switched off, and readonly mode."""

from collections.abc import Generator
from typing import Final

import pytest

from tests.clients.requester import (
    EVERYONE,
    Atlas,
    Requester,
    data,
    detail,
    directives,
    expires_after_s,
    refusal,
)
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack

SETTINGS: Final = {
    "experimental_collection_schema_validation": "false",
    "experimental_permissions_endpoint": "false",
    "history_enabled": "false",
    "default_bucket_enabled": "false",
    "flush_enabled": "false",
    "metrics_enabled": "false",
    "trailing_slash_redirect_enabled": "false",
    "version_prefix_redirect_enabled": "false",
    "cache_expires_authenticated": "false",
    "storage_max_fetch_size": "4",
    "backoff": "9",
    "backoff_percentage": "0",
}


@pytest.fixture(scope="module")
def muniment_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    with new_server(stack, tmp_path_factory.mktemp("off"), SETTINGS) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/permissions"),
        ("GET", "{bucket}/history"),
        ("GET", "{bucket}/snapshot/collections/stations@1"),
        ("POST", "/v1/__flush__"),
        ("GET", "/v1/__counters__"),
        ("GET", "/v1/__metrics__"),
        ("GET", "/v1/accounts"),
        ("GET", "/v1/openid/openid/login"),
        ("GET", "/v1/buckets/"),
        ("GET", "/v1"),
        ("GET", "/buckets"),
    ],
)
def test_what_is_off_is_not_there(atlas: Atlas, method: str, path: str) -> None:
    """Section 2.1, RT-6, FL-1, CNT-1, MET-1: 404 errno 111; redirects too (section 2.2)."""
    assert refusal(atlas.nadia(method, atlas.path(path))) == (404, 111)


def test_only_capabilities_that_are_there_are_told(atlas: Atlas) -> None:
    """HELLO-5, HELLO-2."""
    root = atlas.nadia("GET", "/v1/").json()

    assert (
        set(root["capabilities"])
        & {
            *("accounts", "openid", "default_bucket", "history", "schema"),
            *("permissions_endpoint", "flush_endpoint", "counters_endpoint"),
        }
        == set()
    )
    assert "basicauth" in root["capabilities"]
    assert "bucket" not in root["user"]


def test_a_bucket_may_be_called_default(atlas: Atlas) -> None:
    """`default_bucket_enabled`: DEF-11: it is a name as any other then."""
    made = atlas.nadia("POST", "/v1/buckets", {"data": {"id": "default"}})

    assert (made.status_code, data(made)["id"]) == (201, "default")
    assert refusal(atlas.omar("GET", "/v1/buckets/default")) == (403, 121)


def test_schemas_are_looked_at_and_not_applied(atlas: Atlas) -> None:
    """`experimental_collection_schema_validation`: Section 15, D-19: no check and no stamp."""
    schema = {"data": {"schema": {"required": ["title"]}}}
    wrong = atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"type": "nope"}}})
    saved = atlas.nadia("PATCH", atlas.collection, schema)

    assert detail(wrong)["name"] == "schema"
    assert saved.status_code == 200
    assert "schema" not in atlas.record("a", {"n": 1})


def test_objects_that_a_page_holds_at_most(atlas: Atlas) -> None:
    """`storage_max_fetch_size`: LIST-5, QP-2."""
    for id_ in "abcde":
        atlas.record(id_)

    for query in ("", "?_limit=9"):
        page = atlas.nadia("GET", f"{atlas.records}{query}")
        assert len(data(page)) == 4
        assert len(data(atlas.nadia("GET", page.headers["Next-Page"]))) == 1


def test_a_share_of_answers_asks_to_slow_down(atlas: Atlas) -> None:
    """`backoff_percentage`: SIG-1; here of none."""
    answers = [atlas.nadia("GET", "/v1/") for _ in range(20)]

    assert not [answer for answer in answers if "Backoff" in answer.headers]


def test_editors_read_what_is_new(atlas: Atlas) -> None:
    """`cache_expires_authenticated`: D-18, CACHE-3: only the anonymous may keep records then."""
    body = {"data": {"cache_expires": 60}, "permissions": EVERYONE}
    data(atlas.nadia("PATCH", atlas.collection, body))

    assert directives(atlas.anonymous("GET", atlas.records)) == {"max-age=60"}
    assert directives(atlas.nadia("GET", atlas.records)) == {"no-cache", "no-store"}


# --- Readonly mode --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Requester]:
    """Nadia at a server that is only read."""
    settings = {"readonly": "true", "root_cache_expires_seconds": "100"}
    with (
        new_server(stack, tmp_path_factory.mktemp("readonly"), settings) as server,
        Requester(server.origin, "nadia") as requester,
    ):
        yield requester


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/buckets/atlas"),
        ("POST", "/v1/buckets"),
        ("PATCH", "/v1/buckets/atlas"),
        ("DELETE", "/v1/buckets"),
        ("POST", "/v1/batch"),
        ("POST", "/v1/nope"),
        ("GET", "/v1/buckets/default"),
        ("GET", "/v1/buckets/default/collections/tides/records"),
    ],
)
def test_readonly_mode_takes_no_change(reader: Requester, method: str, path: str) -> None:
    """`readonly`: RO-1, BAT-21, DEF-1, Section 2.3 step 1: 405 before all else."""
    assert refusal(reader(method, path)) == (405, 115)


def test_readonly_mode_reads(reader: Requester) -> None:
    """`readonly`, `root_cache_expires_seconds`: RO-1, HELLO-3, HELLO-8."""
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    root = reader("GET", "/v1/")

    assert root.json()["settings"]["readonly"] is True
    assert directives(root) == {"max-age=100"}
    assert expires_after_s(root) == pytest.approx(100, abs=1)
    assert data(reader("GET", "/v1/buckets")) == []
    assert reader("HEAD", "/v1/buckets").status_code == 200
    assert reader("OPTIONS", "/v1/buckets", headers=headers).status_code == 200
