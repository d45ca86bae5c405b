"""When a failed delivery is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

REPEAT_S_MIN: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Seconds between attempts; the first is made at once, whatever the first number.

    The specification advises ten.
    """

    waits_s: Sequence[float]
    jitter: float
    """Share by which a wait may be shorter or longer."""
    repeats_last: bool = False
    """Whether the last wait comes again and again, a minute at least."""

    def next_wait_s(self, attempts: int, seed: str) -> float | None:
        """The wait after that many attempts; `None` when there is no further one.

        The seed is the message's id: the same message waits the same time again in a replay.
        """
        if attempts < len(self.waits_s):
            wait_s = self.waits_s[attempts]
        elif self.repeats_last:
            wait_s = max(self.waits_s[-1], REPEAT_S_MIN)
        else:
            return None
        return self.vary(wait_s, f"{seed}/{attempts}")

    def vary(self, wait_s: float, seed: str) -> float:
        """The wait made longer or shorter by up to the jitter's share."""
        digest = blake2b(seed.encode(), digest_size=8).digest()
        chance = int.from_bytes(digest, "big") / 2**64
        return wait_s * (1 + self.jitter * (2 * chance - 1))
