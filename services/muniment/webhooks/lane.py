"""A lane: what one endpoint is still to be told, and how far it has been.

It knows no network and no clock: the dispatcher brings it events and the time, asks it what to
send, tells it what came of that, and writes down what it says has changed. Its position moves over
what was delivered or parked, never over anything else. Events of one line (a record, unless the
endpoint's terms say otherwise) go out one after another; a failed one is parked, and holds up only
the later ones of its line.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from muniment.domain.webhooks.spec import Order
from muniment.log.protocol import Entry, Offset, Start
from muniment.webhooks.deliveries import Delivery, LaneId, ParkedRow, State
from muniment.webhooks.lines import Lines
from muniment.webhooks.pace import Pace
from muniment.webhooks.parked_rows import ParkedRows, delivery_of_row
from muniment.webhooks.terms import DEFAULT_LIMITS, Limits, Terms

HELD_WHILE_AWAY_MAX: Final = 100
"""Events in memory for an endpoint that counts as away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChanges:
    """What has to be written of a lane, together with the position of the reading."""

    next: Start | None
    """Where the lane goes on in the log; `None`: where the reading does, it has caught up."""
    parked: Sequence[ParkedRow]
    unparked: Sequence[Offset]
    settled: int
    """Deliveries that a crash will not repeat any more once this is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a failed request means for the endpoint."""

    has_failed_often: bool
    """It counts as away from now on."""
    died: Sequence[Delivery]
    """The deliveries that will not be tried again."""


class Lane:
    """See the module."""

    def __init__(
        self,
        id_: LaneId,
        terms: Terms,
        *,
        limits: Limits = DEFAULT_LIMITS,
        taken_to: Offset,
        behind: Start | None = None,
        ends_at: Offset | None = None,
        parked: Iterable[ParkedRow] = (),
    ) -> None:
        self.id = id_
        self.ends_at = ends_at
        """The first offset that is not for this lane any more."""
        self.behind = behind
        """Where the lane has to read the log itself; `None` while the common reading feeds it."""
        self.taken_to = taken_to if behind is None else behind.offset
        """All before it has been taken in."""
        self.stopped_for: str | None = None
        """Why the lane sends nothing and keeps only its place."""
        self.is_let_go = False
        """It was stopped, and holds nothing in memory."""
        self.pace = Pace(terms, seed=id_)
        self._limits = limits
        self._order: deque[Delivery] = deque()
        self._lines = Lines(terms.order)
        self._rows = ParkedRows(id_)
        self._held = self._held_bytes = self._under_way = self._unsettled = 0
        self._rows_ahead: dict[Offset, ParkedRow] = {}
        self._is_recalled = True
        self._is_ending = self._was_early = False
        for row in sorted(parked, key=lambda row: row.offset):
            self._restore(row)

    # --- What there is ----------------------------------------------------------------------------

    @property
    def order(self) -> Order:
        """Which deliveries wait for which; it stays as it was when the lane was made."""
        return self._lines.order

    @property
    def is_full(self) -> bool:
        """Whether the lane takes nothing more in for now."""
        held_max = self._limits.held_events_max
        if self.pace.is_open:
            # One probe at a time goes out: all the others can wait on the log.
            held_max = min(held_max, HELD_WHILE_AWAY_MAX)
        return (
            self._held >= held_max
            or self._held_bytes >= self._limits.held_bytes_max
            or self.parked_count >= self._limits.parked_max
        )

    @property
    def wants_more(self) -> bool:
        """Whether the lane has work on the log, and room for it."""
        return (
            self.is_reading
            # Probes are made from what is held, and so there has to be something.
            and not (self.pace.is_open and self._held)
            and 2 * self._held <= self._limits.held_events_max
            and 2 * self._held_bytes <= self._limits.held_bytes_max
            and not self.is_full
        )

    @property
    def is_reading(self) -> bool:
        """Whether there is a part of the log that the lane has to read by itself."""
        if self.behind is None or self.stopped_for is not None:
            return False
        return self.ends_at is None or self.behind.offset < self.ends_at

    @property
    def is_finished(self) -> bool:
        """Whether all that the endpoint was to get has been delivered, or has died."""
        if self.ends_at is None or self.stopped_for is not None:
            return False
        if self._order or self.parked_count or self._rows_ahead:
            return False
        return self.behind is None or self.behind.offset >= self.ends_at

    @property
    def is_idle(self) -> bool:
        """Whether nothing of the lane is under way."""
        return self._under_way == 0

    @property
    def parked_count(self) -> int:
        return len(self._lines.parked)

    @property
    def held_count(self) -> int:
        """Deliveries in memory that have not been made."""
        return self._held

    @property
    def is_recalled(self) -> bool:
        """Whether what had been parked before a restart is in memory again."""
        return self._is_recalled

    @property
    def oldest(self) -> Delivery | None:
        """The first delivery in memory that has not been made."""
        parked = min(self._lines.parked, default=None)
        waiting = next((d for d in self._order if d.state is not State.DONE), None)
        if parked is None or (waiting is not None and waiting.offset <= parked):
            return waiting
        return self._lines.parked[parked]

    # --- Taking in --------------------------------------------------------------------------------

    def drain(self, entry: Entry) -> None:
        """Take this one in as the last, and keep the place after it.

        What the lane's own reading has taken in beyond it by now goes out as well.
        """
        if self.ends_at is None:
            self.ends_at = Offset(max(entry.position.offset + 1, self.taken_to))
            if self.behind is None:
                self.behind = Start(offset=entry.position.offset, claim=entry.claim)

    def fall_behind(self, start: Start) -> None:
        """Take nothing more from the common reading, whose next event for this lane is there."""
        self.behind = start

    def catch_up(self, start: Start, *, reading_at: Offset) -> None:
        """Note how far the lane's own reading is; it ends where the common reading has come to.

        One with an end keeps its place there: the end may be taken away.
        """
        self.taken_to = max(self.taken_to, start.offset)
        is_over = self.ends_at is None and start.offset >= reading_at
        self.behind = None if is_over else start

    def covers(self, offset: Offset) -> bool:
        """Whether the event is of the lane's stretch and has not been taken in yet."""
        return offset >= self.taken_to and (self.ends_at is None or offset < self.ends_at)

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
            self._lines.park(delivery)
        self._line_up(delivery)

    def recall(self, found: Mapping[Offset, Delivery]) -> None:
        """Give back what the log says about deliveries that were parked before a restart."""
        for offset, again in found.items():
            delivery = self._lines.parked.get(offset)
            if delivery is not None and delivery.body is None:
                delivery.type, delivery.message_id = again.type, again.message_id
                delivery.occurred_at, delivery.body = again.occurred_at, again.body
                self._held_bytes += len(again.body or b"")
        self._is_recalled = True

    def to_recall(self) -> Sequence[Delivery]:
        """The deliveries whose contents are on the log only, in its order."""
        return [d for _, d in sorted(self._lines.parked.items()) if d.body is None]

    def anew(self, parked: Iterable[ParkedRow], reading_at: Offset) -> "Lane":
        """The lane as it goes on from its place, after it was let go."""
        return Lane(
            self.id,
            self.pace.terms,
            limits=self._limits,
            taken_to=reading_at,
            behind=self.behind,
            ends_at=self.ends_at,
            parked=parked,
        )

    # --- Sending ----------------------------------------------------------------------------------

    def next(self, now: float) -> Sequence[Delivery]:
        """What to send now in one request, in order; it counts as under way from here on."""
        if not self._may_send() or not self.pace.may_send(now):
            return ()
        found = self._gather(now)
        if found:
            self._under_way += len(found)
            self.pace.sent(now, len(found))
        return found

    def delivered(self, request: Sequence[Delivery], *, now: float, took_s: float = 0.0) -> bool:
        """The receiver has them; true when it was away until now."""
        self._under_way -= len(request)
        self._unsettled += len(request)
        has_recovered = self.pace.succeeded(now, took_s=took_s)
        for delivery in request:
            self._finish(delivery)
        if has_recovered:
            self._lines.release()
        return has_recovered

    def failed(
        self,
        request: Sequence[Delivery],
        *,
        now: float,
        reason: str,
        is_overload: bool = False,
        is_final: bool = False,
        is_refusal: bool = False,
        retry_after_s: float | None = None,
    ) -> Verdict:
        """The request came to nothing: its deliveries are parked, or dead after the last attempt.

        `is_final`: the receiver does not want these again. `is_refusal`: nor is it failing.
        """
        self._under_way -= len(request)
        often = has_recovered = False
        if is_refusal:
            has_recovered = self.pace.succeeded(now)
        else:
            often = self.pace.failed(now, is_overload=is_overload, retry_after_s=retry_after_s)
        for delivery in request:
            delivery.reason = reason
            if not delivery.is_early:
                self._count_attempt(delivery, now)
            delivery.is_dead |= is_final or is_refusal
        # Last ones first: who is at the front of a line is known when those behind it are back.
        for delivery in reversed(request):
            self._park(delivery)
        if has_recovered:
            self._lines.release()
        died = [delivery for delivery in request if delivery.is_dead]
        return Verdict(has_failed_often=often, died=died)

    def stop(self, reason: str) -> None:
        """Send nothing more; the lane keeps its place."""
        self.stopped_for = reason

    def wake_at(self, now: float) -> float | None:
        """When `next` may have something that it has not now, if nothing else happens."""
        if not self._may_send() or (open_at := self.pace.open_at(now)) is None:
            return None
        due_at = self._lines.next_due() if self._is_recalled else None
        ready_at = self._ready_at(now)
        if self.pace.is_open and (due_at is not None or ready_at is not None):
            return open_at
        times = [at for at in (due_at, ready_at) if at is not None]
        return max(open_at, min(times)) if times else None

    # --- Writing down -----------------------------------------------------------------------------

    def changes(self) -> LaneChanges:
        """What has changed since the last time: to be written, in order, or the lane is spent."""
        is_letting_go = self.stopped_for is not None and self.is_idle
        rows = self._rows.take_written()
        made = self._rows.take_made()
        unparked = [delivery.offset for delivery in made]
        settled = sum(delivery.is_passed for delivery in made) + self._move()
        # Most of what is under way is done by the next commit: a row for it would be for nothing.
        is_enough = 2 * (self._unsettled - settled) >= self._limits.repeats_max
        if is_letting_go or self._is_ending or is_enough:
            self._park_stragglers()
            rows += self._rows.take_written()
            settled += self._move()
        position = self._position()
        if is_letting_go:
            self._let_go(position)
        return LaneChanges(next=position, parked=rows, unparked=unparked, settled=settled)

    def end(self) -> None:
        """Another lane goes on from the next changes: it is to repeat nothing that is done."""
        self._is_ending = True

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
        delivery = delivery_of_row(row)
        self._is_recalled = False
        self._hold(delivery)
        self._lines.park(delivery)
        self._line_up(delivery)

    def _hold(self, delivery: Delivery) -> None:
        self._held += 1
        self._held_bytes += len(delivery.body or b"")

    def _line_up(self, delivery: Delivery) -> None:
        first = self._lines.add(delivery)
        if first.is_parked and self._lines.parks_followers:
            self._set_parked(delivery)

    def _set_parked(self, delivery: Delivery) -> None:
        self._lines.park(delivery)
        if not delivery.has_row:
            self._rows.write(delivery)

    def _may_send(self) -> bool:
        return (
            self.stopped_for is None
            and self._under_way + self._unsettled < self._limits.repeats_max
        )

    def _gather(self, now: float) -> Sequence[Delivery]:
        """The deliveries of the next request, marked as in flight."""
        due_at = self._lines.next_due() if self._is_recalled else None
        is_probing = self.pace.is_open
        if due_at is None or (due_at > now and not is_probing):
            ready_at = self._ready_at(now)
            if ready_at is None or (ready_at > now and not is_probing):
                return ()
        room = 1 if is_probing else self._room
        found: list[Delivery] = []
        # What goes out before its time takes turns with what was never tried.
        if self.pace.breaker.prefers_untried if is_probing else self._was_early:
            found += self._gather_untried(room)
        while self._is_recalled and len(found) < room:
            at = self._lines.next_due()
            if at is None or (at > now and not is_probing):
                break
            delivery = self._lines.pop_due()
            delivery.is_early = delivery.next_try_at > now
            found += self._lines.send(delivery, room - len(found))
        found += self._gather_untried(room - len(found))
        self._was_early = any(delivery.is_early for delivery in found)
        return found

    def _gather_untried(self, room: int) -> Sequence[Delivery]:
        found: list[Delivery] = []
        while len(found) < room and (untried := self._lines.pop_ready()) is not None:
            found += self._lines.send(untried, room - len(found))
        return found

    @property
    def _room(self) -> int:
        """How many deliveries one request may hold."""
        repeatable = self._limits.repeats_max - self._under_way - self._unsettled
        return min(self.pace.terms.batch_events_max, repeatable)

    def _ready_at(self, now: float) -> float | None:
        """When the deliveries that have not failed yet are to go out."""
        first = self._lines.peek_ready()
        if first is None:
            return None
        terms = self.pace.terms
        if terms.batch_wait_s <= 0 or self._lines.ready_count >= terms.batch_events_max:
            return now
        return max(first.taken_at + terms.batch_wait_s, now)

    def _count_attempt(self, delivery: Delivery, now: float) -> None:
        delivery.attempts += 1
        wait_s = self.pace.terms.schedule.next_wait_s(delivery.attempts, delivery.message_id)
        if wait_s is None:
            delivery.is_dead = True
        else:
            delivery.next_try_at = max(now + wait_s, self.pace.paused_until)

    def _park(self, delivery: Delivery) -> None:
        if delivery.is_dead:
            self._rows.write(delivery)
            self._finish(delivery)
            return
        self._lines.park(delivery)
        self._rows.write(delivery)
        self._lines.give_back(delivery)
        self._park_followers(delivery)

    def _finish(self, delivery: Delivery) -> None:
        self._lines.finish(delivery)
        self._held -= 1
        self._held_bytes -= len(delivery.body or b"")
        delivery.body = None
        if not delivery.is_dead:
            self._rows.made(delivery)

    def _park_stragglers(self) -> None:
        """Park what is left between deliveries that are done, so that the position can pass."""
        done = (index for index, d in enumerate(reversed(self._order)) if d.state is State.DONE)
        after_last_done = len(self._order) - next(done, len(self._order))
        for delivery in islice(self._order, after_last_done):
            if delivery.is_parked or delivery.state not in {State.IN_FLIGHT, State.READY}:
                continue
            self._set_parked(delivery)
            if delivery.state is State.READY:
                self._lines.give_back(delivery)
            self._park_followers(delivery)

    def _park_followers(self, delivery: Delivery) -> None:
        if not self._lines.parks_followers:
            return
        for follower in self._lines.followers_of(delivery):
            if not follower.is_parked:
                self._set_parked(follower)

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
        self.is_let_go = True
        self.behind = position
        self._held = self._held_bytes = 0
        self._order.clear()
        self._lines.clear()
