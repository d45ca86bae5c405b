"""Answers what an owner has decided, as soon as the read model holds what the answers rest on."""

import asyncio
from collections.abc import Sequence

from muniment.command.counting import OwnerMetrics
from muniment.command.deciding import Decided
from muniment.command.waiting import (
    Answer,
    Asked,
    Deleted,
    DeleteRest,
    Forgotten,
    Order,
    Outcome,
    Outcomes,
    StepOutcome,
    Unavailable,
    Waiting,
)
from muniment.domain.events import Event, ObjectChanged, PartitionFlushed
from muniment.log.protocol import Fenced, Offset, Position
from muniment.readmodel.checkpoints import Checkpoints
from muniment.runtime.logs import get_logger

log = get_logger(__name__)


class Answering:
    """The answers of one owner that are on their way."""

    def __init__(
        self, checkpoints: Checkpoints, metrics: OwnerMetrics, *, timeout_s: float
    ) -> None:
        self._checkpoints = checkpoints
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._on_the_way: set[asyncio.Task[None]] = set()

    def answer(self, decided: Decided, position: Position, *, claim: Offset) -> None:
        """Answer what is on the log up to the position; it is certain from now on."""
        self._metrics.decided(decided)
        for waiting, outcome in decided:
            waiting.is_settled = True
            if not waiting.awaits_projection:
                waiting.answer(_answer(waiting, outcome, position, is_projected=False))
        answering = asyncio.create_task(self._answer_when_projected(decided, position, claim=claim))
        self._on_the_way.add(answering)
        answering.add_done_callback(self._on_the_way.discard)

    async def projected(self, position: Position, *, claim: Offset) -> None:
        """Wait for the projection without an end, as a turn on the bucket list does."""
        try:
            while not await self._checkpoints.wait_for(
                position, claim=claim, timeout_s=self._timeout_s
            ):
                log.warning("owner.waits_for_projector", partition=position.partition)
        except Fenced:
            return

    async def finish(self) -> None:
        """Return when all answers are given."""
        if self._on_the_way:
            await asyncio.wait(self._on_the_way)

    async def _answer_when_projected(
        self, decided: Decided, position: Position, *, claim: Offset
    ) -> None:
        began_s = _clock_s()
        try:
            is_projected = await self._checkpoints.wait_for(
                position, claim=claim, timeout_s=self._timeout_s
            )
        except Fenced:
            is_projected = False
        self._metrics.waited(_clock_s() - began_s, commands=len(decided), is_projected=is_projected)
        is_overtaken = self._is_overtaken(position, claim)
        for waiting, outcome in decided:
            if is_overtaken and not events_of(outcome):
                # It may rest on what the next owner has changed by now.
                waiting.is_settled = False
                waiting.fail(Unavailable("another owner has claimed the partition"))
            else:
                waiting.answer(_answer(waiting, outcome, position, is_projected=is_projected))

    def _is_overtaken(self, position: Position, claim: Offset) -> bool:
        """Whether the read model has seen a later claim: what was appended counts all the same."""
        checkpoint = self._checkpoints.current.get(position.partition)
        return checkpoint is not None and checkpoint.claim is not None and checkpoint.claim > claim


def events_of(outcome: Outcome | StepOutcome) -> Sequence[Event]:
    """What the outcome has put on the log."""
    match outcome:
        case ObjectChanged() | PartitionFlushed():
            return (outcome,)
        case Deleted() | Forgotten():
            return outcome.events
        case Outcomes():
            return [event for each in outcome.each for event in events_of(each)]
        case _:
            return ()


def _answer(
    waiting: Waiting, outcome: Outcome, position: Position, *, is_projected: bool
) -> Answer:
    return Answer(
        outcome=outcome, order=_asked(waiting.order), position=position, is_projected=is_projected
    )


def _asked(order: Order) -> Asked:
    """The order as its sender knows it."""
    return order.order if isinstance(order, DeleteRest) else order


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
