"""When an endpoint gets probes only, and that nothing is lost by it: in simulated time."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from muniment.domain.webhooks.spec import WebhookSpec
from muniment.log.protocol import Offset, Start
from muniment.webhooks.breaker import (
    COUNTED_MAX,
    COUNTED_S_MAX,
    FAILURES_TO_OPEN,
    PROBES_PER_UNTRIED,
    Bounds,
    Breaker,
    Cause,
    State,
)
from muniment.webhooks.deliveries import Delivery, LaneId
from muniment.webhooks.endpoints import url_spec
from muniment.webhooks.lane import Lane
from muniment.webhooks.retry import Schedule
from muniment.webhooks.terms import Defaults, Limits, Terms

NOW = 1_000.0
PLAIN = Schedule(waits_s=(0, 5, 60), jitter=0.0)
ADVISED = Schedule(
    waits_s=(0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400), jitter=0.2
)
HOUR_S = 3_600.0


def new_breaker() -> Breaker:
    return Breaker(PLAIN, Bounds(bad_share=0.8, slow_s=10.0))


def new_lane(schedule: Schedule = PLAIN, *, window: int = 16, limits: Limits | None = None) -> Lane:
    terms = Terms(schedule=schedule, window=window)
    return Lane(LaneId("lane"), terms, limits=limits or Limits(), taken_to=Offset(0))


def take(lane: Lane, *keys: str) -> None:
    for key in keys:
        at = lane.taken_to
        lane.take(
            Delivery(offset=at, claim=Offset(0), key=key, body=b"body", message_id=f"evt_{at}")
        )


def go_on(breaker: Breaker, outcomes: str, now: float = NOW) -> None:
    """One attempt for each letter: `.` succeeds, `l` succeeds late, `f` fails."""
    for outcome in outcomes:
        breaker.sent()
        if outcome == "f":
            breaker.failed(now)
        else:
            breaker.succeeded(now, took_s=12.0 if outcome == "l" else 0.1)


@pytest.mark.parametrize(
    ("outcomes", "cause"),
    [
        ("ffff." * 10, Cause.SHARE),
        ("ffff." * 9 + "fff..", None),
        ("llll." * 10, Cause.SLOW),
        ("lllf." * 10, Cause.SLOW),
        ("lll.." * 10, None),
        ("." * COUNTED_MAX, None),
        ("f" * FAILURES_TO_OPEN, Cause.AWAY),
    ],
)
def test_it_opens_by_share_by_latency_or_in_a_row(outcomes: str, cause: Cause | None) -> None:
    breaker = new_breaker()

    go_on(breaker, outcomes)

    assert breaker.cause is cause
    assert breaker.state is (State.CLOSED if cause is None else State.OPEN)


def test_few_attempts_in_a_long_time_say_nothing() -> None:
    """Who takes them one by one holds one connection."""
    breaker = new_breaker()

    for number in range(1_000):
        go_on(breaker, "l", NOW + number * COUNTED_S_MAX / (COUNTED_MAX - 2))

    assert breaker.cause is None


def test_one_good_probe_closes_it_and_the_count_begins_anew() -> None:
    breaker = new_breaker()
    go_on(breaker, "ffff." * 10)
    breaker.sent()
    half_open = breaker.state

    was_away = breaker.succeeded(NOW + 1, took_s=0.1)
    go_on(breaker, "ffff." * 9)

    assert (half_open, breaker.state, was_away) == (State.HALF_OPEN, State.CLOSED, False)


def test_what_was_under_way_when_it_opened_neither_closes_nor_delays_it() -> None:
    breaker = new_breaker()
    go_on(breaker, "ffff." * 10)
    probe_at = breaker.probe_at

    breaker.succeeded(NOW, took_s=0.1)
    breaker.failed(NOW)

    assert (breaker.state, breaker.probe_at) == (State.OPEN, probe_at)


def test_failed_probes_wait_longer_and_longer_and_late_ones_do_not() -> None:
    waits: list[float] = []
    breaker = new_breaker()
    go_on(breaker, "llll." * 10)
    now = NOW
    for outcome in "fffll":
        now = breaker.probe_at
        go_on(breaker, outcome, now)
        waits.append(breaker.probe_at - now)

    assert waits == [2, 4, 8, 1, 1]


def test_who_fails_on_counts_as_away_and_that_is_told_once() -> None:
    breaker = new_breaker()
    go_on(breaker, "ffff." * 10)
    told = [breaker.failed(NOW + 60 * number) for number in range(2 * FAILURES_TO_OPEN)]

    assert told == [n == FAILURES_TO_OPEN - 1 for n in range(2 * FAILURES_TO_OPEN)]
    assert (breaker.cause, breaker.opened_at) == (Cause.AWAY, NOW)


@pytest.mark.parametrize(
    ("timeout_s", "slow_s"), [(None, 10.0), (1.0, 10.0), (15.0, 10.0), (30.0, 20.0)]
)
def test_who_may_take_longer_is_late_later(timeout_s: float | None, slow_s: float) -> None:
    spec: WebhookSpec = replace(url_spec("http://one.example/"), timeout_s=timeout_s)

    assert Defaults(schedule=PLAIN).terms(spec).bounds.slow_s == slow_s


def test_one_probe_of_some_is_a_delivery_that_was_never_tried() -> None:
    """Else a few that always fail could keep all others waiting; all would be a heap of failed."""
    lane = new_lane()
    take(lane, *(str(number) for number in range(100)))
    for _ in range(FAILURES_TO_OPEN):
        lane.failed(lane.next(NOW), now=NOW, reason="status 500")
    offsets: list[int] = []
    now = NOW
    for _ in range(2 * PROBES_PER_UNTRIED):
        now = lane.wake_at(now) or now
        [probe] = lane.next(now)
        offsets.append(probe.offset)
        lane.failed([probe], now=now, reason="status 500")

    is_untried = [offset >= FAILURES_TO_OPEN for offset in offsets]
    assert is_untried == [False, False, False, True] * 2


def test_what_is_sent_before_its_time_takes_turns_with_what_was_never_tried() -> None:
    lane = new_lane(ADVISED)
    take(lane, *(str(number) for number in range(FAILURES_TO_OPEN + 3)))
    for _ in range(FAILURES_TO_OPEN):
        lane.failed(lane.next(NOW), now=NOW, reason="status 500")
    probe_at = lane.wake_at(NOW) or NOW
    lane.delivered(lane.next(probe_at), now=probe_at)

    sent = [lane.next(probe_at)[0].offset for _ in range(7)]

    early = [*sent[1:6:2], sent[6]]
    assert sent[:6:2] == list(range(FAILURES_TO_OPEN, FAILURES_TO_OPEN + 3))
    assert early == sorted(early)
    assert early[-1] < FAILURES_TO_OPEN


def test_who_is_not_away_is_probed_with_what_was_never_tried() -> None:
    lane = new_lane()
    take(lane, *(str(number) for number in range(100)))
    for number in range(COUNTED_MAX):
        request = lane.next(NOW)
        if number % 5 == 4:
            lane.delivered(request, now=NOW)
        else:
            lane.failed(request, now=NOW, reason="status 500")
    cause = lane.pace.breaker.cause
    [probe] = lane.next(NOW + 2)

    assert (cause, probe.offset) == (Cause.SHARE, COUNTED_MAX)


def test_what_fails_again_before_its_time_has_lost_no_attempt() -> None:
    """An endpoint that comes and goes must not use up the schedule of what is parked."""
    lane = new_lane(ADVISED)
    take(lane, *(str(number) for number in range(FAILURES_TO_OPEN)))
    for _ in range(FAILURES_TO_OPEN):
        lane.failed(lane.next(NOW), now=NOW, reason="status 500")
    probe_at = lane.wake_at(NOW) or NOW
    lane.delivered(lane.next(probe_at), now=probe_at)
    again = lane.next(probe_at)
    by_schedule = again[0].next_try_at

    lane.failed(again, now=probe_at, reason="status 500")

    assert by_schedule > probe_at
    assert (again[0].attempts, again[0].next_try_at) == (1, by_schedule)


def test_an_open_one_with_nothing_to_probe_with_reads_on() -> None:
    """All that it held has died, and the rest is on the log only."""
    lane = new_lane(Schedule(waits_s=(0,), jitter=0.0))
    take(lane, *(str(number) for number in range(FAILURES_TO_OPEN)))
    lane.fall_behind(Start(offset=lane.taken_to, claim=Offset(0)))
    wanted: list[bool] = []
    for _ in range(FAILURES_TO_OPEN):
        lane.failed(lane.next(NOW), now=NOW, reason="status 500")
        wanted.append(lane.wants_more)

    assert lane.pace.is_open
    assert wanted[-1]
    take(lane, "more")
    assert not lane.wants_more


# --- Whole lanes at work --------------------------------------------------------------------------


@dataclass
class Simulation:
    """A lane and its receiver; time goes by from one thing that happens to the next."""

    lane: Lane
    receive: Callable[[float, Delivery], tuple[float, bool]]
    """How long the answer takes at that time, in seconds, and whether it is a success."""
    taken: list[int] = field(default_factory=list[int])
    dead: list[int] = field(default_factory=list[int])
    tried: int = 0
    most_under_way: dict[Cause | None, int] = field(default_factory=dict[Cause | None, int])
    causes: set[Cause | None] = field(default_factory=set[Cause | None])
    now: float = NOW

    def run(self, until: float) -> None:
        """Until nothing is left to do, or that time."""
        answers: list[tuple[float, int, Sequence[Delivery], float, bool]] = []
        while self.now <= until:
            while request := self.lane.next(self.now):
                self.tried += 1
                took_s, is_taken = self.receive(self.now, request[0])
                heapq.heappush(answers, (self.now + took_s, self.tried, request, took_s, is_taken))
                self._look(len(answers))
            self.lane.settle(self.lane.changes().settled)
            times = [answers[0][0]] if answers else []
            if (wake_at := self.lane.wake_at(self.now)) is not None:
                times.append(wake_at)
            if not times:
                return
            self.now = max(self.now, min(times))
            while answers and answers[0][0] <= self.now:
                _, _, request, took_s, is_taken = heapq.heappop(answers)
                self._answer(request, took_s, is_taken=is_taken)

    def _answer(self, request: Sequence[Delivery], took_s: float, *, is_taken: bool) -> None:
        if is_taken:
            self.taken += [delivery.offset for delivery in request]
            self.lane.delivered(request, now=self.now, took_s=took_s)
        else:
            verdict = self.lane.failed(request, now=self.now, reason="status 500")
            self.dead += [delivery.offset for delivery in verdict.died]
        self.causes.add(self.lane.pace.breaker.cause)

    def _look(self, under_way: int) -> None:
        cause = self.lane.pace.breaker.cause
        self.most_under_way[cause] = max(self.most_under_way.get(cause, 0), under_way)


def test_an_hour_of_failing_mostly_loses_nothing_and_keeps_each_record_s_order() -> None:
    calls = iter(range(1_000_000))

    def receive(now: float, _: Delivery) -> tuple[float, bool]:
        is_ill = now < NOW + HOUR_S
        return 0.05, not is_ill or next(calls) % 10 == 0

    lane = new_lane(ADVISED)
    take(lane, *(f"record {number % 100}" for number in range(2_000)))
    simulation = Simulation(lane, receive)

    simulation.run(NOW + 24 * HOUR_S)

    assert Cause.SHARE in simulation.causes
    assert sorted(simulation.taken) == list(range(2_000))
    assert simulation.dead == []
    for number in range(100):
        arrived = [offset for offset in simulation.taken if offset % 100 == number]
        assert arrived == sorted(arrived)
    assert lane.pace.breaker.cause is None


def test_an_endpoint_that_answers_late_holds_one_connection_and_gets_everything() -> None:
    lane = new_lane()
    take(lane, *(str(number) for number in range(300)))

    def receive(now: float, _: Delivery) -> tuple[float, bool]:
        return (12.0 if now < NOW + HOUR_S else 0.05), True

    simulation = Simulation(lane, receive)
    simulation.run(NOW + 24 * HOUR_S)

    assert simulation.most_under_way == {None: 16, Cause.SLOW: 1}
    assert sorted(simulation.taken) == list(range(300))
    assert simulation.tried == 300


def test_a_receiver_that_is_slow_but_in_time_keeps_its_window() -> None:
    lane = new_lane()
    take(lane, *(str(number) for number in range(1_000)))
    simulation = Simulation(lane, lambda _now, _delivery: (9.9, True))

    simulation.run(NOW + 24 * HOUR_S)

    assert simulation.causes == {None}
    assert simulation.now - NOW == pytest.approx(9.9 * 1_000 / 16, rel=0.02)


def test_some_that_always_fail_do_not_keep_the_others_waiting() -> None:
    """Four of five are refused for what they are; the fifth must go on all the same."""
    lane = new_lane(ADVISED)
    take(lane, *(str(number) for number in range(1_000)))
    simulation = Simulation(lane, lambda _, delivery: (0.05, delivery.offset % 5 == 4))

    simulation.run(NOW + 24 * HOUR_S)

    assert sorted(simulation.taken) == list(range(4, 1_000, 5))
