"""Reads the log in order: for the projector, the webhooks, and an owner who has just claimed."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from muniment.log.claims import ClaimFilter
from muniment.log.clients import Consumer, Record
from muniment.log.envelope import Malformed, decode
from muniment.log.options import LogOptions
from muniment.log.protocol import (
    Entry,
    LogUnavailable,
    Offset,
    Partition,
    Position,
    PositionLost,
    Start,
)

_log = logging.getLogger(__name__)


class KafkaReader:
    """A consumer without a group: it goes where its user says and commits nothing."""

    def __init__(
        self, consumer: Consumer, starts: Mapping[Partition, Start], options: LogOptions
    ) -> None:
        self._consumer = consumer
        self._options = options
        self._next = {partition: start.offset for partition, start in starts.items()}
        self._claims = {partition: ClaimFilter(start.claim) for partition, start in starts.items()}
        self._failure: Malformed | PositionLost | None = None

    async def start(self) -> None:
        await self._consumer.start()
        places = {self._place(partition): offset for partition, offset in self._next.items()}
        self._consumer.assign(list(places))
        for place, offset in places.items():
            self._consumer.seek(place, offset)
        # aiokafka stops a task of its own by cancelling it: one that has not begun by then hands
        # its cancellation on to whoever closes the consumer.
        await asyncio.sleep(0)

    async def read(self, *, wait_s: float, entries_max: int) -> Sequence[Entry]:
        """The next entries that count; empty when none came in `wait_s`.

        Raises `PositionLost` and `Malformed`, when all entries before have been answered.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        while self._failure is None:
            left_s = max(0.0, deadline - asyncio.get_running_loop().time())
            records = await self._fetch(left_s, entries_max)
            entries = list(self._counting(records))
            # What was fetched may all be a stale owner's: then there is time to wait for more.
            if entries or not left_s:
                return entries
        raise self._failure.with_traceback(None)

    def positions(self) -> Mapping[Partition, Start]:
        """Where a new reader would go on, as of the last `read`."""
        return {
            partition: Start(offset=offset, claim=self._claims[partition].in_force)
            for partition, offset in self._next.items()
        }

    async def close(self) -> None:
        """Stop reading, within the deadline."""
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await self._consumer.stop()
        except TimeoutError:
            _log.warning("log.consumer_left_behind", extra={"topic": self._options.topic})

    async def _fetch(self, wait_s: float, entries_max: int) -> list[tuple[Partition, Record]]:
        try:
            found = await self._consumer.getmany(
                timeout_ms=round(wait_s * 1000), max_records=entries_max
            )
        except OffsetOutOfRangeError as error:
            self._failure = self._lost(error)
            return []
        except KafkaError as error:
            # What passes by itself aiokafka retries; what is told is access that was refused.
            raise LogUnavailable(f"topic {self._options.topic} cannot be read: {error}") from error
        return [
            (Partition(place.partition), record)
            for place, records in found.items()
            for record in records
        ]

    def _counting(self, records: Sequence[tuple[Partition, Record]]) -> Iterator[Entry]:
        for partition, record in records:
            try:
                entry = _entry(partition, record)
            except Malformed as error:
                # Told by the next `read`: what came before it must reach the caller.
                self._failure = Malformed(
                    f"offset {record.offset} of partition {partition} is unreadable: {error}"
                )
                return
            self._next[partition] = Offset(record.offset + 1)
            if self._claims[partition].counts(entry):
                yield entry

    def _lost(self, error: OffsetOutOfRangeError) -> PositionLost:
        offsets: Mapping[TopicPartition, int] = error.args[0]
        places = ", ".join(f"{offset} of partition {p.partition}" for p, offset in offsets.items())
        return PositionLost(
            f"topic {self._options.topic} does not have offset {places}, where reading was to go"
            " on: it was made anew or cut short since; rebuild what was read from it"
        )

    def _place(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._options.topic, partition)


def _entry(partition: Partition, record: Record) -> Entry:
    claim, content = decode(record.key, record.value, record.headers)
    position = Position(partition, Offset(record.offset))
    return Entry(position=position, claim=claim, content=content)
