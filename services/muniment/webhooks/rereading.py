"""Reads parts of the log again: for a lane that fell behind, and for what was parked long ago."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Protocol

from muniment.domain.events import ObjectChanged
from muniment.domain.values import Timestamp
from muniment.log.protocol import Entry, Log, Offset, Partition, Position, Start
from muniment.webhooks.active import ActiveLane
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.jobs import Snapshot
from muniment.webhooks.message import body_of, message_id

READERS_MAX: Final = 4
READ_WAIT_S: Final = 0.2
READ_ENTRIES_MAX: Final = 200
"""At once: taking them in keeps all else waiting, for some 50 µs each."""
READ_OBJECTS_MAX: Final = 1_000
GAP_ENTRIES_MAX: Final = 5_000
"""A parked delivery that lies further on gets a reading of its own: seeking costs less."""


class Moments(Protocol):
    """What objects were at a moment of their bucket's clock."""

    async def objects(
        self, endpoint: Endpoint, *, as_of: Timestamp, after: Timestamp, limit: int
    ) -> Sequence[ObjectChanged]:
        """The last change up to `as_of` of each object that there was then.

        In the order of their `stream_at`, those above `after` only, `limit` of them at most.
        """
        ...


def delivery_of(entry: Entry, event: ObjectChanged, endpoint: Endpoint, now: float) -> Delivery:
    """The event as it will go out to the endpoint."""
    return Delivery(
        offset=entry.position.offset,
        claim=entry.claim,
        key=event.address.uri,
        type=event.type,
        message_id=message_id(event.id),
        occurred_at=event.occurred_at,
        traceparent=event.cause.traceparent,
        taken_at=now,
        body=body_of(event, entry.position, endpoint.spec.form),
    )


class Rereading:
    """A few readings at a time, whatever the number of lanes that want one."""

    def __init__(
        self, log: Log, moments: Moments | None = None, *, clock: Callable[[], float]
    ) -> None:
        self._log = log
        self._moments = moments
        self._clock = clock
        self._free_readers = asyncio.Semaphore(READERS_MAX)

    async def refill(
        self, active: ActiveLane, reading_at: Callable[[Partition], Offset]
    ) -> AsyncIterator[None]:
        """Read on for the lane until it is full or has caught up; yields after each change."""
        start = active.lane.behind
        if start is None or not active.lane.wants_more:
            return
        async with self._free_readers:
            if active.reads_snapshot:
                async for _ in self._read_moment(active, start):
                    yield
                return
            async for _ in self._read_log(active, start, reading_at):
                yield

    async def recall(self, active: ActiveLane) -> None:
        """Read what the lane had parked before a restart."""
        lane = active.lane
        wanted = lane.to_recall()
        found: dict[Offset, Delivery] = {}
        async with self._free_readers:
            if active.reads_snapshot:
                for delivery in wanted:
                    after = Offset(delivery.offset - 1)
                    for event in await self._objects(active, after, limit=1):
                        found[delivery.offset] = self._of_moment(event, active.endpoint)
            else:
                for stretch in _stretches(wanted):
                    await self._read_stretch(active, stretch, found)
        # Another lane may go on in its place by now: it has to read for itself.
        lane.recall(found)

    async def _read_log(
        self, active: ActiveLane, start: Start, reading_at: Callable[[Partition], Offset]
    ) -> AsyncIterator[None]:
        partition = active.endpoint.partition
        lane = active.lane
        reader = await self._log.reader({partition: start})
        try:
            is_done = False
            while not is_done:
                entries = await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX)
                if active.lane is not lane:
                    return
                full_at = self._take(active, entries)
                at = full_at or reader.positions()[partition]
                # A replay is not taken over by the common reading: it goes to its own end.
                end = reading_at(partition) if active.is_live else Offset(at.offset + 1)
                lane.catch_up(at, reading_at=end)
                yield
                is_done = full_at is not None or not lane.is_reading
                # What has been fetched is read without a pause in which others could go on.
                await asyncio.sleep(0)
        finally:
            await reader.close()

    async def _read_moment(self, active: ActiveLane, start: Start) -> AsyncIterator[None]:
        lane = active.lane
        at = start.offset
        while lane.is_reading and not lane.is_full:
            events = await self._objects(active, Offset(at - 1), limit=READ_OBJECTS_MAX)
            if active.lane is not lane:
                return
            for event in events:
                if active.wants(event, Offset(event.stream_at)):
                    lane.take(self._of_moment(event, active.endpoint))
            end = lane.ends_at or at
            at = Offset(events[-1].stream_at + 1) if events else end
            # It is never the common reading's turn: the lane ends where its moment does.
            lane.catch_up(Start(offset=at, claim=None), reading_at=Offset(end + 1))
            yield

    async def _objects(
        self, active: ActiveLane, after: Offset, *, limit: int
    ) -> Sequence[ObjectChanged]:
        work = active.job.work if active.job is not None else None
        if self._moments is None or not isinstance(work, Snapshot):
            message = "no past states can be read here"
            raise TypeError(message)
        return await self._moments.objects(
            active.endpoint, as_of=work.as_of, after=Timestamp(after), limit=limit
        )

    def _of_moment(self, event: ObjectChanged, endpoint: Endpoint) -> Delivery:
        position = Position(endpoint.partition, Offset(event.stream_at))
        entry = Entry(position=position, claim=None, content=event)
        return delivery_of(entry, event, endpoint, self._clock())

    async def _read_stretch(
        self, active: ActiveLane, stretch: Sequence[Delivery], found: dict[Offset, Delivery]
    ) -> None:
        partition = active.endpoint.partition
        wanted = {delivery.offset for delivery in stretch}
        last = stretch[-1].offset
        start = Start(offset=stretch[0].offset, claim=stretch[0].claim)
        reader = await self._log.reader({partition: start})
        try:
            while reader.positions()[partition].offset <= last:
                for entry in await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX):
                    event, offset = entry.content, entry.position.offset
                    if offset in wanted and isinstance(event, ObjectChanged):
                        found[offset] = delivery_of(entry, event, active.endpoint, self._clock())
        finally:
            await reader.close()

    def _take(self, active: ActiveLane, entries: Sequence[Entry]) -> Start | None:
        """Hand the lane its events; answers where it was full, or at its end."""
        lane, now = active.lane, self._clock()
        for entry in entries:
            event, offset = entry.content, entry.position.offset
            if lane.ends_at is not None and offset >= lane.ends_at:
                return Start(offset=offset, claim=entry.claim)
            if not isinstance(event, ObjectChanged) or not lane.covers(offset):
                continue
            if not active.wants(event, offset):
                continue
            if lane.is_full:
                return Start(offset=offset, claim=entry.claim)
            lane.take(delivery_of(entry, event, active.endpoint, now))
        return None


def _stretches(deliveries: Sequence[Delivery]) -> Sequence[Sequence[Delivery]]:
    stretches: list[list[Delivery]] = []
    for delivery in deliveries:
        if stretches and delivery.offset - stretches[-1][-1].offset <= GAP_ENTRIES_MAX:
            stretches[-1].append(delivery)
        else:
            stretches.append([delivery])
    return stretches
