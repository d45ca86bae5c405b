"""A lane by the terms of its endpoint: orders other than by record, and batches."""

from collections.abc import Sequence
from dataclasses import replace

from muniment.domain.webhooks.spec import Order
from muniment.log.protocol import Offset, Start
from muniment.webhooks.deliveries import Delivery, LaneId
from muniment.webhooks.lane import Lane
from muniment.webhooks.retry import Schedule
from muniment.webhooks.terms import Limits, Terms

NOW = 1_000.0
TERMS = Terms(schedule=Schedule(waits_s=(0, 5, 60), jitter=0.0))


def new_lane(limits: Limits | None = None, **terms: object) -> Lane:
    changed = replace(TERMS, **terms)  # type: ignore[arg-type] # of the test
    return Lane(LaneId("lane"), changed, limits=limits or Limits(), taken_to=Offset(0))


def take(lane: Lane, *keys: str, at: float = NOW) -> None:
    for key in keys:
        offset = lane.taken_to
        lane.take(
            Delivery(
                offset=offset,
                claim=Offset(0),
                key=key,
                body=b"body",
                message_id=f"evt_{offset}",
                taken_at=at,
            )
        )


def start(lane: Lane, now: float = NOW) -> list[Sequence[Delivery]]:
    """All requests that the lane has to send now."""
    started: list[Sequence[Delivery]] = []
    while request := lane.next(now):
        started.append(request)
    return started


def offsets(requests: Sequence[Sequence[Delivery]]) -> list[list[int]]:
    return [[delivery.offset for delivery in request] for request in requests]


def fail(lane: Lane, request: Sequence[Delivery], now: float = NOW) -> None:
    lane.failed(request, now=now, reason="status 500")


def test_strict_order_sends_one_at_a_time_over_all_records() -> None:
    lane = new_lane(order=Order.STRICT)
    take(lane, "a", "b")
    first = start(lane)
    lane.delivered(first[0], now=NOW)

    assert (offsets(first), offsets(start(lane))) == ([[0]], [[1]])


def test_in_strict_order_a_failure_holds_up_all_without_a_row_for_each() -> None:
    lane = new_lane(order=Order.STRICT)
    take(lane, "a", "b", "c")
    fail(lane, start(lane)[0])
    blocked = start(lane, NOW + 4)

    changes = lane.changes()
    again = start(lane, NOW + 5)
    lane.delivered(again[0], now=NOW)

    assert (blocked, [row.offset for row in changes.parked]) == ([], [0])
    assert (offsets(again), offsets(start(lane, NOW + 5))) == ([[0]], [[1]])
    assert changes.next is not None
    assert changes.next.offset == 1


def test_strict_order_survives_a_restart() -> None:
    lane = new_lane(order=Order.STRICT)
    take(lane, "a", "b")
    fail(lane, start(lane)[0])
    changes = lane.changes()
    after = Lane(
        LaneId("lane"),
        lane.pace.terms,
        taken_to=Offset(2),
        behind=changes.next,
        parked=changes.parked,
    )
    take(after, "b")
    after.recall({Offset(0): Delivery(offset=Offset(0), claim=None, key="a", body=b"body")})

    assert start(after, NOW + 4) == []
    assert offsets(start(after, NOW + 5)) == [[0]]


def test_without_order_a_record_does_not_wait_for_itself() -> None:
    lane = new_lane(order=Order.NONE)
    take(lane, "a", "a", "a")

    assert offsets(start(lane)) == [[0], [1], [2]]


def test_without_order_a_failure_holds_up_nothing() -> None:
    lane = new_lane(order=Order.NONE, window=1)
    take(lane, "a", "a")
    fail(lane, start(lane)[0])

    assert offsets(start(lane)) == [[1]]
    assert [row.offset for row in lane.changes().parked] == [0]


def test_a_batch_holds_what_is_there_in_order_each_record_whole() -> None:
    lane = new_lane(batch_events_max=10)
    take(lane, "a", "b", "a", "c")

    [request] = start(lane)

    assert sorted(delivery.offset for delivery in request) == [0, 1, 2, 3]
    of_a = [delivery.offset for delivery in request if delivery.key == "a"]
    assert of_a == [0, 2]


def test_a_batch_is_no_larger_than_its_most() -> None:
    lane = new_lane(batch_events_max=2)
    take(lane, "a", "b", "c", "d", "e")

    assert [len(request) for request in start(lane)] == [2, 2, 1]


def test_a_batch_waits_for_others_and_goes_at_once_when_it_is_full() -> None:
    lane = new_lane(batch_events_max=3, batch_wait_s=2.0)
    take(lane, "a", at=NOW)
    alone, woken_at = start(lane, NOW + 1), lane.wake_at(NOW + 1)
    take(lane, "b", "c", at=NOW + 1)
    full = start(lane, NOW + 1)
    take(lane, "d", at=NOW + 1)
    late = start(lane, NOW + 3)

    assert (alone, woken_at) == ([], NOW + 2)
    assert offsets(full) == [[0, 1, 2]]
    assert offsets(late) == [[3]]


def test_a_batch_that_failed_comes_again_whole_and_in_order() -> None:
    lane = new_lane(batch_events_max=10)
    take(lane, "a", "a", "b", "a")
    [request] = start(lane)
    fail(lane, request)
    waiting = start(lane, NOW + 4)
    [again] = start(lane, NOW + 5)
    lane.delivered(again, now=NOW)

    changes = lane.changes()

    assert waiting == []
    assert [d.offset for d in again if d.key == "a"] == [0, 1, 3]
    assert sorted(d.offset for d in again) == [0, 1, 2, 3]
    assert (changes.settled, lane.parked_count) == (4, 0)


def test_a_batch_that_dies_lets_those_behind_it_go_on() -> None:
    lane = new_lane(batch_events_max=2)
    take(lane, "a", "a", "a")
    for now in (NOW, NOW + 5, NOW + 65):
        [request, *_] = start(lane, now)
        fail(lane, request, now)

    changes = lane.changes()

    assert sorted(row.offset for row in changes.parked if row.is_dead) == [0, 1]
    assert offsets(start(lane, NOW + 65)) == [[2]]


def test_what_a_receiver_does_not_want_is_dead_at_once() -> None:
    lane = new_lane()
    take(lane, "a", "a")
    [request] = start(lane)

    verdict = lane.failed(request, now=NOW, reason="status 400", is_final=True)

    assert [delivery.offset for delivery in verdict.died] == [0]
    assert offsets(start(lane)) == [[1]]


def test_refusals_are_no_failures_of_the_endpoint() -> None:
    """CocoBase section 8: a 4xx ends its message; nothing later has to wait for that."""
    lane = new_lane()
    take(lane, *(str(number) for number in range(40)))

    for _ in range(40):
        request = lane.next(NOW)
        lane.failed(request, now=NOW, reason="status 404", is_refusal=True)

    assert not lane.pace.is_open
    assert lane.pace.failing_since is None
    assert len(lane.changes().parked) == 40


def test_a_halted_lane_is_made_anew_from_what_is_written_down() -> None:
    lane = new_lane()
    take(lane, "a", "b", "c")
    first, _second, third = start(lane)
    fail(lane, first)
    lane.stop("paused")
    lane.delivered(third, now=NOW)
    early = lane.changes()
    was_let_go = lane.is_let_go
    lane.delivered(_second, now=NOW)
    late = lane.changes()

    again = lane.anew(early.parked, Offset(3))
    again.recall({Offset(0): Delivery(offset=Offset(0), claim=None, key="a", body=b"body")})

    assert (was_let_go, lane.is_let_go) == (False, True)
    assert late.next is None
    assert offsets(start(again, NOW + 5)) == [[0]]
    assert again.covers(Offset(3))


def test_the_oldest_is_told_for_the_lag() -> None:
    lane = new_lane()
    take(lane, "a", "b")
    first, second = start(lane)
    fail(lane, first)
    lane.delivered(second, now=NOW)
    lane.fall_behind(Start(offset=Offset(2), claim=Offset(0)))

    assert lane.oldest is first[0]
