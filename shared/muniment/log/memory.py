"""The log in memory: what Kafka promises and how it fails, for unit tests and simulations.

It passes the same contract suite as `KafkaLog`. Records are kept encoded, so that whatever goes
through it has gone through the public format.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from muniment.domain.events import Event
from muniment.log.claims import ClaimFilter
from muniment.log.envelope import Malformed, Message, decode, encode, encode_claim
from muniment.log.partitioner import partition_of_key
from muniment.log.protocol import (
    Claim,
    Entry,
    Fenced,
    Offset,
    OutcomeUnknown,
    Partition,
    Position,
    PositionLost,
    Start,
    TooLarge,
)

_HEADERS_BYTES = 512
"""About what a record's headers take, on top of its value."""


class Fault(Enum):
    """What may become of an append whose writer learns nothing."""

    ACK_LOST = auto()
    """The batch lands, the acknowledgement does not come back."""
    LOST = auto()
    """The batch does not land."""
    LATE = auto()
    """The batch lands when `MemoryLog.deliver_late` is called, unless a newer owner was first."""


@dataclass(slots=True)
class _Stored:
    """One partition as the broker keeps it."""

    messages: list[Message] = field(default_factory=list[Message])
    epochs: dict[int, int] = field(default_factory=dict[int, int])
    """Producer id to the highest epoch it has appended with."""
    owner: tuple[int, int] | None = None
    """Producer id and epoch that were handed out last; forgotten when the fence lapses."""
    faults: list[Fault] = field(default_factory=list[Fault])
    late: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])


class MemoryLog:
    """Partitions in memory. All instances of a simulation share one, as they would one Kafka."""

    def __init__(self, *, partitions: int = 12, batch_bytes_max: int = 16 * 1024 * 1024) -> None:
        self._partitions = tuple(Partition(number) for number in range(partitions))
        self._batch_bytes_max = batch_bytes_max
        self._stored = {partition: _Stored() for partition in self._partitions}
        self._producer_ids = 0
        self._grown = asyncio.Event()

    @property
    def partitions(self) -> Sequence[Partition]:
        return self._partitions

    def partition_of(self, key: str) -> Partition:
        return Partition(partition_of_key(key, partitions=len(self._partitions)))

    async def claim(self, partition: Partition, *, instance_id: str, url: str) -> "MemoryWriter":
        """Raise the epoch, append the claim."""
        await asyncio.sleep(0)
        producer_id, epoch = self._next_identity(partition)
        claim = Claim(epoch=epoch, producer_id=producer_id, instance_id=instance_id, url=url)
        offset = self.land(partition, [encode_claim(claim)], producer_id=producer_id, epoch=epoch)
        return MemoryWriter(self, partition, offset, claim, batch_bytes_max=self._batch_bytes_max)

    async def reader(self, starts: Mapping[Partition, Start]) -> "MemoryReader":
        """A reader over the given partitions."""
        await asyncio.sleep(0)
        return MemoryReader(self, starts)

    async def end_offsets(self) -> Mapping[Partition, Offset]:
        await asyncio.sleep(0)
        return {partition: self.end(partition) for partition in self._partitions}

    # --- How it fails -----------------------------------------------------------------------------

    def fail_next_append(self, partition: Partition, fault: Fault) -> None:
        """Have the next append end as `OutcomeUnknown`; several faults apply one after another."""
        self._stored[partition].faults.append(fault)

    def deliver_late(self, partition: Partition) -> None:
        """Let the batches that were late arrive; those of stale owners are refused."""
        late, self._stored[partition].late = self._stored[partition].late, []
        for land in late:
            with suppress(Fenced):
                land()

    def forget_owner(self, partition: Partition) -> None:
        """Let the broker's fence lapse: it will not refuse the owner before the next one."""
        self._stored[partition].owner = None

    def append_raw(self, partition: Partition, message: Message) -> Offset:
        """Append a record of any form, past every fence, as a foreign producer could."""
        return self._append(partition, [message])

    # --- For its writers and readers --------------------------------------------------------------

    def land(
        self, partition: Partition, messages: Sequence[Message], *, producer_id: int, epoch: int
    ) -> Offset:
        """Append as the broker does. Raises `Fenced` for an older epoch of the same producer id."""
        epochs = self._stored[partition].epochs
        if epoch < epochs.get(producer_id, 0):
            raise Fenced(f"partition {partition} has another owner")
        epochs[producer_id] = epoch
        return self._append(partition, messages)

    def postpone(self, partition: Partition, land: Callable[[], object]) -> None:
        self._stored[partition].late.append(land)

    def take_fault(self, partition: Partition) -> Fault | None:
        faults = self._stored[partition].faults
        return faults.pop(0) if faults else None

    def message_at(self, position: Position) -> Message:
        return self._stored[position.partition].messages[position.offset]

    def end(self, partition: Partition) -> Offset:
        return Offset(len(self._stored[partition].messages))

    async def wait_for_growth(self, wait_s: float) -> None:
        """Return when anything is appended, at the latest after that time."""
        grown = self._grown
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await grown.wait()

    def _append(self, partition: Partition, messages: Sequence[Message]) -> Offset:
        first = self.end(partition)
        self._stored[partition].messages.extend(messages)
        self._grown.set()
        self._grown = asyncio.Event()
        return first

    def _next_identity(self, partition: Partition) -> tuple[int, int]:
        stored = self._stored[partition]
        if stored.owner is None:
            self._producer_ids += 1
            stored.owner = (self._producer_ids, 0)
        else:
            producer_id, epoch = stored.owner
            stored.owner = (producer_id, epoch + 1)
        return stored.owner


class MemoryWriter:
    """The right to append to one partition, from its claim until another one's."""

    def __init__(
        self,
        log: MemoryLog,
        partition: Partition,
        offset: Offset,
        claim: Claim,
        *,
        batch_bytes_max: int,
    ) -> None:
        self._log = log
        self._partition = partition
        self._offset = offset
        self._claim = claim
        self._batch_bytes_max = batch_bytes_max
        self._next = Offset(offset + 1)
        self._spent: Fenced | OutcomeUnknown | None = None
        self._appending = asyncio.Lock()

    @property
    def partition(self) -> Partition:
        return self._partition

    @property
    def claim(self) -> Offset:
        return self._offset

    async def append(self, events: Sequence[Event]) -> Offset:
        """Append the events as one batch, all or none; answer the offset of the first."""
        async with self._appending:
            if self._spent is not None:
                raise self._spent.with_traceback(None)
            messages = self._encoded(events)
            self._spent = OutcomeUnknown("an earlier append was given up before its answer")
            await asyncio.sleep(0)  # Over a network, others run in the meantime.
            try:
                first = self._land(messages)
            except (Fenced, OutcomeUnknown) as error:
                self._spent = error
                raise
            self._next = Offset(first + len(messages))
            self._spent = None
            return first

    async def close(self) -> None:
        await asyncio.sleep(0)
        self._spent = self._spent or Fenced("this writer was closed")

    def _encoded(self, events: Sequence[Event]) -> Sequence[Message]:
        messages: list[Message] = []
        size = 0
        for event in events:
            message = encode(event, self._offset)
            size += len(message.value) + _HEADERS_BYTES
            if size > self._batch_bytes_max:
                raise TooLarge(len(messages))
            messages.append(message)
        return messages

    def _land(self, messages: Sequence[Message]) -> Offset:
        match self._log.take_fault(self._partition):
            case None:
                return self._check_that_nobody_else_wrote(self._send(messages))
            case Fault.ACK_LOST:
                self._send(messages)
            case Fault.LATE:
                self._log.postpone(self._partition, lambda: self._send(messages))
            case Fault.LOST:
                pass
        raise OutcomeUnknown(f"no answer from partition {self._partition}")

    def _send(self, messages: Sequence[Message]) -> Offset:
        return self._log.land(
            self._partition,
            messages,
            producer_id=self._claim.producer_id,
            epoch=self._claim.epoch,
        )

    def _check_that_nobody_else_wrote(self, first: Offset) -> Offset:
        if first != self._next:
            raise Fenced(f"somebody else wrote offset {self._next} of partition {self._partition}")
        return first


class MemoryReader:
    """Reads entries in order from given positions on."""

    def __init__(self, log: MemoryLog, starts: Mapping[Partition, Start]) -> None:
        self._log = log
        self._next = {partition: start.offset for partition, start in starts.items()}
        self._claims = {partition: ClaimFilter(start.claim) for partition, start in starts.items()}
        self._failure: Malformed | PositionLost | None = None

    async def read(self, *, wait_s: float, entries_max: int) -> Sequence[Entry]:
        """The next entries that count; empty when none came in `wait_s`."""
        deadline = asyncio.get_running_loop().time() + wait_s
        await asyncio.sleep(0)
        while self._failure is None:
            entries = list(self._counting(entries_max))
            left_s = deadline - asyncio.get_running_loop().time()
            if entries or left_s <= 0:
                return entries
            if self._failure is None:
                await self._log.wait_for_growth(left_s)
        raise self._failure.with_traceback(None)

    def positions(self) -> Mapping[Partition, Start]:
        return {
            partition: Start(offset=offset, claim=self._claims[partition].in_force)
            for partition, offset in self._next.items()
        }

    async def close(self) -> None:
        await asyncio.sleep(0)

    def _counting(self, entries_max: int) -> Iterator[Entry]:
        count = 0
        for partition in self._next:
            while count < entries_max and (entry := self._take(partition)) is not None:
                if self._claims[partition].counts(entry):
                    count += 1
                    yield entry

    def _take(self, partition: Partition) -> Entry | None:
        position = Position(partition, self._next[partition])
        if position.offset > self._log.end(partition):
            self._failure = PositionLost(f"the log does not have offset {position.offset}")
        if self._failure is not None or position.offset >= self._log.end(partition):
            return None
        key, value, headers, _ = self._log.message_at(position)
        try:
            claim, content = decode(key, value, headers)
        except Malformed as error:
            self._failure = error
            return None
        self._next[partition] = Offset(position.offset + 1)
        return Entry(position=position, claim=claim, content=content)
