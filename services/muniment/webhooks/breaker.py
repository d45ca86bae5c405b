"""The breaker of a lane: when an endpoint gets one request at a time, as a trial, instead of all.

It opens when an endpoint is away (so many failures in a row), when most of its answers are failures
(*share*), or when most are failures or come late (*slow*): that holds connections which others may
need. While it is open the lane stays where it is in the log, but for what the probes deliver.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from muniment.webhooks.retry import Schedule

PROBE_S_MIN: Final = 1.0
PROBE_S_MAX: Final = 60.0
FAILURES_TO_OPEN: Final = 20
"""So many attempts in a row fail by chance at one healthy endpoint in 10^20 that fails 10 %."""
COUNTED_MAX: Final = 50
"""Attempts of which the share is taken."""
COUNTED_S_MAX: Final = 300.0
"""Fewer than that within so many seconds say nothing: whom that concerns holds little."""
PROBES_PER_UNTRIED: Final = 4
"""While it is away, one probe of so many is with a delivery that was never tried."""


class State(StrEnum):
    """Half-open is while a probe is under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """Why a breaker is open."""

    AWAY = "away"
    """Nothing succeeds."""
    SHARE = "share"
    """Most attempts fail."""
    SLOW = "slow"
    """Most attempts fail or take long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an endpoint may do before it gets probes only."""

    bad_share: float = 0.8
    """Of the attempts that are counted together."""
    slow_s: float = 10.0
    """A success that took so long counts as bad."""


DEFAULT_BOUNDS: Final = Bounds()


@dataclass(slots=True)
class _Count:
    """Attempts since the count began."""

    since: float = 0.0
    made: int = 0
    failed: int = 0
    late: int = 0


class Breaker:
    """Told of every request and its end; knows no clock, each call brings the time."""

    def __init__(self, schedule: Schedule, bounds: Bounds, *, seed: str = "") -> None:
        """The schedule's jitter varies the waits between probes, by the seed."""
        self.schedule = schedule
        self.bounds = bounds
        self.failures = 0
        """Requests without success since the last success."""
        self.cause: Cause | None = None
        """Why it is open; `None` while it is closed."""
        self.opened_at = 0.0
        self.probe_at = 0.0
        self._seed = seed
        self._wait_s = PROBE_S_MIN
        self._probes = 0
        self._is_probing = False
        self._count = _Count()

    @property
    def is_open(self) -> bool:
        """Whether only probes go out, half-open or not."""
        return self.cause is not None

    @property
    def state(self) -> State:
        if self.cause is None:
            return State.CLOSED
        return State.HALF_OPEN if self._is_probing else State.OPEN

    @property
    def prefers_untried(self) -> bool:
        """Whether the next probe is to be a delivery that was never tried, if there is one.

        Those that failed may be to blame themselves; but who is away need not fail them all.
        """
        if self.cause is not Cause.AWAY:
            return True
        return self._probes % PROBES_PER_UNTRIED == PROBES_PER_UNTRIED - 1

    def sent(self) -> None:
        """A request is under way; while it is open, that is the probe."""
        self._is_probing = self.is_open
        self._probes += self._is_probing

    def succeeded(self, now: float, took_s: float) -> bool:
        """Count a success; true when the endpoint was away and is back by it."""
        self.failures = 0
        is_late = took_s >= self.bounds.slow_s
        was_probe, self._is_probing = self._is_probing, False
        match self.cause:
            case None:
                self._add(now, is_late=is_late)
            case Cause.AWAY:
                self._close()
                return True
            case Cause.SHARE | Cause.SLOW:
                # What was under way when it opened says nothing about a later moment.
                if was_probe and not (is_late and self.cause is Cause.SLOW):
                    self._close()
                elif was_probe:
                    # Late, but taken: it has nothing to be left alone for.
                    self._wait_s = PROBE_S_MIN
                    self._wait(now)
        return False

    def failed(self, now: float) -> bool:
        """Count a failure; true when the endpoint counts as away by it."""
        self.failures += 1
        self._is_probing = False
        is_away = self.failures >= FAILURES_TO_OPEN and self.cause is not Cause.AWAY
        if is_away:
            self._open(now, Cause.AWAY)
        elif self.cause is None:
            self._add(now, is_failure=True)
        elif now >= self.probe_at:
            self._wait(now)
        return is_away

    def _add(self, now: float, *, is_failure: bool = False, is_late: bool = False) -> None:
        count = self._count
        if not count.made or now - count.since > COUNTED_S_MAX:
            count = self._count = _Count(since=now)
        count.made += 1
        count.failed += is_failure
        count.late += is_late
        if count.made < COUNTED_MAX:
            return
        self._count = _Count()
        enough = self.bounds.bad_share * COUNTED_MAX
        if count.failed >= enough:
            self._open(now, Cause.SHARE)
        elif count.failed + count.late >= enough:
            self._open(now, Cause.SLOW)

    def _open(self, now: float, cause: Cause) -> None:
        if self.cause is None:
            self.opened_at = now
        self.cause = cause
        if now >= self.probe_at:
            self._wait(now)

    def _close(self) -> None:
        self.cause = None
        self._wait_s, self._probes, self._count = PROBE_S_MIN, 0, _Count()

    def _wait(self, now: float) -> None:
        self.probe_at = now + self.schedule.vary(self._wait_s, f"{self._seed}/{now}")
        self._wait_s = min(2 * self._wait_s, PROBE_S_MAX)
