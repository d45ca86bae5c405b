"""What a receiver is sent for an event: the same bytes and the same id on every attempt.

Formats are how it is written down, shapes how much of the change is in it. What is too long for
one message is sent thin, with the address to get the object from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final, assert_never

import orjson

from muniment.domain.addresses import Address, Kind
from muniment.domain.documents import document_of
from muniment.domain.events import Action, EventId, ObjectChanged, Snapshot
from muniment.domain.merging import difference
from muniment.domain.values import JsonObject, JsonValue
from muniment.domain.webhooks.fields import Fields
from muniment.domain.webhooks.spec import Batch, BatchFormat, Form, Format, Shape
from muniment.log.envelope import time_text
from muniment.log.protocol import Position

API_PREFIX: Final = "/v1"


def message_id(event_id: EventId) -> str:
    """The value of `webhook-id`: known from the log alone, so that a replay sends it again."""
    return f"evt_{event_id}"


def batch_id(message_ids: Sequence[str]) -> str:
    """The `webhook-id` of several events in one request: the same for the same ones."""
    digest = blake2b("\n".join(message_ids).encode(), digest_size=16)
    return f"bat_{digest.hexdigest()}"


def batch_body(bodies: Sequence[bytes], format_: BatchFormat) -> bytes:
    """Several messages in one request."""
    match format_:
        case BatchFormat.ARRAY:
            return b"[%b]" % b",".join(bodies)
        case BatchFormat.NDJSON:
            # A message has no line breaks: they are escaped in its strings.
            return b"%b\n" % b"\n".join(bodies)
        case _:
            assert_never(format_)


def content_type(format_: Format, batch: Batch | None) -> str:
    """The media type of a message, or of several in one request."""
    if batch is not None and batch.format is BatchFormat.NDJSON:
        return "application/x-ndjson"
    if format_ is not Format.CLOUDEVENTS:
        return "application/json"
    return f"application/cloudevents{'' if batch is None else '-batch'}+json"


def body_of(
    event: ObjectChanged, position: Position, form: Form, *, type_: str | None = None
) -> bytes:
    """The event as an endpoint is told of it; `type_` is for messages that are no events."""
    type_ = type_ or event.type
    body = _written(event, position, form, type_)
    if len(body) > form.bytes_max and form.shape is not Shape.THIN:
        return _written(event, position, replace(form, shape=Shape.THIN), type_, is_too_long=True)
    return body


def _written(
    event: ObjectChanged,
    position: Position,
    form: Form,
    type_: str,
    *,
    is_too_long: bool = False,
) -> bytes:
    message: dict[str, JsonValue]
    match form.format:
        case Format.STANDARD:
            told = _told(event, position, form, is_too_long=is_too_long)
            message = {"type": type_, "timestamp": time_text(event.occurred_at), "data": told}
        case Format.CLOUDEVENTS:
            told = _told(event, position, form, is_too_long=is_too_long)
            message = {
                "specversion": "1.0",
                "id": message_id(event.id),
                "source": f"{API_PREFIX}/buckets/{event.address.bucket_id}",
                "type": f"muniment.{type_}",
                "subject": told["uri"],
                "time": time_text(event.occurred_at),
                "datacontenttype": "application/json",
                "data": told,
            }
        case Format.COCOBASE:
            message = _cocobase(event, form.shape, type_)
            if is_too_long:
                message["is_truncated"] = True
        case _:
            assert_never(form.format)
    # What orjson answers keeps its whole buffer, 8 KB for a body of 400 bytes; many wait in memory.
    return bytes(memoryview(orjson.dumps(message, default=_plain)))


def _told(
    event: ObjectChanged, position: Position, form: Form, *, is_too_long: bool
) -> dict[str, JsonValue]:
    address = event.address
    uri = address.uri
    told: dict[str, JsonValue] = {
        "action": event.action,
        "uri": uri,
        "url": f"{API_PREFIX}{uri}",
        "bucket_id": address.bucket_id,
        "collection_id": _collection_id(address),
        "record_id": _record_id(address),
        "last_modified": event.last_modified,
        "sequence": event.stream_at,
        "position": {"partition": position.partition, "offset": position.offset},
        "user_id": event.cause.actor,
        "request_id": event.cause.request_id,
    }
    fields = form.fields if address.kind is Kind.RECORD else None
    match form.shape:
        case Shape.FULL:
            told["data"] = _state(event.after, fields)
        case Shape.THIN:
            pass
        case Shape.PATCH:
            told["patch"] = _patch(event, fields)
        case Shape.FULL_AND_PREVIOUS:
            told["data"] = _state(event.after, fields)
            told["previous"] = None if event.before is None else _state(event.before, fields)
        case _:
            assert_never(form.shape)
    if is_too_long:
        told["is_truncated"] = True
    return told


def _collection_id(address: Address) -> str | None:
    return address.id if address.kind is Kind.COLLECTION else address.collection_id


def _record_id(address: Address) -> str | None:
    return address.id if address.kind is Kind.RECORD else None


def _state(snapshot: Snapshot, fields: Fields | None) -> JsonObject:
    return snapshot.data if fields is None else fields.of(snapshot.data)


def _patch(event: ObjectChanged, fields: Fields | None) -> JsonObject | None:
    """What changed, as RFC 7396 writes it down; all of a new object, nothing of a deleted one."""
    if event.action is Action.DELETED:
        return None
    after = _state(event.after, fields)
    if event.before is None:
        return after
    return difference(_state(event.before, fields), after)


def _cocobase(event: ObjectChanged, shape: Shape, type_: str) -> dict[str, JsonValue]:
    """The form that receivers of CocoBase know; what is in it is the dialect's contract.

    It has no place for a patch.
    """
    kind, _, done = type_.partition(".")
    subject = "document" if kind == Kind.RECORD else kind
    is_gone = event.action is Action.DELETED
    told_of = event.before if is_gone and event.before is not None else event.after
    message: dict[str, JsonValue] = {
        "event": f"{subject}.{done}",
        "collection_id": _collection_id(event.address),
        "document_id": _record_id(event.address),
        "timestamp": time_text(event.occurred_at),
        "id": message_id(event.id),
        "event_type": COCOBASE_TYPES[event.action],
        "created_at": time_text(event.occurred_at),
    }
    if shape in {Shape.FULL, Shape.FULL_AND_PREVIOUS}:
        message["data"] = document_of(told_of.data, told_of.hidden)
    if shape is Shape.FULL_AND_PREVIOUS:
        before = event.before
        message["old_data"] = None if before is None else document_of(before.data, before.hidden)
    return message


COCOBASE_TYPES: Final[Mapping[Action, str]] = {
    Action.CREATED: "create",
    Action.UPDATED: "update",
    Action.DELETED: "delete",
}


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType] - foreign JSON
    raise TypeError(type(value).__name__)
