"""What a decision cannot know by itself."""

from dataclasses import dataclass

from muniment.domain.events import EventId
from muniment.domain.values import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The owner's clock, and an id for what the decision causes."""

    now: Timestamp
    event_id: EventId
