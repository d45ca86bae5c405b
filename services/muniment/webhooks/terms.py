"""On what terms an endpoint is delivered to: order, window, rate, batches, retries, patience."""

from dataclasses import dataclass, replace
from typing import Final

from muniment.domain.webhooks.spec import Order, WebhookSpec
from muniment.webhooks.breaker import DEFAULT_BOUNDS, Bounds
from muniment.webhooks.retry import Schedule

DAY_S: Final = 24 * 60 * 60.0
LATE_SHARE: Final = 2 / 3
"""Of an endpoint's own deadline: sooner than that an answer is never late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a lane goes by; they may change while it has deliveries under way."""

    schedule: Schedule
    order: Order = Order.RECORD
    window: int = 16
    """Requests under way at the same time, at most."""
    rate: float | None = None
    """Events a second on average, with bursts of one second's."""
    batch_events_max: int = 1
    """Events in one request."""
    batch_wait_s: float = 0.0
    """How long an event waits for others to share its request."""
    bounds: Bounds = DEFAULT_BOUNDS
    """Beyond them the endpoint gets probes only."""
    patience_s: float = 3 * DAY_S
    """Failing without a single success for so long disables the endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of every lane, whatever its endpoint asks for."""

    held_events_max: int = 5_000
    """Events in memory; beyond it the lane reads the log again when it has room."""
    held_bytes_max: int = 4 * 1024 * 1024
    parked_max: int = 2_500
    repeats_max: int = 500
    """Deliveries that a crash may repeat: so many are made at most before they are written down."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for an endpoint that does not say otherwise."""

    schedule: Schedule
    window: int = 16
    timeout_s: float = 15.0
    bounds: Bounds = DEFAULT_BOUNDS
    patience_s: float = 3 * DAY_S
    probe_every_s: float = 3600.0
    """How often an endpoint that was disabled, as it failed for too long, is asked again."""

    def terms(self, spec: WebhookSpec, *, rate: float | None = None) -> Terms:
        """The terms of an endpoint; a replay's `rate` ranks above the endpoint's own."""
        waits_s, batch = spec.retry_schedule_s, spec.batch
        return Terms(
            schedule=Schedule(
                waits_s=self.schedule.waits_s if waits_s is None else waits_s,
                jitter=self.schedule.jitter,
                repeats_last=spec.retries_forever,
            ),
            order=spec.order,
            window=spec.window or self.window,
            rate=rate if rate is not None else spec.rate_limit,
            batch_events_max=1 if batch is None else batch.max_events,
            batch_wait_s=0.0 if batch is None else batch.max_wait_ms / 1000,
            bounds=self._bounds(self.timeout_s if spec.timeout_s is None else spec.timeout_s),
            patience_s=self.patience_s if spec.disable_after_s is None else spec.disable_after_s,
        )

    def _bounds(self, timeout_s: float) -> Bounds:
        """Who takes a longer deadline than others may take longer."""
        return replace(self.bounds, slow_s=max(self.bounds.slow_s, timeout_s * LATE_SHARE))
