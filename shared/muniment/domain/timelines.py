"""The timestamps of a timeline: unique, increasing, and only partly in the client's hand."""

from dataclasses import dataclass
from typing import Final

from muniment.domain.values import JsonValue, Timestamp

LAST_DATE: Final = Timestamp(253_402_300_799_999)
"""The end of the year 9999: what lies beyond is no date in an HTTP header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One list's clock: `at` is the list timestamp, the greatest its objects ever had (TS-3)."""

    at: Timestamp

    def next(self, now: Timestamp) -> Timestamp:
        """The timestamp of a change to which the client gave none (TS-2)."""
        return now if now > self.at else Timestamp(self.at + 1)

    def after(self, last_modified: Timestamp) -> "Timeline":
        """The timeline once an object in it has this timestamp; it never goes back."""
        return Timeline(at=last_modified) if last_modified > self.at else self


def wanted_timestamp(value: JsonValue) -> Timestamp | None:
    """The `last_modified` that a client asks for; anything that is no date is no wish (TS-7)."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    return Timestamp(value)


def is_beyond_dates(wanted: Timestamp | None, own: Timestamp | None) -> bool:
    """Whether a client asks for what is no date (TS-7).

    `own` is the object's: lists may run on past the last date, and what they gave is no wish.
    """
    return wanted is not None and wanted > LAST_DATE and (own is None or wanted > own)


def on_creation(wanted: Timestamp | None, timeline: Timeline, now: Timestamp) -> Timestamp:
    """The timestamp of a new object: the client's, unless the list has just that one (TS-5)."""
    if wanted is None or wanted == timeline.at:
        return timeline.next(now)
    return wanted


def on_change(
    wanted: Timestamp | None, current: Timestamp, timeline: Timeline, now: Timestamp
) -> Timestamp:
    """The timestamp of a changed or deleted object: the client's if it moves it on (TS-6, TS-9)."""
    if wanted is None or wanted <= current:
        return timeline.next(now)
    return wanted
