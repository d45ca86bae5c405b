"""Changes as soon as they can be read, of collections and buckets: one reading of the log for all.

    async with feed.watch(uid, partition) as watching:
        while seen := await watching.next():

The log is read only while somebody watches. What is told has been projected before, so whoever
hears of a change finds it by any read; and since the reading begins where the read model is,
nothing is missed that is written once `watch` has begun.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import orjson

from muniment.domain.addresses import Kind
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.values import Timestamp, Uid
from muniment.log.envelope import Malformed
from muniment.log.protocol import (
    Entry,
    Fenced,
    Log,
    LogUnavailable,
    Offset,
    Partition,
    Position,
    PositionLost,
    Start,
)
from muniment.readmodel.checkpoints import Checkpoints
from muniment.readmodel.connection import UNREACHABLE, Connection
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import WATCHERS

log = get_logger(__name__)

SQL: Final = Statements(__package__, "feed.sql")

WATCHERS_MAX: Final = 10_000
HELD_EVENTS_MAX: Final = 1_000
"""Of one who watches and does not keep up; with one more it is lost."""
HELD_BYTES_MAX: Final = 16 * 1024 * 1024
"""The same of what is in the events, but for a single one."""
READ_WAIT_S: Final = 0.5
READ_ENTRIES_MAX: Final = 1_000
PROJECTION_WAIT_S: Final = 5.0

BEGINNING: Final = Offset(0)
_BEGIN: Final = Start(offset=BEGINNING, claim=None)
_ENDS_READING: Final = (*UNREACHABLE, LogUnavailable, PositionLost, Malformed, Fenced)


Acquire: TypeAlias = Callable[[], AbstractAsyncContextManager[Connection]]
"""A connection to the read model, for a moment."""


class WatchLost(Exception):
    """Nothing more is told: the log or Postgres is away, or too much was not taken in time."""


class Seen(NamedTuple):
    """A change of what is watched or of something in it."""

    position: Position
    event: ObjectChanged
    created_at: Timestamp
    """When a record was created whose collection is watched; of anything else nobody asks it."""
    size_bytes: int = 0
    """Of the event's data."""


@dataclass(slots=True, eq=False)
class Watching:
    """What is told to one who watches."""

    uid: Uid
    """Of the collection or bucket."""
    since: Offset = BEGINNING
    """What comes before this could be read when the watching began."""
    _held: deque[Seen] = field(default_factory=deque[Seen])
    _held_bytes: int = 0
    _has_news: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: str | None = None

    async def next(self) -> Seen:
        """The next change, in the order of the log. Raises `WatchLost`."""
        while True:
            while self._held:
                seen = self._held.popleft()
                self._held_bytes -= seen.size_bytes
                if seen.position.offset >= self.since:
                    return seen
            if self._lost is not None:
                raise WatchLost(self._lost)
            self._has_news.clear()
            await self._has_news.wait()

    def tell(self, seen: Seen) -> None:
        """Have the change told next."""
        held_bytes = self._held_bytes + seen.size_bytes
        if len(self._held) >= HELD_EVENTS_MAX or (self._held and held_bytes > HELD_BYTES_MAX):
            self._held.clear()
            self._held_bytes = 0
            self.lose("too much was not taken in time")
        elif self._lost is None:
            self._held.append(seen)
            self._held_bytes = held_bytes
            self._has_news.set()

    def lose(self, reason: str) -> None:
        """Tell nothing more but what is held."""
        self._lost = self._lost or reason
        self._has_news.set()


@dataclass(slots=True, eq=False)
class _Reading:
    """One reading of the log, from somebody's watching on until nobody watches."""

    task: asyncio.Task[None] | None = None
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    passed: dict[Partition, Entry] = field(default_factory=dict[Partition, Entry])
    """The last event that was read of each partition."""

    def note(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not entry.is_claim:
                self.passed[entry.position.partition] = entry


class Feed:
    """See the module."""

    def __init__(self, event_log: Log, checkpoints: Checkpoints, acquire: Acquire) -> None:
        """`checkpoints` must be followed as long as somebody watches."""
        self._log = event_log
        self._checkpoints = checkpoints
        self._acquire = acquire
        self._watchers: dict[Uid, set[Watching]] = {}
        self._count = 0
        self._reading: _Reading | None = None
        self._is_closed = False

    @asynccontextmanager
    async def watch(self, uid: Uid, partition: Partition) -> AsyncGenerator[Watching]:
        """All that is written from now on to a collection or bucket, and is told of it.

        Raises `WatchLost` where nothing can be watched at the moment.
        """
        if self._is_closed or self._count >= WATCHERS_MAX:
            raise WatchLost("no more can watch here")
        watching = Watching(uid)
        self._join(watching)
        try:
            watching.since = await self._begin(partition)
            yield watching
        finally:
            self._leave(watching)

    async def close(self) -> None:
        """Lose all who watch."""
        self._is_closed = True
        self._lose_all("the service ends")
        if self._reading is not None and self._reading.task is not None:
            self._reading.task.cancel()
            await asyncio.wait([self._reading.task])

    def _join(self, watching: Watching) -> None:
        self._watchers.setdefault(watching.uid, set()).add(watching)
        self._count += 1
        WATCHERS.set(self._count)

    def _leave(self, watching: Watching) -> None:
        watchers = self._watchers[watching.uid]
        watchers.discard(watching)
        if not watchers:
            del self._watchers[watching.uid]
        self._count -= 1
        WATCHERS.set(self._count)

    async def _begin(self, partition: Partition) -> Offset:
        """Have the log read; answers from where on changes are told of the partition.

        All that was read before, and told to nobody here, can be found by reads by then.
        """
        before = self._reading
        if before is None or before.is_over:
            self._reading = _Reading()
            self._reading.task = asyncio.create_task(self._read(self._reading, before), name="feed")
        reading = self._reading
        assert reading is not None  # noqa: S101 - it was just made
        await reading.has_begun.wait()
        if reading.is_over:
            raise WatchLost("the log cannot be read at the moment")
        try:
            if (passed := reading.passed.get(partition)) is not None:
                await self._until_projected([passed])
            return (await self._starts())[partition].offset
        except (*UNREACHABLE, Fenced) as error:
            raise WatchLost(f"the read model does not answer: {error!r}") from error

    # --- The reading ------------------------------------------------------------------------------

    async def _read(self, reading: "_Reading", before: "_Reading | None") -> None:
        """Read as long as somebody watches; where it ends before, all who watch are lost."""
        if before is not None and before.task is not None:
            await asyncio.wait([before.task])
        try:
            reader = await self._log.reader(await self._starts())
            try:
                reading.has_begun.set()
                while self._watchers:
                    entries = await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX)
                    reading.note(entries)
                    await self._tell(entries)
                reading.is_over = True
            finally:
                await reader.close()
        except _ENDS_READING as error:
            log.warning("feed.ended", reason=repr(error))
        finally:
            if not reading.is_over:
                reading.is_over = True
                self._lose_all("the log cannot be read at the moment")
            reading.has_begun.set()

    async def _starts(self) -> Mapping[Partition, Start]:
        """How far the read model is."""
        async with self._acquire() as connection:
            rows = await connection.fetch(SQL.projected_to)
        found = {
            Partition(row["partition"]): Start(
                offset=Offset(row["next_offset"]), claim=row["claim_offset"]
            )
            for row in rows
        }
        return {partition: found.get(partition, _BEGIN) for partition in self._log.partitions}

    async def _tell(self, entries: Sequence[Entry]) -> None:
        concerned = [(entry, event) for entry, event in _changes(entries) if self._of(event)]
        if not concerned:
            return
        await self._until_projected([entry for entry, _ in concerned])
        created = await self._created_at([event for _, event in concerned])
        for entry, event in concerned:
            created_at = created.get((event.collection_uid, event.address.id), event.occurred_at)
            seen = Seen(entry.position, event, created_at, _size_bytes(event))
            for watching in self._of(event):
                watching.tell(seen)

    def _of(self, event: ObjectChanged) -> Sequence[Watching]:
        """Who watches what the event is about."""
        uids = filter(None, (event.bucket_uid, event.collection_uid))
        return [watching for uid in uids for watching in self._watchers.get(uid, ())]

    async def _until_projected(self, entries: Sequence[Entry]) -> None:
        """Return when reads show all of them."""
        last = {entry.position.partition: entry for entry in entries}
        for entry in last.values():
            claim = entry.claim
            assert claim is not None  # noqa: S101 - an event is written under one
            while not await self._checkpoints.wait_for(
                entry.position, claim=claim, timeout_s=PROJECTION_WAIT_S
            ):
                log.warning("feed.waits_for_projector", partition=entry.position.partition)

    async def _created_at(
        self, events: Sequence[ObjectChanged]
    ) -> Mapping[tuple[Uid | None, str], Timestamp]:
        """When those records were created that were not by one of these very events."""
        older = [
            event
            for event in events
            if event.address.kind is Kind.RECORD
            and event.action is not Action.CREATED
            and event.collection_uid in self._watchers
        ]
        if not older:
            return {}
        async with self._acquire() as connection:
            rows = await connection.fetch(
                SQL.created_at,
                [event.collection_uid for event in older],
                [e.address.id for e in older],
            )
        return {(Uid(str(row["parent"])), row["id"]): row["created_at"] for row in rows}

    def _lose_all(self, reason: str) -> None:
        for watchers in self._watchers.values():
            for watching in watchers:
                watching.lose(reason)


def _changes(entries: Iterable[Entry]) -> Iterable[tuple[Entry, ObjectChanged]]:
    for entry in entries:
        event = entry.content
        if isinstance(event, ObjectChanged):
            yield entry, event


def _size_bytes(event: ObjectChanged) -> int:
    parts = (event.after, event.before)
    return sum(len(orjson.dumps([part.data, part.hidden])) for part in parts if part is not None)
