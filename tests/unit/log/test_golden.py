"""The bytes on the log are kept for ever: these samples must be read, and written, as they are.

A file under `tests/unit/golden` is one record: its key, its headers and the text of its value. A
new version of a value brings new samples; those that are there are never changed.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from muniment.domain import addresses
from muniment.domain.addresses import Address, BucketId, Kind
from muniment.domain.events import (
    Action,
    Cause,
    Event,
    EventId,
    HistoryTrimmed,
    ObjectChanged,
    PartitionFlushed,
    Report,
    Snapshot,
)
from muniment.domain.values import JsonObject, Permissions, Principal, Timestamp, Uid
from muniment.log.envelope import Message, decode, encode, encode_claim
from muniment.log.protocol import Claim, Offset

ROOT: Final = Path(__file__).parents[3]
GOLDEN: Final = ROOT / "tests" / "unit" / "golden"
SCHEMAS: Final = ROOT / "docs" / "events"

HELD_CLAIM: Final = Offset(41)
AT: Final = Timestamp(1_763_726_400_250)
BUCKET_UID: Final = Uid("019aa60d-3c00-7000-8000-000000000001")
COLLECTION_UID: Final = Uid("019aa60d-3c00-7000-8000-000000000002")
WEBHOOK_UID: Final = Uid("019aa60d-3cfa-7000-8000-000000000004")
PERMISSIONS: Final[Permissions] = {
    "write": frozenset(map(Principal, ["account:nadia", "/buckets/house/groups/family"]))
}
OBJECTS: Final[dict[Kind, tuple[Address, JsonObject]]] = {
    Kind.BUCKET: (addresses.bucket("house"), {"title": "Our house"}),
    Kind.GROUP: (addresses.group("house", "family"), {"members": ["account:nadia"]}),
    Kind.COLLECTION: (
        addresses.collection("house", "plants"),
        {"schema": {"type": "object", "required": ["name"]}},
    ),
    Kind.RECORD: (
        addresses.record("house", "plants", "fern"),
        {"name": "Fougère \U0001f33f", "height_m": 0.4, "seen": [1, 2], "ill": None},
    ),
    Kind.WEBHOOK: (
        addresses.webhook("house", "billing"),
        {
            "url": "https://receiver.example/hook",
            "headers": {"Authorization": "sealed:1:0f3a1b2c:bm90IHJlYWxseQ"},
            "secrets": [
                {
                    "id": "019aa60d-3cfa-7000-8000-000000000004.v1",
                    "algorithm": "v1",
                    "sealed": "sealed:1:0f3a1b2c:bm9yIHRoaXM",
                    "created": AT,
                    "expires": None,
                }
            ],
            "status": {"state": "active", "since": AT, "reason": ""},
        },
    ),
}


def object_changed(kind: Kind, action: Action) -> ObjectChanged:
    """The sample for one type of event: what was created, then updated, then deleted."""
    address, data = OBJECTS[kind]
    at = Timestamp(AT + list(Action).index(action))
    identity: JsonObject = {"id": address.id, "last_modified": at}
    before = Snapshot(data={**identity, **data, "last_modified": at - 1}, permissions=PERMISSIONS)
    afters = {
        Action.CREATED: Snapshot(data={**identity, **data}, permissions=PERMISSIONS),
        Action.UPDATED: Snapshot(data={**identity, **data, "watered": True}, permissions={}),
        Action.DELETED: Snapshot(data={**identity, "deleted": True}, permissions={}),
    }
    return ObjectChanged(
        id=EventId(f"019aa60d-3cfa-7000-8000-00000000000{list(Kind).index(kind)}"),
        action=action,
        address=address,
        bucket_uid=BUCKET_UID,
        collection_uid=COLLECTION_UID if kind in (Kind.COLLECTION, Kind.RECORD) else None,
        last_modified=at,
        stream_at=Timestamp(at + 1),
        occurred_at=Timestamp(at + 2),
        after=afters[action],
        before=None if action is Action.CREATED else before,
        webhook_uid=WEBHOOK_UID if kind is Kind.WEBHOOK else None,
        records_from=at if (kind, action) == (Kind.COLLECTION, Action.CREATED) else None,
        cause=_cause(action),
    )


def webhook_reported(report: Report) -> ObjectChanged:
    """The sample for what deliveries tell."""
    event = object_changed(Kind.WEBHOOK, Action.UPDATED)
    was_failing = report is not Report.FAILING
    state = "active" if report is Report.RECOVERED else report.value
    told: JsonObject = {"state": state, "since": AT + 3, "reason": "HTTP 503"}
    was: JsonObject = {"state": "failing" if was_failing else "active", "since": AT, "reason": ""}
    assert event.before is not None
    before = {**event.before.data, "status": was}
    after: JsonObject = {
        **event.before.data,
        "last_modified": event.last_modified,
        "status": told,
        **({"enabled": False} if report is Report.DISABLED else {}),
    }
    return replace(
        event,
        report=report,
        after=Snapshot(data=after, permissions=PERMISSIONS),
        before=replace(event.before, data=before),
        cause=replace(event.cause, actor=Principal("system.Webhooks")),
    )


def _cause(action: Action) -> Cause:
    traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    return Cause(
        actor=None if action is Action.DELETED else Principal("account:nadia"),
        request_id="6f1c2c9e-3d1b-4f5e-9a50-0d4a0f3b7c11",
        traceparent=traced if action is Action.UPDATED else None,
    )


CHANGES: Final = {
    f"{kind}.{action}.1": object_changed(kind, action) for kind in Kind for action in Action
} | {f"webhook.{report}.1": webhook_reported(report) for report in Report}
EVENTS: Final[dict[str, Event]] = {
    **CHANGES,
    "history.trimmed.1": HistoryTrimmed(
        id=EventId("019aa60d-3cfa-7000-8000-000000000008"),
        bucket_id=BucketId("house"),
        bucket_uid=Uid("019aa60d-3c00-7000-8000-000000000001"),
        entries=(Timestamp(AT - 7), Timestamp(AT - 5)),
        stream_at=Timestamp(AT + 2),
        occurred_at=AT,
        cause=_cause(Action.UPDATED),
    ),
    "store.flushed.1": PartitionFlushed(
        id=EventId("019aa60d-3cfa-7000-8000-000000000009"),
        occurred_at=AT,
        cause=_cause(Action.CREATED),
    ),
}
A_CLAIM: Final = Claim(epoch=3, producer_id=4001, instance_id="one", url="http://10.0.0.7:8888")


def read_sample(name: str) -> Message:
    sample: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    headers = [(header, value.encode()) for header, value in sample["headers"].items()]
    key = None if sample["key"] is None else sample["key"].encode()
    return Message(key, sample["value"].encode(), headers, sample["timestamp_ms"])


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_written_as_its_sample(name: str) -> None:
    """Consumers may rely on every byte."""
    assert encode(EVENTS[name], HELD_CLAIM) == read_sample(name)


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_is_read_as_its_event(name: str) -> None:
    """What was written once can be read for ever."""
    key, value, headers, _ = read_sample(name)

    assert decode(key, value, headers) == (HELD_CLAIM, EVENTS[name])


def test_a_claim_is_written_and_read_as_its_sample() -> None:
    """A stale owner and its successor may be of different versions of the program."""
    sample = read_sample("partition.claimed.1")

    assert encode_claim(A_CLAIM) == sample
    assert decode(sample.key, sample.value, sample.headers) == (None, A_CLAIM)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_sample_satisfies_its_published_schema(path: Path) -> None:
    """The schema that `ce_dataschema` names is the one in the documentation."""
    message = read_sample(path.stem)
    schema: dict[str, Any] = json.loads((SCHEMAS / path.name).read_text("utf-8"))

    jsonschema.validate(json.loads(message.value), schema, jsonschema.Draft202012Validator)

    assert schema["$id"] == dict(message.headers)["ce_dataschema"].decode()
    assert schema["additionalProperties"] is False


def test_every_schema_has_a_sample() -> None:
    """A type or version that is published is held by bytes."""
    samples = {path.name for path in GOLDEN.glob("*.json")}

    assert {path.name for path in SCHEMAS.glob("*.json")} == samples
    assert samples == {f"{name}.json" for name in [*EVENTS, "partition.claimed.1"]}
