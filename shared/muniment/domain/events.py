"""What has happened: the facts that are appended to the log and never changed.

An event carries the object's whole state after the change, and before it, so that a consumer
needs nothing else. Its fields are a storage format: see `muniment.log.envelope`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType, TypeAlias

from muniment.domain.addresses import Address, BucketId
from muniment.domain.values import JsonObject, Permissions, Principal, Timestamp, Uid

PROJECT: Final = "project"
"""`data.kind` of a bucket whose collections have their changes told to `data.webhook_url`."""

EventId = NewType("EventId", str)
"""A UUID version 7 in text: later events of one owner have greater ids."""


def entry_id(event_id: EventId) -> str:
    """The id of an event's entry in the history: the same but for its version, which is 4 there.

    Clients know those ids as such (contract section 1.1), and each is told from the other.
    """
    return f"{event_id[:14]}4{event_id[15:]}"


class Action(StrEnum):
    """What a change did to its object."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Report(StrEnum):
    """What deliveries tell of a webhook."""

    FAILING = "failing"
    DISABLED = "disabled"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An object as clients see it: `data` holds `id` and `last_modified` too."""

    data: JsonObject
    permissions: Permissions
    hidden: JsonObject | None = None
    """A document's fields that are called as the server's own are; never shown by `/v1`."""


KEYS_TTL_S: Final = 24 * 3600.0
"""For so long keys of requests are remembered, where the settings say nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """By what a request is known that comes again (`Idempotency-Key`).

    Of the events that the request causes the last one carries it: so it is on the log if and only
    if all of them are.
    """

    id: str
    """A digest of the requester and the key, as a UUID."""
    request: str
    """A digest of all that was asked, as a UUID."""
    batch: str | None = None
    """A digest of requester and batch, where the request has its key from that; not on the log."""
    events: int = 1
    """How many events the request has caused, this one included; they are one after another."""
    next_token: str | None = None
    """What the answer tells besides the events: where the next page of a list deletion begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who asked for a change, and by which request."""

    actor: Principal | None
    """The user id; `None` for an anonymous requester."""
    request_id: str
    traceparent: str | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChanged:
    """One object was created, updated or deleted."""

    id: EventId
    action: Action
    address: Address
    bucket_uid: Uid
    """The life of the bucket that the object is in, or is."""
    collection_uid: Uid | None
    """The life of the collection that the record is in, or that the object is; else `None`."""
    last_modified: Timestamp
    """The object's after the change; a deleted object's is its tombstone's."""
    stream_at: Timestamp
    """The bucket's own clock: strictly increasing over all changes in it (the history's order)."""
    occurred_at: Timestamp
    """The owner's wall clock when it decided."""
    after: Snapshot
    """For a deleted object `data` is the tombstone and there are no permissions."""
    before: Snapshot | None
    """`None` for a created object."""
    is_of_project: bool = False
    """Whether the object is a collection in a bucket that is a project (`data.kind`)."""
    records_from: Timestamp | None = None
    """For a created collection: where the timeline of its records starts."""
    webhook_uid: Uid | None = None
    """The life of the webhook that the object is: the id of the event that created it."""
    report: Report | None = None
    """What the deliveries told of the webhook, where they caused the change and nobody else."""
    cause: Cause

    @property
    def type(self) -> str:
        """`record.created`, `collection.deleted`, `webhook.failing` and so on."""
        return f"{self.address.kind}.{self.report or self.action}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTrimmed:
    """Entries were removed from the history of one bucket; each left a tombstone there."""

    id: EventId
    bucket_id: BucketId
    bucket_uid: Uid
    entries: tuple[Timestamp, ...]
    """The entries, by their `last_modified` (the `stream_at` of what they told of); at least one.

    Their tombstones have the moments up to and including `stream_at`, in this order.
    """
    stream_at: Timestamp
    """The bucket's own clock after the last of them."""
    occurred_at: Timestamp
    """The owner's wall clock when it decided."""
    cause: Cause

    @property
    def tombstones(self) -> Mapping[Timestamp, Timestamp]:
        """Each entry, and the timestamp of the tombstone that it left."""
        first = self.stream_at - len(self.entries) + 1
        return {entry: Timestamp(first + number) for number, entry in enumerate(self.entries)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionFlushed:
    """All buckets of one partition are gone, without tombstones (the development flush)."""

    id: EventId
    occurred_at: Timestamp
    cause: Cause


Event: TypeAlias = ObjectChanged | HistoryTrimmed | PartitionFlushed
