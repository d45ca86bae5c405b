"""Decides the orders of a group one after another, each on the state that the one before left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from muniment.command.bucket_list import BucketTurn
from muniment.command.bulk import BulkDeletion
from muniment.command.forgetting import decide_forget
from muniment.command.known import Known
from muniment.command.known_objects import GroupNumber
from muniment.command.loading import DraftModel, ReadModel
from muniment.command.parts import sort_of, targets_of, users_of
from muniment.command.principals import Principals
from muniment.command.trimming import HistoryTrimming
from muniment.command.waiting import (
    Atomic,
    Deleted,
    DeleteRest,
    Flush,
    Forget,
    Outcome,
    Outcomes,
    Read,
    Step,
    StepOutcome,
    TooLargeToAppend,
    Waiting,
)
from muniment.domain.addresses import Address, Kind
from muniment.domain.commands import (
    Command,
    Create,
    Delete,
    DeleteHistory,
    DeleteMany,
    Patch,
    Put,
    ReadSecrets,
    RotateSecret,
)
from muniment.domain.decisions import LookUp, Unchanged, decide
from muniment.domain.events import EventId, HistoryTrimmed, ObjectChanged, PartitionFlushed
from muniment.domain.fields import webhook_rules
from muniment.domain.groups import groups_granted
from muniment.domain.moments import Moment
from muniment.domain.refusals import ObjectMissing, Refusal
from muniment.domain.rules import Rules
from muniment.domain.states import Present, Scene
from muniment.domain.values import Timestamp
from muniment.domain.webhooks.rekeying import RekeyWebhook, rekey
from muniment.domain.webhooks.reporting import ReportWebhook, report
from muniment.log.protocol import Partition
from muniment.readmodel.connection import UNREACHABLE
from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import DECIDE_SECONDS
from muniment.web.http import Response
from muniment.web.pipeline import Unavailable

log = get_logger(__name__)

Decided: TypeAlias = list[tuple[Waiting, Outcome]]


class OrderFailed(Exception):
    """One order can't be decided, and may have left half of what it causes in what is known."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__()
        self.waiting = waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the orders of one part are decided on; what is decided changes it for the next."""

    known: Known
    read_model: ReadModel
    principals: Principals
    partition: Partition
    group: GroupNumber
    turn: BucketTurn | None
    draft: DraftModel | None = None
    """Where the read model is asked, if it must know what was decided a moment ago."""

    def within(self, draft: DraftModel) -> "_Ground":
        """The same, with all questions to the read model asked of the draft."""
        return replace(
            self,
            read_model=draft,
            draft=draft,
            principals=self.principals.asking(draft.memberships),
        )

    def scene(self, address: Address) -> Scene:
        return self.known.scene(
            address, bucket_list=None if self.turn is None else self.turn.timeline
        )

    def learn(self, event: ObjectChanged) -> None:
        self.known.apply(event, self.group)
        if self.turn is not None:
            self.turn.timeline = self.turn.timeline.after(event.last_modified)
        if self.draft is not None:
            self.draft.add(event)
            self.principals.forget()

    def learn_trim(self, event: HistoryTrimmed) -> None:
        self.known.trim(event, self.group)
        if self.draft is not None:
            self.draft.add(event)


class Decider:
    """Brings orders, states, the clock and fresh ids together for the core to decide."""

    def __init__(
        self,
        rules: Rules,
        *,
        bulk: BulkDeletion,
        trimming: HistoryTrimming,
        read_model: ReadModel,
        now: Callable[[], Timestamp],
        make_id: Callable[[], EventId],
    ) -> None:
        self._rules = rules
        self._granted = {kind: groups_granted(rules.granted, kind) for kind in Kind}
        self._bulk = bulk
        self._trimming = trimming
        self._read_model = read_model
        self._now = now
        self._make_id = make_id

    async def decide(
        self,
        part: Sequence[Waiting],
        *,
        partition: Partition,
        known: Known,
        group: GroupNumber,
        turn: BucketTurn | None,
    ) -> tuple[Decided, list[Waiting]]:
        """Load what is lacking with one query, then decide all; what is decided is known.

        Last come the orders that must be decided once more, each alone, since they depend on
        what only the read model can tell. Raises `OrderFailed` where an order broke.
        """
        ground = _Ground(
            known=known,
            read_model=self._read_model,
            principals=Principals(
                users_of(part),
                known=known,
                granted=self._granted,
                look_up=self._read_model.memberships,
            ),
            partition=partition,
            group=group,
            turn=turn,
        )
        with DECIDE_SECONDS.time():
            await self._load(part, known)
            decided: Decided = []
            undecided: list[Waiting] = []
            for waiting in part:
                outcome = await self._decide_one(waiting, ground)
                if isinstance(outcome, LookUp):
                    undecided.append(waiting)
                else:
                    decided.append((waiting, outcome))
        return decided, undecided

    async def _decide_one(self, waiting: Waiting, ground: _Ground) -> Outcome | LookUp:
        """What comes of the order. Raises `OrderFailed` where it breaks, as others need not."""
        try:
            return await self._outcome(waiting, ground)
        except (*UNREACHABLE, Unavailable, OrderFailed):
            raise
        # The supervisor of an order: what it breaks must not take the others along.
        except Exception as error:
            log.exception("command.failed", order=type(waiting.order).__name__)
            waiting.fail(error)
            raise OrderFailed(waiting) from error

    async def _outcome(self, waiting: Waiting, ground: _Ground) -> Outcome | LookUp:
        match waiting.order:
            case Atomic() as order:
                return await self._decide_together(waiting, order, ground)
            case Forget() as order:
                return await decide_forget(
                    order,
                    known=ground.known,
                    read_model=ground.read_model,
                    scene_of=ground.scene,
                    moment=self._moment,
                    learn=ground.learn,
                )
            case DeleteRest() as order:
                return await self._bulk.go_on(
                    order,
                    known=ground.known,
                    read_model=ground.read_model,
                    moment=self._moment,
                    learn=ground.learn,
                )
            case (ReportWebhook() | RekeyWebhook()) as order:
                return self._ordered(order, ground)
            case Flush() as order:
                ground.known.clear()
                return self._flushed(order)
            case step:
                as_decided, outcome = await self._decide_step(step, waiting, ground)
                assert not isinstance(as_decided, Read)  # noqa: S101 - no read is ordered alone
                assert not isinstance(outcome, Response)  # noqa: S101 - as no read is
                waiting.order = as_decided
                return outcome

    async def _decide_together(self, waiting: Waiting, order: Atomic, ground: _Ground) -> Outcomes:
        """Decide steps that happen as one; in a draft, where they ask the read model."""
        if not order.needs_draft:
            return await self._decide_each(waiting, order, ground)
        try:
            floor = ground.known.floor
            async with self._read_model.draft(ground.partition, floor=floor) as draft:
                return await self._decide_each(waiting, order, ground.within(draft))
        except (Unavailable, TooLargeToAppend) as error:
            # A read of theirs took too long, or took too much: that is nobody else's trouble.
            waiting.fail(error)
            raise OrderFailed(waiting) from error

    async def _decide_each(self, waiting: Waiting, order: Atomic, ground: _Ground) -> Outcomes:
        """Decide one step after another; each sees what the ones before have changed."""
        decided: list[Step] = []
        each: list[StepOutcome] = []
        for step in order.steps:
            as_decided, outcome = await self._decide_step(step, waiting, ground)
            assert not isinstance(outcome, LookUp)  # noqa: S101 - see `sort_of`
            if isinstance(outcome, Deleted) and outcome.rest is not None:
                message = "a list deletion within a batch is more than one batch of the log"
                raise TooLargeToAppend(message)
            decided.append(as_decided)
            each.append(outcome)
        waiting.order = Atomic(steps=decided)
        return Outcomes(each)

    async def _decide_step(
        self, step: Step, waiting: Waiting, ground: _Ground
    ) -> tuple[Step, StepOutcome | LookUp]:
        """The step, its requester in the groups that matter to it, and what comes of it."""
        match step:
            case Create() | Put() | Patch() | Delete() | RotateSecret() | ReadSecrets():
                return await self._decide_command(step, waiting, ground)
            case DeleteMany():
                step = await ground.principals.for_deletion(step)
                return step, await self._bulk.decide(
                    step,
                    known=ground.known,
                    read_model=ground.read_model,
                    moment=self._moment,
                    learn=ground.learn,
                    is_repeated=waiting.tries > 0,
                )
            case DeleteHistory():
                scene = ground.known.list_scene(step.bucket_id, None, Kind.COLLECTION)
                step = await ground.principals.for_history(step, scene.bucket)
                return step, await self._trimming.decide(
                    step,
                    known=ground.known,
                    read_model=ground.read_model,
                    moment=self._moment,
                    learn=ground.learn_trim,
                    is_repeated=waiting.tries > 0,
                )
            case Read():
                assert ground.draft is not None  # noqa: S101 - see `Atomic.needs_draft`
                return step, await ground.draft.read(step.answer)
            case _:
                assert_never(step)

    async def _decide_command(
        self, command: Command, waiting: Waiting, ground: _Ground
    ) -> tuple[Command, ObjectChanged | Unchanged | Refusal | LookUp]:
        scene = ground.scene(command.address)
        command = await ground.principals.for_command(command, scene)
        if command.claimed_name is not None:
            holder = await ground.read_model.name_holder(
                command.claimed_name, command.address, floor=ground.known.floor
            )
            scene = replace(scene, name_holder=holder)
        decision = decide(scene, command, self._moment(), self._rules)
        if isinstance(decision, LookUp) and sort_of(waiting) == "alone":
            taken = await _taken(decision.last_modified, command.address, scene, ground)
            decision = decide(replace(scene, taken=taken), command, self._moment(), self._rules)
        if isinstance(decision, ObjectChanged):
            ground.learn(decision)
        return command, decision

    def _ordered(
        self, order: ReportWebhook | RekeyWebhook, ground: _Ground
    ) -> ObjectChanged | Unchanged | ObjectMissing:
        scene = ground.scene(order.address)
        if not isinstance(scene.target, Present):
            return ObjectMissing(order.address)
        if isinstance(order, RekeyWebhook):
            event = rekey(scene, order, self._moment(), webhook_rules(self._rules))
        else:
            event = report(scene, order, self._moment())
        if event is None:
            return Unchanged(scene.target)
        ground.learn(event)
        return event

    def _flushed(self, order: Flush) -> PartitionFlushed:
        moment = self._moment()
        return PartitionFlushed(id=moment.event_id, occurred_at=moment.now, cause=order.cause)

    def _moment(self) -> Moment:
        return Moment(now=self._now(), event_id=self._make_id())

    async def _load(self, part: Sequence[Waiting], known: Known) -> None:
        targets, fresh = targets_of(part)
        if lacking := known.lacking(targets, fresh=fresh):
            await self._read_model.load(lacking, known)


async def _taken(
    last_modified: Timestamp, address: Address, scene: Scene, ground: _Ground
) -> frozenset[Timestamp]:
    """The timestamp, if another object in the list has it; what is not known is projected."""
    parent = scene.collection or scene.bucket
    is_taken = ground.known.has_timestamp(
        address, last_modified
    ) or await ground.read_model.timestamp_is_taken(
        last_modified, address, parent_uid=None if parent is None else parent.uid
    )
    return frozenset({last_modified} if is_taken else ())
