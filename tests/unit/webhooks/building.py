"""Events, a log and a store of positions for tests of webhooks."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from muniment.webhooks.attempts import Attempt
from muniment.webhooks.deliveries import LaneId, ParkedRow
from muniment.webhooks.jobs import Job, JobId, JobState
from muniment.webhooks.ledger import ClaimSeen
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


def project_collection(
    url: Any = None, collection: str = "tides", action: Action = Action.CREATED, **data: Any
) -> ObjectChanged:
    """A change of a collection in a project; `None` leaves the field `webhook_url` out."""
    fields = data if url is None else {"webhook_url": url, **data}
    event = changed(addresses.collection("atlas", collection), action, **fields)
    return replace(event, is_of_project=True)


def webhook(
    url: str, webhook_id: str = "hook", action: Action = Action.CREATED, **data: Any
) -> ObjectChanged:
    """A change of a webhook of the bucket atlas, as the command service would have made it."""
    status = {"state": "active", "since": NOW, "reason": ""}
    fields: dict[str, Any] = {"url": url, "status": status, "secrets": [], **data}
    event = changed(addresses.webhook("atlas", webhook_id), action, **fields)
    return replace(event, webhook_uid=uid(f"hook {webhook_id}"))


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
    lanes: dict[LaneId, KeptLane] = field(default_factory=dict[LaneId, KeptLane])
    parked: dict[tuple[LaneId, Offset], ParkedRow] = field(
        default_factory=dict[tuple[LaneId, Offset], ParkedRow]
    )
    claims: list[ClaimSeen] = field(default_factory=list[ClaimSeen])
    jobs: dict[JobId, Job] = field(default_factory=dict[JobId, Job])
    counts: dict[JobId, tuple[int, int]] = field(default_factory=dict[JobId, tuple[int, int]])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    commits: int = 0
    slow_s: float = 0.0

    @property
    def dead(self) -> Sequence[ParkedRow]:
        return [row for row in self.parked.values() if row.is_dead]

    async def take_over(self, partitions: Sequence[Partition]) -> Kept:
        await asyncio.sleep(0)
        self.epoch += 1
        lanes = [
            replace(lane, parked=() if lane.row.stopped_for else self._rows_of(lane))
            for lane in self.lanes.values()
            if lane.row.endpoint.partition in partitions
        ]
        under_way = [
            job for job in self.jobs.values() if job.state in {JobState.RUNNING, JobState.PAUSED}
        ]
        return Kept(
            epoch=self.epoch,
            checkpoints=dict(self.checkpoints),
            lanes=lanes,
            jobs=under_way,
            claims=list(self.claims),
        )

    async def commit(self, commit: Commit) -> None:
        await asyncio.sleep(self.slow_s)
        if commit.epoch != self.epoch:
            raise Fenced
        self.commits += 1
        for row in commit.saved:
            known = self.lanes.get(row.id)
            self.lanes[row.id] = KeptLane(row=row, next=None if known is None else known.next)
        for id_, at in commit.moved.items():
            self.lanes[id_] = replace(self.lanes[id_], next=at)
        self.parked.update({(row.lane_id, row.offset): row for row in commit.parked})
        for key in commit.unparked:
            self.parked.pop(key, None)
        for gone in (*commit.finished, *commit.dropped):
            self.lanes.pop(gone, None)
        for partition, offset in commit.flushed:
            self.lanes = {
                id_: lane
                for id_, lane in self.lanes.items()
                if lane.row.endpoint.partition != partition or lane.row.starts_at >= offset
            }
        self.checkpoints.update(commit.checkpoints)
        self.claims += commit.claims
        self.attempts += commit.attempts
        self.jobs.update({job.id: job for job in commit.opened_jobs})
        assert len({change.id for change in commit.jobs}) == len(commit.jobs)
        for change in commit.jobs:
            job = self.jobs[change.id]
            asked = None if change.has_heard else job.asked
            self.jobs[change.id] = replace(job, state=change.state, asked=asked)
            delivered, dead = self.counts.get(change.id, (0, 0))
            self.counts[change.id] = (delivered + change.delivered, dead + change.dead)

    async def parked_of(self, lane_id: LaneId) -> Sequence[ParkedRow]:
        await asyncio.sleep(0)
        return self._rows_of(self.lanes[lane_id])

    async def jobs_to_do(self) -> Sequence[Job]:
        await asyncio.sleep(0)
        return [
            job
            for job in self.jobs.values()
            if job.state is JobState.WAITING or job.asked is not None
        ]

    def _rows_of(self, lane: KeptLane) -> Sequence[ParkedRow]:
        return [
            row
            for (id_, offset), row in self.parked.items()
            if id_ == lane.row.id
            and (not row.is_dead or (lane.next is not None and offset >= lane.next.offset))
        ]
