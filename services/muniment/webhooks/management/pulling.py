"""Reads the log for people: a webhook's events by a cursor of their own, and counts of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import orjson

from muniment.domain.addresses import BucketId
from muniment.domain.events import ObjectChanged
from muniment.domain.values import Timestamp
from muniment.domain.webhooks.parsing import parse_webhook
from muniment.domain.webhooks.spec import WebhookSpec
from muniment.log.protocol import Entry, Log, LogUnavailable, Offset, Partition, Start
from muniment.readmodel.connection import ACQUIRE_TIMEOUT_S, Pool
from muniment.readmodel.sql import Statements
from muniment.web.http import Request
from muniment.web.pipeline import Unavailable
from muniment.webhooks.endpoints import Endpoint, Webhook
from muniment.webhooks.jobs import Replay, Snapshot
from muniment.webhooks.management.store import EndpointStatus, Store
from muniment.webhooks.message import body_of, message_id
from muniment.webhooks.moments import HistoricMoments

SQL: Final = Statements(__package__, "pulling.sql")

WITHIN_S: Final = 20.0
"""So long the log is read for one request; then the answer says how far that went."""
PAGE_BYTES: Final = 4 * 1024 * 1024
READ_WAIT_S: Final = 0.2
READ_ENTRIES_MAX: Final = 1_000

OpenLog: TypeAlias = Callable[[], Awaitable[Log]]
"""The log, opened at its first use. Raises `LogUnavailable`."""


class Pulled(NamedTuple):
    """One event as the webhook's receiver is told of it."""

    offset: Offset
    body: bytes
    id: str
    """Its `webhook-id`."""
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events."""

    events: Sequence[Pulled]
    next: Offset
    """Where the next page begins."""
    has_more: bool
    """The log goes on there; whether for this webhook, the next page tells."""


class Pulling:
    """See the module; what is away raises `Unavailable`."""

    def __init__(self, open_log: OpenLog, store: Store, pool: Pool) -> None:
        """The pool is one of the read model's."""
        self._open_log = open_log
        self._store = store
        self._pool = pool

    async def end_of(self, partition: Partition) -> Offset:
        """Where the log ends now."""
        log = await self._log()
        with _may_be_away():
            return (await log.end_offsets())[partition]

    async def moment_of(self, status: EndpointStatus) -> Timestamp:
        """The bucket's clock now: its history goes up to there."""
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            at: int = await connection.fetchval(SQL.moment, status.bucket_uid)
        return Timestamp(at)

    async def endpoint(self, request: Request, status: EndpointStatus) -> Endpoint:
        """The webhook as it is now, by the read model."""
        bucket_id, webhook_id = request.target.bucket_id or "", request.target.id or ""
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            data: bytes | None = await connection.fetchval(
                SQL.webhook, status.bucket_uid, webhook_id
            )
        source = Webhook(id=webhook_id, data=orjson.loads(data or b"{}"))
        spec = parse_webhook(source.data)
        if not isinstance(spec, WebhookSpec):
            message = "the webhook has just been deleted"
            raise Unavailable(message)
        return Endpoint(
            id=status.id,
            partition=status.partition,
            opened_at=status.opened_at,
            bucket_uid=status.bucket_uid,
            bucket_id=BucketId(bucket_id),
            source=source,
            revision=Timestamp(0),
            spec=spec,
        )

    async def page(
        self,
        endpoint: Endpoint,
        first: Offset,
        limit: int,
        *,
        end: Offset | None = None,
        bytes_enough: int = PAGE_BYTES,
    ) -> Page:
        """The events from there on that the webhook wants, `end` being the first not looked at.

        It ends with its limit, or with the event by which it has so many bytes.
        """
        events: list[Pulled] = []
        bytes_left = bytes_enough
        scan = await self._scan(endpoint.partition, first, end)
        async for entry, event in scan.read():
            offset = entry.position.offset
            if endpoint.wants(event):
                body = body_of(event, entry.position, endpoint.spec.form)
                events.append(Pulled(offset, body, message_id(event.id), event.type))
                bytes_left -= len(body)
            if len(events) >= limit or bytes_left <= 0:
                at = Offset(offset + 1)
                return Page(events=events, next=at, has_more=at < scan.end)
        return Page(events=events, next=scan.at, has_more=scan.at < scan.end)

    async def count(
        self, request: Request, status: EndpointStatus, replay: Replay
    ) -> tuple[int, bool]:
        """How many events a replay would send, and whether all of its part was looked at."""
        endpoint = await self.endpoint(request, status)
        scan = await self._scan(status.partition, replay.first, replay.end)
        count = 0
        async for entry, event in scan.read():
            is_part = replay.first <= entry.position.offset < replay.end
            if is_part and endpoint.wants(event) and replay.wants(event, message_id(event.id)):
                count += 1
        return count, scan.at >= scan.end

    async def count_objects(
        self, request: Request, status: EndpointStatus, snapshot: Snapshot
    ) -> tuple[int, bool]:
        """How many objects a snapshot would tell of."""
        endpoint = await self.endpoint(request, status)
        moments = HistoricMoments(self._pool)
        after, count = Timestamp(-1), 0
        deadline = asyncio.get_running_loop().time() + WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            found = await moments.objects(
                endpoint, as_of=snapshot.as_of, after=after, limit=READ_ENTRIES_MAX
            )
            if not found:
                return count, True
            count += sum(endpoint.wants(event) and snapshot.wants(event) for event in found)
            after = found[-1].stream_at
        return count, False

    async def _scan(
        self, partition: Partition, first: Offset, end: Offset | None = None
    ) -> "_Scan":
        log = await self._log()
        log_end = await self.end_of(partition)
        start = await self._store.start_at(partition, first)
        return _Scan(log, partition, start, first, log_end if end is None else min(end, log_end))

    async def _log(self) -> Log:
        with _may_be_away():
            return await self._open_log()


@contextmanager
def _may_be_away() -> Generator[None]:
    """Raises `Unavailable` where the log is."""
    try:
        yield
    except LogUnavailable as reason:
        raise Unavailable(str(reason)) from reason


class _Scan:
    """One reading of a stretch of a partition, within the time that a request has."""

    def __init__(
        self, log: Log, partition: Partition, start: Start, first: Offset, end: Offset
    ) -> None:
        self._log = log
        self._partition = partition
        self._start = start
        self._first = first
        self.end = end
        self.at = first
        """All before it was looked at."""

    async def read(self) -> AsyncIterator[tuple[Entry, ObjectChanged]]:
        """The changes from `first` on, until the end, or until the time is over.

        Raises `Unavailable`.
        """
        if self._first >= self.end:
            return
        deadline = asyncio.get_running_loop().time() + WITHIN_S
        with _may_be_away():
            reader = await self._log.reader({self._partition: self._start})
        try:
            while self.at < self.end and asyncio.get_running_loop().time() < deadline:
                with _may_be_away():
                    entries = await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX)
                for entry in entries:
                    offset, event = entry.position.offset, entry.content
                    if self._first <= offset < self.end and isinstance(event, ObjectChanged):
                        yield entry, event
                read_to = reader.positions()[self._partition].offset
                self.at = min(max(self.at, read_to), self.end)
        finally:
            await reader.close()
