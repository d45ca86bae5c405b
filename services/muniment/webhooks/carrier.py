"""Takes what lanes have to their endpoints, as many at a time as each lane allows."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from muniment.domain.values import Timestamp
from muniment.domain.webhooks.reporting import DRAINED, TOO_LONG
from muniment.domain.webhooks.spec import State
from muniment.log.envelope import time_text
from muniment.log.protocol import Offset, Partition
from muniment.runtime import metrics
from muniment.runtime.logs import get_logger
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.attempts import Attempt
from muniment.webhooks.committing import Committing
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Endpoint, EndpointId
from muniment.webhooks.http.answer import DELIVERED, Answer, Failure
from muniment.webhooks.lane import Lane
from muniment.webhooks.reports import Report, Reports
from muniment.webhooks.rereading import Rereading
from muniment.webhooks.starting import AFTER_SNAPSHOT, PAUSED

SAY_EVERY_S: Final = 60.0
OVERLOADED: Final = frozenset({429, 502, 503, 504})
FAILURES_OF_ONE_MAX: Final = 4
"""So many failed attempts of one message, and nothing that succeeded since, are worth a word."""

DISABLED: Final = "disabled"
REOPENING: Final = "reopening"

_ATTEMPTS: Final = {
    outcome: metrics.WEBHOOK_ATTEMPTS.labels(outcome) for outcome in (DELIVERED, *Failure)
}
"""By outcome; looked up by its label each time, counting took three times as long."""

log = get_logger(__name__)


class Courier(Protocol):
    """What takes one request to its endpoint."""

    async def attempt(
        self, endpoint: Endpoint, request: Sequence[Delivery], *, at: float
    ) -> Answer:
        """One attempt, over within a deadline; `at` is now, in seconds since the epoch."""
        ...


class Carrier:
    """See the module."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        courier: Courier,
        rereading: Rereading,
        reading_at: Callable[[Partition], Offset],
        committing: Committing,
        reports: Reports,
        probe: Callable[[ActiveLane], Coroutine[Any, Any, None]],
        clock: Callable[[], float],
    ) -> None:
        """`probe` asks an endpoint that failed for too long until its lane is at work again."""
        self._lanes = lanes
        self._courier = courier
        self._rereading = rereading
        self._reading_at = reading_at
        self._committing = committing
        self._reports = reports
        self._probe = probe
        self._clock = clock
        self._workers: set[asyncio.Task[None]] = set()
        self._reopening: set[asyncio.Task[None]] = set()
        self._probing: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._is_stopping = False

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Work in this group: what fails there ends the dispatcher."""
        self._group = group

    def stop(self) -> None:
        """Begin nothing new."""
        self._is_stopping = True
        for active in self._lanes:
            if active.timer is not None:
                active.timer.cancel()

    async def finish(self, grace_s: float) -> None:
        """Wait for what is under way; what takes longer is cut off, and made again."""
        rereaders = [active.rereader for active in self._lanes if active.rereader is not None]
        for task in (*rereaders, *self._reopening, *self._probing):
            task.cancel()
        workers = set(self._workers)
        if workers:
            _, late = await asyncio.wait(workers, timeout=grace_s)
            for worker in late:
                worker.cancel()
            if late:
                log.info("webhooks.cut_off", requests=len(late))
                await asyncio.wait(late)

    def pump(self, active: ActiveLane) -> None:
        """Start what the lane may do now, and see to it that this is asked again in time."""
        if active.timer is not None:
            active.timer.cancel()
            active.timer = None
        if self._is_stopping or active not in self._lanes:
            return
        lane, now = active.lane, self._clock()
        while request := lane.next(now):
            self._workers.add(worker := self._start(self._work(active, active.endpoint, request)))
            worker.add_done_callback(self._workers.discard)
        if active.rereader is None and (lane.wants_more or not lane.is_recalled):
            active.rereader = self._start(self._reread(active))
        if (at := lane.wake_at(now)) is not None:
            loop = asyncio.get_running_loop()
            active.timer = loop.call_later(max(at - now, 0.001), self.pump, active)

    def halt(self, active: ActiveLane, reason: str) -> None:
        """Send nothing more; the lane keeps its place."""
        if active.lane.stopped_for in {None, REOPENING}:
            active.lane.stop(reason)
            self._lanes.touch(active)

    def reopen(self, active: ActiveLane) -> None:
        """Take the lane from what is written down, as after a restart.

        That is written down too: a restart goes on with it. One that is switched off waits.
        """
        is_enabled = active.endpoint.spec.is_enabled
        active.lane.stop(REOPENING if is_enabled else PAUSED)
        self._lanes.touch(active)
        if is_enabled:
            task = self._start(self._reopen(active))
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)

    def begin_live(self, endpoint_id: EndpointId) -> None:
        """Go on with live events, which wait as long as a snapshot is told of."""
        live = self._lanes.live(endpoint_id)
        has_snapshot = any(each.reads_snapshot for each in self._lanes.of(endpoint_id))
        if live is not None and live.lane.stopped_for == AFTER_SNAPSHOT and not has_snapshot:
            self.reopen(live)

    def drained(self, active: ActiveLane) -> None:
        """Disable an endpoint that has got all that it was still to get."""
        self._disable(active, DRAINED)

    def restored(self, active: ActiveLane) -> None:
        """Say again what was true when the last dispatcher ended."""
        reason = active.lane.stopped_for
        if reason is None:
            return
        if is_too_long(reason):
            self._probe_from_now_on(active)
        if not active.endpoint.spec.is_enabled:
            return
        if reason in {PAUSED, REOPENING}:
            self.reopen(active)
        elif reason == AFTER_SNAPSHOT:
            self.begin_live(active.endpoint.id)
        elif active.is_live and is_disabling(reason):
            self._report(active, State.DISABLED, reason.removeprefix(f"{DISABLED}: "))

    # --- Requests ---------------------------------------------------------------------------------

    async def _work(
        self, active: ActiveLane, endpoint: Endpoint, request: Sequence[Delivery]
    ) -> None:
        """Attempt one request after another as long as the lane has some.

        The endpoint is that by whose terms the request was put together: a batch is sent as one.
        """
        while request:
            at = self._clock()
            answer = await self._courier.attempt(endpoint, request, at=at)
            self._note(active, request, answer, at)
            endpoint = active.endpoint
            request = () if self._is_stopping else active.lane.next(self._clock())
        self.pump(active)

    def _note(
        self, active: ActiveLane, request: Sequence[Delivery], answer: Answer, at: float
    ) -> None:
        lane, now = active.lane, self._clock()
        breaker_was = lane.pace.breaker.cause
        _ATTEMPTS[answer.outcome].inc()
        metrics.WEBHOOK_ATTEMPT_SECONDS.observe(answer.total_ms / 1000)
        self._lanes.touch(active)
        number = request[0].attempts + 1
        if answer.is_delivered:
            self._note_delivered(active, request, answer, now)
        else:
            self._note_failed(active, request, answer, now)
        if (cause := lane.pace.breaker.cause) is not breaker_was:
            log.debug("webhook.breaker", cause=cause or "closed", **active.facts())
        first = request[0]
        self._committing.attempted(
            Attempt(
                at=at,
                lane_id=lane.id,
                endpoint_id=active.endpoint.id,
                bucket_id=active.endpoint.bucket_id,
                webhook_id=active.endpoint.webhook_id,
                message_id=first.message_id,
                type=first.type,
                uri=first.key,
                offset=first.offset,
                events=len(request),
                number=number,
                answer=answer,
                next_try_at=(None if answer.is_delivered or first.is_dead else first.next_try_at),
            )
        )

    def _note_delivered(
        self, active: ActiveLane, request: Sequence[Delivery], answer: Answer, now: float
    ) -> None:
        for delivery in request:
            if delivery.occurred_at is not None:
                delay_s = max(now - delivery.occurred_at / 1000, 0.0)
                metrics.WEBHOOK_DELAY_SECONDS.observe(delay_s)
        active.delivered += len(request)
        has_recovered = active.lane.delivered(request, now=now, took_s=answer.total_ms / 1000)
        was_failing = active.is_reported_failing
        if has_recovered or was_failing:
            active.is_reported_failing = active.has_warned = False
            log.info("webhook.recovered", **active.facts())
            self._report(active, State.ACTIVE, "")

    def _note_failed(
        self, active: ActiveLane, request: Sequence[Delivery], answer: Answer, now: float
    ) -> None:
        lane = active.lane
        is_refusal = active.endpoint.spec.drops_refused and answer.is_refusal
        verdict = lane.failed(
            request,
            now=now,
            reason=answer.reason,
            is_overload=answer.status in OVERLOADED,
            # What the log has no more is not there the next time either.
            is_final=(answer.delivery_control == "abort-message" or answer.failure is Failure.LOST),
            is_refusal=is_refusal,
            retry_after_s=answer.retry_after_s,
        )
        active.dead += len(verdict.died)
        if (answer.is_gone and not is_refusal) or answer.delivery_control == "disable":
            self._disable(active, answer.reason)
        elif lane.pace.is_out_of_patience(now):
            self._disable(active, f"{TOO_LONG}: {answer.reason}")
            self._probe_from_now_on(active)
        elif lane.pace.is_half_out_of_patience(now):
            self._warn(active, answer.reason)
        elif verdict.has_failed_often or max(d.attempts for d in request) >= FAILURES_OF_ONE_MAX:
            self._say_failing(active, answer.reason)
        self._say(active, request, answer)

    def _disable(self, active: ActiveLane, reason: str) -> None:
        if active.lane.stopped_for is not None:
            return
        for each in self._lanes.of(active.endpoint.id):
            self.halt(each, f"{DISABLED}: {reason}")
        log.warning("webhook.disabled", reason=reason, **active.facts())
        self._report(active, State.DISABLED, reason)

    def _say_failing(self, active: ActiveLane, reason: str) -> None:
        if active.has_warned or (active.is_reported_failing and reason == active.reported_reason):
            return
        active.is_reported_failing, active.reported_reason = True, reason
        log.warning("webhook.failing", reason=reason, **active.facts())
        self._report(active, State.FAILING, reason)

    def _warn(self, active: ActiveLane, reason: str) -> None:
        """Say when the endpoint will be disabled: once, as long as nothing succeeds."""
        at = active.lane.pace.disabled_at
        if active.has_warned or at is None:
            return
        active.has_warned = active.is_reported_failing = True
        when = time_text(Timestamp(int(at * 1000)))
        active.reported_reason = (
            f"{reason}; to be disabled at {when} if nothing succeeds until then"
        )
        log.warning("webhook.to_be_disabled", reason=reason, at=when, **active.facts())
        self._report(active, State.FAILING, active.reported_reason, is_warning=True)

    def _probe_from_now_on(self, active: ActiveLane) -> None:
        # The next dispatcher begins it where this one is about to end.
        if active.is_live and active.endpoint.webhook_id is not None and not self._is_stopping:
            task = self._start(self._probe(active))
            self._probing.add(task)
            task.add_done_callback(self._probing.discard)

    def _report(
        self, active: ActiveLane, state: State, reason: str, *, is_warning: bool = False
    ) -> None:
        self._reports.say(
            Report(endpoint=active.endpoint, state=state, reason=reason, is_warning=is_warning)
        )

    def _say(self, active: ActiveLane, request: Sequence[Delivery], answer: Answer) -> None:
        """Log a failure, at most once a minute for a lane."""
        first = request[0]
        if active.is_reported_failing and not first.is_dead:
            return
        if self._clock() - active.last_said < SAY_EVERY_S:
            return
        active.last_said = self._clock()
        facts = {"uri": first.key, "reason": answer.reason, "detail": answer.detail}
        if first.is_dead:
            log.warning("webhook.dead", attempts=first.attempts, **facts, **active.facts())
        else:
            log.warning(
                "webhook.attempt_failed", attempts=first.attempts, **facts, **active.facts()
            )

    # --- Reading again ----------------------------------------------------------------------------

    async def _reread(self, active: ActiveLane) -> None:
        try:
            if not active.lane.is_recalled:
                await self._rereading.recall(active)
            async for _ in self._rereading.refill(active, self._reading_at):
                self._lanes.touch(active)
                self.pump(active)
        finally:
            active.rereader = None
        self.pump(active)

    async def _reopen(self, active: ActiveLane) -> None:
        """Make the lane anew when nothing of it is under way and all of it is written down."""
        lane, is_written = active.lane, False
        while not is_written:
            is_written = lane.is_let_go
            self._lanes.touch(active)
            await self._committing.committed()
            if not self._is_reopening(active, lane):
                return
        parked = await self._committing.parked_of(active.id)
        if self._is_reopening(active, lane):
            active.lane = lane.anew(parked, self._reading_at(active.endpoint.partition))
            self._lanes.touch(active)
            self.pump(active)

    def _is_reopening(self, active: ActiveLane, lane: Lane) -> bool:
        """Whether it is still wanted: asked for twice, it is done once."""
        return active.lane is lane and lane.stopped_for == REOPENING and active in self._lanes

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._group is None:
            message = "the carrier has not begun"
            raise RuntimeError(message)
        return self._group.create_task(work)


def is_disabling(reason: str) -> bool:
    """Whether a lane was stopped for how its endpoint answered."""
    return reason.startswith(DISABLED)


def is_too_long(reason: str | None) -> bool:
    """Whether a lane was stopped since its endpoint failed for too long."""
    return reason is not None and reason.startswith(f"{DISABLED}: {TOO_LONG}")
