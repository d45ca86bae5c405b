"""From where on a new endpoint is told of events."""

from dataclasses import dataclass
from typing import Final, assert_never
from uuid import UUID, uuid5

from muniment.domain.events import ObjectChanged
from muniment.domain.values import Timestamp
from muniment.domain.webhooks.spec import StartKind
from muniment.log.protocol import Entry, Offset, Start
from muniment.webhooks.endpoints import CollectionUrl, Endpoint
from muniment.webhooks.jobs import Job, JobId, JobKind, JobState, Snapshot
from muniment.webhooks.ledger import Ledger

PAUSED: Final = "paused"
AFTER_SNAPSHOT: Final = "after snapshot"
"""The lane of live events begins when each object has been told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How the lane of an endpoint's live events begins."""

    taken_to: Offset
    behind: Start | None = None
    stopped_for: str | None = None
    snapshot: Job | None = None
    """What comes before it."""


def beginning_of(
    endpoint: Endpoint, event: ObjectChanged, entry: Entry, ledger: Ledger, reading: Start
) -> Beginning:
    """What follows from `start` of a webhook; `event` is the one that made the endpoint.

    `reading` is where the common reading was before it.
    """
    partition, offset = entry.position.partition, entry.position.offset
    after = Offset(offset + 1)
    if isinstance(endpoint.source, CollectionUrl):
        return Beginning(taken_to=offset)
    stopped_for = None if endpoint.spec.is_enabled else PAUSED
    start = endpoint.spec.start
    match start.kind:
        case StartKind.NOW:
            return Beginning(taken_to=after, stopped_for=stopped_for)
        case StartKind.BEGINNING:
            behind = Start(offset=Offset(0), claim=None)
        case StartKind.OFFSET:
            behind = ledger.start_at(partition, Offset(min(start.value, after)), reading)
        case StartKind.TIME | StartKind.SEQUENCE:
            behind = ledger.start_before(partition, Timestamp(start.value))
        case StartKind.SNAPSHOT:
            return Beginning(
                taken_to=after,
                behind=Start(offset=after, claim=entry.claim),
                stopped_for=AFTER_SNAPSHOT,
                snapshot=_snapshot(endpoint, event),
            )
        case _:
            assert_never(start.kind)
    return Beginning(taken_to=after, behind=behind, stopped_for=stopped_for)


def is_before_start(endpoint: Endpoint, event: ObjectChanged, offset: Offset) -> bool:
    """Whether an event of the time before the endpoint is one that it did not ask for."""
    if offset >= endpoint.opened_at or isinstance(endpoint.source, CollectionUrl):
        return False
    start = endpoint.spec.start
    match start.kind:
        case StartKind.OFFSET:
            return offset < start.value
        case StartKind.TIME:
            return event.occurred_at < start.value
        case StartKind.SEQUENCE:
            return event.stream_at < start.value
        case StartKind.NOW | StartKind.BEGINNING | StartKind.SNAPSHOT:
            return False
        case _:
            assert_never(start.kind)


def _snapshot(endpoint: Endpoint, event: ObjectChanged) -> Job:
    return Job(
        # The same again when the event is read again after a crash.
        id=JobId(str(uuid5(UUID(endpoint.id), "snapshot"))),
        endpoint_id=endpoint.id,
        partition=endpoint.partition,
        bucket_id=endpoint.bucket_id,
        webhook_id=event.address.id,
        kind=JobKind.SNAPSHOT,
        state=JobState.RUNNING,
        asked=None,
        work=Snapshot(as_of=event.stream_at),
    )
