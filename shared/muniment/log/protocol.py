"""What the log promises, whichever one is behind it: Kafka in production, memory in unit tests.

One contract suite (`tests/contract/log`) runs against both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from muniment.domain.events import Event

Partition = NewType("Partition", int)
Offset = NewType("Offset", int)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log."""

    partition: Partition
    offset: Offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The record an owner appends first: from it on, older owners' events do not count."""

    epoch: int
    producer_id: int
    instance_id: str
    url: str
    """Where the owner takes commands that were sent to another instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record of the log as it was read."""

    position: Position
    claim: Offset | None
    """The offset of the claim that the writer held; `None` for a claim itself."""
    content: Event | Claim

    @property
    def is_claim(self) -> bool:
        return isinstance(self.content, Claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a reader begins or goes on in a partition, and which claim is in force there."""

    offset: Offset
    claim: Offset | None
    """The offset of the last claim before `offset`, kept with the checkpoint; `None` at 0."""


class Fenced(Exception):
    """Another owner has claimed the partition: this one must step down.

    Raised by an append, it does not say whether the events were still in time: the log does.
    """


class OutcomeUnknown(Exception):
    """The broker did not answer in time: only a new claim, read back, tells what is on the log."""


class TooLarge(Exception):
    """The events exceed what one batch can hold; nothing was appended, the writer goes on."""

    def __init__(self, fitting: int) -> None:
        super().__init__(f"a batch holds only the first {fitting} of these events")
        self.fitting = fitting
        """How many of the events, from the first on, one batch can hold."""


class LogUnavailable(Exception):
    """The broker, or the leader of a partition, did not answer in time: try again later."""


class PositionLost(Exception):
    """The log does not have the offset to go on from: it is another log, or was cut short."""


class Writer(Protocol):
    """The right to append to one partition, held from its claim until another one's."""

    @property
    def partition(self) -> Partition: ...

    @property
    def claim(self) -> Offset:
        """The offset of this writer's claim."""
        ...

    async def append(self, events: Sequence[Event]) -> Offset:
        """Append the events as one batch, all or none; answer the offset of the first.

        Raises `Fenced` when another owner has claimed the partition, `OutcomeUnknown` when the
        broker did not answer within the deadline or answered something unexpected, and `TooLarge`
        (nothing appended). After `Fenced`, `OutcomeUnknown` and a cancelled append the writer is
        spent: every later append raises the same at once.

        Appends that are called side by side are written one after another.
        """
        ...

    async def close(self) -> None:
        """Give back what the writer holds, within its deadline; idempotent."""
        ...


class Reader(Protocol):
    """Reads entries in order from given positions on; the caller keeps the positions."""

    async def read(self, *, wait_s: float, entries_max: int) -> Sequence[Entry]:
        """The next entries of all partitions; partitions interleave, each one is in order.

        Waits up to `wait_s` for the first; an empty answer means that none came. Entries written
        by a stale owner are left out (see `muniment.log.claims`): what comes back has happened.
        While the broker is away nothing comes, and reading goes on by itself when it is back.

        Raises `PositionLost` when the log does not have the offset to go on from, and `Malformed`
        when the next record is not one of ours; both again on every later call.
        """
        ...

    def positions(self) -> Mapping[Partition, Start]:
        """Where a new reader would go on: after the last entry read, those left out included."""
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    """A topic with a fixed number of partitions."""

    @property
    def partitions(self) -> Sequence[Partition]: ...

    def partition_of(self, key: str) -> Partition:
        """The partition of a bucket id: Kafka's default murmur2 hash of its UTF-8 bytes."""
        ...

    async def claim(self, partition: Partition, *, instance_id: str, url: str) -> Writer:
        """Become the partition's owner: fence all older writers, append the claim.

        When this returns, nothing that an older writer sends counts any more. What it had sent
        before stands; read up to `Writer.claim` to know it.

        Raises `Fenced` when another instance claimed in the meantime, and `OutcomeUnknown` when
        the broker did not answer within the deadline; either way one may claim again.
        """
        ...

    async def reader(
        self,
        starts: Mapping[Partition, Start],
    ) -> Reader:
        """A reader over the given partitions, at least one. Raises `LogUnavailable`."""
        ...

    async def end_offsets(self) -> Mapping[Partition, Offset]:
        """The offset that the next append to each partition will get.

        Raises `LogUnavailable` when the leader of any partition does not answer in time.
        """
        ...
