"""Statement 22 of the user's page (contract, section 27), and batches, by PyPI `kinto-http`."""

from http import HTTPStatus
from typing import Any

import kinto_http
import pytest
from kinto_http.exceptions import KintoBatchException
from kinto_http.patch_type import JSONPatch, MergePatch

from tests.clients.kinto.stock import endpoint, plain, stranger
from tests.clients.requester import Atlas


def test_answered_with_the_status_of_the_list(atlas: Atlas) -> None:
    """Statement 22, Section 5: made, made again, read, and read when nothing is new."""
    made = atlas.nadia("PUT", f"{atlas.records}/a")
    replaced = atlas.nadia("PUT", f"{atlas.records}/a")
    read = atlas.nadia("GET", f"{atlas.records}/a")
    etag = {"If-None-Match": read.headers["ETag"]}
    unchanged = [atlas.nadia("GET", path, headers=etag) for path in (atlas.records, made.url)]

    assert [answer.status_code for answer in (made, replaced, read)] == [201, 200, 200]
    assert [answer.status_code for answer in unchanged] == [304, 304]


@pytest.mark.parametrize(
    ("status", "method", "path", "given"),
    [
        pytest.param(400, "put", "stations", {"data": 1}, id="400"),
        pytest.param(404, "get", "none", {}, id="404"),
        pytest.param(405, "post", "stations", {}, id="405"),
        pytest.param(406, "get", "stations", {"headers": {"Accept": "text/html"}}, id="406"),
        pytest.param(412, "put", "stations", {"headers": {"If-None-Match": "*"}}, id="412"),
        pytest.param(415, "put", "stations", {"headers": {"Content-Type": "text/plain"}}, id="415"),
    ],
)
def test_refused_with_the_status_of_the_list(
    client: Any, status: int, method: str, path: str, given: dict[str, Any]
) -> None:
    """Statement 22, Section 5, C-20: and a JSON body that says the same."""
    with pytest.raises(kinto_http.KintoException) as refused:
        client.session.request(method, f"{endpoint(client, 'collections')}/{path}", **given)

    assert refused.value.response.status_code == status
    assert refused.value.response.json()["code"] == status


@pytest.mark.parametrize(
    ("auth", "status"), [(None, HTTPStatus.UNAUTHORIZED), (("omar", "x"), HTTPStatus.FORBIDDEN)]
)
def test_strangers_are_refused(
    client: Any, auth: tuple[str, str] | None, status: HTTPStatus
) -> None:
    """Statement 22, Section 5: 401 for who is nobody, 403 for somebody else; both with JSON."""
    with pytest.raises(kinto_http.KintoException) as refused:
        stranger(client, auth).get_collection()

    assert refused.value.response.status_code == status
    assert refused.value.response.json()["code"] == status


def test_changes_are_sent_together(client: Any) -> None:
    """BAT-9 to BAT-13, C-9, C-11: creations, patches of every kind and deletions."""
    with plain(client).batch() as batch:
        batch.create_record(id="a", data={"n": 1})
        batch.update_record(id="b", data={"n": 2})
        batch.patch_record(id="a", data={"m": 1})
        batch.patch_record(id="a", changes=MergePatch(data={"n": None}))
        batch.patch_record(
            id="a", changes=JSONPatch([{"op": "add", "path": "/data/k", "value": 1}])
        )
        batch.delete_record(id="b")

    made, updated, _, _, patched, deleted = batch.results()

    assert patched["data"] == {
        "id": "a",
        "last_modified": patched["data"]["last_modified"],
        "m": 1,
        "k": 1,
    }
    assert made["data"]["last_modified"] < updated["data"]["last_modified"]
    assert deleted["data"]["deleted"] is True
    assert client.get_records() == [patched["data"]]


def test_more_than_one_batch_takes(client: Any) -> None:
    """C-1: the client cuts what it sends into pieces of `batch_max_requests`."""
    with plain(client).batch() as batch:
        for number in range(60):
            batch.create_record(id=f"r{number}", data={"n": number})

    assert [result["data"]["n"] for result in batch.results()] == list(range(60))
    assert len(client.get_records()) == 60


def test_refusals_in_a_batch(client: Any) -> None:
    """BAT-14, C-8: the client tells of each, with what is there; the others stand."""
    existing = client.create_record(id="a", data={"n": 1})["data"]
    batching = plain(client).batch()
    batch = batching.__enter__()
    batch.create_record(id="a", data={"n": 2})
    batch.delete_record(id="none")
    batch.create_record(id="b", data={"n": 3})

    with pytest.raises(KintoBatchException) as refused:
        batching.__exit__(None, None, None)

    exceptions: list[Any] = list(refused.value.exceptions)
    assert [each.response.status_code for each in exceptions] == [412, 404]
    assert exceptions[0].response["body"]["details"]["existing"] == existing
    assert {record["id"] for record in client.get_records()} == {"a", "b"}
