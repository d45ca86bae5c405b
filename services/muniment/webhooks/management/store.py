"""Reads and writes of the dispatcher's tables on behalf of people.

They are the dispatcher's own: what is asked of it is left there as a job, and taken up within
half a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import asyncpg
import orjson

from muniment.domain.values import Timestamp, Uid
from muniment.log.protocol import Offset, Partition, Start
from muniment.readmodel.connection import ACQUIRE_TIMEOUT_S, Pool
from muniment.readmodel.sql import Statements
from muniment.webhooks.endpoints import EndpointId
from muniment.webhooks.jobs import Ask, JobId, JobKind, JobState, Work, parse_work, spec_of

SQL: Final = Statements(__package__, "store.sql")

EPOCH: Final = datetime.fromtimestamp(0, UTC)
LAST: Final = (datetime.max.replace(tzinfo=UTC), 2**63 - 1)
"""Before it lie all attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """How deliveries to a webhook stand."""

    id: EndpointId
    partition: Partition
    bucket_uid: Uid
    opened_at: Offset
    """Of the event that made the webhook."""
    next_offset: Offset | None
    """All before it is delivered, dead or parked; `None`: as far as the log is read."""
    read_to: Offset
    """How far the log is read."""
    stopped_for: str | None
    failing_since: datetime | None
    breaker_cause: str | None
    """Why it gets probes only."""
    breaker_opened_at: datetime | None
    parked: int
    dead: int
    next_try_at: datetime | None
    last_acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilter:
    """Which attempts are wanted; `None` for any."""

    before: tuple[datetime, int] = LAST
    since: datetime = EPOCH
    outcomes: Sequence[str] | None = None
    uri: str | None = None
    message_id: str | None = None
    type: str | None = None
    status_min: int | None = None
    status_end: int | None = None
    """The first status that is too high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """A job as people see it."""

    id: JobId
    kind: JobKind
    work: Work
    state: JobState
    asked: Ask | None
    created_at: datetime
    changed_at: datetime
    at_offset: Offset | None
    delivered: int
    dead: int
    result: object


class Store:
    """See the module; every method raises what Postgres does."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, bucket_id: str, webhook_id: str) -> EndpointStatus | None:
        """The webhook as the dispatcher knows it; `None` until that has heard of it."""
        row = await self._row(SQL.find, bucket_id, webhook_id)
        if row is None:
            return None
        next_offset: int | None = row["next_offset"]
        return EndpointStatus(
            id=EndpointId(str(row["endpoint_id"])),
            partition=Partition(row["partition"]),
            bucket_uid=Uid(str(row["bucket_uid"])),
            opened_at=Offset(row["starts_at"]),
            next_offset=None if next_offset is None else Offset(next_offset),
            read_to=Offset(row["read_to"] or 0),
            stopped_for=row["stopped_for"],
            failing_since=row["failing_since"],
            breaker_cause=row["breaker_cause"],
            breaker_opened_at=row["breaker_opened_at"],
            parked=row["parked"],
            dead=row["dead"],
            next_try_at=row["next_try_at"],
            last_acknowledged_at=row["last_acknowledged_at"],
        )

    async def attempts(
        self, endpoint_id: EndpointId, wanted: AttemptFilter, *, limit: int
    ) -> Sequence[asyncpg.Record]:
        """The attempts, newest first."""
        statuses = None
        if wanted.status_min is not None:
            statuses = asyncpg.Range(wanted.status_min, wanted.status_end)
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            return await connection.fetch(
                SQL.attempts,
                endpoint_id,
                *wanted.before,
                wanted.since,
                wanted.outcomes,
                wanted.uri,
                wanted.message_id,
                wanted.type,
                statuses,
                limit,
            )

    async def days(
        self, endpoint_id: EndpointId, *, since: date, before: date, limit: int
    ) -> Sequence[asyncpg.Record]:
        """The sums of the attempts of each day, newest first."""
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            return await connection.fetch(SQL.days, endpoint_id, since, before, limit)

    async def offset_of(
        self, endpoint: EndpointStatus, message_id: str
    ) -> tuple[Offset, str] | None:
        """Where the event of a message lies that the bucket's webhooks were sent, and its type."""
        row = await self._row(SQL.offset_of, endpoint.bucket_uid, message_id, endpoint.partition)
        return None if row is None else (Offset(row["event_offset"]), row["type"])

    async def start_at(self, partition: Partition, offset: Offset) -> Start:
        """Where to begin reading, to miss nothing from `offset` on."""
        row = await self._row(SQL.start_at, partition, offset)
        if row is None:
            return Start(offset=Offset(0), claim=None)
        return Start(offset=Offset(row["at"]), claim=row["claim"])

    async def claim_before(self, partition: Partition, at: Timestamp) -> Offset:
        """A place in the log that lies before all events of that time and later."""
        row = await self._row(SQL.claim_before, partition, at)
        return Offset(0 if row is None else row[0])

    async def open_job(
        self,
        id_: JobId,
        endpoint: EndpointStatus,
        *,
        bucket_id: str,
        webhook_id: str,
        kind: JobKind,
        work: Work,
    ) -> None:
        """Leave a job to be taken up."""
        spec = orjson.dumps(spec_of(work)).decode()
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            await connection.execute(
                SQL.open_job,
                id_,
                endpoint.id,
                endpoint.partition,
                bucket_id,
                webhook_id,
                kind,
                spec,
            )

    async def ask(self, endpoint_id: EndpointId, id_: JobId, asked: Ask) -> bool:
        """Ask something of a job; false if it has ended, or was never there."""
        return await self._row(SQL.ask, endpoint_id, id_, asked) is not None

    async def job(self, endpoint_id: EndpointId, id_: JobId) -> JobReport | None:
        """One job of a webhook's life."""
        row = await self._row(SQL.job, endpoint_id, id_)
        return None if row is None else _report(row)

    async def jobs(
        self, endpoint_id: EndpointId, bucket_id: str, webhook_id: str, *, limit: int
    ) -> Sequence[JobReport]:
        """The last replays of a webhook's life, newest first; the ids are what they lie by."""
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            rows = await connection.fetch(SQL.jobs, endpoint_id, bucket_id, webhook_id, limit)
        return [_report(row) for row in rows]

    async def _row(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            return await connection.fetchrow(statement, *arguments)


def _report(row: asyncpg.Record) -> JobReport:
    kind, asked, at = JobKind(row["kind"]), row["asked"], row["at_offset"]
    return JobReport(
        id=JobId(str(row["id"])),
        kind=kind,
        work=parse_work(kind, orjson.loads(row["spec"])),
        state=JobState(row["state"]),
        asked=None if asked is None else Ask(asked),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        at_offset=None if at is None else Offset(at),
        delivered=row["delivered"],
        dead=row["dead"],
        result=None if row["result"] is None else orjson.loads(row["result"]),
    )
