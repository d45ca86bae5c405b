"""Decides the orders of a group one after another, each on the state that the one before left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from muniment.command.bucket_list import BucketTurn
from muniment.command.bulk import BulkDeletion
from muniment.command.forgetting import decide_forget
from muniment.command.ground import Ground
from muniment.command.known import Known
from muniment.command.known_objects import GroupNumber
from muniment.command.loading import ReadModel
from muniment.command.parts import sort_of, steps_of, targets_of, users_of
from muniment.command.principals import Principals
from muniment.command.repeats import Repeats, key_of
from muniment.command.trimming import HistoryTrimming
from muniment.command.waiting import (
    Atomic,
    Deleted,
    DeleteRest,
    Flush,
    Forget,
    Made,
    Outcome,
    Outcomes,
    Read,
    Step,
    StepOutcome,
    StepRefused,
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
from muniment.domain.events import KEYS_TTL_S, EventId, ObjectChanged, PartitionFlushed
from muniment.domain.fields import webhook_rules
from muniment.domain.groups import groups_granted
from muniment.domain.moments import Moment
from muniment.domain.refusals import NotRepeated, ObjectMissing, Refusal
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
        keys_ttl_s: float = KEYS_TTL_S,
    ) -> None:
        self._rules = rules
        self._granted = {kind: groups_granted(rules.granted, kind) for kind in Kind}
        self._bulk = bulk
        self._trimming = trimming
        self._read_model = read_model
        self._now = now
        self._make_id = make_id
        self._keys_ttl_ms = int(keys_ttl_s * 1000)

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
        with DECIDE_SECONDS.time():
            await self._load(part, known)
            ground = Ground(
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
                repeats=await self._repeats(part, known, partition),
            )
            decided: Decided = []
            undecided: list[Waiting] = []
            for waiting in part:
                outcome = await self._decide_one(waiting, ground)
                if isinstance(outcome, LookUp):
                    undecided.append(waiting)
                else:
                    decided.append((waiting, outcome))
        return decided, undecided

    async def _decide_one(self, waiting: Waiting, ground: Ground) -> Outcome | LookUp:
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

    async def _outcome(self, waiting: Waiting, ground: Ground) -> Outcome | LookUp:
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
                deleted = await self._bulk.go_on(
                    order,
                    known=ground.known,
                    read_model=ground.read_model,
                    moment=self._moment,
                    learn=ground.learn,
                )
                return ground.noted(order.order.cause.key, deleted)
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

    async def _decide_together(self, waiting: Waiting, order: Atomic, ground: Ground) -> Outcomes:
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

    async def _decide_each(self, waiting: Waiting, order: Atomic, ground: Ground) -> Outcomes:
        """Decide one step after another; each sees what the ones before have changed."""
        decided: list[Step] = []
        each: list[StepOutcome] = []
        left_out = ground.repeats.left_out(order.steps)
        for place, step in enumerate(order.steps):
            if place in left_out:
                as_decided, outcome = await self._try(step, ground)
            else:
                as_decided, outcome = await self._decide_step(step, waiting, ground)
            assert not isinstance(outcome, LookUp)  # noqa: S101 - see `sort_of`
            if isinstance(outcome, Deleted) and outcome.rest is not None:
                message = "a list deletion within a batch is more than one batch of the log"
                raise TooLargeToAppend(message)
            if order.is_whole and isinstance(outcome, Refusal) and not _is_missing(step, outcome):
                if any(isinstance(one, ObjectChanged) for one in each):
                    # What the steps before it changed must be forgotten.
                    waiting.fail(StepRefused(outcome))
                    raise OrderFailed(waiting)
                return Outcomes([outcome])
            decided.append(as_decided)
            each.append(outcome)
        waiting.order = replace(order, steps=decided)
        return Outcomes(each)

    async def _decide_step(
        self, step: Step, waiting: Waiting, ground: Ground
    ) -> tuple[Step, StepOutcome | LookUp]:
        """The step, its requester in the groups that matter to it, and what comes of it."""
        if repeat := ground.repeats.of(step):
            return await ground.as_decided(step), repeat
        as_decided, outcome = await self._decide_new(step, waiting, ground)
        if isinstance(outcome, ObjectChanged | Deleted):
            outcome = ground.noted(key_of(step), outcome)
        return as_decided, outcome

    async def _decide_new(
        self, step: Step, waiting: Waiting, ground: Ground
    ) -> tuple[Step, StepOutcome | LookUp]:
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
        self, command: Command, waiting: Waiting, ground: Ground
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
        self, order: ReportWebhook | RekeyWebhook, ground: Ground
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

    async def _try(self, step: Step, ground: Ground) -> tuple[Step, StepOutcome | LookUp]:
        """What a step comes to that changed nothing when its batch was made: nothing now either."""
        step = await ground.as_decided(step)
        if isinstance(step, DeleteMany | DeleteHistory | Read):
            return step, NotRepeated()
        decision = decide(ground.scene(step.address), step, self._moment(), self._rules)
        return step, NotRepeated() if isinstance(decision, ObjectChanged | LookUp) else decision

    def _flushed(self, order: Flush) -> PartitionFlushed:
        moment = self._moment()
        return PartitionFlushed(id=moment.event_id, occurred_at=moment.now, cause=order.cause)

    def _moment(self) -> Moment:
        return Moment(now=self._now(), event_id=self._make_id())

    async def _load(self, part: Sequence[Waiting], known: Known) -> None:
        targets, fresh = targets_of(part)
        if lacking := known.lacking(targets, fresh=fresh):
            await self._read_model.load(lacking, known)

    async def _repeats(
        self, part: Sequence[Waiting], known: Known, partition: Partition
    ) -> Repeats:
        """What was made before under the keys of the part, on the log or in the read model."""
        keys = [key for step in steps_of(part) if (key := key_of(step)) is not None]
        asked = [key.id for key in keys if known.keys.get(key) is None]
        found: Mapping[str, Made] = {}
        if asked:
            since = Timestamp(self._now() - self._keys_ttl_ms)
            found = await self._read_model.made(
                asked, since=since, partition=partition, known=known
            )
        return Repeats(known=known.keys, found=found)


def _is_missing(step: Step, refusal: Refusal) -> bool:
    """Whether the step is refused as its own object is not there."""
    return (
        isinstance(refusal, ObjectMissing)
        and isinstance(step, Patch | Delete)
        and refusal.address == step.address
    )


async def _taken(
    last_modified: Timestamp, address: Address, scene: Scene, ground: Ground
) -> frozenset[Timestamp]:
    """The timestamp, if another object in the list has it; what is not known is projected."""
    parent = scene.collection or scene.bucket
    stored = await ground.read_model.ids_at_timestamp(
        last_modified, address, parent_uid=None if parent is None else parent.uid
    )
    is_taken = ground.known.has_timestamp(address, last_modified, stored=stored)
    return frozenset({last_modified} if is_taken else ())
