"""When a failed delivery is tried again, and when a failing endpoint is probed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import random
from typing import Final

PROBE_S_MIN: Final = 1.0
PROBE_S_MAX: Final = 60.0
FAILURES_TO_OPEN: Final = 20
"""So many attempts in a row fail by chance at one healthy endpoint in 10^20 that fails 10 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Seconds to wait before each attempt, the first included; the specification advises ten."""

    waits_s: Sequence[float]
    jitter: float
    random: Callable[[], float] = random

    def next_wait_s(self, attempts: int) -> float | None:
        """The wait after that many attempts; `None` when there is no further one."""
        return self.vary(self.waits_s[attempts]) if attempts < len(self.waits_s) else None

    def vary(self, wait_s: float) -> float:
        """The wait made longer or shorter by up to the jitter's share."""
        return wait_s * (1 + self.jitter * (2 * self.random() - 1))


@dataclass(slots=True)
class Breaker:
    """Opens when an endpoint fails many times in a row: then one probe at a time goes out.

    So an endpoint that is away keeps its place in the log, not a heap of parked deliveries.
    """

    schedule: Schedule
    failures: int = 0
    is_open: bool = False
    probe_at: float = 0.0
    _wait_s: float = field(default=PROBE_S_MIN)

    def succeeded(self) -> bool:
        """Count a success; true when the breaker was open and has closed by it."""
        was_open, self.is_open, self.failures, self._wait_s = self.is_open, False, 0, PROBE_S_MIN
        return was_open

    def failed(self, now: float) -> bool:
        """Count a failure; true when the breaker has opened by it."""
        self.failures += 1
        if self.failures < FAILURES_TO_OPEN:
            return False
        was_open, self.is_open = self.is_open, True
        # Those that were under way when it opened say nothing about a later moment.
        if now >= self.probe_at:
            self.probe_at = now + self.schedule.vary(self._wait_s)
            self._wait_s = min(2 * self._wait_s, PROBE_S_MAX)
        return not was_open
