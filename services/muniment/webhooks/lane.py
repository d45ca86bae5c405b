"""A lane: what one endpoint is still to be told, and how far it has been.

It knows no network and no clock: the dispatcher brings it events and the time, asks it what to
send, tells it what came of that, and writes down what it says has changed. Its position moves over
what was delivered or parked, never over anything else. Events of one record go out one after
another; a failed one is parked, and holds up only the later ones of its record.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from muniment.log.protocol import Offset, Start
from muniment.webhooks.deliveries import Delivery, ParkedRow, State
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.retry import Breaker, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one lane."""

    in_flight_max: int = 16
    held_events_max: int = 5_000
    """Events in memory; beyond it the lane reads the log again when it has room."""
    held_bytes_max: int = 4 * 1024 * 1024
    parked_max: int = 2_500
    repeats_max: int = 500
    """Deliveries that a crash may repeat: so many are made at most before they are written down."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChanges:
    """What has to be written of a lane, together with the position of the reading."""

    next: Start | None
    """Where the lane goes on in the log; `None`: where the reading does, it has caught up."""
    parked: Sequence[ParkedRow]
    unparked: Sequence[Offset]
    settled: int
    """Deliveries that a crash will not repeat any more once this is written."""


class Lane:
    """See the module."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        schedule: Schedule,
        limits: Limits = DEFAULT_LIMITS,
        taken_to: Offset,
        behind: Start | None = None,
        parked: Iterable[ParkedRow] = (),
    ) -> None:
        self.endpoint = endpoint
        self.ends_at: Offset | None = None
        self.behind = behind
        """Where the lane has to read the log itself; `None` while the common reading feeds it."""
        self.taken_to = taken_to if behind is None else behind.offset
        """All before it has been taken in."""
        self.disabled_reason: str | None = None
        self._limits = limits
        self._schedule = schedule
        self._breaker = Breaker(schedule)
        self._paused_until = 0.0
        self._order: deque[Delivery] = deque()
        self._ready: deque[Delivery] = deque()
        self._by_key: dict[str, deque[Delivery]] = {}
        self._parked: dict[Offset, Delivery] = {}
        self._due: list[tuple[float, Offset]] = []
        self._unwritten: dict[Offset, Delivery] = {}
        self._unparked: list[Delivery] = []
        self._held = self._held_bytes = self._in_flight = self._unsettled = 0
        self._rows_ahead: dict[Offset, ParkedRow] = {}
        self._is_recalled = True
        for row in sorted(parked, key=lambda row: row.offset):
            self._restore(row)

    # --- What there is ----------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether the lane takes nothing more in for now."""
        return (
            self._held >= self._limits.held_events_max
            or self._held_bytes >= self._limits.held_bytes_max
            or len(self._parked) >= self._limits.parked_max
        )

    @property
    def wants_more(self) -> bool:
        """Whether the lane has work on the log, and room for it."""
        return (
            self.is_reading
            and not self._breaker.is_open
            and 2 * self._held <= self._limits.held_events_max
            and 2 * self._held_bytes <= self._limits.held_bytes_max
            and not self.is_full
        )

    @property
    def is_reading(self) -> bool:
        """Whether there is a part of the log that the lane has to read by itself."""
        if self.behind is None or self.disabled_reason is not None:
            return False
        return self.ends_at is None or self.behind.offset < self.ends_at

    @property
    def is_finished(self) -> bool:
        """Whether all that the endpoint was to get has been delivered, or has died."""
        if self.ends_at is None or self.disabled_reason is not None:
            return False
        if self._order or self._parked or self._rows_ahead:
            return False
        return self.behind is None or self.behind.offset >= self.ends_at

    @property
    def is_failing(self) -> bool:
        return self._breaker.is_open

    @property
    def failures(self) -> int:
        """Attempts without success since the last success."""
        return self._breaker.failures

    @property
    def parked_count(self) -> int:
        return len(self._parked)

    @property
    def is_recalled(self) -> bool:
        """Whether what had been parked before a restart is in memory again."""
        return self._is_recalled

    # --- Taking in --------------------------------------------------------------------------------

    def fall_behind(self, start: Start) -> None:
        """Take nothing more from the common reading, whose next event for this lane is there."""
        self.behind = start

    def catch_up(self, start: Start, *, reading_at: Offset) -> None:
        """Note how far the lane's own reading is; it ends where the common reading has come to."""
        self.taken_to = max(self.taken_to, start.offset)
        self.behind = None if start.offset >= reading_at else start

    def covers(self, offset: Offset) -> bool:
        """Whether the event is of the endpoint's stretch and has not been taken in yet."""
        is_before_end = self.ends_at is None or offset < self.ends_at
        return is_before_end and offset >= max(self.taken_to, self.endpoint.starts_at)

    def take(self, delivery: Delivery) -> None:
        """Take in the next event of the endpoint, in the order of the log."""
        self.taken_to = Offset(delivery.offset + 1)
        row = self._rows_ahead.pop(delivery.offset, None)
        if row is not None and row.is_dead:
            return
        self._hold(delivery)
        self._order.append(delivery)
        if row is not None:
            delivery.attempts, delivery.next_try_at = row.attempts, row.next_try_at
            delivery.reason, delivery.has_row = row.reason, True
            self._set_parked(delivery)
        self._line_up(delivery)

    def recall(self, bodies: Mapping[Offset, Delivery]) -> None:
        """Give back what the log says about deliveries that were parked before a restart."""
        for offset, found in bodies.items():
            delivery = self._parked.get(offset)
            if delivery is not None and delivery.body is None:
                delivery.message_id, delivery.occurred_at = found.message_id, found.occurred_at
                delivery.body = found.body
                self._held_bytes += len(found.body or b"")
        self._is_recalled = True

    def to_recall(self) -> Sequence[Delivery]:
        """The deliveries whose contents are on the log only, in its order."""
        return [d for _, d in sorted(self._parked.items()) if d.body is None]

    # --- Sending ----------------------------------------------------------------------------------

    def next(self, now: float) -> Delivery | None:
        """The delivery to attempt now, which counts as in flight from here on."""
        if not self._may_send(now):
            return None
        delivery = self._probe(now) if self._breaker.is_open else self._regular(now)
        if delivery is not None:
            delivery.state = State.IN_FLIGHT
            self._in_flight += 1
        return delivery

    def delivered(self, delivery: Delivery) -> bool:
        """The receiver has it; true when that ended a time of failing."""
        self._in_flight -= 1
        self._unsettled += 1
        recovered = self._breaker.succeeded()
        self._finish(delivery)
        if recovered:
            self._release_parked()
        return recovered

    def failed(
        self, delivery: Delivery, *, now: float, reason: str, retry_after_s: float | None = None
    ) -> bool:
        """The attempt came to nothing: the delivery is parked, or dead after its last attempt.

        True when the endpoint counts as failing by it.
        """
        self._in_flight -= 1
        delivery.reason = reason
        if retry_after_s is not None:
            self._paused_until = max(self._paused_until, now + retry_after_s)
        if not delivery.is_probe:
            delivery.attempts += 1
            wait_s = self._schedule.next_wait_s(delivery.attempts)
            if wait_s is None:
                delivery.is_dead = True
            else:
                delivery.next_try_at = max(now + wait_s, self._paused_until)
        self._park(delivery)
        return self._breaker.failed(now)

    def disable(self, reason: str) -> None:
        """Send nothing more; the lane keeps its place."""
        self.disabled_reason = reason

    def wake_at(self, now: float) -> float | None:
        """When `next` may have something that it has not now, if nothing else happens."""
        if not self._may_send(max(now, self._paused_until)):
            return None
        if self._breaker.is_open:
            at = None if self._in_flight else self._breaker.probe_at
        elif self._has_ready():
            at = now
        else:
            at = self._next_due() if self._is_recalled else None
        return None if at is None else max(at, self._paused_until)

    # --- Writing down -----------------------------------------------------------------------------

    def changes(self) -> LaneChanges:
        """What has changed since the last time: to be written, in order, or the lane is spent."""
        if 2 * self._unsettled >= self._limits.repeats_max:
            self._park_stragglers()
        rows = [self._row(delivery) for delivery in self._unwritten.values()]
        for delivery in self._unwritten.values():
            delivery.has_row = True
        self._unwritten.clear()
        settled = sum(delivery.is_passed for delivery in self._unparked)
        unparked = [delivery.offset for delivery in self._unparked]
        self._unparked.clear()
        settled += self._move()
        position = self._position()
        if self.disabled_reason is not None and self._in_flight == 0:
            self._let_go(position)
        return LaneChanges(next=position, parked=rows, unparked=unparked, settled=settled)

    def settle(self, count: int) -> None:
        """So many deliveries are written down: a crash will not repeat them."""
        self._unsettled -= count

    # --- Inside -----------------------------------------------------------------------------------

    def _restore(self, row: ParkedRow) -> None:
        if self.behind is not None and row.offset >= self.behind.offset:
            # The lane will read the event again, and finds out here that it has been tried.
            self._rows_ahead[row.offset] = row
            return
        if row.is_dead:
            return
        delivery = Delivery(
            offset=row.offset,
            claim=row.claim,
            key=row.key,
            attempts=row.attempts,
            next_try_at=row.next_try_at,
            reason=row.reason,
            has_row=True,
            is_passed=True,
        )
        self._is_recalled = False
        self._hold(delivery)
        self._set_parked(delivery)
        self._line_up(delivery)

    def _hold(self, delivery: Delivery) -> None:
        self._held += 1
        self._held_bytes += len(delivery.body or b"")

    def _line_up(self, delivery: Delivery) -> None:
        line = self._by_key.get(delivery.key)
        if line is None:
            self._by_key[delivery.key] = deque((delivery,))
            self._to_front(delivery)
            return
        delivery.state = State.WAITING
        line.append(delivery)
        if line[0].is_parked:
            self._set_parked(delivery)

    def _to_front(self, delivery: Delivery) -> None:
        """The delivery is the first of its record now."""
        if delivery.is_parked:
            delivery.state = State.PARKED
            heapq.heappush(self._due, (delivery.next_try_at, delivery.offset))
        else:
            delivery.state = State.READY
            self._ready.append(delivery)

    def _set_parked(self, delivery: Delivery) -> None:
        delivery.is_parked = True
        self._parked[delivery.offset] = delivery
        if not delivery.has_row:
            self._unwritten[delivery.offset] = delivery

    def _may_send(self, now: float) -> bool:
        return (
            self.disabled_reason is None
            and self._in_flight < self._limits.in_flight_max
            and self._in_flight + self._unsettled < self._limits.repeats_max
            and now >= self._paused_until
        )

    def _regular(self, now: float) -> Delivery | None:
        due_at = self._next_due() if self._is_recalled else None
        if due_at is not None and due_at <= now:
            return self._pop_due(is_probe=False)
        return self._ready.popleft() if self._has_ready() else None

    def _probe(self, now: float) -> Delivery | None:
        if self._in_flight or now < self._breaker.probe_at:
            return None
        due_at = self._next_due() if self._is_recalled else None
        if due_at is not None:
            return self._pop_due(is_probe=due_at > now)
        return self._ready.popleft() if self._has_ready() else None

    def _has_ready(self) -> bool:
        while self._ready and self._ready[0].state is not State.READY:
            self._ready.popleft()
        return bool(self._ready)

    def _next_due(self) -> float | None:
        while self._due:
            at, offset = self._due[0]
            delivery = self._parked.get(offset)
            is_current = (
                delivery is not None
                and delivery.state is State.PARKED
                and delivery.next_try_at == at
            )
            if is_current:
                return at
            heapq.heappop(self._due)
        return None

    def _pop_due(self, *, is_probe: bool) -> Delivery:
        _, offset = heapq.heappop(self._due)
        delivery = self._parked[offset]
        delivery.is_probe = is_probe
        return delivery

    def _park(self, delivery: Delivery) -> None:
        if delivery.is_dead:
            self._unwritten[delivery.offset] = delivery
            self._finish(delivery)
            return
        delivery.is_parked = True
        self._parked[delivery.offset] = delivery
        self._unwritten[delivery.offset] = delivery
        self._to_front(delivery)
        self._park_line(delivery)

    def _park_line(self, first: Delivery) -> None:
        for delivery in self._by_key[first.key]:
            if not delivery.is_parked:
                self._set_parked(delivery)

    def _finish(self, delivery: Delivery) -> None:
        delivery.state = State.DONE
        self._held -= 1
        self._held_bytes -= len(delivery.body or b"")
        delivery.body = None
        self._parked.pop(delivery.offset, None)
        if not delivery.is_dead:
            self._unwritten.pop(delivery.offset, None)
            if delivery.has_row:
                self._unparked.append(delivery)
        line = self._by_key[delivery.key]
        line.popleft()
        if line:
            self._to_front(line[0])
        else:
            del self._by_key[delivery.key]

    def _release_parked(self) -> None:
        """The endpoint is back: what waits for its time is due now, in the order of the log."""
        for _, delivery in sorted(self._parked.items()):
            if delivery.state is State.PARKED:
                delivery.next_try_at = 0.0
                heapq.heappush(self._due, (0.0, delivery.offset))

    def _park_stragglers(self) -> None:
        """Park what is left between deliveries that are done, so that the position can pass."""
        done = (index for index, d in enumerate(reversed(self._order)) if d.state is State.DONE)
        after_last_done = len(self._order) - next(done, len(self._order))
        for delivery in islice(self._order, after_last_done):
            if delivery.is_parked or delivery.state not in {State.IN_FLIGHT, State.READY}:
                continue
            self._set_parked(delivery)
            if delivery.state is State.READY:
                self._to_front(delivery)
            self._park_line(delivery)

    def _move(self) -> int:
        settled = 0
        while self._order and (self._order[0].state is State.DONE or self._order[0].has_row):
            delivery = self._order.popleft()
            delivery.is_passed = True
            settled += delivery.state is State.DONE and not delivery.is_dead
        return settled

    def _position(self) -> Start | None:
        if self._order:
            return Start(offset=self._order[0].offset, claim=self._order[0].claim)
        return self.behind

    def _let_go(self, position: Start | None) -> None:
        """Keep nothing in memory: it is all on the log and in rows."""
        self.behind = position
        self._held = self._held_bytes = 0
        for held in (self._order, self._ready, self._by_key, self._parked, self._due):
            held.clear()

    def _row(self, delivery: Delivery) -> ParkedRow:
        return ParkedRow(
            endpoint_id=self.endpoint.id,
            offset=delivery.offset,
            claim=delivery.claim,
            key=delivery.key,
            attempts=delivery.attempts,
            next_try_at=delivery.next_try_at,
            is_dead=delivery.is_dead,
            reason=delivery.reason,
        )
