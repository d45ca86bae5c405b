"""What attempts add up to: by endpoint, day and outcome."""

from datetime import date

from muniment.domain.addresses import BucketId
from muniment.log.protocol import Offset
from muniment.webhooks.attempts import Attempt
from muniment.webhooks.deliveries import LaneId
from muniment.webhooks.endpoints import EndpointId
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.sums import DAY_S, sums_of

MIDNIGHT = 20_000.0 * DAY_S
DAY = date(2024, 10, 4)
LATE = Failure.TIMEOUT


def attempt(
    at: float, ms: float, *, endpoint: str = "e1", failure: Failure | None = None, events: int = 1
) -> Attempt:
    return Attempt(
        at=at,
        lane_id=LaneId("00000000-0000-4000-8000-000000000002"),
        endpoint_id=EndpointId(endpoint),
        bucket_id=BucketId("atlas"),
        webhook_id="hook",
        message_id="m",
        type="record.created",
        uri="/buckets/atlas/collections/tides/records/brest",
        offset=Offset(1),
        events=events,
        number=1,
        answer=Answer(failure=failure, total_ms=ms),
        next_try_at=None,
    )


def test_attempts_of_one_day_and_outcome_are_one_sum() -> None:
    [found] = sums_of(
        [attempt(MIDNIGHT + 2, 3.0), attempt(MIDNIGHT + 1, 5.0, events=10), attempt(MIDNIGHT, 1.0)]
    )

    assert (found.day, found.outcome, found.attempts, found.events) == (DAY, "delivered", 3, 12)
    assert (found.ms_min, found.ms_max, found.ms_sum) == (1.0, 5.0, 9.0)
    assert found.last_at == MIDNIGHT + 2


def test_endpoints_days_and_outcomes_have_sums_of_their_own() -> None:
    """What is a hair before midnight too: Postgres' microseconds would round it to the next day."""
    found = sums_of(
        [
            attempt(MIDNIGHT, 1.0),
            attempt(MIDNIGHT - 3e-7, 1.0),
            attempt(MIDNIGHT, 1.0, endpoint="e2"),
            attempt(MIDNIGHT, 1.0, failure=LATE),
        ]
    )

    assert [(each.endpoint_id, each.day, each.outcome) for each in found] == [
        ("e1", DAY, "delivered"),
        ("e1", date(2024, 10, 3), "delivered"),
        ("e2", DAY, "delivered"),
        ("e1", DAY, "timeout"),
    ]


def test_nothing_adds_up_to_nothing() -> None:
    assert sums_of([]) == []
