"""What an owner knows of one bucket, and what it lacks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from muniment.domain.addresses import Address, BucketId, CollectionId, Kind
from muniment.domain.states import ABSENT, State
from muniment.domain.timelines import Timeline
from muniment.domain.values import Timestamp

GroupNumber = int
"""Groups of commands are counted; what one has touched is on the log, later in the read model."""

NEVER: Final = Timeline(at=Timestamp(0))

LEAVES: Final = (Kind.GROUP, Kind.WEBHOOK)
"""Kinds of objects that lie in a bucket and have nothing below them."""


@dataclass(slots=True, kw_only=True)
class KnownCollection:
    """A collection, the clock of its records, and those of them that are not projected yet."""

    state: State = ABSENT
    records: Timeline = NEVER
    overlay: dict[str, tuple[State, GroupNumber]] = field(
        default_factory=dict[str, tuple[State, GroupNumber]]
    )


@dataclass(slots=True, kw_only=True)
class Leaves:
    """Objects of one of the `LEAVES`, and the clock of their list."""

    timeline: Timeline = NEVER
    states: dict[str, State] = field(default_factory=dict[str, State])


def leaves(timelines: Mapping[str, Timeline]) -> dict[Kind, Leaves]:
    """None of them known, but their clocks."""
    return {kind: Leaves(timeline=timelines.get(kind, NEVER)) for kind in LEAVES}


@dataclass(slots=True, kw_only=True)
class KnownBucket:
    """A bucket, its clocks, and what is known of its children."""

    state: State = ABSENT
    stream: Timeline = NEVER
    collections: Timeline = NEVER
    children: dict[str, KnownCollection] = field(default_factory=dict[str, KnownCollection])
    leaves: dict[Kind, Leaves] = field(default_factory=lambda: leaves({}))
    touched: GroupNumber = 0

    @property
    def nodes(self) -> int:
        """How many states this holds, without records."""
        return 1 + len(self.children) + sum(len(each.states) for each in self.leaves.values())

    def begin(self, timeline: Timeline) -> None:
        """Another life: nothing that was below the old one is below this one."""
        self.collections = timeline
        for each in self.leaves.values():
            each.states = dict.fromkeys(each.states, ABSENT)
            each.timeline = timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What must be read from the read model before a group can be decided."""

    buckets: tuple[BucketId, ...]
    collections: tuple[tuple[BucketId, CollectionId], ...]
    records: tuple[Address, ...]
    leaves: tuple[Address, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.buckets or self.collections or self.records or self.leaves)
