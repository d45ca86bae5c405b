"""What metrics tell of lanes."""

from collections.abc import Sequence

import pytest

from muniment.log.protocol import Offset, Partition, Position, Start
from muniment.runtime.metrics import REGISTRY
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.breaker import FAILURES_TO_OPEN
from muniment.webhooks.deliveries import Delivery, LaneId
from muniment.webhooks.endpoints import Directory, Opened
from muniment.webhooks.gauges import show
from muniment.webhooks.lane import Lane
from muniment.webhooks.retry import Schedule
from muniment.webhooks.terms import Limits, Terms
from tests.unit.webhooks.building import record, webhook

ONE = "http://one.example/"
HERE = Partition(0)
ENDS = {HERE: Offset(50)}
LABELS = {"bucket": "atlas", "endpoint": "hook"}
EVENT = record("a")
NOW = EVENT.occurred_at / 1000 + 7


@pytest.fixture
def active() -> ActiveLane:
    [turn] = Directory().turns(webhook(ONE), Position(HERE, Offset(1)))
    assert isinstance(turn, Opened)
    terms = Terms(schedule=Schedule(waits_s=(0, 5, 60), jitter=0.0))
    lane = Lane(LaneId(turn.endpoint.id), terms, limits=Limits(), taken_to=Offset(2))
    return ActiveLane(lane=lane, endpoint=turn.endpoint, starts_at=Offset(1))


def shown(active: ActiveLane, now: float = NOW) -> dict[str, float | None]:
    lanes = Lanes()
    lanes.add(active)
    show(lanes, {HERE: Offset(45)}, ENDS, now)
    return {
        name: REGISTRY.get_sample_value(f"muniment_webhook_endpoint_{name}", LABELS)
        for name in ("lag_events", "lag_seconds", "parked")
    }


def take(active: ActiveLane) -> Sequence[Delivery]:
    delivery = Delivery(
        offset=active.lane.taken_to,
        claim=Offset(0),
        key=EVENT.address.uri,
        body=b"{}",
        message_id="evt_1",
        occurred_at=EVENT.occurred_at,
        taken_at=NOW,
    )
    active.lane.take(delivery)
    return active.lane.next(NOW)


def test_the_lag_is_that_of_the_oldest_event_which_is_not_delivered(active: ActiveLane) -> None:
    before = shown(active)
    request = take(active)
    under_way = shown(active)
    active.lane.delivered(request, now=NOW)

    assert before == {"lag_events": 0, "lag_seconds": 0, "parked": 0}
    assert under_way == {"lag_events": 1, "lag_seconds": pytest.approx(7), "parked": 0}
    assert shown(active)["lag_seconds"] == 0


def test_what_stands_still_lags_more_and_more(active: ActiveLane) -> None:
    """Disabled, it holds nothing in memory that would tell since when."""
    active.lane.stop("disabled")
    active.lane.fall_behind(Start(offset=Offset(40), claim=Offset(0)))

    lags = [shown(active, NOW + seconds)["lag_seconds"] for seconds in (0, 60, 3600)]

    assert lags == pytest.approx([0, 60, 3600])
    assert shown(active)["lag_events"] == 10


def test_parked_deliveries_and_open_breakers_are_counted(active: ActiveLane) -> None:
    request = take(active)
    active.lane.failed(request, now=NOW, reason="status 500")
    for _ in range(FAILURES_TO_OPEN):
        active.lane.pace.sent(NOW, 1)
        active.lane.pace.failed(NOW, is_overload=False, retry_after_s=None)

    assert shown(active)["parked"] == 1
    assert REGISTRY.get_sample_value("muniment_webhook_deliveries_parked") == 1
    assert REGISTRY.get_sample_value("muniment_webhook_endpoints_away", {"cause": "away"}) == 1
    assert REGISTRY.get_sample_value("muniment_webhook_lag_events", {"partition": "0"}) == 5


def test_an_endpoint_that_is_gone_is_shown_no_more(active: ActiveLane) -> None:
    shown(active)

    show(Lanes(), {}, ENDS, NOW)

    assert REGISTRY.get_sample_value("muniment_webhook_endpoint_lag_events", LABELS) is None
