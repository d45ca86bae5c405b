"""Events, a log and a store of positions for tests of webhooks."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from muniment.domain import addresses
from muniment.domain.addresses import Address
from muniment.domain.events import (
    Action,
    Cause,
    Event,
    EventId,
    ObjectChanged,
    PartitionFlushed,
    Snapshot,
)
from muniment.domain.values import Principal, Timestamp, Uid
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Offset, Partition, Start
from muniment.webhooks.deliveries import ParkedRow
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.positions import Commit, Fenced, Kept, KeptLane

NOW = Timestamp(1_795_000_000_000)
CAUSE = Cause(actor=Principal("basicauth:nadia"), request_id="request-1")

_numbers = itertools.count(1)


def uid(name: str) -> Uid:
    """The same name is the same life."""
    return Uid(str(UUID(bytes=name.encode().ljust(16, b".")[:16])))


def changed(
    address: Address,
    action: Action = Action.CREATED,
    *,
    bucket_uid: Uid | None = None,
    collection_uid: Uid | None = None,
    before: Mapping[str, Any] | None = None,
    **data: Any,
) -> ObjectChanged:
    """An event of any object; the uids are made of the ids."""
    number = next(_numbers)
    collection_id = address.collection_id or address.id
    in_collection = address.kind in {addresses.Kind.RECORD, addresses.Kind.COLLECTION}
    at = Timestamp(NOW + number)
    after = {"id": address.id, "last_modified": at, **data}
    return ObjectChanged(
        id=EventId(str(UUID(int=number))),
        action=action,
        address=address,
        bucket_uid=bucket_uid or uid(address.bucket_id),
        collection_uid=(
            (collection_uid or uid(f"{address.bucket_id}/{collection_id}"))
            if in_collection
            else None
        ),
        last_modified=at,
        stream_at=at,
        occurred_at=at,
        after=Snapshot(data=after, permissions={}),
        before=None if before is None else Snapshot(data=before, permissions={}),
        cause=CAUSE,
    )


def record(
    record_id: str, collection: str = "tides", action: Action = Action.CREATED, **data: Any
) -> ObjectChanged:
    return changed(addresses.record("atlas", collection, record_id), action, **data)


def collection(
    url: Any = None, collection: str = "tides", action: Action = Action.CREATED, **data: Any
) -> ObjectChanged:
    """A change of a collection that carries the URL afterwards; `None` leaves the field out."""
    fields = data if url is None else {"webhook:url": url, **data}
    return changed(addresses.collection("atlas", collection), action, **fields)


def flushed() -> PartitionFlushed:
    return PartitionFlushed(id=EventId(str(UUID(int=next(_numbers)))), occurred_at=NOW, cause=CAUSE)


class OnePartition:
    """A log in memory with one partition, and the right to append to it."""

    def __init__(self) -> None:
        self.log = MemoryLog(partitions=1)
        self._writer: Any = None

    async def append(self, *events: Event) -> None:
        if self._writer is None:
            self._writer = await self.log.claim(Partition(0), instance_id="one", url="http://one")
        await self._writer.append(events)


@dataclass(slots=True)
class MemoryPositions:
    """What Postgres does, without it; `slow_s` makes commits take their time."""

    epoch: int = 0
    checkpoints: dict[Partition, Start] = field(default_factory=dict[Partition, Start])
    lanes: dict[EventId, KeptLane] = field(default_factory=dict[EventId, KeptLane])
    parked: dict[tuple[EventId, Offset], ParkedRow] = field(
        default_factory=dict[tuple[EventId, Offset], ParkedRow]
    )
    commits: int = 0
    slow_s: float = 0.0

    @property
    def dead(self) -> Sequence[ParkedRow]:
        return [row for row in self.parked.values() if row.is_dead]

    async def take_over(self) -> Kept:
        await asyncio.sleep(0)
        self.epoch += 1
        lanes = [
            KeptLane(
                endpoint=lane.endpoint,
                ends_at=lane.ends_at,
                next=lane.next,
                disabled_reason=lane.disabled_reason,
                parked=self._rows_of(lane),
            )
            for lane in self.lanes.values()
        ]
        return Kept(epoch=self.epoch, checkpoints=dict(self.checkpoints), lanes=lanes)

    async def commit(self, commit: Commit) -> None:
        await asyncio.sleep(self.slow_s)
        if commit.epoch != self.epoch:
            raise Fenced
        self.commits += 1
        for endpoint in commit.opened:
            self.lanes[endpoint.id] = _kept(endpoint)
        for id_, ends_at in commit.ended:
            self._change(id_, ends_at=ends_at)
        for id_, at in commit.moved.items():
            self._change(id_, next=at)
        self.parked.update({(row.endpoint_id, row.offset): row for row in commit.parked})
        for key in commit.unparked:
            self.parked.pop(key, None)
        for id_, reason in commit.disabled:
            self._change(id_, disabled_reason=reason)
        for id_ in commit.finished:
            self.lanes.pop(id_)
        for partition, offset in commit.flushed:
            self.lanes = {
                id_: lane
                for id_, lane in self.lanes.items()
                if lane.endpoint.partition != partition or lane.endpoint.starts_at >= offset
            }
        self.checkpoints.update(commit.checkpoints)

    def _change(self, id_: EventId, **changes: Any) -> None:
        lane = self.lanes[id_]
        fields = {name: getattr(lane, name) for name in KeptLane.__slots__} | changes
        self.lanes[id_] = KeptLane(**fields)

    def _rows_of(self, lane: KeptLane) -> Sequence[ParkedRow]:
        return [
            row
            for (id_, offset), row in self.parked.items()
            if id_ == lane.endpoint.id
            and lane.disabled_reason is None
            and (not row.is_dead or (lane.next is not None and offset >= lane.next.offset))
        ]


def _kept(endpoint: Endpoint) -> KeptLane:
    return KeptLane(endpoint=endpoint, ends_at=None, next=None, disabled_reason=None, parked=())
