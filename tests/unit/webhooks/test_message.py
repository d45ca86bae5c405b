"""Messages: which fields of records they carry, when they are too long, how several are one."""

import tracemalloc
from typing import Any

import orjson
import pytest

from muniment.domain import addresses
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.webhooks.fields import Fields, parse_fields
from muniment.domain.webhooks.spec import (
    BODY_BYTES_MAX,
    Batch,
    BatchFormat,
    Form,
    Format,
    Shape,
)
from muniment.log.protocol import Offset, Partition, Position
from muniment.webhooks.message import batch_body, body_of, content_type
from tests.unit.webhooks.building import changed, record

AT = Position(Partition(3), Offset(1041))
BEFORE = {"id": "r1", "status": "open", "total": 5, "customer": {"name": "Ana", "card": "4929…"}}


def fields_of(given: Any) -> Fields:
    fields = parse_fields(given)
    assert isinstance(fields, Fields), fields
    return fields


def told(event: ObjectChanged, fields: Any, shape: Shape = Shape.FULL) -> Any:
    """The member `data` of the event's message."""
    form = Form(shape=shape, fields=fields_of(fields))
    return orjson.loads(body_of(event, AT, form))["data"]


def updated(**data: Any) -> ObjectChanged:
    return record("r1", action=Action.UPDATED, before=BEFORE, **data)


def test_a_body_takes_the_memory_of_what_it_says() -> None:
    """Thousands wait in memory, and are counted by their length."""
    event, form = record("r1", text="x" * 300), Form()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        bodies = [body_of(event, AT, form) for _ in range(100)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert taken < 2 * sum(len(body) for body in bodies)


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        (["status"], {"status": "paid"}),
        (["customer.name", "status"], {"customer": {"name": "Ana"}, "status": "paid"}),
        (["customer.name", "customer.age"], {"customer": {"name": "Ana"}}),
        ({"client": "customer.name"}, {"client": "Ana"}),
        ({"a.b": "status", "a.c": "total"}, {"a": {"b": "paid", "c": None}}),
        ({"total": "status", "status": "total"}, {"total": "paid", "status": None}),
        (["customer"], {"customer": {"name": "Ana", "card": "4929…"}}),
        (["id"], {"id": "r1"}),
        (["lines.sku", "status.x", "missing"], {}),
    ],
    ids=str,
)
def test_fields_are_chosen_and_renamed(fields: Any, chosen: Any) -> None:
    """What a state lacks is left out; nothing that was not asked for comes along (QV-6)."""
    customer, lines = BEFORE["customer"], [{"sku": 1}]
    event = updated(status="paid", total=None, customer=customer, lines=lines)

    assert told(event, fields)["data"] == chosen


def test_they_are_in_the_order_of_the_list_or_of_their_names() -> None:
    """The members of an object have none of their own: Postgres gives them back in another."""
    event = updated(a=1, b=2, c=3)

    assert list(told(event, ["c", "a", "b"])["data"]) == ["c", "a", "b"]
    assert list(told(event, {"z": "a", "xx": "b"})["data"]) == ["xx", "z"]
    assert fields_of({"z": "a", "xx": "b"}) == fields_of({"xx": "b", "z": "a"})


def test_the_state_before_is_told_in_the_same_fields() -> None:
    message = told(updated(status="paid"), {"state": "status"}, Shape.FULL_AND_PREVIOUS)

    assert (message["data"], message["previous"]) == ({"state": "paid"}, {"state": "open"})


def test_of_what_is_new_there_is_no_state_before() -> None:
    message = told(record("r1", status="open"), ["status"], Shape.FULL_AND_PREVIOUS)

    assert message["previous"] is None


@pytest.mark.parametrize(
    ("event", "patch"),
    [
        (updated(status="paid", customer=BEFORE["customer"]), {"state": "paid"}),
        (updated(status="open"), {"client": None}),
        (updated(status="open", customer={"name": "Ana", "card": "5500…"}), {}),
        (record("r1", status="open"), {"state": "open"}),
        (record("r1", action=Action.DELETED, before=BEFORE), None),
    ],
    ids=["changed", "taken away", "of others only", "new", "deleted"],
)
def test_a_patch_leads_from_one_chosen_form_to_the_next(event: ObjectChanged, patch: Any) -> None:
    """Who keeps what was told and applies it has what `full` would tell (RFC 7396)."""
    fields = {"state": "status", "client": "customer.name"}

    assert told(event, fields, Shape.PATCH)["patch"] == patch


def test_a_tombstone_is_told_in_its_fields_as_well() -> None:
    event = record("r1", action=Action.DELETED, before=BEFORE, deleted=True)

    assert told(event, ["status", "deleted"])["data"] == {"deleted": True}


def test_objects_that_are_no_records_are_told_whole() -> None:
    event = changed(addresses.collection("atlas", "tides"), title="Tides")

    assert told(event, ["status"])["data"]["title"] == "Tides"


def test_a_cloud_event_carries_the_same_fields() -> None:
    form = Form(format=Format.CLOUDEVENTS, fields=fields_of(["status"]))
    message = orjson.loads(body_of(updated(status="paid"), AT, form))

    assert message["data"]["data"] == {"status": "paid"}


def test_only_what_is_sent_counts_for_what_is_too_long() -> None:
    event = updated(status="paid", note="x" * BODY_BYTES_MAX)

    assert told(event, ["status"])["data"] == {"status": "paid"}
    assert told(event, ["note"])["is_truncated"]
    assert "data" not in told(event, ["note"])


def test_each_line_of_a_batch_is_one_message() -> None:
    """Line breaks in a record's texts are not those between messages."""
    events = [record(name, note="one\ntwo\r\nthree\u2028") for name in "abc"]
    bodies = [body_of(event, AT, Form()) for event in events]

    lines = batch_body(bodies, BatchFormat.NDJSON)

    assert lines.endswith(b"\n")
    assert lines.split(b"\n")[:-1] == bodies
    assert batch_body(bodies[:1], BatchFormat.NDJSON) == bodies[0] + b"\n"


@pytest.mark.parametrize(
    ("format_", "batch", "media_type"),
    [
        (Format.STANDARD, None, "application/json"),
        (Format.STANDARD, BatchFormat.ARRAY, "application/json"),
        (Format.STANDARD, BatchFormat.NDJSON, "application/x-ndjson"),
        (Format.COCOBASE, None, "application/json"),
        (Format.CLOUDEVENTS, None, "application/cloudevents+json"),
        (Format.CLOUDEVENTS, BatchFormat.ARRAY, "application/cloudevents-batch+json"),
        (Format.CLOUDEVENTS, BatchFormat.NDJSON, "application/x-ndjson"),
    ],
    ids=str,
)
def test_the_media_type_says_how_several_are_one(
    format_: Format, batch: BatchFormat | None, media_type: str
) -> None:
    several = None if batch is None else Batch(max_events=9, max_wait_ms=0, format=batch)

    assert content_type(format_, several) == media_type
