"""Every metric of Muniment, declared once: name, unit (the name's end), meaning, labels.

The catalogue in the documentation is made from this file. Modules import the metric they move.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    exposition,
)

REGISTRY: Final = CollectorRegistry(auto_describe=True)

CONTENT_TYPE: Final = exposition.CONTENT_TYPE_LATEST

# From a lone append (half a millisecond) to a deadline that was missed.
SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG_SECONDS: Final = (*SECONDS, 60, 600, 3600, 86_400)
SIZES: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One line of the catalogue."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]


_catalogue: Final[list[Declared]] = []


def catalogue() -> Iterator[Declared]:
    """Every metric under the name that a query uses, in the order of the flow."""
    yield from _catalogue


def expose() -> bytes:
    """Answer with the metrics in Prometheus' text format, to be sent as `CONTENT_TYPE`."""
    return exposition.generate_latest(REGISTRY)


def _declare(name: str, kind: Kind, meaning: str, labels: Sequence[str]) -> None:
    _catalogue.append(Declared(name=name, kind=kind, meaning=meaning, labels=tuple(labels)))


def _counter(name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
    _declare(name, "counter", meaning, labels)
    return Counter(name, meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    _declare(name, "gauge", meaning, labels)
    return Gauge(name, meaning, labels, registry=REGISTRY)


def _histogram(
    name: str, meaning: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
) -> Histogram:
    _declare(name, "histogram", meaning, labels)
    return Histogram(name, meaning, labels, registry=REGISTRY, buckets=buckets)


# --- HTTP -----------------------------------------------------------------------------------------

HTTP_REQUESTS = _counter(
    "muniment_http_requests_total",
    "Requests answered.",
    ("service", "method", "endpoint", "status"),
)
HTTP_REQUEST_SECONDS = _histogram(
    "muniment_http_request_seconds",
    "Seconds from a request's head to its answer.",
    ("service", "method", "endpoint"),
)
HTTP_REQUESTS_IN_HAND = _gauge(
    "muniment_http_requests_in_hand", "Requests that are being answered.", ("service",)
)

# --- Commands -------------------------------------------------------------------------------------

COMMANDS = _counter(
    "muniment_commands_total",
    "Commands decided; the outcome is caused, unchanged or refused.",
    ("command", "outcome"),
)
COMMANDS_WAITING = _gauge(
    "muniment_commands_waiting", "Commands queued for their partition's owner.", ("partition",)
)
COMMANDS_FORWARDED = _counter(
    "muniment_commands_forwarded_total",
    "Requests sent on to the instance that owns their partition.",
    ("outcome",),
)
GROUP_COMMANDS = _histogram("muniment_group_commands", "Commands decided together.", buckets=SIZES)
DECIDE_SECONDS = _histogram(
    "muniment_decide_seconds", "Seconds to load the states of a group and to decide it."
)
OVERLAY_OBJECTS = _gauge(
    "muniment_overlay_objects",
    "Objects that an owner keeps since their events are not projected yet.",
    ("partition",),
)
PROJECTION_WAIT_SECONDS = _histogram(
    "muniment_projection_wait_seconds", "Seconds from an append to its projection, as writes wait."
)
PROJECTION_WAIT_TIMEOUTS = _counter(
    "muniment_projection_wait_timeouts_total", "Writes answered before they were projected."
)

# --- Log ------------------------------------------------------------------------------------------

APPEND_SECONDS = _histogram("muniment_append_seconds", "Seconds for appending one batch.")
APPEND_EVENTS = _counter("muniment_append_events_total", "Events appended to the log.")
APPEND_BYTES = _counter(
    "muniment_append_bytes_total", "Bytes of events appended to the log, before compression."
)
APPEND_FAILURES = _counter(
    "muniment_append_failures_total",
    "Appends without success; the reason is fenced, unknown or refused.",
    ("reason",),
)
CLAIMS = _counter(
    "muniment_claims_total",
    "Claims of a partition; the reason is assigned, renewed or recovered.",
    ("reason",),
)
WATCHERS = _gauge("muniment_watcher_connections", "Connections that watch a collection here.")
STREAMS = _gauge(
    "muniment_stream_connections", "Connections that are sent a stream of events here."
)
PARTITIONS_OWNED = _gauge("muniment_partitions_owned", "Partitions open for commands here.")

# --- Projector ------------------------------------------------------------------------------------

PROJECTED_EVENTS = _counter("muniment_projected_events_total", "Events folded into the read model.")
PROJECTED_EVENTS_SKIPPED = _counter(
    "muniment_projected_events_skipped_total",
    "Events left out as they were written under a claim that no longer held.",
)
PROJECT_SECONDS = _histogram("muniment_project_seconds", "Seconds for one batch's transaction.")
PROJECT_BATCH_EVENTS = _histogram(
    "muniment_project_batch_events", "Events in one batch.", buckets=SIZES
)
PROJECTOR_LAG_EVENTS = _gauge(
    "muniment_projector_lag_events", "Events on the log that are not projected.", ("partition",)
)
PROJECTOR_LAG_SECONDS = _histogram(
    "muniment_projector_lag_seconds",
    "Seconds from an event to its projection, of the first event of each batch.",
    buckets=LONG_SECONDS,
)

# --- Webhooks -------------------------------------------------------------------------------------

WEBHOOK_ATTEMPTS = _counter(
    "muniment_webhook_attempts_total",
    "Requests to endpoints; the outcome is `delivered`, or the class of the error.",
    ("outcome",),
)
WEBHOOK_ATTEMPT_SECONDS = _histogram(
    "muniment_webhook_attempt_seconds", "Seconds for one request to an endpoint."
)
WEBHOOK_CONNECTIONS = _counter(
    "muniment_webhook_connections_total",
    "Connections to receivers as they were used: opened, resumed (opened with a TLS session that "
    "was known) or reused.",
    ("kind",),
)
WEBHOOK_OPEN_CONNECTIONS = _gauge(
    "muniment_webhook_open_connections", "Connections to receivers that are open."
)
WEBHOOK_DELAY_SECONDS = _histogram(
    "muniment_webhook_delay_seconds",
    "Seconds from an event to its receipt.",
    buckets=LONG_SECONDS,
)
WEBHOOK_DELIVERIES_PARKED = _gauge(
    "muniment_webhook_deliveries_parked", "Deliveries that wait for their next attempt."
)
WEBHOOK_ENDPOINTS_AWAY = _gauge(
    "muniment_webhook_endpoints_away",
    "Endpoints that get probes only: `away` as nothing succeeds, `share` as most attempts fail, "
    "`slow` as most fail or answer late.",
    ("cause",),
)
WEBHOOK_LAG_EVENTS = _gauge(
    "muniment_webhook_lag_events", "Events on the log that are not looked at.", ("partition",)
)
_OF_ENDPOINT = ("bucket", "endpoint")
WEBHOOK_ENDPOINT_LAG_EVENTS = _gauge(
    "muniment_webhook_endpoint_lag_events",
    "Events that an endpoint is behind; for one that reads the log by itself, those of the whole "
    "partition.",
    _OF_ENDPOINT,
)
WEBHOOK_ENDPOINT_LAG_SECONDS = _gauge(
    "muniment_webhook_endpoint_lag_seconds",
    "Age of the oldest event that an endpoint has not got.",
    _OF_ENDPOINT,
)
WEBHOOK_ENDPOINT_PARKED = _gauge(
    "muniment_webhook_endpoint_parked",
    "Deliveries to an endpoint that wait for their next attempt.",
    _OF_ENDPOINT,
)

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)
