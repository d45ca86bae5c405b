"""How far the service has been, kept in Postgres: the reading's checkpoint, lanes, what is parked.

Not a projection: what is in here cannot be built from the log again, so it is committed durably.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import asyncpg

from muniment.domain.addresses import BucketId, CollectionId
from muniment.domain.events import EventId
from muniment.domain.values import Uid
from muniment.log.protocol import Offset, Partition, Start
from muniment.readmodel.connection import ACQUIRE_TIMEOUT_S, Pool, open_connection
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger
from muniment.webhooks.deliveries import ParkedRow
from muniment.webhooks.endpoints import Endpoint

SQL: Final = Statements(__package__, "positions.sql")
SCHEMA: Final = "webhooks"

log = get_logger(__name__)


class Fenced(Exception):
    """Another instance delivers: this one must stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLane:
    """A lane as the last commit left it."""

    endpoint: Endpoint
    ends_at: Offset | None
    next: Start | None
    """`None`: where the reading's checkpoint is."""
    disabled_reason: str | None
    parked: Sequence[ParkedRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is needed to go on; `epoch` is this instance's own from now on."""

    epoch: int
    checkpoints: Mapping[Partition, Start]
    lanes: Sequence[KeptLane]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What changed since the last commit, written in one transaction."""

    epoch: int
    checkpoints: Mapping[Partition, Start]
    opened: Sequence[Endpoint] = ()
    ended: Sequence[tuple[EventId, Offset]] = ()
    moved: Mapping[EventId, Start | None] = field(default_factory=dict[EventId, Start | None])
    parked: Sequence[ParkedRow] = ()
    unparked: Sequence[tuple[EventId, Offset]] = ()
    disabled: Sequence[tuple[EventId, str]] = ()
    finished: Sequence[EventId] = ()
    flushed: Sequence[tuple[Partition, Offset]] = ()


class Positions(Protocol):
    """Where the dispatcher's places are kept."""

    async def take_over(self) -> Kept:
        """Become the one who may commit, and answer with what is kept."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Write all of it or nothing. Raises `Fenced` when another one has taken over since."""
        ...


class PostgresPositions:
    """See `Positions`; statements of a commit go out in one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take_over(self) -> Kept:
        acquiring = self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        async with acquiring as connection, connection.transaction():
            epoch: int = await connection.fetchval(SQL.take_over)
            checkpoints = await connection.fetch(SQL.list_checkpoints)
            lanes = await connection.fetch(SQL.list_lanes)
            parked = await connection.fetch(SQL.list_parked)
        rows: dict[str, list[ParkedRow]] = {}
        for row in parked:
            rows.setdefault(str(row["lane_id"]), []).append(_parked_row(row))
        return Kept(
            epoch=epoch,
            checkpoints={
                Partition(row["partition"]): Start(
                    offset=row["next_offset"], claim=row["claim_offset"]
                )
                for row in checkpoints
            },
            lanes=[_kept_lane(row, rows.get(str(row["id"]), [])) for row in lanes],
        )

    async def commit(self, commit: Commit) -> None:
        acquiring = self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        async with acquiring as connection, connection.transaction():
            if await connection.fetchval(SQL.hold_epoch, commit.epoch) is None:
                raise Fenced
            for statement, arguments in _statements(commit):
                await connection.execute(statement, *arguments)


@asynccontextmanager
async def sole_instance(
    dsn: str, *, poll_s: float, stopping: asyncio.Event
) -> AsyncGenerator[asyncio.Event, None]:
    """Wait until no other instance delivers; then hold that right as long as the block runs.

    The event that it gives is set when the right is lost, as its connection broke. When told to
    stop while it waits, the block runs without the right.
    """
    async with open_connection(dsn, application="webhooks lock", schema=SCHEMA) as connection:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        is_told = False
        while not stopping.is_set() and not await connection.fetchval(SQL.try_lock):
            if not is_told:
                log.info("webhooks.standby")
                is_told = True
            with suppress(TimeoutError):
                async with asyncio.timeout(poll_s):
                    await stopping.wait()
        beat = asyncio.create_task(_beat(connection, lost, every_s=poll_s), name="webhooks.beat")
        try:
            yield lost
        finally:
            beat.cancel()


async def _beat(
    connection: "asyncpg.Connection[asyncpg.Record]", lost: asyncio.Event, *, every_s: float
) -> None:
    """Ask now and then: a connection that was cut off says nothing by itself."""
    try:
        while True:
            await asyncio.sleep(every_s)
            await connection.fetchval(SQL.beat, timeout=5 * every_s)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        lost.set()


def _statements(commit: Commit) -> Sequence[tuple[str, Sequence[object]]]:
    """What there is to execute, in an order in which every row finds the one it refers to."""
    opened, parked = commit.opened, commit.parked
    moves = [(id_, at) for id_, at in commit.moved.items()]
    columns: Sequence[tuple[str, Sequence[Sequence[object]]]] = (
        (
            SQL.open_lanes,
            (
                [e.id for e in opened],
                [e.partition for e in opened],
                [e.starts_at for e in opened],
                [e.bucket_uid for e in opened],
                [e.collection_uid for e in opened],
                [e.bucket_id for e in opened],
                [e.collection_id for e in opened],
                [e.url for e in opened],
            ),
        ),
        (SQL.end_lanes, _columns(commit.ended)),
        (
            SQL.move_lanes,
            (
                [id_ for id_, _ in moves],
                [at.offset if at else None for _, at in moves],
                [at.claim if at else None for _, at in moves],
            ),
        ),
        (
            SQL.park,
            (
                [row.endpoint_id for row in parked],
                [row.offset for row in parked],
                [row.claim for row in parked],
                [row.key for row in parked],
                [row.attempts for row in parked],
                [datetime.fromtimestamp(row.next_try_at, UTC) for row in parked],
                [row.is_dead for row in parked],
                [row.reason for row in parked],
            ),
        ),
        (SQL.unpark, _columns(commit.unparked)),
        (SQL.disable_lanes, _columns(commit.disabled)),
        (SQL.finish_lanes, (commit.finished,)),
        (SQL.flush_partitions, _columns(commit.flushed)),
        (
            SQL.move_checkpoints,
            (
                list(commit.checkpoints),
                [start.offset for start in commit.checkpoints.values()],
                [start.claim for start in commit.checkpoints.values()],
            ),
        ),
    )
    return [(statement, arguments) for statement, arguments in columns if arguments[0]]


def _columns(pairs: Sequence[tuple[object, object]]) -> Sequence[Sequence[object]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def _kept_lane(row: asyncpg.Record, parked: Sequence[ParkedRow]) -> KeptLane:
    at: int | None = row["next_offset"]
    return KeptLane(
        endpoint=Endpoint(
            id=EventId(str(row["id"])),
            partition=Partition(row["partition"]),
            starts_at=Offset(row["starts_at"]),
            bucket_uid=Uid(str(row["bucket_uid"])),
            collection_uid=Uid(str(row["collection_uid"])),
            bucket_id=BucketId(row["bucket_id"]),
            collection_id=CollectionId(row["collection_id"]),
            url=row["url"],
        ),
        ends_at=row["ends_at"],
        next=None if at is None else Start(offset=Offset(at), claim=row["claim_offset"]),
        disabled_reason=row["disabled_reason"],
        parked=parked,
    )


def _parked_row(row: asyncpg.Record) -> ParkedRow:
    return ParkedRow(
        endpoint_id=EventId(str(row["lane_id"])),
        offset=Offset(row["event_offset"]),
        claim=row["claim_offset"],
        key=row["uri"],
        attempts=row["attempts"],
        next_try_at=row["next_try_at"].timestamp(),
        is_dead=row["is_dead"],
        reason=row["reason"],
    )
