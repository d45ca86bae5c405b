"""Webhooks as the dispatcher sees them: what they choose, where they begin, how they change."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from muniment.domain import addresses
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.values import Timestamp
from muniment.domain.webhooks.spec import State
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.retry import Schedule
from tests.unit.webhooks.building import NOW, changed, collection, record, webhook
from tests.unit.webhooks.test_dispatcher import GONE, OK, ONE, REFUSED, TWO, World

UPDATED, DELETED = Action.UPDATED, Action.DELETED


@pytest.fixture
def world() -> World:
    return World()


async def test_a_webhook_gets_what_it_chose_from_its_creation_on(world: World) -> None:
    await world.append(record("before"), webhook(ONE, events=["record.created"]))
    await world.append(record("a"), record("a", action=UPDATED), record("b", collection="maps"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 2)
        await asyncio.sleep(0.05)

    assert world.courier.names() == ["a", "b"]


async def test_collections_records_and_filters_choose_together(world: World) -> None:
    await world.append(webhook(ONE, collections=["ti*"], records=["r?"], filter="min_level=5"))
    await world.append(record("r1", level=7), record("r2", level=3), record("long", level=9))
    await world.append(record("r3", "maps", level=9), record("r4", level=5))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 2)
        await asyncio.sleep(0.05)

    assert sorted(world.courier.names()) == ["r1", "r4"]


async def test_several_webhooks_and_a_collections_url_do_not_know_of_each_other(
    world: World,
) -> None:
    world.courier.answer = lambda endpoint, _: REFUSED if endpoint.url == TWO else OK
    await world.append(webhook(ONE), webhook(TWO, "other"), collection("http://three.example/"))
    await world.append(*(record(str(n)) for n in range(20)))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 42)

    assert len(world.courier.names(ONE)) == len(world.courier.names("http://three.example/"))


async def test_what_waits_goes_to_the_new_url_when_a_wrong_one_is_mended(world: World) -> None:
    world.schedule = Schedule(waits_s=(0, *[0.01] * 500), jitter=0.0)
    world.courier.answer = lambda endpoint, _: REFUSED if endpoint.url == ONE else OK
    await world.append(webhook(ONE), record("a"), record("b"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) >= 4)
        await world.append(webhook(TWO, action=UPDATED))
        await world.until(lambda: len(world.courier.accepted) == 2)

    assert sorted(world.courier.names(TWO)) == ["a", "b"]


async def test_one_that_is_not_enabled_keeps_its_place(world: World) -> None:
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: world.courier.names() == ["a"])
        await world.append(webhook(ONE, action=UPDATED, enabled=False), record("b"), record("c"))
        await asyncio.sleep(0.1)
        paused = list(world.courier.names())
        await world.append(webhook(ONE, action=UPDATED, enabled=True))
        await world.until(lambda: len(world.courier.accepted) == 3)

    assert paused == ["a"]
    assert world.courier.names() == ["a", "b", "c"]


async def test_its_place_survives_a_restart_and_what_was_parked_with_it(world: World) -> None:
    world.schedule = Schedule(waits_s=(0, *[0.02] * 500), jitter=0.0)
    world.courier.answer = lambda _, delivery: REFUSED if delivery.key.endswith("/a") else OK
    await world.append(webhook(ONE), record("a"), record("b"))
    async with world.delivering():
        await world.until(lambda: world.courier.names() == ["b"])
        await world.append(webhook(ONE, action=UPDATED, enabled=False), record("c"))
        await asyncio.sleep(0.1)
    world.courier.answer = lambda _endpoint, _delivery: OK

    async with world.delivering():
        await world.append(webhook(ONE, action=UPDATED))
        await world.until(lambda: len(world.courier.accepted) == 3)

    assert sorted(world.courier.names()) == ["a", "b", "c"]
    assert world.positions.parked == {}


async def test_it_may_have_its_deliveries_tried_without_end(world: World) -> None:
    await world.append(webhook(ONE, retry_forever=True), record("a"))

    async with world.delivering():
        await world.until(lambda: bool(world.positions.lanes))
        [active] = world.positions.lanes.values()

    assert active.row.endpoint.spec.retries_forever


async def test_what_the_log_has_no_more_is_not_tried_again(world: World) -> None:
    world.courier.answer = lambda _, delivery: (
        Answer(failure=Failure.LOST) if delivery.key.endswith("/a") else OK
    )
    await world.append(webhook(ONE, retry_forever=True), record("a"), record("a"), record("b"))

    async with world.delivering():
        await world.until(lambda: world.courier.names() == ["b"] and len(world.positions.dead) == 2)

    assert [row.attempts for row in world.positions.dead] == [1, 1]


async def test_a_deleted_one_gets_nothing_more_and_leaves_nothing(world: World) -> None:
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) >= 2)
        await world.append(webhook(ONE, action=DELETED), record("b"))
        await world.until(lambda: world.positions.lanes == {})
        at = len(world.courier.attempts)
        await asyncio.sleep(0.1)

    assert len(world.courier.attempts) - at <= 1


async def test_a_deleted_bucket_ends_its_webhooks(world: World) -> None:
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: world.courier.names() == ["a"])
        await world.append(changed(addresses.bucket("atlas"), DELETED))
        await world.until(lambda: world.positions.lanes == {})


@pytest.mark.parametrize(
    ("start", "names"),
    [
        ("now", ["d"]),
        ("beginning", ["a", "b", "c", "d"]),
        ({"offset": 3}, ["c", "d"]),
    ],
)
async def test_it_begins_where_it_says(world: World, start: object, names: list[str]) -> None:
    """The first entry of the log is the claim; the records are at 1 to 3."""
    await world.append(record("a"), record("b"), record("c"))
    await world.append(webhook(ONE, start=start), record("d"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) >= len(names))
        await asyncio.sleep(0.05)

    assert world.courier.names() == names


async def test_it_begins_at_a_sequence_or_a_time(world: World) -> None:
    events = [record("a"), record("b"), record("c")]
    await world.append(*events)
    second = events[1].stream_at
    await world.append(webhook(ONE, start={"sequence": second}))
    await world.append(webhook(TWO, "other", start={"sequence": second + 1}), record("d"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 5)

    assert world.courier.names(ONE) == ["b", "c", "d"]
    assert world.courier.names(TWO) == ["c", "d"]


@dataclass
class PastOf:
    """The objects of a moment, out of a list of events."""

    events: Sequence[ObjectChanged]

    async def objects(
        self, endpoint: Endpoint, *, as_of: Timestamp, after: Timestamp, limit: int
    ) -> Sequence[ObjectChanged]:
        await asyncio.sleep(0)
        last = {event.address.uri: event for event in self.events if event.stream_at <= as_of}
        there = sorted(last.values(), key=lambda event: event.stream_at)
        return [e for e in there if e.stream_at > after and e.bucket_uid == endpoint.bucket_uid][
            :limit
        ]


async def test_a_snapshot_tells_of_each_object_once_and_then_of_what_happens(world: World) -> None:
    events = [record("a"), record("b"), record("a", action=UPDATED)]
    world.moments = PastOf(events)
    world.courier.wait_s = lambda _endpoint: 0.02
    world.window = 1
    await world.append(*events, webhook(ONE, start="snapshot"), record("c"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 3)
        await world.append(record("d"))
        await world.until(lambda: len(world.courier.accepted) == 4)

    assert world.courier.names() == ["b", "a", "c", "d"]


async def test_a_snapshot_goes_on_after_a_crash(world: World) -> None:
    events = [record(f"r{n}") for n in range(30)]
    world.moments = PastOf(events)
    world.courier.wait_s = lambda _endpoint: 0.005
    world.window = 2
    await world.append(*events, webhook(ONE, start="snapshot"), record("live"))
    for _ in range(3):
        await world.crash_after(0.06)

    async with world.delivering():
        await world.until(lambda: "live" in world.courier.names())

    assert set(world.courier.names()) == {"live", *(f"r{n}" for n in range(30))}
    assert world.courier.names()[-1] == "live"


async def test_an_endpoint_that_is_gone_is_disabled_told_of_and_can_be_enabled(
    world: World,
) -> None:
    world.courier.answer = lambda _endpoint, _delivery: GONE
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.reports) == 1)
        await world.append(record("b"))
        await asyncio.sleep(0.05)
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.append(webhook(ONE, action=UPDATED))
        await world.until(lambda: len(world.courier.accepted) == 2)

    [report] = world.reports
    assert (report.state, report.reason) == (State.DISABLED, "status 410")
    assert sorted(world.courier.names()) == ["a", "b"]


async def test_what_fails_too_long_is_told_of_and_then_disabled_and_keeps_its_place(
    world: World,
) -> None:
    world.schedule = Schedule(waits_s=(0, *[0.01] * 1_000), jitter=0.0)
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: any(r.state is State.FAILING for r in world.reports))
        world.ahead_s = 1.1 * world.patience_s
        await world.until(lambda: any(r.state is State.DISABLED for r in world.reports))
        at = len(world.courier.attempts)
        await asyncio.sleep(0.1)
        stayed = len(world.courier.attempts) == at
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.append(webhook(ONE, action=UPDATED))
        await world.until(lambda: world.courier.names() == ["a"])

    assert stayed
    assert world.reports[0].state is State.FAILING


async def test_word_that_it_fails_does_not_have_what_was_disabled_go_on(world: World) -> None:
    """It was said before the end, and comes back on the log after it."""
    world.schedule = Schedule(waits_s=(0, *[0.01] * 1_000), jitter=0.0)
    world.patience_s = 0.1
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))
    failing = {"state": "failing", "since": NOW, "reason": "status 500"}

    async with world.delivering():
        await world.until(lambda: any(r.state is State.DISABLED for r in world.reports))
        at = len(world.courier.attempts)
        await world.append(webhook(ONE, action=UPDATED, status=failing))
        await world.append(webhook(TWO, webhook_id="two"))
        world.courier.answer = lambda endpoint, _delivery: OK if endpoint.url == TWO else REFUSED
        await world.append(record("b"))
        await world.until(lambda: world.courier.names(TWO) == ["b"])
        await asyncio.sleep(0.1)

    assert len(world.courier.attempts) == at + 1


async def test_it_is_warned_of_before_it_is_disabled(world: World) -> None:
    world.schedule = Schedule(waits_s=(0, *[0.01] * 1_000), jitter=0.0)
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.reports) == 1)
        world.ahead_s = 0.6 * world.patience_s
        await world.until(lambda: len(world.reports) == 2)
        world.ahead_s = 1.1 * world.patience_s
        await world.until(lambda: len(world.reports) == 3)

    failing, warning, disabled = world.reports
    assert [each.state for each in world.reports] == [State.FAILING, State.FAILING, State.DISABLED]
    assert [each.is_warning for each in world.reports] == [False, True, False]
    assert failing.reason == "status 500"
    assert warning.reason.startswith("status 500; to be disabled at 20")
    assert disabled.reason == "failing too long: status 500"


async def test_what_failed_too_long_is_asked_again_and_says_that_it_is_well(world: World) -> None:
    """Also after a restart; only a user's word, or here the next event, has the lane go on."""
    world.schedule = Schedule(waits_s=(0, *[0.01] * 1_000), jitter=0.0)
    world.patience_s, world.probe_every_s = 0.1, 0.05
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))
    async with world.delivering():
        await world.until(lambda: any(r.state is State.DISABLED for r in world.reports))
    off = webhook(ONE, action=UPDATED, enabled=False)
    await world.append(off)
    at = len(world.reports)

    async with world.delivering():
        pings = len(world.courier.attempts)
        await world.until(lambda: len(world.courier.attempts) >= pings + 2)
        await world.until(lambda: len(world.reports) > at)
        refused = world.reports[at:]
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.until(lambda: world.reports[-1].state is State.ACTIVE)
        await world.append(webhook(ONE, action=UPDATED))
        await world.until(lambda: "a" in world.courier.names())

    # What may not have been told is told again.
    assert [(each.state, each.reason) for each in refused] == [
        (State.DISABLED, "failing too long: status 500")
    ]


async def test_an_endpoint_that_is_disabled_at_the_end_keeps_nobody_from_ending(
    world: World,
) -> None:
    """Its last answer comes while the dispatcher finishes what is under way."""
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    world.courier.wait_s = lambda _endpoint: 0.3
    world.patience_s = 0.0
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) == 1)

    assert world.running is not None
    assert world.running.done()
    assert not world.running.cancelled()


async def test_what_was_gone_is_never_asked_again(world: World) -> None:
    world.probe_every_s = 0.01
    world.courier.answer = lambda _endpoint, _delivery: GONE
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.reports) == 1)
        await asyncio.sleep(0.1)

    assert len(world.courier.attempts) == 1


async def test_who_recovers_is_told_of_too(world: World) -> None:
    world.schedule = Schedule(waits_s=(0, *[0.01] * 1_000), jitter=0.0)
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.reports) == 1)
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.until(lambda: len(world.reports) == 2)

    assert [report.state for report in world.reports] == [State.FAILING, State.ACTIVE]


async def test_a_receiver_can_have_one_message_dropped(world: World) -> None:
    drop = Answer(failure=Failure.STATUS, status=400, delivery_control="abort-message")
    world.courier.answer = lambda _, delivery: drop if delivery.key.endswith("/bad") else OK
    await world.append(webhook(ONE), record("bad"), record("good"))

    async with world.delivering():
        await world.until(lambda: world.courier.names() == ["good"])
        await world.until(lambda: len(world.positions.dead) == 1)
        await asyncio.sleep(0.05)

    assert len(world.courier.attempts) == 2


async def test_events_share_a_request_where_that_is_wanted(world: World) -> None:
    await world.append(webhook(ONE, batch={"max_events": 10, "max_wait_ms": 500}))
    await world.append(*(record(str(n)) for n in range(25)))

    async with world.delivering():
        await world.until(lambda: len(world.courier.accepted) == 25)

    assert [len(request) for request in world.courier.requests] == [10, 10, 5]
    assert world.courier.names() == [str(n) for n in range(25)]


async def test_another_order_counts_for_what_is_still_to_be_sent(world: World) -> None:
    world.schedule = Schedule(waits_s=(0, *[0.02] * 500), jitter=0.0)
    world.courier.answer = lambda _, delivery: REFUSED if delivery.key.endswith("/a") else OK
    await world.append(webhook(ONE), record("a"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) >= 2)
        await world.append(webhook(ONE, action=UPDATED, order="strict"))
        await asyncio.sleep(0.15)
        await world.append(record("b"))
        await asyncio.sleep(0.1)
        blocked = world.courier.names() == []
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.until(lambda: len(world.courier.accepted) == 2)

    assert blocked
    assert world.courier.names() == ["a", "b"]


async def test_other_fields_count_for_what_is_still_to_be_sent(world: World) -> None:
    """What a webhook must not tell any more is not told, be it held in memory or parked."""
    world.schedule = Schedule(waits_s=(0, *[0.02] * 500), jitter=0.0)
    world.courier.answer = lambda _endpoint, _delivery: REFUSED
    await world.append(webhook(ONE), record("a", card="4929"), record("b", card="4929"))

    async with world.delivering():
        await world.until(lambda: len(world.courier.attempts) >= 2)
        await world.append(webhook(ONE, action=UPDATED, fields=["title"]))
        world.courier.bodies.clear()
        await world.append(record("c", card="4929"))
        await world.until(lambda: any(b'/c"' in body for body in world.courier.bodies))
        world.courier.bodies.clear()
        world.courier.answer = lambda _endpoint, _delivery: OK
        await world.until(lambda: sorted(world.courier.names()) == ["a", "b", "c"])

    assert not any(b"4929" in body for body in world.courier.bodies)
