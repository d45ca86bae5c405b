"""When a failed delivery is tried again, and when a failing endpoint is probed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
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
    """Share by which a wait may be shorter or longer."""

    def next_wait_s(self, attempts: int, seed: str) -> float | None:
        """The wait after that many attempts; `None` when there is no further one.

        The seed is the message's id: the same message waits the same time again in a replay.
        """
        if attempts >= len(self.waits_s):
            return None
        return self.vary(self.waits_s[attempts], f"{seed}/{attempts}")

    def vary(self, wait_s: float, seed: str) -> float:
        """The wait made longer or shorter by up to the jitter's share."""
        digest = blake2b(seed.encode(), digest_size=8).digest()
        chance = int.from_bytes(digest, "big") / 2**64
        return wait_s * (1 + self.jitter * (2 * chance - 1))


@dataclass(slots=True)
class Breaker:
    """Opens when an endpoint fails many times in a row: then one probe at a time goes out.

    So an endpoint that is away keeps its place in the log, not a heap of parked deliveries.
    """

    schedule: Schedule
    seed: str = ""
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
            self.probe_at = now + self.schedule.vary(self._wait_s, f"{self.seed}/{now}")
            self._wait_s = min(2 * self._wait_s, PROBE_S_MAX)
        return not was_open
