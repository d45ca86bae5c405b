"""Deliveries of changes of documents, and what changes made elsewhere (contract section 8)."""

import re
from collections.abc import Generator
from typing import Any

import pytest

from muniment.webhooks.signing import secret_for
from tests.clients.cocobase.conftest import WEBHOOKS_SECRET
from tests.clients.cocobase.project import Json, Project
from tests.clients.requester import Requester
from tests.support.receiver import Receiver, Reply, always, fail_first, running_receiver
from tests.support.server import wait_until


@pytest.fixture
def receiver() -> Generator[Receiver]:
    """One whose paths are URIs of collections, so that it knows their secrets."""
    with running_receiver(secret_of) as running:
        yield running


def secret_of(path: str) -> str:
    """Of the endpoint of the collection that has this URI."""
    _, _, bucket_id, _, collection_id = path.split("/")
    return str(secret_for(WEBHOOKS_SECRET.encode(), bucket_id, collection_id))


def hooked(project: Project, receiver: Receiver) -> Json:
    """A collection whose changes are told to the receiver."""
    made = project.collection()
    path = f"/collections/{made['id']}"
    answer = project("PATCH", path, {"webhook_url": url_of(project, receiver, made)})
    assert answer.status_code == 200
    told: Json = answer.json()
    return told


def url_of(project: Project, receiver: Receiver, collection: Json) -> str:
    return receiver.at(f"/buckets/{project.id}/collections/{collection['id']}")


def accepted(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    """The messages, once there are so many of them."""
    wait_until(lambda: len(receiver.accepted) >= count, what=f"{count} deliveries")
    assert receiver.forged == []
    return [each.message for each in receiver.accepted]


def test_each_change_of_a_document_is_told(project: Project, receiver: Receiver) -> None:
    """Section 8: the seed's form, singly, also those of batches; nothing for what is no change."""
    collection = hooked(project, receiver)
    path = f"/collections/{collection['id']}"

    made = project.document(collection["name"], {"id": 5, "n": 1})
    one = f"{path}/documents/{made['id']}"
    project("PATCH", one, {"n": 2})
    assert project("PATCH", one, {}).status_code == 400
    assert project("GET", one).status_code == 200
    project("DELETE", one)
    batch = {"documents": [{"n": 3}, {"n": 4}]}
    rows = project("POST", f"{path}/batch/documents/create", batch).json()

    messages = accepted(receiver, 5)
    assert len(messages) == 5
    # The order is that of each document: those of others may come in between.
    changes = [each for each in messages if each["document_id"] == made["id"]]
    others = [each for each in messages if each["document_id"] != made["id"]]
    created, updated, deleted = changes
    assert (created["event"], created["data"]) == ("document.created", {"id": 5, "n": 1})
    assert (updated["event"], updated["data"]) == ("document.updated", {"id": 5, "n": 2})
    assert (deleted["event"], deleted["data"]) == ("document.deleted", {"id": 5, "n": 2})
    for message in changes:
        assert message["collection_id"] == collection["id"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", message["timestamp"])
    assert {each["document_id"]: each["data"] for each in others} == {
        row["id"]: row["data"] for row in rows
    }
    request = receiver.accepted[0]
    assert request.headers["Content-Type"].startswith("application/json")
    assert "muniment" in request.headers["User-Agent"].lower()
    assert request.id


def test_a_failure_is_repeated_with_the_same_body(project: Project, receiver: Receiver) -> None:
    """Section 8: after 5xx; the same id and bytes."""
    collection = hooked(project, receiver)
    receiver.behave(fail_first(1))

    project.document(collection["id"], {"n": 1})
    accepted(receiver, 1)

    first, second = receiver.received
    assert (first.body, first.id) == (second.body, second.id)


def test_a_refusal_ends_a_message_and_the_next_comes(project: Project, receiver: Receiver) -> None:
    """Section 8: 4xx other than 408 and 429 are no reason to repeat."""
    collection = hooked(project, receiver)
    receiver.behave(always(Reply(status=410)))
    project.document(collection["id"], {"n": 1})
    wait_until(lambda: len(receiver.received) == 1, what="the refused")
    receiver.behave(always(Reply()))

    project.document(collection["id"], {"n": 2})

    assert [each["data"] for each in accepted(receiver, 1)] == [{"n": 2}]
    assert [each.message["data"] for each in receiver.received] == [{"n": 1}, {"n": 2}]


def test_a_dead_receiver_delays_nobody(project: Project, receiver: Receiver) -> None:
    """Section 8: neither the answers nor the deliveries of others."""
    dead = project.collection(webhook_url="http://127.0.0.1:1/nobody")
    alive = hooked(project, receiver)

    for n in range(3):
        project.document(dead["id"], {"n": n})
    project.document(alive["id"], {"n": 9})

    assert [each["data"] for each in accepted(receiver, 1)] == [{"n": 9}]


def test_the_url_in_force_counts(project: Project, receiver: Receiver) -> None:
    """Section 8: a later URL gets no earlier events, and a removed one no later ones."""
    collection = project.collection()
    path = f"/collections/{collection['id']}"
    project.document(collection["id"], {"n": 1})
    project("PATCH", path, {"webhook_url": url_of(project, receiver, collection)})
    project.document(collection["id"], {"n": 2})
    project("PATCH", path, {"webhook_url": ""})
    project.document(collection["id"], {"n": 3})
    project("PATCH", path, {"webhook_url": url_of(project, receiver, collection)})
    project.document(collection["id"], {"n": 4})

    # Two documents: which of them comes first is nobody's promise.
    assert sorted(each["data"]["n"] for each in accepted(receiver, 2)) == [2, 4]


def test_a_deleted_collection_announces_nothing(project: Project, receiver: Receiver) -> None:
    """Section 8."""
    gone, other = hooked(project, receiver), hooked(project, receiver)
    project.document(gone["id"], {"n": 1})
    accepted(receiver, 1)

    project("DELETE", f"/collections/{gone['id']}")
    project.document(other["id"], {"n": 2})

    assert [each["data"] for each in accepted(receiver, 2)] == [{"n": 1}, {"n": 2}]


def test_records_written_elsewhere_are_told_too(
    shared_project: Project, admin: Requester, receiver: Receiver
) -> None:
    """Sections 8 and 13: through `/v1`."""
    collection = hooked(shared_project, receiver)
    record = f"/v1/buckets/{shared_project.id}/collections/{collection['id']}/records/r1"

    assert admin("PUT", record, {"data": {"n": 1}}).status_code == 201
    assert admin("DELETE", record).status_code == 200

    messages = accepted(receiver, 2)
    assert [(each["event"], each["document_id"], each["data"]) for each in messages] == [
        ("document.created", "r1", {"n": 1}),
        ("document.deleted", "r1", {"n": 1}),
    ]
