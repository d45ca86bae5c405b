"""Statements 8 to 13 of the user's page (contract, section 27), by PyPI `kinto-http`: objects."""

from http import HTTPStatus
from typing import Any

import kinto_http
import pytest
from kinto_http.patch_type import JSONPatch, MergePatch

from tests.clients.kinto.stock import endpoint, headers, user_id
from tests.clients.requester import EVERYONE


def test_create_by_post(client: Any) -> None:
    """Statement 8, POST-1, PERM-12: the id is made, and who created it may write."""
    body, answer = client.session.request("post", endpoint(client, "collections"), data={"x": 1})

    assert body["data"] == {
        "id": body["data"]["id"],
        "last_modified": body["data"]["last_modified"],
        "x": 1,
    }
    assert body["permissions"] == {"write": [user_id(client)]}
    assert answer["ETag"] == f'"{body["data"]["last_modified"]}"'


def test_create_by_post_of_an_id_that_exists(client: Any) -> None:
    """Statement 9, POST-2: the existing one, unchanged."""
    existing = client.get_collection()

    path = endpoint(client, "collections")
    body, _ = client.session.request("post", path, data={"id": "stations", "x": 1})

    assert body == existing


def test_create_by_post_only_if_it_is_not_there(client: Any) -> None:
    """Statement 9, POST-3, C-8: 412 with the existing one."""
    existing = client.get_collection()["data"]
    once = {"If-None-Match": "*"}
    path = endpoint(client, "collections")

    with pytest.raises(kinto_http.KintoException) as refused:
        client.session.request("post", path, data={"id": "stations"}, headers=once)

    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert refused.value.response.json()["details"]["existing"] == existing


def test_create_if_not_exists(client: Any) -> None:
    """C-10: the second is answered with the first."""
    first = client.create_record(id="a", data={"n": 1})

    second = client.create_record(id="a", data={"n": 2}, if_not_exists=True)

    assert second == first


def test_put_creates_and_replaces(client: Any) -> None:
    """Statement 10, PUT-1, PUT-2: what is absent from `data` is gone."""
    first = client.update_record(id="a", data={"n": 1, "m": 1})["data"]

    second = client.update_record(id="a", data={"n": 2})["data"]

    assert second == {"id": "a", "last_modified": second["last_modified"], "n": 2}
    assert second["last_modified"] > first["last_modified"]


def test_put_without_data(client: Any) -> None:
    """Statement 10, PUT-3, C-16: an empty object is made; of an existing one the data are kept."""
    created = client.update_record(id="a")
    client.update_record(id="a", data={"n": 1})

    kept = client.update_record(id="a", permissions=EVERYONE)

    assert set(created["data"]) == {"id", "last_modified"}
    assert kept["data"]["n"] == 1
    assert kept["permissions"] == {**EVERYONE, "write": [user_id(client)]}


def test_lost_update_is_refused(client: Any) -> None:
    """PRE-1, C-8: who writes over a revision that is gone gets 412 with the newer one."""
    stale = client.create_record(id="a", data={"n": 1})["data"]
    newer = client.update_record(id="a", data={"n": 2})["data"]

    with pytest.raises(kinto_http.KintoException) as refused:
        client.update_record(data={**stale, "n": 3})

    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert refused.value.response.json()["details"]["existing"] == newer


def test_patch_changes_what_is_given(client: Any) -> None:
    """Statement 11, PAT-2: the full object comes back."""
    client.create_record(id="a", data={"n": 1, "m": {"x": 1}})

    patched = client.patch_record(id="a", data={"m": {"y": 2}})

    found = patched["data"]
    assert found == {"id": "a", "last_modified": found["last_modified"], "n": 1, "m": {"y": 2}}


def test_merge_patch(client: Any) -> None:
    """Statement 11, PAT-3: objects merge, null removes."""
    client.create_record(id="a", data={"n": 1, "m": {"x": 1}})

    patched = client.patch_record(id="a", changes=MergePatch({"n": None, "m": {"y": 2}}))

    found = patched["data"]
    assert found == {"id": "a", "last_modified": found["last_modified"], "m": {"x": 1, "y": 2}}


def test_json_patch(client: Any) -> None:
    """Statement 11, PAT-11, PAT-14, C-15: data and permissions, principals without a value."""
    client.create_record(id="a", data={"tags": []})
    operations = [
        {"op": "add", "path": "/data/tags/-", "value": "deep"},
        {"op": "add", "path": "/permissions/read/system.Everyone"},
    ]

    patched = client.patch_record(id="a", changes=JSONPatch(operations))

    assert patched["data"]["tags"] == ["deep"]
    assert patched["permissions"]["read"] == ["system.Everyone"]


def test_get_one(client: Any) -> None:
    """Statement 12, Section 8.4: ETag and Last-Modified are the object's."""
    last_modified = client.get_collection()["data"]["last_modified"]

    answer = headers(client, "get", "collection")

    assert answer["ETag"] == f'"{last_modified}"'
    assert answer["Last-Modified"].endswith("GMT")


def test_delete_one_and_everything_under_it(client: Any) -> None:
    """Statement 13, DEL-1, COL-1, COL-2, C-11: a tombstone; made again, nothing of before shows."""
    client.create_record(id="a")

    tombstone = client.delete_collection()
    client.create_collection()

    assert set(tombstone) == {"id", "last_modified", "deleted"}
    assert tombstone["deleted"] is True
    assert client.get_records(_since="0") == []


def test_delete_of_what_is_gone(client: Any) -> None:
    """C-12: to the client, gone is gone."""
    gone = client.delete_record(id="none", if_exists=True)
    client.delete_bucket()

    assert gone is None
    assert client.delete_bucket(if_exists=True) is None
