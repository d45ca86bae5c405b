"""Commands in the queue of an owner, and what their senders get back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from muniment.domain.commands import (
    Command,
    Create,
    DeleteHistory,
    DeleteList,
    DeleteMany,
    Patch,
    Put,
)
from muniment.domain.decisions import Unchanged
from muniment.domain.events import Cause, HistoryTrimmed, ObjectChanged, PartitionFlushed
from muniment.domain.refusals import Refusal
from muniment.domain.values import JsonObject, Principal, Timestamp
from muniment.domain.webhooks.rekeying import RekeyWebhook
from muniment.domain.webhooks.reporting import ReportWebhook
from muniment.log.protocol import Offset, Partition, Position
from muniment.readmodel.lists.deletion import Found
from muniment.web.http import Response
from muniment.web.pipeline import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A read between changes: it sees what those before it have made, and nothing after it."""

    answer: Callable[[], Awaitable[Response]]
    """Reads and answers, perhaps more than once: only the last answer is told."""


Step: TypeAlias = Command | DeleteList | Read


def claims_name(step: object) -> bool:
    """Whether other collections must be asked after before it can be decided."""
    return isinstance(step, Create | Put | Patch) and step.claimed_name is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Atomic:
    """Steps in one bucket, decided one after another; what they cause happens as one."""

    steps: Sequence[Step]
    is_whole: bool = False
    """Whether a step that is refused keeps all others from happening; one for an object that is
    not there does not."""

    @property
    def needs_draft(self) -> bool:
        """Whether a step asks the read model for what the steps before it have changed."""
        return any(
            isinstance(step, DeleteMany | DeleteHistory | Read) or claims_name(step)
            for step in self.steps
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """Remove all that is in the owner's partition."""

    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Take a principal out of what is in the owner's partition, some objects at a time."""

    principal: Principal
    partition: Partition
    objects_max: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """The outcome of a `Forget`."""

    events: Sequence[ObjectChanged]
    is_done: bool
    """Whether nothing is left to be done in the partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRest:
    """What a `DeleteMany` has selected and one batch of the log could not hold."""

    order: DeleteMany
    """As it was decided."""
    found: Sequence[Found]
    gone: Sequence[JsonObject] = ()
    """The tombstones of what was deleted before."""
    next_token: str | None
    events_max: int | None = None
    """How many one batch holds, where that was found out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """The outcome of a `DeleteList`."""

    events: Sequence[ObjectChanged | HistoryTrimmed]
    tombstones: Sequence[JsonObject] = ()
    """What is left of what was deleted, as the client is told."""
    list_at: Timestamp
    """The list timestamp, for an answer that deleted nothing."""
    next_token: str | None = None
    """For the rest, where a page was asked for and more is left."""
    begun_with: DeleteRest | None = None
    """All that was to be deleted when this was: some of it may be too much for one batch."""
    rest: DeleteRest | None = None
    """What must be deleted yet, until the order can be answered."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of an `Atomic`, in the order of its steps."""

    each: Sequence["StepOutcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeAt:
    """Where on the log is what a write has caused, one event after another."""

    last: Position
    claim: Offset
    """Under which they were written."""
    events: int
    next_token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made under a key, and a digest of what was asked."""

    request: str
    outcome: ObjectChanged | Deleted | MadeAt


@dataclass(frozen=True, slots=True)
class AlreadyMade:
    """The outcome of a repeat: what the write came to when it was made."""

    outcome: ObjectChanged | Deleted | MadeAt


StepOutcome: TypeAlias = ObjectChanged | Unchanged | Deleted | AlreadyMade | Response | Refusal
Outcome: TypeAlias = (
    ObjectChanged
    | Unchanged
    | Deleted
    | AlreadyMade
    | Outcomes
    | Forgotten
    | PartitionFlushed
    | Refusal
)
Asked: TypeAlias = Command | Atomic | DeleteList | Flush | Forget | ReportWebhook | RekeyWebhook
Order: TypeAlias = Asked | DeleteRest


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command, and where the log was when that held."""

    outcome: Outcome
    order: Asked
    """As it was decided: its requester in the groups that mattered."""
    position: Position | None
    """Of the command's last event, or of what the refusal rests on; `None` on a log without any."""
    is_projected: bool
    """Whether a read sees it by now; if not, the log has it all the same."""


class NotOwner(Exception):
    """Another instance owns the partition now; the command was not decided here."""


class StepRefused(Exception):
    """A step of an `Atomic` that is whole was refused: nothing has happened."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class TooLargeToAppend(Exception):
    """What the command causes exceeds what one batch of the log can hold: 413."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One order in the queue, and the promise of its answer."""

    order: Order
    """Once it is decided, its requester is in the groups that mattered."""
    size_bytes: int = 0
    """Of the request's body: bounds what is decided together."""
    awaits_projection: bool = True
    """`False` for a client that is content when the log has it (`Prefer: respond-async`)."""
    stands_alone: bool = False
    """Whether it must be decided alone, with all that came before it in the read model."""
    tries: int = 0
    """How often it was decided in vain."""
    is_settled: bool = False
    """Whether what it gets is certain, if not told yet."""
    promise: asyncio.Future[Answer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def answer(self, answer: Answer) -> None:
        """Keep the promise, unless the client has gone."""
        if not self.promise.done():
            self.promise.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Break the promise, unless its answer is certain or the client has gone."""
        if not self.is_settled and not self.promise.done():
            self.promise.set_exception(error)


__all__ = [
    "AlreadyMade",
    "Answer",
    "Asked",
    "Atomic",
    "DeleteRest",
    "Deleted",
    "Flush",
    "Forget",
    "Forgotten",
    "Made",
    "MadeAt",
    "NotOwner",
    "Order",
    "Outcome",
    "Outcomes",
    "Read",
    "Step",
    "StepOutcome",
    "StepRefused",
    "TooLargeToAppend",
    "Unavailable",
    "Waiting",
    "claims_name",
]
