"""The utility endpoints."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from muniment.runtime.errors import ConfigurationError
from muniment.web.http import Response
from tests.unit.web.building import json_of, pipeline, well
from tests.unit.web.test_pipeline import BASIC, ask


async def ill() -> bool:
    return False


async def broken() -> bool:
    raise OSError("connection refused")


async def stuck() -> bool:
    await asyncio.sleep(3600)
    return True


async def root(**settings: Any) -> Any:
    return json_of(await ask(pipeline(**settings), "GET", "/v1/"))


async def test_the_root_view_says_what_the_server_is() -> None:
    """HELLO-3, HELLO-4, HELLO-6 and HELLO-7; BASE-1; C-1."""
    view = await root(batch_max_requests=30, project_name="atlas", project_version="1.4.0")

    assert view["settings"] == {
        "batch_max_requests": 30,
        "readonly": False,
        "explicit_permissions": True,
    }
    assert (view["project_name"], view["project_version"]) == ("atlas", "1.4.0")
    assert view["http_api_version"] == "1.23"
    assert view["url"] == "http://data.example.org/v1/"
    assert view["config"] is None
    assert "user" not in view
    assert "eos" not in view


async def test_the_root_view_knows_its_user() -> None:
    """HELLO-1 and HELLO-2."""
    view = json_of(await ask(pipeline(), "GET", "/v1/", headers=BASIC))

    assert view["user"]["id"].startswith("basicauth:")
    assert set(view["user"]["principals"]) == {
        view["user"]["id"],
        "system.Authenticated",
        "system.Everyone",
    }


async def test_wrong_credentials_are_no_error_there() -> None:
    """HELLO-1."""
    response = await ask(pipeline(), "GET", "/v1/", headers={"Authorization": "Basic !"})

    assert response.status == 200
    assert "user" not in json_of(response)


EVERYWHERE = {
    "basicauth",
    "default_bucket",
    "history",
    "permissions_endpoint",
    "schema",
    "webhooks",
}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, EVERYWHERE),
        ({"auth_policies": ()}, EVERYWHERE - {"basicauth"}),
        ({"flush_enabled": True}, EVERYWHERE | {"flush_endpoint"}),
        ({"experimental_collection_schema_validation": False}, EVERYWHERE - {"schema"}),
        ({"default_bucket_enabled": False}, EVERYWHERE - {"default_bucket"}),
        ({"webhooks_enabled": False}, EVERYWHERE - {"webhooks"}),
    ],
)
async def test_capabilities_are_what_is_there(settings: dict[str, Any], names: set[str]) -> None:
    """HELLO-5 and table 3.3."""
    capabilities = (await root(**settings))["capabilities"]

    assert set(capabilities) == names
    assert all(set(told) >= {"description", "url"} for told in capabilities.values())


async def test_a_readonly_root_view_may_be_kept() -> None:
    """HELLO-8."""
    kept = await ask(pipeline(readonly=True), "GET", "/v1/")
    fresh = await ask(pipeline(), "GET", "/v1/")

    assert kept.headers["Cache-Control"] == "max-age=86400"
    assert "Cache-Control" not in fresh.headers


async def test_an_end_of_service_is_shown() -> None:
    """HELLO-6."""
    assert (await root(eos="2999-12-31"))["eos"] == "2999-12-31"


async def test_the_server_is_well_when_all_is() -> None:
    """HB-1."""
    checks = {"storage": well, "permission": well, "cache": well, "kafka": well}

    response = await ask(pipeline(checks=checks), "GET", "/v1/__heartbeat__")

    assert (response.status, json_of(response)) == (200, dict.fromkeys(checks, True))


@pytest.mark.parametrize("check", [ill, broken, stuck])
async def test_one_failing_check_makes_it_unwell(check: Any) -> None:
    """HB-1: a check that is late or raises counts as failed."""
    through = pipeline(checks={"storage": well, "kafka": check}, heartbeat_timeout_seconds=0.05)

    response = await ask(through, "GET", "/v1/__heartbeat__")

    assert (response.status, json_of(response)) == (503, {"storage": True, "kafka": False})


async def test_being_alive_needs_nothing() -> None:
    """HB-2."""
    response = await ask(pipeline(checks={"kafka": broken}), "GET", "/v1/__lbheartbeat__")

    assert (response.status, response.body) == (200, b"{}")


async def test_the_version_file_is_served(tmp_path: Path) -> None:
    """HB-3."""
    path = tmp_path / "version.json"
    path.write_text('{"name": "muniment", "version": "1"}')

    response = await ask(pipeline(version_json_path=path), "GET", "/v1/__version__")

    assert json_of(response)["name"] == "muniment"


async def test_without_a_version_file_there_is_no_version() -> None:
    """HB-3 (D-5)."""
    response = await ask(pipeline(), "GET", "/v1/__version__")

    assert (response.status, json_of(response)["errno"]) == (404, 111)


def test_a_broken_version_file_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "version.json"
    path.write_text("{")

    with pytest.raises(ConfigurationError, match="version_json_path"):
        pipeline(version_json_path=path)


async def test_contribution_data_are_json() -> None:
    """HB-5."""
    assert json_of(await ask(pipeline(), "GET", "/v1/contribute.json"))["name"] == "muniment"


async def api() -> Response:
    return await ask(pipeline(flush_enabled=True), "GET", "/v1/__api__")


async def test_the_api_describes_itself() -> None:
    """HB-4."""
    document = json_of(await api())

    assert document["swagger"] == "2.0"
    assert (document["basePath"], document["host"], document["schemes"]) == (
        "/v1",
        "data.example.org",
        ["http"],
    )
    assert {"info", "securityDefinitions", "tags"} <= set(document)


async def test_operations_have_the_names_that_generated_clients_use() -> None:
    """HB-4."""
    operations = {
        operation["operationId"]
        for path in json_of(await api())["paths"].values()
        for operation in path.values()
    }

    expected = {"server_info", "__heartbeat__", "__lbheartbeat__", "__version__"}
    expected |= {"get_openapi_spec", "contribute"}
    for kind in ("bucket", "collection", "record"):
        expected |= {f"get_{kind}s", f"create_{kind}", f"delete_{kind}s", f"get_{kind}"}
        expected |= {f"update_{kind}", f"patch_{kind}", f"delete_{kind}"}
    assert operations >= expected


async def test_every_reference_in_the_description_is_defined() -> None:
    """HB-4: code generators follow them."""
    response = await api()
    document = orjson.loads(response.body or b"")
    text = (response.body or b"").decode()
    references = {part.split('"', 1)[0] for part in text.split("#/definitions/")[1:]}

    assert references == set(document["definitions"])
