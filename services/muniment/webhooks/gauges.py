"""What can be seen of lanes from outside: how far behind, how much parked, which breakers open."""

from collections import Counter
from collections.abc import Mapping

from muniment.log.protocol import Offset, Partition
from muniment.runtime import metrics
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.breaker import Cause


def show(
    lanes: Lanes, reading: Mapping[Partition, Offset], ends: Mapping[Partition, Offset], now: float
) -> None:
    """Set all gauges; `reading` is how far the log is looked at, `ends` how far it goes."""
    for partition, at in reading.items():
        behind = max(ends.get(partition, at) - at, 0)
        metrics.WEBHOOK_LAG_EVENTS.labels(partition).set(behind)
    metrics.WEBHOOK_DELIVERIES_PARKED.set(sum(active.lane.parked_count for active in lanes))
    open_for = Counter(active.lane.pace.breaker.cause for active in lanes)
    for cause in Cause:
        metrics.WEBHOOK_ENDPOINTS_AWAY.labels(cause).set(open_for[cause])
    of_endpoints = (
        metrics.WEBHOOK_ENDPOINT_LAG_EVENTS,
        metrics.WEBHOOK_ENDPOINT_LAG_SECONDS,
        metrics.WEBHOOK_ENDPOINT_PARKED,
    )
    for gauge in of_endpoints:
        # Endpoints come and go.
        gauge.clear()
    for active in lanes:
        if active.is_live:
            _show_endpoint(active, ends, now)


def _show_endpoint(active: ActiveLane, ends: Mapping[Partition, Offset], now: float) -> None:
    labels = (active.endpoint.bucket_id, active.endpoint.name)
    lane = active.lane
    end = ends.get(active.endpoint.partition, lane.taken_to)
    behind = 0 if lane.behind is None else max(end - lane.behind.offset, 0)
    metrics.WEBHOOK_ENDPOINT_LAG_EVENTS.labels(*labels).set(behind + lane.held_count)
    metrics.WEBHOOK_ENDPOINT_LAG_SECONDS.labels(*labels).set(_lag_s(active, behind, now))
    metrics.WEBHOOK_ENDPOINT_PARKED.labels(*labels).set(lane.parked_count)


def _lag_s(active: ActiveLane, behind: int, now: float) -> float:
    """The age of the first event that was not delivered, or since when one is missing at least."""
    oldest = active.lane.oldest
    if oldest is not None and oldest.occurred_at is not None:
        active.behind_since = None
        return max(now - oldest.occurred_at / 1000, 0.0)
    if not behind:
        active.behind_since = None
        return 0.0
    if active.behind_since is None:
        active.behind_since = active.lane.pace.failing_since or now
    return now - active.behind_since
