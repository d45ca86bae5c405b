"""Statements 14 to 21 of the user's page (contract, section 27), by PyPI `kinto-http`: schemas."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import kinto_http
import pytest

from tests.clients.kinto.stock import headers, plain
from tests.clients.requester import EVERYONE
from tests.support.server import new_server
from tests.support.stack import Stack

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}


def test_schema_set_by_patch_validates_creates_and_updates(client: Any) -> None:
    """Statements 14, 15, SCH-3, SCH-8, ERR-20: in the seed's words, and nothing is written."""
    client.create_record(id="before", data={"title": "x"})
    client.patch_collection(data={"schema": SCHEMA})

    with pytest.raises(kinto_http.KintoException) as created:
        client.create_record(data={"depth": 3})
    with pytest.raises(kinto_http.KintoException) as updated:
        client.update_record(id="before", data={"depth": 3})
    with pytest.raises(kinto_http.KintoException) as patched:
        client.patch_record(id="before", data={"title": 1})

    text = "'title' is a required property"
    body = created.value.response.json()
    assert (body["code"], body["errno"]) == (HTTPStatus.BAD_REQUEST, 107)
    assert body["error"] == "Invalid parameters"
    assert body["message"] == text
    assert body["details"] == [{"location": "body", "name": "title", "description": text}]
    assert updated.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert patched.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert [record["id"] for record in client.get_records()] == ["before"]


def test_records_carry_the_version_of_the_schema(client: Any) -> None:
    """Statement 16, SCH-6, SCH-10: and can be found by it."""
    first = client.patch_collection(data={"schema": SCHEMA})["data"]["last_modified"]
    old = client.create_record(id="old", data={"title": "x"})["data"]
    second = client.patch_collection(data={"schema": SCHEMA})["data"]["last_modified"]
    new = client.create_record(id="new", data={"title": "y"})["data"]

    assert (old["schema"], new["schema"]) == (first, second)
    assert client.get_records(min_schema=second) == [new]
    assert client.get_records(lt_schema=second) == [old]


def test_schema_is_taken_off(client: Any) -> None:
    """Statement 17, SCH-7, COL-4: `{}` lets everything in; without the field there is no stamp."""
    client.patch_collection(data={"schema": SCHEMA})
    emptied = client.patch_collection(data={"schema": {}})["data"]["last_modified"]
    let_in = client.create_record(data={"depth": 3})["data"]

    client.update_collection(data={})
    unstamped = client.create_record(data={"depth": 3})["data"]

    assert let_in["schema"] == emptied
    assert "schema" not in unstamped


def test_schema_of_the_bucket_for_all_its_records(client: Any) -> None:
    """Statement 18, Section 15: `record:schema` counts in each collection, and stamps nothing."""
    client.patch_bucket(data={"record:schema": SCHEMA})
    client.create_collection(id="tides")

    with pytest.raises(kinto_http.KintoException) as refused:
        client.create_record(collection="tides", data={"depth": 3})
    record = client.create_record(collection="tides", data={"title": "x"})["data"]

    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert "schema" not in record


def test_schema_of_the_bucket_for_its_collections(client: Any) -> None:
    """Statement 19, Section 15: `collection:schema` says what metadata must be."""
    client.patch_bucket(data={"collection:schema": SCHEMA})

    with pytest.raises(kinto_http.KintoException) as refused:
        client.create_collection(id="tides", data={"colour": "red"})
    created = client.create_collection(id="tides", data={"title": "Tides"})["data"]

    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert created["title"] == "Tides"


def test_metadata_are_free(client: Any) -> None:
    """Statement 19, Section 1.2: what the server gives no meaning is stored as it is."""
    free: dict[str, Any] = {"anything": [{"goes": None}], "uiSchema": {}, "flags": 1}

    assert free.items() <= client.patch_collection(data=free)["data"].items()


@pytest.mark.parametrize("wrong", [{"schema": {"type": "nope"}}, {"cache_expires": "soon"}])
def test_few_metadata_have_types(client: Any, wrong: dict[str, Any]) -> None:
    """Statement 19, COL-3, SCH-1: only `schema` and `cache_expires`."""
    with pytest.raises(kinto_http.KintoException) as refused:
        client.patch_collection(data=wrong)

    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("name", ["records", "record"])
def test_cached_for_seconds(client: Any, name: str) -> None:
    """Statement 20, D-18, CACHE-2, CACHE-3: `private`, as the request was authenticated."""
    client.create_record(id="a")
    client.patch_collection(data={"cache_expires": 60})
    path = plain(client).get_endpoint(name, id="a")

    _, answer = client.session.request("get", path)

    directives = {each.strip() for each in answer["Cache-Control"].split(",")}
    assert directives == {"max-age=60", "private"}
    assert answer["Expires"].endswith("GMT")


def test_never_cached(client: Any) -> None:
    """Statement 20, CACHE-2: 0 says so in every way there is."""
    client.patch_collection(data={"cache_expires": 0})

    answer = headers(client, "get", "records")

    directives = {each.strip() for each in answer["Cache-Control"].split(",")}
    assert directives >= {"max-age=0", "must-revalidate", "no-cache", "no-store"}
    assert answer["Pragma"] == "no-cache"
    assert answer["Expires"].endswith("GMT")


def test_settings_switch_validation_off_and_caching_on(stack: Stack, tmp_path: Path) -> None:
    """Statements 14 and 21, D-19, CACHE-4: for who is anonymous, as with `cache_expires`."""
    settings = {
        "record_cache_expires_seconds": "60",
        "experimental_collection_schema_validation": "false",
    }
    with new_server(stack, tmp_path, settings) as server:
        owner: Any = kinto_http.Client(server_url=server.url, auth=("nadia", "password"))
        owner.create_bucket(id="atlas", permissions=EVERYONE)
        owner.create_collection(id="stations", bucket="atlas")
        owner.patch_collection(id="stations", bucket="atlas", data={"schema": SCHEMA})
        nobody = kinto_http.Client(server_url=server.url, bucket="atlas", collection="stations")

        record = owner.create_record(bucket="atlas", collection="stations", data={"depth": 3})
        answer = headers(nobody, "get", "records")

        assert "schema" not in record["data"]
        assert "schema" not in owner.server_info()["capabilities"]
        assert "max-age=60" in answer["Cache-Control"]
        assert answer["Expires"].endswith("GMT")
