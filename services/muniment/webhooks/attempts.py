"""The log of attempts: what came of each request, kept by day for as long as a setting says."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from muniment.domain.addresses import BucketId
from muniment.log.protocol import Offset
from muniment.readmodel.connection import Connection, Pool, lent
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger
from muniment.webhooks.deliveries import LaneId
from muniment.webhooks.endpoints import EndpointId
from muniment.webhooks.http.answer import Answer

SQL: Final = Statements(__package__, "attempts.sql")
DAYS_AHEAD: Final = 3

log = get_logger(__name__)

_COLUMNS: Final = (
    *("at", "lane_id", "endpoint_id", "bucket_id", "webhook_id", "message_id", "type", "uri"),
    *("event_offset", "events", "number", "outcome", "status", "detail", "total_ms", "dns_ms"),
    *("connect_ms", "tls_ms", "first_byte_ms", "address", "is_reused", "answer", "next_try_at"),
    "request_headers",
)


class Attempt(NamedTuple):
    """One request that was sent, or could not be.

    A tuple as its answer is, and for the same reason.
    """

    at: float
    """Seconds since the epoch."""
    lane_id: LaneId
    endpoint_id: EndpointId
    bucket_id: BucketId
    webhook_id: str | None
    message_id: str
    type: str
    uri: str
    offset: Offset
    events: int
    """In this request; the other fields are those of the first."""
    number: int
    """1 for the first attempt."""
    answer: Answer
    next_try_at: float | None
    """`None`: delivered, or dead."""


async def write(connection: Connection, found: Sequence[Attempt]) -> None:
    """Add to the log, in the caller's transaction."""
    await connection.copy_records_to_table(
        "attempt",
        schema_name="webhooks",
        columns=_COLUMNS,
        records=[_record(attempt) for attempt in found],
    )


async def keep_attempts(pool: Pool, *, kept_days: int, sums_kept_days: int) -> None:
    """Make the tables of the next days, and drop what is older than is kept: sums and jobs too.

    What has to wait for readers is left for the next time.
    """
    today = datetime.now(UTC).date()
    async with lent(pool) as connection:
        await _in_a_moment(connection, partial(_make_days, connection, today))
        oldest = today - timedelta(days=kept_days)
        await _in_a_moment(connection, partial(_drop_days, connection, oldest))
        await connection.execute(SQL.drop_jobs, datetime.now(UTC) - timedelta(days=kept_days))
        await connection.execute(SQL.drop_sums, today - timedelta(days=sums_kept_days))


async def _in_a_moment(connection: Connection, work: Callable[[], Awaitable[None]]) -> None:
    """Do it whole, unless somebody reads the table: all deliveries would wait for that as well."""
    try:
        async with connection.transaction():
            await connection.execute(SQL.wait_little)
            await connection.execute(SQL.lock_days)
            await work()
    except asyncpg.LockNotAvailableError:
        log.info("webhooks.days_wait")


async def _make_days(connection: Connection, today: date) -> None:
    for ahead in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS webhooks.{_table(day)}"
            f" PARTITION OF webhooks.attempt FOR VALUES FROM ('{_begin(day)}')"
            f" TO ('{_begin(day + timedelta(days=1))}')"
        )


async def _drop_days(connection: Connection, oldest: date) -> None:
    for row in await connection.fetch(SQL.list_days):
        name: str = row["name"]
        if name < _table(oldest):
            await connection.execute(f"DROP TABLE webhooks.{name}")


def _table(day: date) -> str:
    return f"attempt_{day:%Y%m%d}"


def _begin(day: date) -> str:
    return f"{day:%Y-%m-%d} 00:00:00+00"


def _record(attempt: Attempt) -> Sequence[object]:
    answer = attempt.answer
    return (
        _moment(attempt.at),
        attempt.lane_id,
        attempt.endpoint_id,
        attempt.bucket_id,
        attempt.webhook_id,
        attempt.message_id,
        attempt.type,
        attempt.uri,
        attempt.offset,
        attempt.events,
        attempt.number,
        answer.outcome,
        answer.status,
        _detail(answer),
        answer.total_ms,
        answer.dns_ms,
        answer.connect_ms,
        answer.tls_ms,
        answer.first_byte_ms,
        answer.address,
        answer.is_reused,
        answer.body or None,
        None if attempt.next_try_at is None else _moment(attempt.next_try_at),
        answer.request_headers,
    )


def _detail(answer: Answer) -> str | None:
    """What is known beyond outcome and status; of a redirect, where it would lead."""
    if answer.location is not None and not answer.is_delivered:
        return f"Location: {answer.location}"
    return answer.detail or None


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
