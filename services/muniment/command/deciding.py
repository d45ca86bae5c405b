"""Decides the orders of a group one after another, each on the state that the one before left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, assert_never

from muniment.command.bucket_list import BucketTurn
from muniment.command.bulk import BulkDeletion
from muniment.command.forgetting import decide_forget
from muniment.command.known import GroupNumber, Known
from muniment.command.loading import ReadModel
from muniment.command.principals import Principals
from muniment.command.trimming import HistoryTrimming
from muniment.command.waiting import (
    Atomic,
    Deleted,
    Flush,
    Forget,
    Outcome,
    Outcomes,
    Waiting,
)
from muniment.domain.addresses import Address, Kind, bucket, collection
from muniment.domain.commands import (
    Command,
    Create,
    Delete,
    DeleteHistory,
    DeleteList,
    DeleteMany,
    FieldsPatch,
    MergePatch,
    Patch,
    Put,
)
from muniment.domain.decisions import LookUp, Moment, Unchanged, decide
from muniment.domain.events import EventId, ObjectChanged, PartitionFlushed
from muniment.domain.groups import groups_granted
from muniment.domain.refusals import Refusal
from muniment.domain.rules import Rules
from muniment.domain.states import Scene
from muniment.domain.values import Principal, Timestamp
from muniment.readmodel.connection import UNREACHABLE
from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import DECIDE_SECONDS
from muniment.web.pipeline import Unavailable

log = get_logger(__name__)

Decided: TypeAlias = list[tuple[Waiting, Outcome]]

Sort: TypeAlias = Literal["alone", "buckets", "objects"]


def sort_of(waiting: Waiting) -> Sort:
    """With which others an order can be decided; those that query the read model stand alone."""
    order = waiting.order
    if isinstance(order, DeleteMany | DeleteHistory | Flush | Forget) or waiting.stands_alone:
        return "alone"
    # A look-up would come too late: what was decided before it can't be taken back alone.
    if isinstance(order, Atomic) and any(map(wants_timestamp, order.commands)):
        return "alone"
    return "buckets" if needs_turn(waiting) else "objects"


def needs_turn(waiting: Waiting) -> bool:
    """Whether the order is about a bucket, and so needs a turn on the list of all buckets."""
    match waiting.order:
        case DeleteMany() | DeleteHistory() | Flush():
            return False
        case Forget():
            return True
        case Atomic(commands=commands):
            return any(command.address.kind is Kind.BUCKET for command in commands)
        case command:
            return command.address.kind is Kind.BUCKET


def parts(group: Sequence[Waiting]) -> Iterator[Sequence[Waiting]]:
    """The group in runs of what can be decided together."""
    part: list[Waiting] = []
    for waiting in group:
        if part and (sort_of(waiting) == "alone" or sort_of(waiting) != sort_of(part[-1])):
            yield part
            part = []
        part.append(waiting)
    if part:
        yield part


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the orders of one part are decided on; what is decided changes it for the next."""

    known: Known
    principals: Principals
    group: GroupNumber
    turn: BucketTurn | None

    def scene(self, address: Address) -> Scene:
        return self.known.scene(
            address, bucket_list=None if self.turn is None else self.turn.timeline
        )

    def learn(self, event: ObjectChanged) -> None:
        self.known.apply(event, self.group)
        if self.turn is not None:
            self.turn.timeline = self.turn.timeline.after(event.last_modified)


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
        self, part: Sequence[Waiting], *, known: Known, group: GroupNumber, turn: BucketTurn | None
    ) -> tuple[Decided, list[Waiting]]:
        """Load what is lacking with one query, then decide all; what is decided is known.

        Last come the orders that must be decided once more, each alone, since they depend on
        what only the read model can tell.
        """
        principals = Principals(
            _users(part),
            known=known,
            granted=self._granted,
            look_up=self._read_model.memberships,
        )
        ground = _Ground(known=known, principals=principals, group=group, turn=turn)
        with DECIDE_SECONDS.time():
            await self._load(part, known)
            decided: Decided = []
            undecided: list[Waiting] = []
            for waiting in part:
                try:
                    outcome = await self._decide_one(waiting, ground)
                except (*UNREACHABLE, Unavailable):
                    raise
                # The supervisor of an order: what it breaks must not take the others along.
                except Exception as error:
                    log.exception("command.failed", order=type(waiting.order).__name__)
                    waiting.fail(error)
                    continue
                if isinstance(outcome, LookUp):
                    undecided.append(waiting)
                else:
                    decided.append((waiting, outcome))
        return decided, undecided

    async def _decide_one(self, waiting: Waiting, ground: _Ground) -> Outcome | LookUp:
        match waiting.order:
            case Create() | Put() | Patch() | Delete():
                waiting.order, outcome = await self._decide_command(
                    waiting.order, ground, may_look=waiting.stands_alone
                )
                return outcome
            case Atomic(commands=commands):
                return await self._decide_each(waiting, commands, ground)
            case DeleteMany():
                waiting.order = await ground.principals.for_deletion(waiting.order)
                return await self._bulk.decide(
                    waiting.order,
                    known=ground.known,
                    read_model=self._read_model,
                    moment=self._moment,
                    learn=ground.learn,
                    is_repeated=waiting.tries > 0,
                )
            case DeleteHistory():
                return await self._trim(waiting, waiting.order, ground)
            case Forget():
                return await decide_forget(
                    waiting.order,
                    known=ground.known,
                    read_model=self._read_model,
                    scene_of=ground.scene,
                    moment=self._moment,
                    learn=ground.learn,
                )
            case Flush():
                ground.known.clear()
                return self._flushed(waiting.order)
            case _:
                assert_never(waiting.order)

    async def _trim(
        self, waiting: Waiting, order: DeleteHistory, ground: _Ground
    ) -> Deleted | Refusal:
        scene = ground.known.list_scene(order.bucket_id, None, Kind.COLLECTION)
        waiting.order = await ground.principals.for_history(order, scene.bucket)
        return await self._trimming.decide(
            waiting.order,
            known=ground.known,
            read_model=self._read_model,
            moment=self._moment,
            learn=lambda event: ground.known.trim(event, ground.group),
            is_repeated=waiting.tries > 0,
        )

    async def _decide_each(
        self, waiting: Waiting, commands: Sequence[Command], ground: _Ground
    ) -> Outcomes:
        """Decide commands that belong together; each sees what the ones before have changed."""
        may_look = sort_of(waiting) == "alone"
        decided: list[Command] = []
        each: list[ObjectChanged | Unchanged | Refusal] = []
        for command in commands:
            as_decided, outcome = await self._decide_command(command, ground, may_look=may_look)
            assert not isinstance(outcome, LookUp)  # noqa: S101 - see `sort_of`
            decided.append(as_decided)
            each.append(outcome)
        waiting.order = Atomic(commands=decided)
        return Outcomes(each)

    async def _decide_command(
        self, command: Command, ground: _Ground, *, may_look: bool
    ) -> tuple[Command, ObjectChanged | Unchanged | Refusal | LookUp]:
        """The command, its requester in the groups that matter to it, and what comes of it."""
        scene = ground.scene(command.address)
        command = await ground.principals.for_command(command, scene)
        decision = decide(scene, command, self._moment(), self._rules)
        if isinstance(decision, LookUp) and may_look:
            taken = await self._taken(decision.last_modified, command.address, scene, ground.known)
            decision = decide(replace(scene, taken=taken), command, self._moment(), self._rules)
        if isinstance(decision, ObjectChanged):
            ground.learn(decision)
        return command, decision

    async def _taken(
        self, last_modified: Timestamp, address: Address, scene: Scene, known: Known
    ) -> frozenset[Timestamp]:
        """The timestamp, if another object in the list has it; what is not known is projected."""
        parent = scene.collection or scene.bucket
        is_taken = known.has_timestamp(
            address, last_modified
        ) or await self._read_model.timestamp_is_taken(
            last_modified, address, parent_uid=None if parent is None else parent.uid
        )
        return frozenset({last_modified} if is_taken else ())

    def _flushed(self, order: Flush) -> PartitionFlushed:
        moment = self._moment()
        return PartitionFlushed(id=moment.event_id, occurred_at=moment.now, cause=order.cause)

    def _moment(self) -> Moment:
        return Moment(now=self._now(), event_id=self._make_id())

    async def _load(self, part: Sequence[Waiting], known: Known) -> None:
        targets, fresh = _targets(part)
        if lacking := known.lacking(targets, fresh=fresh):
            await self._read_model.load(lacking, known)


def _users(part: Sequence[Waiting]) -> frozenset[Principal]:
    """Who asks, without the anonymous."""
    orders = (order for order in _orders(part) if not isinstance(order, Flush | Forget))
    user_ids = (order.requester.user_id for order in orders)
    return frozenset(user_id for user_id in user_ids if user_id is not None)


def _targets(part: Sequence[Waiting]) -> tuple[list[Address], list[Address]]:
    """Whose states the orders need; of the second list it is certain that they are absent."""
    targets: list[Address] = []
    fresh: list[Address] = []
    for order in _orders(part):
        match order:
            case Create(id_from_client=False):
                fresh.append(order.address)
            case Create() | Put() | Patch() | Delete():
                targets.append(order.address)
            case DeleteMany(bucket_id=bucket_id, collection_id=collection_id):
                if bucket_id is not None and collection_id is not None:
                    targets.append(collection(bucket_id, collection_id))
                elif bucket_id is not None:
                    targets.append(bucket(bucket_id))
            case DeleteHistory(bucket_id=bucket_id):
                targets.append(bucket(bucket_id))
            case Flush() | Forget():
                pass
            case _:
                assert_never(order)
    return targets, fresh


def _orders(part: Sequence[Waiting]) -> Iterator[Command | DeleteList | Flush | Forget]:
    """All orders, those that belong together one by one."""
    for waiting in part:
        if isinstance(waiting.order, Atomic):
            yield from waiting.order.commands
        else:
            yield waiting.order


def wants_timestamp(command: Command) -> bool:
    """Whether the client asks for a `last_modified`, which others may have."""
    match command:
        case Create() | Put():
            data = command.body.data
        case Patch(change=FieldsPatch() | MergePatch() as change):
            data = change.body.data
        case Patch():
            return True
        case Delete():
            return command.last_modified is not None
        case _:
            assert_never(command)
    return data is not None and "last_modified" in data
