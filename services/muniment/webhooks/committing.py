"""Writes down what lanes and reading have come to: everything of one moment, in one transaction."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from muniment.log.protocol import Offset, Partition, Start
from muniment.runtime.logs import get_logger
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.attempts import Attempt
from muniment.webhooks.deliveries import LaneId, ParkedRow
from muniment.webhooks.jobs import Job, JobChange, JobId, JobState
from muniment.webhooks.ledger import Ledger
from muniment.webhooks.positions import Commit, Kept, Positions

COMMIT_EVERY_S: Final = 0.02
"""Between two commits while deliveries are made."""
IDLE_COMMIT_EVERY_S: Final = 1.0
"""Between two commits while the log has nothing for any endpoint."""

log = get_logger(__name__)


@dataclass(slots=True)
class _News:
    """What the next commit takes along beside lanes and checkpoints."""

    attempts: list[Attempt] = field(default_factory=list[Attempt])
    opened_jobs: list[Job] = field(default_factory=list[Job])
    jobs: list[JobChange] = field(default_factory=list[JobChange])
    flushed: list[tuple[Partition, Offset]] = field(default_factory=list[tuple[Partition, Offset]])

    def __bool__(self) -> bool:
        return bool(self.attempts or self.opened_jobs or self.jobs or self.flushed)


class Committing:
    """See the module."""

    def __init__(
        self,
        positions: Positions,
        lanes: Lanes,
        ledger: Ledger,
        *,
        reading: Callable[[], Mapping[Partition, Start]],
        ended: Callable[[ActiveLane], None],
    ) -> None:
        """`ended` is called for each lane that has come to its end; one that drained is kept."""
        self._positions = positions
        self._lanes = lanes
        self._ledger = ledger
        self._reading = reading
        self._ended = ended
        self._epoch = 0
        self._written: dict[Partition, Start] = {}
        self._news = _News()
        self._round = asyncio.Condition()

    def begin(self, kept: Kept) -> None:
        """Go on from what is kept."""
        self._epoch = kept.epoch
        self._written = dict(kept.checkpoints)

    def attempted(self, attempt: Attempt) -> None:
        """Have an attempt written down."""
        self._news.attempts.append(attempt)

    def opened_job(self, job: Job) -> None:
        """Have a job written down that the dispatcher itself has begun."""
        self._news.opened_jobs.append(job)

    def changed_job(self, change: JobChange) -> None:
        """Have it written down what became of a job."""
        self._news.jobs.append(change)
        self._lanes.has_news.set()

    def flushed(self, partition: Partition, before: Offset) -> None:
        """Have all lanes of a partition dropped that were opened before an offset."""
        self._news.flushed.append((partition, before))

    async def committed(self) -> None:
        """Return after a commit that took along all that was so when this was called."""
        async with self._round:
            # The one under way may have collected before; the one after it has not.
            for _ in range(2):
                self._lanes.has_news.set()
                await self._round.wait()

    async def parked_of(self, lane_id: LaneId) -> Sequence[ParkedRow]:
        """What is written down of a lane's parked deliveries."""
        return await self._positions.parked_of(lane_id)

    async def commit_often(
        self, is_over: asyncio.Event, pump: Callable[[Iterable[ActiveLane]], None]
    ) -> None:
        """Commit until it is over, then once more; `pump` gets the lanes that have room again."""
        while not is_over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_COMMIT_EVERY_S):
                    await self._lanes.has_news.wait()
            pump(await self._commit())
            await asyncio.sleep(COMMIT_EVERY_S)
        await self._commit()

    async def _commit(self) -> Iterable[ActiveLane]:
        commit, settled = self._collect()
        if commit is not None:
            await self._positions.commit(commit)
            self._written.update(commit.checkpoints)
        for active, count in settled:
            active.lane.settle(count)
        async with self._round:
            self._round.notify_all()
        return [active for active, _ in settled]

    def _collect(self) -> tuple[Commit | None, Sequence[tuple[ActiveLane, int]]]:
        """Everything as it is at this moment; no await may come in between."""
        dirty, dropped = self._lanes.take_news()
        news, self._news = self._news, _News()
        claims = self._ledger.take_news()
        moved_on = {p: at for p, at in self._reading().items() if self._written.get(p) != at}
        if not (dirty or dropped or news or moved_on or claims):
            return None, ()
        changes = [(active, active.lane.changes()) for active in dirty]
        rows = [(active, active.row()) for active in dirty]
        saved = [row for active, row in rows if active.saved != row]
        moved: dict[LaneId, Start | None] = {}
        for active, change in changes:
            if active.written != change.next or active.saved is None:
                moved[active.id] = active.written = change.next
        for active, row in rows:
            active.saved = row
        ended = [active for active in dirty if active.lane.is_finished]
        finished = [active for active in ended if not active.is_draining]
        jobs = each_once([*news.jobs, *_progress(dirty)])
        for active in finished:
            log.info("webhook.ended", **active.facts())
            self._lanes.forget(active)
        for active in ended:
            self._ended(active)
        commit = Commit(
            epoch=self._epoch,
            checkpoints=moved_on,
            claims=claims,
            saved=saved,
            moved=moved,
            parked=[row for _, change in changes for row in change.parked],
            unparked=[(active.id, at) for active, change in changes for at in change.unparked],
            finished=[active.id for active in finished],
            dropped=dropped,
            flushed=news.flushed,
            attempts=news.attempts,
            opened_jobs=news.opened_jobs,
            jobs=jobs,
        )
        return commit, [(active, change.settled) for active, change in changes]


def each_once(changes: Iterable[JobChange]) -> Sequence[JobChange]:
    """One change of each job that says what all of them do: of two, a statement writes any."""
    found: dict[JobId, JobChange] = {}
    for change in changes:
        before = found.get(change.id)
        found[change.id] = change if before is None else _both(before, change)
    return list(found.values())


def _both(before: JobChange, change: JobChange) -> JobChange:
    return JobChange(
        id=change.id,
        state=change.state,
        at_offset=before.at_offset if change.at_offset is None else change.at_offset,
        delivered=before.delivered + change.delivered,
        dead=before.dead + change.dead,
        result=change.result or before.result,
        has_heard=before.has_heard or change.has_heard,
    )


def _progress(lanes: Iterable[ActiveLane]) -> Iterable[JobChange]:
    """How far replays have come."""
    for active in lanes:
        if active.job is None:
            continue
        delivered, active.delivered = active.delivered, 0
        dead, active.dead = active.dead, 0
        is_over = active.lane.is_finished
        yield JobChange(
            id=active.job.id,
            state=JobState.DONE if is_over else active.job_state,
            at_offset=active.lane.ends_at if is_over else _offset(active),
            delivered=delivered,
            dead=dead,
        )


def _offset(active: ActiveLane) -> Offset | None:
    return None if active.written is None else active.written.offset
