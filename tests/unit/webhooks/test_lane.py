"""A lane: order, retries, what its position may move over, and its bounds."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from muniment.log.protocol import Offset, Start
from muniment.webhooks.breaker import FAILURES_TO_OPEN
from muniment.webhooks.deliveries import Delivery, LaneId, ParkedRow
from muniment.webhooks.lane import HELD_WHILE_AWAY_MAX, Lane, LaneChanges
from muniment.webhooks.retry import REPEAT_S_MIN, Schedule
from muniment.webhooks.terms import Limits, Terms

NOW = 1_000.0
SCHEDULE = Schedule(waits_s=(0, 5, 60), jitter=0.0)
LANE = LaneId("lane")
TERMS = Terms(schedule=SCHEDULE)


def new_lane(limits: Limits | None = None, terms: Terms = TERMS, **kept: object) -> Lane:
    arguments = {"taken_to": Offset(0), **kept}
    return Lane(LANE, terms, limits=limits or Limits(), **arguments)  # type: ignore[arg-type] # of the test


def with_window(window: int) -> Terms:
    return replace(TERMS, window=window)


def take(lane: Lane, *keys: str) -> None:
    """Take in one event for each key, at the next offsets."""
    for key in keys:
        lane.take(delivery(lane.taken_to, key))


def delivery(offset: int, key: str) -> Delivery:
    return Delivery(offset=Offset(offset), claim=Offset(0), key=key, body=b"body", message_id="m")


def start(lane: Lane, now: float = NOW) -> list[Delivery]:
    """All that the lane has to send now."""
    return [request[0] for request in start_requests(lane, now)]


def start_requests(lane: Lane, now: float = NOW) -> list[Sequence[Delivery]]:
    """The same, as requests."""
    started: list[Sequence[Delivery]] = []
    while request := lane.next(now):
        started.append(request)
    return started


def offsets(deliveries: Sequence[Delivery]) -> list[int]:
    return [found.offset for found in deliveries]


def fail(lane: Lane, failed: Delivery, now: float = NOW) -> None:
    lane.failed([failed], now=now, reason="status 500")


def next_offset(changes: LaneChanges) -> int | None:
    return None if changes.next is None else changes.next.offset


def row(offset: int, key: str, *, attempts: int = 1, is_dead: bool = False) -> ParkedRow:
    return ParkedRow(
        lane_id=LANE,
        offset=Offset(offset),
        claim=Offset(0),
        key=key,
        attempts=attempts,
        next_try_at=NOW + 5,
        is_dead=is_dead,
        reason="status 500",
    )


def test_records_go_side_by_side_and_each_in_its_order() -> None:
    lane = new_lane()
    take(lane, "a", "b", "a")

    first = start(lane)
    lane.delivered([first[0]], now=NOW)

    assert (offsets(first), offsets(start(lane))) == ([0, 1], [2])


def test_no_more_are_in_flight_than_the_window() -> None:
    lane = new_lane(terms=with_window(2))
    take(lane, "a", "b", "c")

    assert offsets(start(lane)) == [0, 1]


def test_the_position_waits_for_what_is_under_way() -> None:
    lane = new_lane()
    take(lane, "a", "b")
    under_way = start(lane)
    lane.delivered([under_way[1]], now=NOW)

    assert next_offset(lane.changes()) == 0


def test_a_lane_with_nothing_left_is_where_the_reading_is() -> None:
    lane = new_lane()
    take(lane, "a")
    lane.delivered([start(lane)[0]], now=NOW)

    changes = lane.changes()

    assert (changes.next, changes.settled) == (None, 1)


def test_a_failed_delivery_is_parked_and_the_position_moves_on() -> None:
    lane = new_lane()
    take(lane, "a", "b")
    failed, delivered = start(lane)
    fail(lane, failed)
    lane.delivered([delivered], now=NOW)

    changes = lane.changes()

    assert changes.next is None
    assert [(r.offset, r.attempts, r.next_try_at) for r in changes.parked] == [(0, 1, NOW + 5)]


def test_a_failed_delivery_holds_up_only_its_record() -> None:
    """And what waits behind it has a row as well, or a crash would lose it."""
    lane = new_lane()
    take(lane, "a", "a", "b")
    failed = start(lane)[0]
    fail(lane, failed)
    take(lane, "a", "c")

    assert offsets(start(lane)) == [4]
    assert sorted(r.offset for r in lane.changes().parked) == [0, 1, 3]


def test_a_parked_delivery_comes_again_at_its_time_and_then_its_followers() -> None:
    lane = new_lane()
    take(lane, "a", "a")
    fail(lane, start(lane)[0])

    early, woken_at = start(lane, NOW + 4.9), lane.wake_at(NOW)
    again = start(lane, NOW + 5)
    lane.delivered([again[0]], now=NOW)

    assert (early, woken_at, offsets(again)) == ([], NOW + 5, [0])
    assert offsets(start(lane, NOW + 5)) == [1]


def test_a_row_goes_when_its_delivery_was_made() -> None:
    lane = new_lane()
    take(lane, "a")
    fail(lane, start(lane)[0])
    lane.changes()
    lane.delivered([start(lane, NOW + 5)[0]], now=NOW)

    changes = lane.changes()

    assert (list(changes.unparked), changes.settled, lane.parked_count) == ([0], 1, 0)


def test_after_the_schedules_end_it_is_dead_and_its_followers_go_on() -> None:
    lane = new_lane()
    take(lane, "a", "a")
    for now in (NOW, NOW + 5, NOW + 65):
        fail(lane, start(lane, now)[0], now)

    changes = lane.changes()

    assert sorted((r.offset, r.attempts, r.is_dead) for r in changes.parked) == [
        (0, 3, True),
        (1, 0, False),
    ]
    assert offsets(start(lane, NOW + 65)) == [1]


@pytest.mark.parametrize(("last_s", "again_s"), [(300.0, 300.0), (0.0, REPEAT_S_MIN)])
def test_without_end_the_last_wait_comes_again_and_again(last_s: float, again_s: float) -> None:
    """But never so short that an endpoint hears of nothing else."""
    schedule = Schedule(waits_s=(0, 5, last_s), jitter=0.0, repeats_last=True)

    waits = [schedule.next_wait_s(attempts, "m") for attempts in (0, 1, 2, 3, 4, 1_000)]

    assert waits == [0, 5, last_s, again_s, again_s, again_s]


def test_a_full_lane_says_so_and_reads_on_when_it_has_room() -> None:
    lane = new_lane(Limits(held_events_max=4))
    take(lane, "a", "b", "c", "d")
    lane.fall_behind(Start(offset=Offset(4), claim=Offset(0)))
    was_full, wanted_more = lane.is_full, lane.wants_more
    for delivered in start(lane):
        lane.delivered([delivered], now=NOW)

    assert (was_full, wanted_more) == (True, False)
    assert (lane.is_full, lane.wants_more, next_offset(lane.changes())) == (False, True, 4)


def test_bytes_are_bounded_as_well() -> None:
    lane = new_lane(Limits(held_bytes_max=8))
    take(lane, "a", "b")

    assert lane.is_full


def test_reading_on_ends_where_the_common_reading_is() -> None:
    lane = new_lane(behind=Start(offset=Offset(3), claim=Offset(0)), taken_to=Offset(9))

    lane.catch_up(Start(offset=Offset(8), claim=Offset(0)), reading_at=Offset(9))
    was_behind = lane.behind is not None
    lane.catch_up(Start(offset=Offset(9), claim=Offset(0)), reading_at=Offset(9))

    assert (was_behind, lane.behind) == (True, None)
    assert (lane.covers(Offset(8)), lane.covers(Offset(9))) == (False, True)


def test_what_a_crash_would_repeat_is_bounded() -> None:
    lane = new_lane(Limits(repeats_max=4), with_window(4))
    take(lane, *"abcdefgh")
    for delivered in start(lane):
        lane.delivered([delivered], now=NOW)
    stalled = start(lane)

    lane.settle(lane.changes().settled)

    assert (offsets(stalled), offsets(start(lane))) == ([], [4, 5, 6, 7])


def test_one_slow_answer_does_not_stop_the_lane() -> None:
    """It is parked while it is under way, so that the position can move past it."""
    lane = new_lane(Limits(repeats_max=4), with_window(3))
    take(lane, *"abcde")
    _slow, *quick = start(lane)
    for delivered in quick:
        lane.delivered([delivered], now=NOW)

    changes = lane.changes()
    lane.settle(changes.settled)

    assert ([r.offset for r in changes.parked], next_offset(changes)) == ([0], 3)
    assert offsets(start(lane)) == [3, 4]


def test_one_that_is_a_little_late_gets_no_row() -> None:
    """Else a busy lane would write and delete rows at every commit."""
    lane = new_lane(Limits(repeats_max=4), with_window(4))
    take(lane, *"abcd")
    first, second, _late, fourth = start(lane)
    for delivered in (first, second, fourth):
        lane.delivered([delivered], now=NOW)

    changes = lane.changes()

    assert (changes.parked, next_offset(changes), changes.settled) == ([], 2, 2)


def test_a_lane_that_ends_leaves_nothing_to_be_repeated() -> None:
    """What was not sent in time has a row, so that the position passes what was sent after it."""
    lane = new_lane()
    take(lane, *"aabc")
    first, second, third = start(lane)
    for delivered in (second, third, first):
        lane.delivered([delivered], now=NOW)

    lane.end()
    changes = lane.changes()

    assert [parked.offset for parked in changes.parked] == [1]
    assert (next_offset(changes), changes.settled) == (None, 3)


def test_an_endpoint_that_is_away_gets_one_probe_at_a_time() -> None:
    """Instead of every event of the log's rest failing once."""
    lane = new_lane()
    take(lane, *(f"record {number}" for number in range(100)))
    failures = 0
    while request := lane.next(NOW):
        fail(lane, request[0])
        failures += 1
    at_once, woken_at = start(lane, NOW + 0.9), lane.wake_at(NOW)
    probe = start(lane, NOW + 1)

    assert (failures, at_once, woken_at, len(probe)) == (FAILURES_TO_OPEN, [], NOW + 1, 1)


def test_for_an_endpoint_that_is_away_few_events_are_held() -> None:
    """The others wait on the log, and are read when it is back."""
    lane = new_lane()
    take(lane, *(f"r{number}" for number in range(HELD_WHILE_AWAY_MAX)))
    was_full = lane.is_full
    while request := lane.next(NOW):
        fail(lane, request[0])
    is_full = lane.is_full
    lane.fall_behind(Start(offset=lane.taken_to, claim=Offset(0)))
    lane.delivered(start(lane, NOW + 1), now=NOW + 1)

    assert (was_full, is_full, lane.is_full, lane.wants_more) == (False, True, False, True)


def test_a_probe_before_its_time_is_no_attempt_of_the_schedule() -> None:
    lane = new_lane()
    take(lane, *(f"record {number}" for number in range(FAILURES_TO_OPEN)))
    for found in start(lane) + start(lane):
        fail(lane, found)
    while request := lane.next(NOW):
        fail(lane, request[0])
    probe = start(lane, NOW + 1)[0]

    fail(lane, probe, NOW + 1)

    assert (probe.attempts, probe.next_try_at) == (1, NOW + 5)


def test_when_the_endpoint_is_back_all_that_was_parked_goes_out_in_order() -> None:
    lane = new_lane(terms=with_window(1_000))
    take(lane, *(f"record {number}" for number in range(FAILURES_TO_OPEN + 5)))
    for found in start(lane):
        fail(lane, found)
    probe = start(lane, NOW + 1)[0]

    recovered = lane.delivered([probe], now=NOW)

    assert recovered
    assert offsets(start(lane, NOW + 1)) == list(range(1, FAILURES_TO_OPEN + 5))


def test_retry_after_pauses_the_lane() -> None:
    lane = new_lane(terms=with_window(1))
    take(lane, "a", "b")
    lane.failed([start(lane)[0]], now=NOW, reason="status 503", retry_after_s=90)

    assert (start(lane, NOW + 89), lane.wake_at(NOW)) == ([], NOW + 90)
    assert offsets(start(lane, NOW + 90)) == [0]


def test_a_disabled_lane_keeps_its_place() -> None:
    lane = new_lane()
    take(lane, "a", "b", "c")
    gone, *others = start(lane)
    fail(lane, gone)
    lane.stop("status 410")
    for other in others:
        fail(lane, other)

    changes = lane.changes()

    assert start(lane, NOW + 1e6) == []
    assert len(changes.parked) == 3


def test_a_lane_is_finished_when_all_before_its_end_is_delivered() -> None:
    lane = new_lane()
    take(lane, "a")
    lane.ends_at = Offset(1)
    under_way = start(lane)[0]
    before = lane.is_finished
    lane.delivered([under_way], now=NOW)
    lane.changes()

    assert (before, lane.is_finished, lane.covers(Offset(1))) == (False, True, False)


def test_after_a_restart_what_was_parked_waits_for_its_contents_and_its_time() -> None:
    lane = new_lane(taken_to=Offset(10), parked=[row(3, "a"), row(5, "a", attempts=0)])
    without_contents = start(lane, NOW + 5)

    lane.recall({Offset(3): delivery(3, "a"), Offset(5): delivery(5, "a")})

    assert (without_contents, offsets(start(lane, NOW + 4))) == ([], [])
    assert offsets(start(lane, NOW + 5)) == [3]


def test_a_parked_event_that_is_read_again_keeps_its_attempts_and_its_order() -> None:
    """Offset 2 was parked when the position still waited for offset 1 of the same record."""
    behind = Start(offset=Offset(1), claim=Offset(0))
    lane = new_lane(behind=behind, taken_to=Offset(10), parked=[row(2, "a", attempts=2)])
    take(lane, "a", "a")
    first = start(lane)

    lane.delivered([first[0]], now=NOW)

    assert (offsets(first), [d.attempts for d in start(lane, NOW + 5)]) == ([1], [2])


def test_a_dead_event_that_is_read_again_stays_dead() -> None:
    behind = Start(offset=Offset(1), claim=Offset(0))
    lane = new_lane(behind=behind, taken_to=Offset(10), parked=[row(1, "a", is_dead=True)])
    take(lane, "a")

    assert start(lane) == []


def test_waits_vary_by_the_jitter_and_are_the_same_for_the_same_message() -> None:
    schedule = Schedule(waits_s=(0, 5), jitter=0.2)
    waits = [schedule.next_wait_s(1, f"evt_{number}") or 0 for number in range(200)]

    assert 4.0 <= min(waits) < 4.2
    assert 5.8 < max(waits) <= 6.0
    assert schedule.next_wait_s(1, "evt_7") == waits[7]
