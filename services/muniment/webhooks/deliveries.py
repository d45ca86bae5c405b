"""One event on its way to one endpoint, and the row that keeps it when its lane moves on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from muniment.domain.values import Timestamp
from muniment.log.protocol import Offset

LaneId = NewType("LaneId", str)
"""A UUID: that of the endpoint whose live events the lane carries, or that of a replay."""


class State(StrEnum):
    """Where a delivery is; `WAITING` is behind an earlier one of its record."""

    READY = "ready"
    WAITING = "waiting"
    IN_FLIGHT = "in_flight"
    PARKED = "parked"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRow:
    """A delivery that its lane has moved past, or that is dead: what is kept of it."""

    lane_id: LaneId
    offset: Offset
    claim: Offset | None
    key: str
    attempts: int
    next_try_at: float
    """Seconds since the epoch."""
    is_dead: bool
    reason: str


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """Changed by its lane only."""

    offset: Offset
    claim: Offset | None
    key: str
    """The object's URI."""
    type: str = ""
    message_id: str = ""
    occurred_at: Timestamp | None = None
    traceparent: str | None = None
    """Of the request that caused the event (W3C Trace Context)."""
    taken_at: float = 0.0
    """When its lane took it in, in seconds since the epoch."""
    body: bytes | None = None
    """`None` for one parked before a restart, until it has been read from the log again."""
    state: State = State.READY
    attempts: int = 0
    next_try_at: float = 0.0
    """By the schedule."""
    due_at: float = 0.0
    """When it is sent if parked: by the schedule, or at once as the endpoint is back."""
    reason: str = ""
    is_early: bool = False
    """The attempt under way probes the endpoint before the delivery's own time."""
    is_dead: bool = False
    is_parked: bool = False
    """It has a row, or will have at the next commit."""
    has_row: bool = False
    is_passed: bool = False
    """The lane's position is behind it."""
