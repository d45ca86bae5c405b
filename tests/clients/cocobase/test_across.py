"""One thing seen by two dialects: CocoBase's documents are records of `/v1` (section 13)."""

from typing import Final

import pytest

from muniment.webhooks.signing import secret_for
from tests.clients.cocobase.conftest import WEBHOOKS_SECRET
from tests.clients.cocobase.project import Json, Project, detail_of
from tests.clients.requester import Requester
from tests.support.receiver import running_receiver
from tests.support.server import wait_until

SCHEMA: Final = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}


@pytest.fixture
def collection(shared_project: Project) -> Json:
    return shared_project.collection()


def uri(shared_project: Project, collection: Json) -> str:
    return f"/v1/buckets/{shared_project.id}/collections/{collection['id']}"


def test_a_document_is_a_record_with_an_etag_and_a_history(
    shared_project: Project, admin: Requester, collection: Json
) -> None:
    """The user's own `id` stays hidden there, and survives."""
    made = shared_project.document(collection["id"], {"id": 5, "title": "Log"})
    shared_project(
        "PATCH", f"/collections/{collection['id']}/documents/{made['id']}", {"title": "Book"}
    )

    record = admin("GET", f"{uri(shared_project, collection)}/records/{made['id']}")

    assert record.status_code == 200
    data = record.json()["data"]
    assert data == {"id": made["id"], "last_modified": data["last_modified"], "title": "Book"}
    assert record.headers["ETag"] == f'"{data["last_modified"]}"'
    query = f"resource_name=record&record_id={made['id']}&_sort=last_modified"
    entries = admin("GET", f"/v1/buckets/{shared_project.id}/history?{query}").json()["data"]
    assert [entry["action"] for entry in entries] == ["create", "update"]
    assert {entry["user_id"] for entry in entries} == {f"project:{shared_project.id}"}


def test_a_write_of_either_side_is_seen_by_the_other(
    shared_project: Project, admin: Requester, collection: Json
) -> None:
    made = shared_project.document(collection["id"], {"id": 5, "title": "Log"})
    record = f"{uri(shared_project, collection)}/records/{made['id']}"
    document = f"/collections/{collection['id']}/documents/{made['id']}"

    assert admin("PATCH", record, {"data": {"pages": 3}}).status_code == 200
    assert shared_project("GET", document).json()["data"] == {"id": 5, "title": "Log", "pages": 3}
    assert admin("PUT", record, {"data": {"pages": 4}}).status_code == 200
    assert shared_project("GET", document).json()["data"] == {"id": 5, "pages": 4}
    assert admin("DELETE", record).status_code == 200
    assert shared_project("GET", document).status_code == 404


def test_a_collection_made_elsewhere_is_called_as_its_id(
    shared_project: Project, admin: Requester
) -> None:
    """Section 13."""
    path = f"/v1/buckets/{shared_project.id}/collections/stations"
    assert admin("PUT", path).status_code == 201
    assert admin("PUT", f"{path}/records/one", {"data": {"n": 1}}).status_code == 201

    found = shared_project("GET", "/collections/stations").json()

    assert (found["id"], found["name"], found["document_count"]) == ("stations", "stations", 1)
    [document] = shared_project.documents("stations")
    assert (document["id"], document["data"]) == ("one", {"n": 1})
    assert shared_project("POST", "/collections/", {"name": "stations"}).status_code == 400


def test_a_schema_set_in_v1_holds_for_documents(
    shared_project: Project, admin: Requester, collection: Json
) -> None:
    """Told in CocoBase's form; a batch with one that breaks it changes nothing."""
    schema = {"data": {"schema": SCHEMA}}
    assert admin("PATCH", uri(shared_project, collection), schema).status_code == 200
    path = f"/collections/{collection['id']}"
    made = shared_project.document(collection["id"], {"title": "Log", "schema": "mine"})

    answers = [
        shared_project("POST", f"/collections/documents?collection={collection['id']}", {"n": 1}),
        shared_project("PATCH", f"{path}/documents/{made['id']}", {"title": 7}),
        shared_project(
            "POST",
            f"{path}/batch/documents/create",
            {"documents": [{"title": "a"}, {"title": "b"}, {"title": 3}, {"title": "d"}]},
        ),
        shared_project(
            "POST",
            f"{path}/batch/documents/update",
            {"updates": {made["id"]: {"title": None}}},
        ),
    ]

    assert [each.status_code for each in answers] == [422] * 4
    for answer in answers:
        [told] = detail_of(answer)
        assert "title" in told["msg"] or "string" in told["msg"]
    assert shared_project.data(collection["id"]) == [{"title": "Log", "schema": "mine"}]


def test_a_webhook_made_in_v1_is_told_of_documents(
    shared_project: Project, admin: Requester, collection: Json
) -> None:
    secret = secret_for(WEBHOOKS_SECRET.encode(), shared_project.id, collection["id"])
    with running_receiver(str(secret)) as receiver:
        hook = {"data": {"webhook:url": receiver.url}}
        assert admin("PATCH", uri(shared_project, collection), hook).status_code == 200
        made = shared_project.document(collection["id"], {"title": "Log"})
        record = f"{uri(shared_project, collection)}/records/{made['id']}".removeprefix("/v1")
        wait_until(
            lambda: any(each.uri == record for each in receiver.accepted),
            what="the delivery",
        )

    assert receiver.forged == []


def test_a_batch_of_v1_writes_documents(
    shared_project: Project, admin: Requester, collection: Json
) -> None:
    requests = [
        {
            "method": "POST",
            "path": f"{uri(shared_project, collection)}/records",
            "body": {"data": {"n": n}},
        }
        for n in range(3)
    ]
    assert admin("POST", "/v1/batch", {"requests": requests}).status_code == 200

    assert shared_project.data(collection["id"], "sort=n&order=asc") == [
        {"n": 0},
        {"n": 1},
        {"n": 2},
    ]
