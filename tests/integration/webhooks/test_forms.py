"""The forms in which a whole server tells of records: chosen fields, lines of a batch, tags."""

from collections.abc import Generator
from typing import Any

import orjson
import pytest

from tests.clients.requester import Requester
from tests.integration.webhooks.test_console import SECRET, accepted, data, hook, state_of, write
from tests.support.receiver import Receiver, running_receiver
from tests.support.server import MunimentServer
from tests.support.stack import new_name

CLIENT = {"name": "Ana", "card": "4929…"}


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with running_receiver(SECRET) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def nadia(muniment_server: MunimentServer) -> Generator[Requester]:
    requester = Requester(muniment_server.url.removesuffix("/v1"), "nadia")
    yield requester
    requester.close()


@pytest.fixture
def bucket(nadia: Requester) -> str:
    path = f"/v1/buckets/atlas-{new_name()}"
    for each in (path, f"{path}/collections/tides"):
        assert nadia("PUT", each).status_code == 201
    return path


def test_chosen_fields_are_the_same_however_a_message_is_had(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    """Delivered, sent again, replayed, pulled: the same bytes, and nothing else of the record."""
    fields = {"state": "status", "client.name": "customer.name"}
    path = hook(nadia, bucket, receiver, fields=fields, shape="full+previous")
    write(nadia, bucket, "a", status="open", customer=CLIENT)
    write(nadia, bucket, "a", status="paid", customer=CLIENT)
    _, told = accepted(receiver, 2)

    data(nadia("POST", f"{path}/messages", {"message_id": told.id}))
    made = data(nadia("POST", f"{path}/replays", {"from": "beginning", "messages": [told.id]}))
    state_of(nadia, f"{path}/replays/{made['id']}", "done")
    pulled = nadia("GET", f"{path}/events?_after=0").json()

    assert told.message["data"]["data"] == {"state": "paid", "client": {"name": "Ana"}}
    assert told.message["data"]["previous"] == {"state": "open", "client": {"name": "Ana"}}
    assert [each.body for each in accepted(receiver, 4)[2:]] == [told.body, told.body]
    assert [orjson.dumps(each) for each in pulled["data"]][-1] == told.body
    assert data(nadia("GET", path))["fields"] == fields


def test_a_sample_has_the_chosen_fields(nadia: Requester, bucket: str, receiver: Receiver) -> None:
    path = hook(nadia, bucket, receiver, fields={"name": "title"})

    assert data(nadia("POST", f"{path}/messages", {"type": "record.created"}))["delivered"]
    assert receiver.accepted[0].message["data"]["data"] == {"name": "A sample"}


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"fields": ["status", ""]}, "data.fields.1"),
        ({"fields": ["a", "a.b"]}, "data.fields"),
        ({"fields": ["status"], "shape": "thin"}, "data.fields"),
        ({"fields": ["status"], "format": "cocobase"}, "data.fields"),
    ],
    ids=["no path", "one within another", "thin", "cocobase"],
)
def test_what_cannot_be_chosen_is_refused(
    nadia: Requester, bucket: str, fields: dict[str, Any], at: str
) -> None:
    wanted = {"url": "http://127.0.0.1:1/hook", **fields}

    answer = nadia("PUT", f"{bucket}/webhooks/hook", {"data": wanted})

    assert (answer.status_code, answer.json()["errno"]) == (400, 107)
    assert answer.json()["details"][0]["name"] == at


def test_fields_and_a_shape_that_has_none_do_not_come_together_by_a_patch(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver, fields=["status"])

    refused = nadia("PATCH", path, {"data": {"shape": "thin"}})
    taken = nadia("PATCH", path, {"data": {"shape": "thin", "fields": None}})

    assert (refused.status_code, taken.status_code) == (400, 200)
