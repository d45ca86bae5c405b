"""Decides the orders of a group one after another, each on the state that the one before left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, assert_never

from muniment.command.bucket_list import BucketTurn
from muniment.command.bulk import BulkDeletion
from muniment.command.known import GroupNumber, Known
from muniment.command.loading import ReadModel
from muniment.command.waiting import Flush, Outcome, Waiting
from muniment.domain.addresses import Address, Kind, bucket, collection
from muniment.domain.commands import Command, Create, Delete, DeleteMany, Patch, Put
from muniment.domain.decisions import LookUp, Moment, decide
from muniment.domain.events import EventId, ObjectChanged, PartitionFlushed
from muniment.domain.rules import Rules
from muniment.domain.states import Scene
from muniment.domain.values import Timestamp, Uid
from muniment.runtime.metrics import DECIDE_SECONDS

Decided: TypeAlias = list[tuple[Waiting, Outcome]]

Sort: TypeAlias = Literal["alone", "buckets", "objects"]
"""Orders that query the read model stand alone; those about buckets need a turn on their list."""


def sort_of(waiting: Waiting) -> Sort:
    """With which others an order can be decided."""
    order = waiting.order
    if isinstance(order, DeleteMany | Flush) or waiting.taken is not None:
        return "alone"
    return "buckets" if order.address.kind is Kind.BUCKET else "objects"


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
class Undecided:
    """An order that can't be decided before it is known who else has a timestamp."""

    waiting: Waiting
    address: Address
    last_modified: Timestamp
    parent_uid: Uid | None


class Decider:
    """Brings orders, states, the clock and fresh ids together for the core to decide."""

    def __init__(
        self,
        rules: Rules,
        *,
        bulk: BulkDeletion,
        read_model: ReadModel,
        now: Callable[[], Timestamp],
        make_id: Callable[[], EventId],
    ) -> None:
        self._rules = rules
        self._bulk = bulk
        self._read_model = read_model
        self._now = now
        self._make_id = make_id

    async def decide(
        self, part: Sequence[Waiting], *, known: Known, group: GroupNumber, turn: BucketTurn | None
    ) -> tuple[Decided, list[Undecided]]:
        """Load what is lacking with one query, then decide all; what is decided is known."""
        with DECIDE_SECONDS.time():
            await self._load(part, known)
            decided: Decided = []
            undecided: list[Undecided] = []
            for waiting in part:
                outcome = await self._decide_one(waiting, known, group, turn)
                if isinstance(outcome, Undecided):
                    undecided.append(outcome)
                else:
                    decided.append((waiting, outcome))
        return decided, undecided

    async def _decide_one(
        self, waiting: Waiting, known: Known, group: GroupNumber, turn: BucketTurn | None
    ) -> Outcome | Undecided:
        match waiting.order:
            case Create() | Put() | Patch() | Delete():
                return self._decide_command(waiting, waiting.order, known, group, turn)
            case DeleteMany():
                return await self._bulk.decide(
                    waiting.order,
                    known=known,
                    read_model=self._read_model,
                    moment=self._moment,
                    learn=lambda event: known.apply(event, group),
                )
            case Flush():
                known.clear()
                return self._flushed(waiting.order)
            case _:
                assert_never(waiting.order)

    def _decide_command(
        self,
        waiting: Waiting,
        command: Command,
        known: Known,
        group: GroupNumber,
        turn: BucketTurn | None,
    ) -> Outcome | Undecided:
        bucket_list = None if turn is None else turn.timeline
        scene = known.scene(command.address, bucket_list=bucket_list)
        if waiting.taken is not None:
            scene = replace(scene, taken=waiting.taken)
        decision = decide(scene, command, self._moment(), self._rules)
        if isinstance(decision, LookUp):
            return Undecided(
                waiting=waiting,
                address=command.address,
                last_modified=decision.last_modified,
                parent_uid=_parent_uid(scene),
            )
        if isinstance(decision, ObjectChanged):
            known.apply(decision, group)
            if turn is not None:
                turn.timeline = turn.timeline.after(decision.last_modified)
        return decision

    def _flushed(self, order: Flush) -> PartitionFlushed:
        moment = self._moment()
        return PartitionFlushed(id=moment.event_id, occurred_at=moment.now, cause=order.cause)

    def _moment(self) -> Moment:
        return Moment(now=self._now(), event_id=self._make_id())

    async def _load(self, part: Sequence[Waiting], known: Known) -> None:
        targets, fresh = _targets(part)
        if lacking := known.lacking(targets, fresh=fresh):
            await self._read_model.load(lacking, known)


def _targets(part: Sequence[Waiting]) -> tuple[list[Address], list[Address]]:
    """Whose states the orders need; of the second list it is certain that they are absent."""
    targets: list[Address] = []
    fresh: list[Address] = []
    for waiting in part:
        match waiting.order:
            case Create(id_from_client=False):
                fresh.append(waiting.order.address)
            case Create() | Put() | Patch() | Delete():
                targets.append(waiting.order.address)
            case DeleteMany(bucket_id=bucket_id, collection_id=collection_id):
                if bucket_id is not None and collection_id is not None:
                    targets.append(collection(bucket_id, collection_id))
                elif bucket_id is not None:
                    targets.append(bucket(bucket_id))
            case Flush():
                pass
            case _:
                assert_never(waiting.order)
    return targets, fresh


def _parent_uid(scene: Scene) -> Uid | None:
    parent = scene.collection or scene.bucket
    return None if parent is None else parent.uid
