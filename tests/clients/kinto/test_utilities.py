"""Sections 3 and 4: the root view, heartbeats, OpenAPI, capabilities, CORS."""

import json

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from tests.clients.requester import Atlas, Requester, data, ids, names_in, quoted, refusal

ORIGIN = {"Origin": "https://console.example.org"}


def test_root_view_for_who_is_known(atlas: Atlas) -> None:
    """HELLO-1 to HELLO-7, C-1: the user, their principals and their bucket."""
    group = f"{atlas.bucket}/groups/crew"
    data(atlas.nadia("PUT", group, {"data": {"members": [atlas.omar.user_id]}}))

    body = atlas.omar("GET", "/v1/").json()

    assert set(body["user"]["principals"]) >= {
        atlas.omar.user_id,
        group.removeprefix("/v1"),
        "system.Authenticated",
        "system.Everyone",
    }
    assert body["user"]["bucket"] == data(atlas.omar("GET", "/v1/buckets/default"))["id"]
    assert "profile" not in body["user"]
    assert body["settings"] == {
        "batch_max_requests": 25,
        "readonly": False,
        "explicit_permissions": True,
    }
    assert body["config"] is None
    assert "eos" not in body
    assert body["url"] == f"{atlas.omar.origin}/v1/"
    assert {"project_name", "project_version", "project_docs"} <= set(body)


@pytest.mark.parametrize("credentials", ["Basic !!!", "Basic Og==", "Bearer x", "nothing"])
def test_root_view_for_who_is_not_known(atlas: Atlas, credentials: str) -> None:
    """HELLO-1, AUTH-1, AUTH-3: what cannot be read or names nobody is no error."""
    answer = atlas.anonymous("GET", "/v1/", headers={"Authorization": credentials})

    assert answer.status_code == 200
    assert "user" not in answer.json()


def test_root_view_is_read_anew(atlas: Atlas) -> None:
    """HELLO-8: outside of readonly mode it has no cache headers."""
    answer = atlas.anonymous("GET", "/v1/")

    assert not {"Cache-Control", "Expires"} & set(answer.headers)


def test_capabilities_are_what_is_there(atlas: Atlas) -> None:
    """HELLO-5, Section 3.3, D-19: each with a description and a link; none of what is off."""
    capabilities = atlas.anonymous("GET", "/v1/").json()["capabilities"]

    assert {
        "accounts",
        "basicauth",
        "counters_endpoint",
        "default_bucket",
        "flush_endpoint",
        "history",
        "permissions_endpoint",
        "schema",
    } <= set(capabilities)
    assert not {"openid", "quotas", "admin", "signer", "attachments"} & set(capabilities)
    assert capabilities["accounts"]["validation_enabled"] is False
    for name, capability in capabilities.items():
        assert capability["description"], name
        assert capability["url"].startswith("http"), name


def test_heartbeat_tells_of_each_part(atlas: Atlas) -> None:
    """HB-1, D-4: the three names that clients know, and ours."""
    answer = atlas.anonymous("GET", "/v1/__heartbeat__")

    assert answer.status_code == 200
    assert {"storage", "permission", "cache", "kafka", "projector"} <= set(answer.json())
    assert set(answer.json().values()) == {True}


def test_load_balancers_get_an_answer_from_the_process_alone(atlas: Atlas) -> None:
    """HB-2."""
    answer = atlas.anonymous("GET", "/v1/__lbheartbeat__")

    assert (answer.status_code, answer.json()) == (200, {})


def test_version_without_a_file(atlas: Atlas) -> None:
    """HB-3, D-5: 404."""
    assert refusal(atlas.anonymous("GET", "/v1/__version__")) == (404, 111)


def test_contribution_data(atlas: Atlas) -> None:
    """HB-5: JSON."""
    answer = atlas.anonymous("GET", "/v1/contribute.json")

    assert answer.status_code == 200
    assert answer.json()["name"]


def test_openapi_document_is_valid_and_complete(atlas: Atlas) -> None:
    """HB-4: with the operations that generated clients call by name."""
    document = atlas.anonymous("GET", "/v1/__api__").json()

    OpenAPIV2SpecValidator(document).validate()
    assert document["swagger"] == "2.0"
    assert document["basePath"] == "/v1"
    assert document["host"] == atlas.anonymous.origin.removeprefix("http://")
    assert document["schemes"] == ["http"]
    assert {"title", "version"} <= set(document["info"])
    assert document["securityDefinitions"]
    assert document["tags"]
    operations = {
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }
    kinds = ("bucket", "group", "collection", "record", "account")
    assert operations >= {
        *("server_info", "__heartbeat__", "__lbheartbeat__", "__version__", "contribute"),
        *("get_openapi_spec", "batch", "get_history", "delete_history", "get_history_snapshot"),
        "get_permissionss",
        *(f"{verb}_{kind}s" for verb in ("get", "delete") for kind in kinds),
        *(f"{verb}_{kind}" for verb in ("create", "get", "update", "patch") for kind in kinds),
        *(f"delete_{kind}" for kind in kinds),
    }


def test_metrics_are_text_for_prometheus(atlas: Atlas) -> None:
    """MET-1."""
    answer = atlas.anonymous("GET", "/v1/__metrics__")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "# TYPE " in answer.text


def test_nothing_asks_clients_to_wait_by_default(atlas: Atlas) -> None:
    """SIG-1, SIG-2, SIG-4: no `Backoff`, `Alert` or `Retry-After`."""
    answers = [
        atlas.anonymous("GET", "/v1/"),
        atlas.anonymous("GET", "/v1/nope"),
        atlas.nadia("GET", atlas.records),
        atlas.nadia("PUT", f"{atlas.records}/a", {}, {"If-Match": "*"}),
    ]

    for answer in answers:
        assert not {"Backoff", "Alert", "Retry-After"} & set(answer.headers)


def test_a_collision_is_to_be_tried_again(atlas: Atlas) -> None:
    """SIG-2, TS-8, D-12, D-31, C-13: 409 with seconds to wait, and nothing changed."""
    taken = atlas.record("a")["last_modified"]

    answer = atlas.nadia("PUT", f"{atlas.records}/b", {"data": {"last_modified": taken - 1}})
    collision = atlas.nadia("PUT", f"{atlas.records}/c", {"data": {"last_modified": taken - 1}})

    assert answer.status_code == 201
    assert refusal(collision) == (409, 122)
    assert collision.json()["message"] == "Integrity constraint violated, please retry."
    assert collision.headers["Retry-After"] == "3"
    assert set(ids(atlas.nadia("GET", atlas.records))) == {"a", "b"}


@pytest.mark.parametrize("value", ["0", '"{etag}"'])
def test_a_deprecated_parameter_is_told(atlas: Atlas, value: str) -> None:
    """SIG-3, SIG-5, QO-8: `_to` is `_before` with an alert, which is compact JSON."""
    atlas.record("a")
    value = value.format(etag=atlas.revision() + 1)

    answer = atlas.nadia("GET", f"{atlas.records}?_to={value}")
    before = atlas.nadia("GET", f"{atlas.records}?_before={value}")

    told = json.loads(answer.headers["Alert"])
    assert set(told) == {"code", "message", "url"}
    assert told["code"] == "soft-eol"
    assert json.dumps(told, separators=(",", ":")) == answer.headers["Alert"]
    assert data(answer) == data(before)
    assert "Alert" not in before.headers


@pytest.mark.parametrize("list_", ["{records}", "{bucket}/history", "/v1/buckets"])
def test_a_deprecated_parameter_is_told_to_who_deletes_by_it(atlas: Atlas, list_: str) -> None:
    """SIG-5, DELL-2: nothing is as old as what these ask for."""
    by_to, by_before = (
        atlas.nadia("DELETE", f"{atlas.path(list_)}?{name}=1") for name in ("_to", "_before")
    )

    assert json.loads(by_to.headers["Alert"])["code"] == "soft-eol"
    assert "Alert" not in by_before.headers
    assert data(by_to) == data(by_before) == []


# --- CORS -----------------------------------------------------------------------------------------

BASE_SET = {"Backoff", "Retry-After", "Alert", "Content-Length", "Content-Type"}
OBJECT_SET = BASE_SET | {"Last-Modified", "ETag", "Cache-Control", "Expires", "Pragma"}


@pytest.mark.parametrize(
    ("method", "path", "exposed"),
    [
        ("GET", "{records}/a", OBJECT_SET),
        ("GET", "{records}", OBJECT_SET | {"Next-Page"}),
        ("HEAD", "{records}", OBJECT_SET | {"Next-Page", "Total-Objects", "Total-Records"}),
        ("GET", "{records}/none", OBJECT_SET),
        ("GET", "/v1/", BASE_SET),
    ],
)
def test_scripts_may_read_the_headers_of_the_endpoint(
    atlas: Atlas, method: str, path: str, exposed: set[str]
) -> None:
    """CORS-3, C-18: on errors too."""
    atlas.record("a")

    answer = atlas.nadia(method, atlas.path(path))

    assert exposed <= names_in(answer, "Access-Control-Expose-Headers")


def test_scripts_may_read_the_headers_of_a_304(atlas: Atlas) -> None:
    """CORS-3."""
    etag = quoted(atlas.record("a")["last_modified"])

    answer = atlas.nadia("GET", f"{atlas.records}/a", headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert names_in(answer, "Access-Control-Expose-Headers") >= OBJECT_SET


@pytest.mark.parametrize(
    ("asked", "headers", "status"),
    [
        ("nadia GET {records}", {}, 200),
        ("nadia PUT {records}/b!", {}, 400),
        ("anonymous GET {records}", {}, 401),
        ("omar GET {records}", {}, 403),
        ("nadia GET {records}/none", {}, 404),
        ("nadia PUT {records}", {}, 405),
        ("nadia PUT {records}/a", {"If-Match": '"1"'}, 412),
        ("anonymous GET /v1/buckets/", {}, 307),
        ("anonymous GET /v1/nope", {}, 404),
    ],
)
def test_scripts_of_any_origin_may_read_answers(
    atlas: Atlas, asked: str, headers: dict[str, str], status: int
) -> None:
    """CORS-1, CORS-6: errors too, and never with credentials."""
    who, method, path = asked.split(" ")
    requester: Requester = getattr(atlas, who)

    answer = requester(method, atlas.path(path), headers={**ORIGIN, **headers})

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "missing"),
    [
        ({}, {"Origin", "Access-Control-Request-Method"}),
        (ORIGIN, {"Access-Control-Request-Method"}),
        ({"Access-Control-Request-Method": "GET"}, {"Origin"}),
    ],
)
def test_a_preflight_lacks_what_it_needs(
    atlas: Atlas, headers: dict[str, str], missing: set[str]
) -> None:
    """CORS-4: each is told."""
    answer = atlas.anonymous("OPTIONS", "/v1/buckets", headers=headers)

    assert refusal(answer) == (400, 107)
    assert {each["name"] for each in answer.json()["details"]} == missing
    assert {each["description"] for each in answer.json()["details"]} == {
        "this header is mandatory"
    }


def test_a_preflight_of_a_method_that_is_not_there(atlas: Atlas) -> None:
    """CORS-4."""
    headers = {**ORIGIN, "Access-Control-Request-Method": "PUT"}

    answer = atlas.anonymous("OPTIONS", "/v1/buckets", headers=headers)

    assert refusal(answer) == (400, 107)
    assert "Method not allowed" in answer.json()["details"][0]["description"]


def test_a_preflight_allows_whatever_is_asked(atlas: Atlas) -> None:
    """CORS-5, C-18: every header, without authentication."""
    asked = {"Authorization", "Content-Type", "If-Match", "If-None-Match", "Response-Behavior"}
    headers = {
        **ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": ", ".join(sorted(asked | {"X-Mine"})),
    }

    answer = atlas.anonymous("OPTIONS", f"{atlas.records}/a", headers=headers)

    assert answer.status_code == 200
    assert answer.json() is None
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    methods = answer.headers["Access-Control-Allow-Methods"]
    assert set(methods.split(",")) >= {"GET", "HEAD", "PUT", "PATCH", "DELETE"}
    assert answer.headers["Access-Control-Max-Age"] == "3600"
    assert names_in(answer, "Access-Control-Allow-Headers") >= {*asked, "X-Mine", *OBJECT_SET}
