"""The forms in which a whole server tells of records: chosen fields, lines of a batch, tags."""

from json import dumps
from typing import Any

import orjson
import pytest

from tests.clients.requester import Requester
from tests.support.hooks import (
    SECRET,
    accepted,
    attempts_of,
    data,
    hook,
    state_of,
    write,
)
from tests.support.receiver import Receiver

CLIENT = {"name": "Ana", "card": "4929…"}


def test_chosen_fields_are_the_same_however_a_message_is_had(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    """Delivered, sent again, replayed, pulled: the same bytes, and nothing else of the record."""
    fields = {"state": "status", "buyer.name": "customer.name"}
    path = hook(nadia, bucket, receiver, fields=fields, shape="full+previous")
    write(nadia, bucket, "a", status="open", customer=CLIENT)
    write(nadia, bucket, "a", status="paid", customer=CLIENT)
    _, told = accepted(receiver, 2)
    attempts_of(nadia, path, 2)

    data(nadia("POST", f"{path}/messages", {"message_id": told.id}))
    made = data(nadia("POST", f"{path}/replays", {"from": "beginning", "messages": [told.id]}))
    state_of(nadia, f"{path}/replays/{made['id']}", "done")
    pulled = nadia("GET", f"{path}/events?_after=0").json()

    assert told.message["data"]["data"] == {"state": "paid", "buyer": {"name": "Ana"}}
    assert told.message["data"]["previous"] == {"state": "open", "buyer": {"name": "Ana"}}
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


def test_a_batch_may_be_lines_under_one_signature(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    """The receiver here verifies the very bytes; what it does not find signed is forged."""
    batch = {"max_events": 3, "max_wait_ms": 30_000, "format": "ndjson"}
    path = hook(nadia, bucket, receiver, batch=batch)

    write(nadia, bucket, *"abc", note="one\ntwo")
    [received] = accepted(receiver, 1)
    lines = received.body.split(b"\n")
    sample = data(nadia("POST", f"{path}/messages", {"type": "record.created"}))

    assert received.headers["Content-Type"] == "application/x-ndjson"
    assert received.id.startswith("bat_")
    assert [orjson.loads(line)["data"]["record_id"] for line in lines[:-1]] == [*"abc"]
    assert lines[-1] == b""
    assert (sample["delivered"], receiver.forged) == (True, [])
    assert receiver.accepted[1].headers["Content-Type"] == "application/x-ndjson"
    assert receiver.accepted[1].message["type"] == "record.created"


def test_tags_are_channels(nadia: Requester, bucket: str, receiver: Receiver) -> None:
    """One webhook a channel: by the tags of records, and by those of a collection."""
    channels = {"records": ["urgent", "north"], "collections": ["urgent"]}
    for name, tags in channels.items():
        chosen = {"events": [f"{name[:-1]}.*"], "filter": f"contains_any_tags={dumps(tags)}"}
        given = {"url": receiver.at(name), "secret": SECRET, **chosen}
        data(nadia("PUT", f"{bucket}/webhooks/{name}", {"data": given}))

    write(nadia, bucket, "a", tags=["urgent", "paid"])
    write(nadia, bucket, "b", tags=["paid"])
    write(nadia, bucket, "c")
    write(nadia, bucket, "d", tags=["north"])
    write(nadia, bucket, "d", tags=["south"])
    for name, tags in {"ports": ["calm"], "storms": ["urgent"]}.items():
        data(nadia("PUT", f"{bucket}/collections/{name}", {"data": {"tags": tags}}))
    write(nadia, bucket, "last", tags=["north"])

    told = [(each.path, each.uri.rpartition("/")[2]) for each in accepted(receiver, 4)]
    assert sorted(told) == [
        ("/collections", "storms"),
        ("/records", "a"),
        ("/records", "d"),
        ("/records", "last"),
    ]
