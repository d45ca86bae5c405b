"""How far the service has been, kept in Postgres: the reading's checkpoint, lanes, what is parked.

Not a projection: what is in here cannot be built from the log again, so it is committed durably.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from muniment.log.protocol import Offset, Partition, Start
from muniment.readmodel.connection import Pool, lent
from muniment.readmodel.sql import Statements
from muniment.webhooks import attempts, rows
from muniment.webhooks.attempts import Attempt
from muniment.webhooks.deliveries import LaneId, ParkedRow
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.jobs import Job, JobChange
from muniment.webhooks.ledger import ClaimSeen
from muniment.webhooks.sums import sums_of

SQL: Final = Statements(__package__, "positions.sql")
SCHEMA: Final = "webhooks"


class Fenced(Exception):
    """Another instance delivers: this one must stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRow:
    """What is kept of a lane beside its position and what it has parked."""

    id: LaneId
    endpoint: Endpoint
    starts_at: Offset
    ends_at: Offset | None = None
    stopped_for: str | None = None
    """Why nothing is sent; the place is kept."""
    failing_since: float | None = None
    """Seconds since the epoch."""
    breaker_cause: str | None = None
    """Why the breaker is open."""
    breaker_opened_at: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether it carries an endpoint's live events; a replay's lane has the job's id."""
        return self.id == LaneId(self.endpoint.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLane:
    """A lane as the last commit left it."""

    row: LaneRow
    next: Start | None
    """`None`: where the reading's checkpoint is."""
    parked: Sequence[ParkedRow] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is needed to go on; `epoch` is this instance's own from now on."""

    epoch: int
    checkpoints: Mapping[Partition, Start]
    lanes: Sequence[KeptLane]
    jobs: Sequence[Job] = ()
    """Those that were under way."""
    claims: Sequence[ClaimSeen] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What changed since the last commit, written in one transaction."""

    epoch: int
    checkpoints: Mapping[Partition, Start]
    claims: Sequence[ClaimSeen] = ()
    saved: Sequence[LaneRow] = ()
    moved: Mapping[LaneId, Start | None] = field(default_factory=dict[LaneId, Start | None])
    parked: Sequence[ParkedRow] = ()
    unparked: Sequence[tuple[LaneId, Offset]] = ()
    finished: Sequence[LaneId] = ()
    dropped: Sequence[LaneId] = ()
    flushed: Sequence[tuple[Partition, Offset]] = ()
    attempts: Sequence[Attempt] = ()
    opened_jobs: Sequence[Job] = ()
    jobs: Sequence[JobChange] = ()


class Positions(Protocol):
    """Where the dispatcher's places are kept."""

    async def take_over(self, partitions: Sequence[Partition]) -> Kept:
        """Become the one who may commit for these, and answer with what is kept of them."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Write all of it or nothing. Raises `Fenced` when another one has taken over since."""
        ...

    async def parked_of(self, lane_id: LaneId) -> Sequence[ParkedRow]:
        """What a lane has parked, for one that was stopped and goes on."""
        ...

    async def jobs_to_do(self) -> Sequence[Job]:
        """Jobs that nobody has begun, and those of which something is asked."""
        ...


class PostgresPositions:
    """See `Positions`; statements of a commit go out in one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._partitions: Sequence[Partition] = ()

    async def take_over(self, partitions: Sequence[Partition]) -> Kept:
        self._partitions = partitions
        async with lent(self._pool) as connection, connection.transaction():
            epoch: int = await connection.fetchval(SQL.take_over, partitions)
            checkpoints = await connection.fetch(SQL.list_checkpoints, partitions)
            lanes = await connection.fetch(SQL.list_lanes, partitions)
            parked = await connection.fetch(SQL.list_parked, partitions)
            jobs = await connection.fetch(SQL.list_jobs_under_way, partitions)
            claims = await connection.fetch(SQL.list_claims, partitions)
        by_lane: dict[str, list[ParkedRow]] = {}
        for row in parked:
            by_lane.setdefault(str(row["lane_id"]), []).append(rows.parked_row(row))
        return Kept(
            epoch=epoch,
            checkpoints={
                Partition(row["partition"]): Start(
                    offset=row["next_offset"], claim=row["claim_offset"]
                )
                for row in checkpoints
            },
            lanes=[
                KeptLane(
                    row=LaneRow(**rows.lane_fields(row)),
                    next=rows.next_of(row),
                    parked=by_lane.get(str(row["id"]), []),
                )
                for row in lanes
            ],
            jobs=[rows.job(row) for row in jobs],
            claims=[rows.claim(row) for row in claims],
        )

    async def commit(self, commit: Commit) -> None:
        async with lent(self._pool) as connection, connection.transaction():
            held = await connection.fetch(SQL.hold_epoch, self._partitions, commit.epoch)
            if len(held) != len(self._partitions):
                raise Fenced
            for statement, arguments in _statements(commit):
                await connection.execute(statement, *arguments)
            if commit.attempts:
                await attempts.write(connection, commit.attempts)

    async def parked_of(self, lane_id: LaneId) -> Sequence[ParkedRow]:
        async with lent(self._pool) as connection:
            found = await connection.fetch(SQL.list_parked_of, lane_id)
        return [rows.parked_row(row) for row in found]

    async def jobs_to_do(self) -> Sequence[Job]:
        async with lent(self._pool) as connection:
            found = await connection.fetch(SQL.list_jobs, self._partitions)
        return [rows.job(row) for row in found]


def _statements(commit: Commit) -> Sequence[tuple[str, Sequence[Sequence[object]]]]:
    """What there is to execute, in an order in which every row finds the one it refers to."""
    columns = (
        (SQL.save_lanes, _turned([rows.lane_columns(row) for row in commit.saved])),
        (
            SQL.move_lanes,
            _turned(
                [
                    (id_, at.offset if at else None, at.claim if at else None)
                    for id_, at in commit.moved.items()
                ]
            ),
        ),
        (SQL.park, _turned([rows.parked_columns(row) for row in commit.parked])),
        (SQL.unpark, _turned(commit.unparked)),
        (SQL.finish_lanes, (commit.finished,)),
        (SQL.drop_lanes, (commit.dropped,)),
        (SQL.flush_partitions, _turned(commit.flushed)),
        (
            SQL.move_checkpoints,
            _turned([(p, at.offset, at.claim) for p, at in commit.checkpoints.items()]),
        ),
        (SQL.add_claims, _turned([(c.partition, c.offset, c.at) for c in commit.claims])),
        (SQL.open_jobs, _turned([rows.new_job_columns(job) for job in commit.opened_jobs])),
        (SQL.change_jobs, _turned([rows.job_columns(change) for change in commit.jobs])),
        (SQL.add_sums, _turned([each.columns for each in sums_of(commit.attempts)])),
    )
    return [(statement, arguments) for statement, arguments in columns if any(arguments)]


def _turned(found: Sequence[Sequence[object]]) -> Sequence[Sequence[object]]:
    """Rows as columns: what `unnest` takes."""
    return list(zip(*found, strict=True))
