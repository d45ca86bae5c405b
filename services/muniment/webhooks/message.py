"""What a receiver is sent for an event: the same bytes and the same id on every attempt."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from muniment.domain.addresses import Kind
from muniment.domain.events import EventId, ObjectChanged
from muniment.domain.values import Timestamp
from muniment.log.protocol import Position


def message_id(event_id: EventId) -> str:
    """The value of `webhook-id`: known from the log alone, so that a replay sends it again."""
    return f"evt_{event_id}"


def body_of(event: ObjectChanged, position: Position) -> bytes:
    """The event in the form of Standard Webhooks: `type`, `timestamp`, `data`."""
    address = event.address
    is_record = address.kind is Kind.RECORD
    return orjson.dumps(
        {
            "type": event.type,
            "timestamp": iso_8601(event.occurred_at),
            "data": {
                "action": event.action,
                "uri": address.uri,
                "bucket_id": address.bucket_id,
                "collection_id": address.collection_id if is_record else address.id,
                "record_id": address.id if is_record else None,
                "last_modified": event.last_modified,
                "sequence": event.stream_at,
                "position": {"partition": position.partition, "offset": position.offset},
                "user_id": event.cause.actor,
                "request_id": event.cause.request_id,
                "data": event.after.data,
            },
        },
        default=_plain,
    )


def iso_8601(at: Timestamp) -> str:
    """Milliseconds since the epoch as `2026-11-21T08:00:00.123Z`."""
    moment = datetime.fromtimestamp(at / 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType] - foreign JSON
    raise TypeError(type(value).__name__)
