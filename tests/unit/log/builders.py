"""Events with defaults: a test names only what matters to it."""

import uuid

from muniment.domain.addresses import Address, record
from muniment.domain.events import Action, Cause, EventId, ObjectChanged, PartitionFlushed, Snapshot
from muniment.domain.values import Principal, Timestamp, Uid

NADIA = Principal("account:nadia")
AT = Timestamp(1_700_000_000_123)
CAUSE = Cause(actor=NADIA, request_id="d912b9a0-388b-4a27-a8e5-72f518b505b6")


def changed(
    *,
    record_id: str = "log",
    text: str = "A log",
    address: Address | None = None,
    action: Action = Action.CREATED,
    before: Snapshot | None = None,
    cause: Cause = CAUSE,
) -> ObjectChanged:
    """A record of `/buckets/house/collections/notes` that was created, unless said otherwise."""
    return ObjectChanged(
        id=EventId(str(uuid.uuid4())),
        action=action,
        address=address or record("house", "notes", record_id),
        bucket_uid=Uid("0197c6de-0a50-7b5e-8f0a-000000000001"),
        collection_uid=Uid("0197c6de-0a50-7b5e-8f0a-000000000002"),
        last_modified=AT,
        stream_at=AT,
        occurred_at=AT,
        after=Snapshot(
            data={"id": record_id, "last_modified": AT, "title": text},
            permissions={"write": frozenset({NADIA})},
        ),
        before=before,
        cause=cause,
    )


def flushed() -> PartitionFlushed:
    """All buckets of a partition are gone."""
    return PartitionFlushed(id=EventId(str(uuid.uuid4())), occurred_at=AT, cause=CAUSE)
