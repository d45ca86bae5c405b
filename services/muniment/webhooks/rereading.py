"""Reads parts of the log again: for a lane that fell behind, and for what was parked long ago."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.events import ObjectChanged
from muniment.log.protocol import Entry, Log, Offset, Partition, Start
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.lane import Lane
from muniment.webhooks.message import body_of, message_id

READERS_MAX: Final = 4
READ_WAIT_S: Final = 0.2
READ_ENTRIES_MAX: Final = 1_000
GAP_ENTRIES_MAX: Final = 5_000
"""A parked delivery that lies further on gets a reading of its own: seeking costs less."""


def delivery_of(entry: Entry, event: ObjectChanged) -> Delivery:
    """The event as it will go out."""
    return Delivery(
        offset=entry.position.offset,
        claim=entry.claim,
        key=event.address.uri,
        message_id=message_id(event.id),
        occurred_at=event.occurred_at,
        body=body_of(event, entry.position),
    )


class Rereading:
    """A few readings at a time, whatever the number of lanes that want one."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._free_readers = asyncio.Semaphore(READERS_MAX)

    async def refill(
        self, lane: Lane, reading_at: Callable[[Partition], Offset]
    ) -> AsyncIterator[None]:
        """Read on for the lane until it is full or has caught up; yields after each change."""
        start = lane.behind
        if start is None or not lane.wants_more:
            return
        partition = lane.endpoint.partition
        async with self._free_readers:
            reader = await self._log.reader({partition: start})
            try:
                is_done = False
                while not is_done:
                    entries = await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX)
                    full_at = _take(lane, entries)
                    at = full_at or reader.positions()[partition]
                    lane.catch_up(at, reading_at=reading_at(partition))
                    yield
                    is_done = full_at is not None or not lane.is_reading
            finally:
                await reader.close()

    async def recall(self, lane: Lane) -> None:
        """Read what the lane had parked before a restart."""
        wanted = lane.to_recall()
        found: dict[Offset, Delivery] = {}
        async with self._free_readers:
            for stretch in _stretches(wanted):
                await self._read_stretch(lane.endpoint.partition, stretch, found)
        lane.recall(found)

    async def _read_stretch(
        self, partition: Partition, stretch: Sequence[Delivery], found: dict[Offset, Delivery]
    ) -> None:
        wanted = {delivery.offset for delivery in stretch}
        last = stretch[-1].offset
        start = Start(offset=stretch[0].offset, claim=stretch[0].claim)
        reader = await self._log.reader({partition: start})
        try:
            while reader.positions()[partition].offset <= last:
                for entry in await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX):
                    if entry.position.offset in wanted and isinstance(entry.content, ObjectChanged):
                        found[entry.position.offset] = delivery_of(entry, entry.content)
        finally:
            await reader.close()


def _take(lane: Lane, entries: Sequence[Entry]) -> Start | None:
    """Hand the lane its events; answers where it was full."""
    uid = lane.endpoint.collection_uid
    for entry in entries:
        event, offset = entry.content, entry.position.offset
        if not isinstance(event, ObjectChanged) or event.collection_uid != uid:
            continue
        if event.address.kind not in {Kind.RECORD, Kind.COLLECTION} or not lane.covers(offset):
            continue
        if lane.is_full:
            return Start(offset=offset, claim=entry.claim)
        lane.take(delivery_of(entry, event))
    return None


def _stretches(deliveries: Sequence[Delivery]) -> Sequence[Sequence[Delivery]]:
    stretches: list[list[Delivery]] = []
    for delivery in deliveries:
        if stretches and delivery.offset - stretches[-1][-1].offset <= GAP_ENTRIES_MAX:
            stretches[-1].append(delivery)
        else:
            stretches.append([delivery])
    return stretches
