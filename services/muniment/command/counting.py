"""The metrics of one owner; looking up labels costs more than counting, so they are kept."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, TypeAlias

import prometheus_client

from muniment.command.waiting import (
    AlreadyMade,
    Atomic,
    Deleted,
    Forgotten,
    Order,
    Outcome,
    Outcomes,
    Read,
    Step,
    StepOutcome,
    Waiting,
)
from muniment.domain.decisions import Unchanged
from muniment.domain.events import ObjectChanged, PartitionFlushed
from muniment.log.protocol import Partition
from muniment.runtime.metrics import (
    COMMANDS,
    COMMANDS_WAITING,
    GROUP_COMMANDS,
    OVERLAY_OBJECTS,
    PROJECTION_WAIT_SECONDS,
    PROJECTION_WAIT_TIMEOUTS,
)

Became: TypeAlias = Literal["caused", "unchanged", "refused"]


class OwnerMetrics:
    """What is told of one partition while its owner is here."""

    def __init__(self, partition: Partition) -> None:
        self._waiting = COMMANDS_WAITING.labels(partition)
        self._overlay = OVERLAY_OBJECTS.labels(partition)

    def took(self, commands: int, *, left: int, overlay_objects: int) -> None:
        """A group was taken from the queue."""
        GROUP_COMMANDS.observe(commands)
        self._waiting.set(left)
        self._overlay.set(overlay_objects)

    def decided(self, decided: Iterable[tuple[Waiting, Outcome]]) -> None:
        """These outcomes are certain, and will be told."""
        counts = Counter(
            (type(step), became(outcome))
            for waiting, all_outcomes in decided
            for step, outcome in _one_by_one(waiting.order, all_outcomes)
        )
        for (order, outcome), count in counts.items():
            _counter(order.__name__, outcome).inc(count)

    def waited(self, wait_s: float, *, commands: int, is_projected: bool) -> None:
        """A group's answers waited so long for the projection, or gave up."""
        PROJECTION_WAIT_SECONDS.observe(wait_s)
        if not is_projected:
            PROJECTION_WAIT_TIMEOUTS.inc(commands)

    def ended(self) -> None:
        """The owner is gone, and with it what waited."""
        self._waiting.set(0)
        self._overlay.set(0)


def became(outcome: Outcome | StepOutcome) -> Became:
    """What a command came to."""
    match outcome:
        case ObjectChanged() | PartitionFlushed():
            return "caused"
        case Deleted() | Forgotten():
            return "caused" if outcome.events else "unchanged"
        case Unchanged() | AlreadyMade():
            return "unchanged"
        case _:
            return "refused"


def _one_by_one(
    order: Order, outcome: Outcome
) -> Iterator[tuple[Order | Step, Outcome | StepOutcome]]:
    """Commands that were decided together are counted each; reads between them are none."""
    if isinstance(order, Atomic) and isinstance(outcome, Outcomes):
        for step, its_outcome in zip(order.steps, outcome.each, strict=True):
            if not isinstance(step, Read):
                yield step, its_outcome
    else:
        yield order, outcome


@lru_cache(maxsize=64)
def _counter(class_name: str, outcome: Became) -> prometheus_client.Counter:
    """A command is named as its class is: `DeleteMany` is `delete_many`."""
    return COMMANDS.labels(re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower(), outcome)
