"""One reading of the log feeds all lanes; their deliveries go out; their places are written down.

Everything here runs on one event loop, and lanes change between awaits only: what a commit takes
along is one moment of the reading and of all lanes. Any failure of the log or of the database ends
the dispatcher, and a new one goes on from the last commit.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from muniment.domain.addresses import Kind
from muniment.domain.events import EventId, ObjectChanged, PartitionFlushed
from muniment.domain.values import Uid
from muniment.log.protocol import Entry, Log, LogUnavailable, Offset, Partition, Start
from muniment.runtime import metrics
from muniment.runtime.logs import get_logger
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Directory, Ended, Endpoint, Ignored, Opened
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.http.target import shown
from muniment.webhooks.lane import DEFAULT_LIMITS, Lane, Limits
from muniment.webhooks.positions import Commit, Kept, Positions
from muniment.webhooks.rereading import Rereading, delivery_of
from muniment.webhooks.retry import Schedule

READ_WAIT_S: Final = 0.5
UNCONCERNED_PAUSE_S: Final = 0.02
READ_ENTRIES_MAX: Final = 1_000
COMMIT_EVERY_S: Final = 0.02
"""Between two commits while deliveries are made."""
IDLE_COMMIT_EVERY_S: Final = 1.0
"""Between two commits while the log has nothing for any endpoint."""
SAY_EVERY_S: Final = 60.0
MEASURE_EVERY_S: Final = 5.0
ROUND_S_MAX: Final = 5.0
"""One turn of the reading that takes longer than this is not thought to come back."""

START: Final = Start(offset=Offset(0), claim=None)

log = get_logger(__name__)


class Courier(Protocol):
    """What takes one delivery to its endpoint."""

    async def attempt(self, endpoint: Endpoint, delivery: Delivery, *, at: float) -> Answer:
        """One attempt, over within a deadline; `at` is now, in seconds since the epoch."""
        ...


@dataclass(slots=True)
class _Uncommitted:
    """What the next commit takes along beside lanes and checkpoints."""

    opened: list[Endpoint]
    ended: list[tuple[EventId, Offset]]
    disabled: list[tuple[EventId, str]]
    flushed: list[tuple[Partition, Offset]]

    def __bool__(self) -> bool:
        return bool(self.opened or self.ended or self.disabled or self.flushed)


class Dispatcher:
    """Delivers from the last commit on; one `run`, then it is spent."""

    def __init__(
        self,
        *,
        log: Log,
        positions: Positions,
        courier: Courier,
        schedule: Schedule,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._positions = positions
        self._courier = courier
        self._schedule = schedule
        self._limits = limits
        self._clock = clock
        self._rereading = Rereading(log)
        self._epoch = 0
        self._directory = Directory()
        self._reading: dict[Partition, Start] = {}
        self._written: dict[Partition, Start] = {}
        self._lanes: dict[EventId, Lane] = {}
        self._lane_of: dict[Uid, Lane] = {}
        self._lane_written: dict[EventId, Start | None] = {}
        self._dirty: dict[EventId, Lane] = {}
        self._uncommitted = _Uncommitted([], [], [], [])
        self._has_work = asyncio.Event()
        self._rereaders: dict[EventId, asyncio.Task[None]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: dict[EventId, asyncio.TimerHandle] = {}
        self._last_said: dict[EventId, float] = {}
        self._went_round_at = time.monotonic()
        self._is_stopping = False
        self._is_ended = False
        self._group = asyncio.TaskGroup()

    async def is_at_work(self) -> bool:
        """Whether the reading goes on."""
        return time.monotonic() - self._went_round_at < ROUND_S_MAX

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until told to stop; then finish what is under way and write it down.

        Raises `Fenced` when another instance has taken over. Cancelling it at any point loses
        nothing, and has at most `repeats_max` deliveries of each endpoint made again.
        """
        self._restore(await self._positions.take_over())
        try:
            async with self._group as group:
                group.create_task(self._commit_often())
                reading = group.create_task(self._read())
                measuring = group.create_task(self._measure_lag())
                for lane in list(self._lanes.values()):
                    self._pump(lane)
                try:
                    await stopping.wait()
                finally:
                    # Also when it is cancelled: workers that end must not start others.
                    self._is_stopping = True
                await _end([reading, measuring, *self._rereaders.values()])
                if self._workers:
                    await asyncio.wait(self._workers)
                # The committer ends by itself: a commit that is cut off may or may not have been.
                self._is_ended = True
                self._has_work.set()
        finally:
            for timer in self._timers.values():
                timer.cancel()

    # --- The reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        reader = await self._log.reader(self._reading)
        try:
            while True:
                entries = await reader.read(wait_s=READ_WAIT_S, entries_max=READ_ENTRIES_MAX)
                touched: dict[EventId, Lane] = {}
                for entry in entries:
                    for lane in self._take(entry):
                        touched[lane.endpoint.id] = lane
                self._reading = dict(reader.positions())
                self._went_round_at = time.monotonic()
                for lane in touched.values():
                    self._touch(lane)
                    self._pump(lane)
                if entries and not touched:
                    # Nobody waits for these: let some more gather, as a fetch has its price.
                    await asyncio.sleep(UNCONCERNED_PAUSE_S)
        finally:
            await reader.close()

    def _take(self, entry: Entry) -> Iterable[Lane]:
        """Hand one entry to the lanes that it concerns; answers those."""
        match entry.content:
            case ObjectChanged(collection_uid=uid) as event:
                # Most events are of records whose collection has no endpoint: one look-up each.
                lane = None if uid is None else self._lane_of.get(uid)
                if event.address.kind is not Kind.RECORD:
                    return self._turn(entry, event, lane)
                return () if lane is None else self._offer(lane, entry, event)
            case PartitionFlushed():
                self._flush(entry)
                return ()
            case _:
                return ()

    def _turn(self, entry: Entry, event: ObjectChanged, lane: Lane | None) -> Iterable[Lane]:
        touched = [] if lane is None else [lane]
        for turn in self._directory.turns(event, entry.position):
            match turn:
                case Opened(endpoint=endpoint):
                    touched.append(self._open(endpoint))
                case Ended(endpoint=endpoint, ends_at=ends_at):
                    touched.append(self._end_lane(endpoint, ends_at))
                case Ignored():
                    log.warning("webhook.url_ignored", uri=event.address.uri)
        for concerned in touched:
            self._offer(concerned, entry, event)
        return touched

    def _open(self, endpoint: Endpoint) -> Lane:
        lane = Lane(
            endpoint, schedule=self._schedule, limits=self._limits, taken_to=endpoint.starts_at
        )
        self._add(lane)
        self._lane_of[endpoint.collection_uid] = lane
        self._lane_written[endpoint.id] = None
        self._uncommitted.opened.append(endpoint)
        return lane

    def _end_lane(self, endpoint: Endpoint, ends_at: Offset) -> Lane:
        lane = self._lane_of.pop(endpoint.collection_uid)
        lane.ends_at = ends_at
        self._uncommitted.ended.append((endpoint.id, ends_at))
        return lane

    def _offer(self, lane: Lane, entry: Entry, event: ObjectChanged) -> Iterable[Lane]:
        offset = entry.position.offset
        if lane.behind is not None or not lane.covers(offset):
            return ()
        if lane.is_full or lane.disabled_reason is not None:
            lane.fall_behind(Start(offset=offset, claim=entry.claim))
        else:
            lane.take(delivery_of(entry, event))
        return (lane,)

    def _flush(self, entry: Entry) -> None:
        """All of the partition is gone: its endpoints get nothing more, not even what waits."""
        partition, offset = entry.position.partition, entry.position.offset
        self._directory.drop_partition(partition)
        self._uncommitted.flushed.append((partition, offset))
        for lane in list(self._lanes.values()):
            if lane.endpoint.partition == partition:
                self._lane_of.pop(lane.endpoint.collection_uid, None)
                lane.disable("flushed")
                self._forget(lane)
        self._has_work.set()

    # --- Lanes ------------------------------------------------------------------------------------

    def _restore(self, kept: Kept) -> None:
        self._epoch = kept.epoch
        self._written = dict(kept.checkpoints)
        self._reading = {p: kept.checkpoints.get(p, START) for p in self._log.partitions}
        for found in kept.lanes:
            endpoint = found.endpoint
            lane = Lane(
                endpoint,
                schedule=self._schedule,
                limits=self._limits,
                taken_to=self._reading[endpoint.partition].offset,
                behind=found.next,
                parked=found.parked,
            )
            lane.ends_at, lane.disabled_reason = found.ends_at, found.disabled_reason
            self._add(lane)
            self._lane_written[endpoint.id] = found.next
            self._touch(lane)
            if found.ends_at is None:
                self._lane_of[endpoint.collection_uid] = lane
        self._directory = Directory(lane.endpoint for lane in self._lane_of.values())
        log.info("webhooks.began", epoch=kept.epoch, lanes=len(self._lanes))

    def _add(self, lane: Lane) -> None:
        self._lanes[lane.endpoint.id] = lane

    def _forget(self, lane: Lane) -> None:
        id_ = lane.endpoint.id
        for kept in (self._lanes, self._lane_written, self._dirty, self._last_said):
            kept.pop(id_, None)
        if timer := self._timers.pop(id_, None):
            timer.cancel()

    def _touch(self, lane: Lane) -> None:
        """The lane has something for the next commit."""
        if lane.endpoint.id in self._lanes:
            self._dirty[lane.endpoint.id] = lane
            self._has_work.set()

    def _pump(self, lane: Lane) -> None:
        """Start what the lane may do now, and see to it that this is asked again in time."""
        id_ = lane.endpoint.id
        if timer := self._timers.pop(id_, None):
            timer.cancel()
        if self._is_stopping or id_ not in self._lanes:
            return
        now = self._clock()
        while (delivery := lane.next(now)) is not None:
            worker = self._group.create_task(self._work(lane, delivery))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        if id_ not in self._rereaders and (lane.wants_more or not lane.is_recalled):
            self._reread(lane)
        if (at := lane.wake_at(now)) is not None:
            loop = asyncio.get_running_loop()
            self._timers[id_] = loop.call_later(max(at - now, 0.001), self._pump, lane)

    def _reread(self, lane: Lane) -> None:
        id_ = lane.endpoint.id

        async def read_then_pump() -> None:
            try:
                if not lane.is_recalled:
                    await self._rereading.recall(lane)
                async for _ in self._rereading.refill(lane, self._reading_at):
                    self._touch(lane)
                    self._pump(lane)
            finally:
                self._rereaders.pop(id_, None)
            self._pump(lane)

        self._rereaders[id_] = self._group.create_task(read_then_pump())

    def _reading_at(self, partition: Partition) -> Offset:
        return self._reading[partition].offset

    # --- Deliveries -------------------------------------------------------------------------------

    async def _work(self, lane: Lane, first: Delivery) -> None:
        """Attempt one delivery after another as long as the lane has some."""
        delivery: Delivery | None = first
        while delivery is not None:
            started = time.perf_counter()
            answer = await self._courier.attempt(lane.endpoint, delivery, at=self._clock())
            metrics.WEBHOOK_ATTEMPT_SECONDS.observe(time.perf_counter() - started)
            self._note(lane, delivery, answer)
            delivery = None if self._is_stopping else lane.next(self._clock())
        self._pump(lane)

    def _note(self, lane: Lane, delivery: Delivery, answer: Answer) -> None:
        now = self._clock()
        metrics.WEBHOOK_ATTEMPTS.labels(_outcome(answer)).inc()
        self._touch(lane)
        if answer.is_delivered:
            metrics.WEBHOOK_DELAY_SECONDS.observe(max(now - (delivery.occurred_at or 0) / 1000, 0))
            if lane.delivered(delivery):
                log.info("webhook.recovered", **_facts(lane))
            return
        is_failing_now = lane.failed(
            delivery, now=now, reason=answer.reason, retry_after_s=answer.retry_after_s
        )
        if answer.is_gone and lane.disabled_reason is None:
            lane.disable(answer.reason)
            self._uncommitted.disabled.append((lane.endpoint.id, answer.reason))
            log.warning("webhook.disabled", reason=answer.reason, **_facts(lane))
        elif is_failing_now:
            log.warning("webhook.failing", reason=answer.reason, **_facts(lane))
        elif delivery.is_dead or not lane.is_failing:
            self._say(lane, delivery)

    def _say(self, lane: Lane, delivery: Delivery) -> None:
        """Log a failure, at most once a minute for an endpoint."""
        if self._clock() - self._last_said.get(lane.endpoint.id, 0.0) < SAY_EVERY_S:
            return
        self._last_said[lane.endpoint.id] = self._clock()
        facts = {"uri": delivery.key, "attempts": delivery.attempts, "reason": delivery.reason}
        if delivery.is_dead:
            log.warning("webhook.dead", **facts, **_facts(lane))
        else:
            log.warning("webhook.attempt_failed", **facts, **_facts(lane))

    # --- Writing down -----------------------------------------------------------------------------

    async def _commit_often(self) -> None:
        while not self._is_ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_COMMIT_EVERY_S):
                    await self._has_work.wait()
            await self._commit()
            await asyncio.sleep(COMMIT_EVERY_S)
        await self._commit()

    async def _commit(self) -> None:
        self._has_work.clear()
        commit, settled = self._collect()
        if commit is None:
            return
        await self._positions.commit(commit)
        self._written.update(commit.checkpoints)
        self._measure()
        for lane, count in settled:
            lane.settle(count)
            self._pump(lane)

    def _collect(self) -> tuple[Commit | None, Sequence[tuple[Lane, int]]]:
        """Everything as it is at this moment; no await may come in between."""
        lanes, self._dirty = self._dirty, {}
        news, self._uncommitted = self._uncommitted, _Uncommitted([], [], [], [])
        moved_on = {p: at for p, at in self._reading.items() if self._written.get(p) != at}
        if not (lanes or news or moved_on):
            return None, ()
        changes = {id_: lane.changes() for id_, lane in lanes.items()}
        moved = {
            id_: change.next
            for id_, change in changes.items()
            if self._lane_written.get(id_) != change.next
        }
        self._lane_written.update(moved)
        finished = [id_ for id_, lane in lanes.items() if lane.is_finished]
        for id_ in finished:
            log.info("webhook.ended", **_facts(lanes[id_]))
            self._forget(lanes[id_])
        commit = Commit(
            epoch=self._epoch,
            checkpoints=moved_on,
            opened=news.opened,
            ended=news.ended,
            moved=moved,
            parked=[row for change in changes.values() for row in change.parked],
            unparked=[(id_, at) for id_, change in changes.items() for at in change.unparked],
            disabled=news.disabled,
            finished=finished,
            flushed=news.flushed,
        )
        return commit, [(lanes[id_], change.settled) for id_, change in changes.items()]

    def _measure(self) -> None:
        metrics.WEBHOOK_DELIVERIES_PARKED.set(
            sum(lane.parked_count for lane in self._lanes.values())
        )

    async def _measure_lag(self) -> None:
        while True:
            with suppress(LogUnavailable):
                for partition, end in (await self._log.end_offsets()).items():
                    behind = max(end - self._reading_at(partition), 0)
                    metrics.WEBHOOK_LAG_EVENTS.labels(partition).set(behind)
            await asyncio.sleep(MEASURE_EVERY_S)


def _outcome(answer: Answer) -> str:
    match answer.failure:
        case None:
            return "delivered"
        case Failure.STATUS:
            return "refused"
        case Failure.BLOCKED:
            return "blocked"
        case _:
            return "failed"


def _facts(lane: Lane) -> dict[str, str]:
    endpoint = lane.endpoint
    return {
        "bucket": endpoint.bucket_id,
        "collection": endpoint.collection_id,
        "target": shown(endpoint.url),
    }


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
