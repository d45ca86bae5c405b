"""One reading of the log feeds all lanes; what they have goes out; their places are written down.

Everything here runs on one event loop, and lanes change between awaits only: what a commit takes
along is one moment of the reading and of all lanes. Any failure of the log or of the database ends
the dispatcher, and a new one goes on from the last commit.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.events import ObjectChanged, PartitionFlushed
from muniment.domain.webhooks.spec import State, WebhookSpec
from muniment.log.protocol import Entry, Log, LogUnavailable, Offset, Partition, Start
from muniment.runtime.logs import get_logger
from muniment.webhooks import gauges
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.carrier import Carrier, Courier
from muniment.webhooks.committing import Committing
from muniment.webhooks.deliveries import LaneId
from muniment.webhooks.desk import PAUSED_JOB, Desk
from muniment.webhooks.endpoints import Changed, Directory, Ended, Endpoint, Ignored, Opened
from muniment.webhooks.jobs import Job, JobChange, JobState, Snapshot
from muniment.webhooks.lane import Lane
from muniment.webhooks.ledger import Ledger
from muniment.webhooks.positions import Kept, KeptLane, Positions
from muniment.webhooks.probing import Probing
from muniment.webhooks.reports import Reports
from muniment.webhooks.rereading import Moments, Rereading, delivery_of
from muniment.webhooks.sending import Sending
from muniment.webhooks.starting import AFTER_SNAPSHOT, PAUSED, Beginning, beginning_of
from muniment.webhooks.terms import DEFAULT_LIMITS, Defaults, Limits

READ_WAIT_S: Final = 0.5
UNCONCERNED_PAUSE_S: Final = 0.02
READ_ENTRIES_MAX: Final = 200
"""At once: taking them in keeps all else waiting, for some 50 µs each."""
MEASURE_EVERY_S: Final = 5.0
ROUND_S_MAX: Final = 5.0
"""One turn of the reading that takes longer than this is not thought to come back."""
GRACE_S: Final = 2.0
"""Requests under way get so long to end when the dispatcher is told to stop."""

START: Final = Start(offset=Offset(0), claim=None)

log = get_logger(__name__)


class Dispatcher:
    """Delivers for some partitions from the last commit on; one `run`, then it is spent."""

    def __init__(
        self,
        *,
        log: Log,
        positions: Positions,
        courier: Courier,
        defaults: Defaults,
        partitions: Sequence[Partition] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        moments: Moments | None = None,
        reports: Reports | None = None,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`partitions`: all of the log's, if not said otherwise."""
        self._log = log
        self._partitions = log.partitions if partitions is None else partitions
        self._positions = positions
        self._defaults = defaults
        self._limits = limits
        self._grace_s = grace_s
        self._clock = clock
        self._directory = Directory()
        self._reading: dict[Partition, Start] = {}
        self._went_round_at = time.monotonic()
        self._lanes = Lanes()
        self._ledger = Ledger()
        self._reports = reports or Reports(None)
        self._committing = Committing(
            positions,
            self._lanes,
            self._ledger,
            reading=lambda: self._reading,
            ended=self._ended,
        )
        self._carrier = Carrier(
            lanes=self._lanes,
            courier=courier,
            rereading=Rereading(log, moments, clock=clock),
            reading_at=self._reading_at,
            committing=self._committing,
            reports=self._reports,
            probe=Probing(
                lanes=self._lanes,
                courier=courier,
                committing=self._committing,
                reports=self._reports,
                every_s=defaults.probe_every_s,
                clock=clock,
            ).probe,
            clock=clock,
        )
        self._desk = Desk(
            positions=positions,
            lanes=self._lanes,
            carrier=self._carrier,
            committing=self._committing,
            sending=Sending(
                log=log,
                courier=courier,
                committing=self._committing,
                ledger=self._ledger,
                reading=lambda partition: self._reading[partition],
                clock=clock,
            ),
            new_lane=self._replay_lane,
        )

    async def is_at_work(self) -> bool:
        """Whether the reading goes on."""
        return time.monotonic() - self._went_round_at < ROUND_S_MAX

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until told to stop; then finish what is under way and write it down.

        Raises `Fenced` when another instance has taken over. Cancelling it at any point loses
        nothing, and has at most `repeats_max` deliveries of each endpoint made again.
        """
        self._restore(await self._positions.take_over(self._partitions))
        committed_all = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            self._carrier.begin(group)
            for active in self._lanes:
                self._carrier.restored(active)
            group.create_task(self._committing.commit_often(committed_all, self._pump_settled))
            working = [
                group.create_task(self._read()),
                group.create_task(self._measure_lag()),
                group.create_task(self._desk.work()),
                group.create_task(self._reports.send()),
            ]
            for active in self._lanes:
                self._carrier.pump(active)
            try:
                await stopping.wait()
            finally:
                # Also when it is cancelled: workers that end must not start others.
                self._carrier.stop()
            await _end(working)
            await self._carrier.finish(self._grace_s)
            for active in self._lanes:
                active.lane.end()
                self._lanes.touch(active)
            # The committer ends by itself: a commit that is cut off may or may not have been.
            committed_all.set()
            self._lanes.has_news.set()

    # --- The reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        reader = await self._log.reader(self._reading)
        try:
            while True:
                entries = await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX)
                touched: dict[LaneId, ActiveLane] = {}
                now = self._clock()
                for entry in entries:
                    for active in self._take(entry, now):
                        touched[active.id] = active
                self._reading.update(reader.positions())
                self._went_round_at = time.monotonic()
                for active in touched.values():
                    self._lanes.touch(active)
                    self._carrier.pump(active)
                is_behind = len(entries) == READ_ENTRIES_MAX
                # Nobody waits for some: let more gather, as a fetch has its price. And what has
                # been fetched is read without a pause in which others could go on.
                is_patient = bool(entries) and not touched and not is_behind
                await asyncio.sleep(UNCONCERNED_PAUSE_S if is_patient else 0)
        finally:
            await reader.close()

    def _take(self, entry: Entry, now: float) -> Iterable[ActiveLane]:
        """Hand one entry to the lanes that it concerns; answers those."""
        match entry.content:
            case ObjectChanged() as event:
                self._ledger.pass_by(entry, event)
                touched = [] if event.address.kind is Kind.RECORD else self._turn(entry, event, now)
                for endpoint in self._directory.concerned(event):
                    active = self._lanes.live(endpoint.id)
                    if active is not None and self._offer(active, entry, event, now):
                        touched.append(active)
                return touched
            case PartitionFlushed():
                self._flush(entry)
                return ()
            case _:
                return ()

    def _turn(self, entry: Entry, event: ObjectChanged, now: float) -> list[ActiveLane]:
        """What the event means for endpoints; answers the lanes that it touches by that."""
        touched: list[ActiveLane] = []
        for turn in self._directory.turns(event, entry.position):
            match turn:
                case Opened(endpoint=endpoint):
                    touched += self._open(endpoint, event, entry)
                case Changed(endpoint=endpoint):
                    touched += self._change(endpoint, entry)
                case Ended(endpoint=endpoint, ends_at=ends_at):
                    if ends_at is None:
                        self._end_at_once(endpoint)
                    else:
                        touched += self._end_url(endpoint, ends_at, entry, event, now)
                case Ignored(reason=reason):
                    log.warning("webhook.ignored", uri=event.address.uri, reason=reason)
        return touched

    def _open(self, endpoint: Endpoint, event: ObjectChanged, entry: Entry) -> list[ActiveLane]:
        reading = self._reading[endpoint.partition]
        begin = beginning_of(endpoint, event, entry, self._ledger, reading)
        opened = [self._live_lane(endpoint, begin, entry)]
        if begin.snapshot is not None:
            opened.append(self._replay_lane(endpoint, begin.snapshot))
            self._committing.opened_job(begin.snapshot)
        for active in opened:
            self._lanes.add(active)
        return opened

    def _live_lane(self, endpoint: Endpoint, begin: Beginning, entry: Entry) -> ActiveLane:
        lane = Lane(
            LaneId(endpoint.id),
            self._defaults.terms(endpoint.spec),
            limits=self._limits,
            taken_to=begin.taken_to,
            behind=begin.behind,
        )
        if begin.stopped_for is not None:
            lane.stop(begin.stopped_for)
        if endpoint.spec.drains:
            lane.drain(entry)
        return ActiveLane(lane=lane, endpoint=endpoint, starts_at=endpoint.opened_at)

    def _replay_lane(self, endpoint: Endpoint, job: Job) -> ActiveLane:
        first, end, rate = job.stretch
        behind = Start(offset=first, claim=None)
        if not isinstance(job.work, Snapshot):
            partition = endpoint.partition
            behind = self._ledger.start_at(partition, first, self._reading[partition])
        lane = Lane(
            LaneId(job.id),
            self._defaults.terms(endpoint.spec, rate=rate),
            limits=self._limits,
            taken_to=first,
            behind=behind,
            ends_at=end,
        )
        if not endpoint.spec.is_enabled:
            lane.stop(PAUSED)
        return ActiveLane(lane=lane, endpoint=endpoint, starts_at=first, job=job)

    def _change(self, endpoint: Endpoint, entry: Entry) -> list[ActiveLane]:
        touched = self._lanes.of(endpoint.id)
        for active in touched:
            is_report = is_mere_report(active.endpoint.spec, endpoint.spec)
            has_other_form = active.endpoint.spec.form != endpoint.spec.form
            active.endpoint = endpoint
            if active.is_draining:
                active.lane.drain(entry)
            elif active.is_live:
                active.lane.ends_at = None
            active.lane.pace.terms = self._defaults.terms(
                endpoint.spec, rate=None if active.job is None else active.job.stretch.rate
            )
            stopped_for = active.lane.stopped_for
            if not endpoint.spec.is_enabled:
                self._carrier.halt(active, PAUSED)
            elif stopped_for is None:
                if has_other_form or active.lane.order is not endpoint.spec.order:
                    self._carrier.reopen(active)
            elif stopped_for not in {AFTER_SNAPSHOT, PAUSED_JOB} and not is_report:
                self._carrier.reopen(active)
        return touched

    def _end_url(
        self,
        endpoint: Endpoint,
        ends_at: Offset,
        entry: Entry,
        event: ObjectChanged,
        now: float,
    ) -> list[ActiveLane]:
        active = self._lanes.live(endpoint.id)
        if active is None:
            return []
        active.lane.ends_at = ends_at
        # The deletion of a collection is the last that its URL is told of.
        if endpoint.wants(event):
            self._offer(active, entry, event, now)
        self._lanes.end_live(active)
        return [active]

    def _end_at_once(self, endpoint: Endpoint) -> None:
        for active in self._lanes.of(endpoint.id):
            active.lane.stop("deleted")
            self._lanes.drop(active)
            if active.job is not None:
                change = JobChange(id=active.job.id, state=JobState.CANCELLED)
                self._committing.changed_job(change)

    def _offer(self, active: ActiveLane, entry: Entry, event: ObjectChanged, now: float) -> bool:
        """Hand the lane an event that its endpoint wants; true when that changed the lane."""
        lane, offset = active.lane, entry.position.offset
        if lane.behind is not None or not lane.covers(offset):
            return False
        if lane.is_full or lane.stopped_for is not None:
            lane.fall_behind(Start(offset=offset, claim=entry.claim))
        else:
            lane.take(delivery_of(entry, event, active.endpoint, now))
        return True

    def _flush(self, entry: Entry) -> None:
        """All of the partition is gone: its endpoints get nothing more, not even what waits."""
        partition, offset = entry.position.partition, entry.position.offset
        self._directory.drop_partition(partition)
        self._committing.flushed(partition, offset)
        for active in self._lanes:
            if active.endpoint.partition == partition:
                active.lane.stop("flushed")
                self._lanes.forget(active)
        self._lanes.has_news.set()

    # --- From the last commit on ------------------------------------------------------------------

    def _restore(self, kept: Kept) -> None:
        self._reading = {p: kept.checkpoints.get(p, START) for p in self._partitions}
        self._committing.begin(kept)
        self._ledger.restore(kept.claims)
        jobs = {LaneId(job.id): job for job in kept.jobs}
        for found in kept.lanes:
            row = found.row
            active = self._restored(found, None if row.is_live else jobs[row.id])
            self._lanes.add(active)
            if row.is_live and row.ends_at is not None and not active.is_draining:
                self._lanes.end_live(active)
        self._directory.restore(
            active.endpoint
            for active in self._lanes
            if active.is_live and (active.lane.ends_at is None or active.is_draining)
        )
        log.info(
            "webhooks.began",
            epoch=kept.epoch,
            lanes=len(self._lanes),
            partitions=len(self._partitions),
        )

    def _restored(self, found: KeptLane, job: Job | None) -> ActiveLane:
        row, endpoint = found.row, found.row.endpoint
        lane = Lane(
            row.id,
            self._defaults.terms(endpoint.spec, rate=None if job is None else job.stretch.rate),
            limits=self._limits,
            taken_to=self._reading_at(endpoint.partition),
            behind=found.next,
            ends_at=row.ends_at,
            parked=found.parked,
        )
        lane.pace.failing_since = row.failing_since
        if row.stopped_for is not None:
            lane.stop(row.stopped_for)
        is_failing = row.failing_since is not None
        return ActiveLane(
            lane=lane,
            endpoint=endpoint,
            starts_at=row.starts_at,
            job=job,
            job_state=JobState.RUNNING if job is None else job.state,
            written=found.next,
            saved=row,
            is_reported_failing=is_failing or endpoint.spec.status.state is State.FAILING,
        )

    def _reading_at(self, partition: Partition) -> Offset:
        return self._reading[partition].offset

    def _ended(self, ended: ActiveLane) -> None:
        if ended.is_draining:
            self._carrier.drained(ended)
        else:
            # Where it was a snapshot, live events are next.
            self._carrier.begin_live(ended.endpoint.id)

    def _pump_settled(self, settled: Iterable[ActiveLane]) -> None:
        for active in settled:
            self._carrier.pump(active)

    async def _measure_lag(self) -> None:
        while True:
            with suppress(LogUnavailable):
                ends = await self._log.end_offsets()
                reading = {partition: at.offset for partition, at in self._reading.items()}
                gauges.show(self._lanes, reading, ends, self._clock())
            await asyncio.sleep(MEASURE_EVERY_S)


def is_mere_report(before: WebhookSpec, after: WebhookSpec) -> bool:
    """Whether nothing but our own word that it fails came back: said before the lane was stopped.

    Going on by that would begin the time of failing anew, and use up the attempts of what waits.
    """
    return after.status.state is not State.ACTIVE and replace(before, status=after.status) == after


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
