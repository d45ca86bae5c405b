"""Sums of attempts by day: what is left of them when the log of attempts drops their day.

They are added up in the commit that adds the attempts, so neither has what the other has not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from muniment.webhooks.attempts import Attempt
from muniment.webhooks.endpoints import EndpointId

DAY_S: Final = 24 * 60 * 60
FIRST_DAY: Final = date(1970, 1, 1)


@dataclass(slots=True, kw_only=True)
class Sum:
    """Some attempts at one endpoint on one day (UTC, of when they began) with one outcome."""

    endpoint_id: EndpointId
    day: date
    outcome: str
    attempts: int = 0
    events: int = 0
    ms_min: float
    ms_max: float
    ms_sum: float = 0.0
    last_at: float
    """Seconds since the epoch."""

    @property
    def columns(self) -> Sequence[object]:
        """As the table has them."""
        return (
            self.endpoint_id,
            self.day,
            self.outcome,
            self.attempts,
            self.events,
            self.ms_min,
            self.ms_max,
            self.ms_sum,
            datetime.fromtimestamp(self.last_at, UTC),
        )


def sums_of(attempts: Iterable[Attempt]) -> Sequence[Sum]:
    """What the attempts add up to, each sum once."""
    found: dict[tuple[EndpointId, int, str], Sum] = {}
    for attempt in attempts:
        ms = attempt.answer.total_ms
        outcome, day = attempt.answer.outcome, int(attempt.at // DAY_S)
        key = attempt.endpoint_id, day, outcome
        known = found.get(key)
        if known is None:
            known = found[key] = Sum(
                endpoint_id=attempt.endpoint_id,
                day=FIRST_DAY + timedelta(days=day),
                outcome=outcome,
                ms_min=ms,
                ms_max=ms,
                last_at=attempt.at,
            )
        known.attempts += 1
        known.events += attempt.events
        known.ms_min = min(known.ms_min, ms)
        known.ms_max = max(known.ms_max, ms)
        known.ms_sum += ms
        known.last_at = max(known.last_at, attempt.at)
    return list(found.values())
