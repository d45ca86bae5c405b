"""Bulk deletion: the read model selects, the owner decides each deletion in a group of its own.

What one batch of the log cannot hold is deleted by several, one after another and nothing between
them. A page holds no more than a few of those: the rest is told by `Next-Page`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from muniment.command.known import Known
from muniment.command.loading import ReadModel
from muniment.command.tokens import UnusedTokens
from muniment.command.waiting import Deleted, DeleteRest
from muniment.domain.addresses import Address, bucket
from muniment.domain.changes import deletion
from muniment.domain.commands import ANY, DeleteMany
from muniment.domain.events import ObjectChanged
from muniment.domain.moments import Moment
from muniment.domain.permissions import NO_PERMISSIONS, Acls, Right, may
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import (
    CollectionMissing,
    Invalid,
    NotAllowed,
    ObjectMissing,
    ObjectModified,
    Refusal,
)
from muniment.domain.rules import Rules
from muniment.domain.states import Present, Scene
from muniment.domain.values import JsonObject, Timestamp
from muniment.readmodel.lists.deletion import (
    Selected,
    fitting,
    has_writable,
    select_for_delete,
)
from muniment.readmodel.lists.parameters import parse_selection

EVENT_BYTES: Final = 512
"""About what the event of a deletion takes besides what it deletes; the log knows exactly."""

PAGE_BATCHES_MAX: Final = 4
"""Of so many batches of the log a page is made at most: its stream's other orders wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rights:
    """What a requester may delete of a list."""

    all: bool
    """Everything in it."""
    none_is_fine: bool
    """Holds the right to create in it, and so is told an empty list rather than refused."""


class BulkDeletion:
    """Decides `DeleteMany` orders; everything that was appended is in the read model by then."""

    def __init__(
        self, rules: Rules, *, limits: Limits, tokens: UnusedTokens, batch_bytes_max: int
    ) -> None:
        self._rules = rules
        self._limits = limits
        self._tokens = tokens
        self._batch_bytes_max = batch_bytes_max

    async def decide(
        self,
        order: DeleteMany,
        *,
        known: Known,
        read_model: ReadModel,
        moment: Callable[[], Moment],
        learn: Callable[[ObjectChanged], None],
        is_repeated: bool = False,
    ) -> Deleted | Refusal:
        """Delete what the order selects and its requester may write, or refuse.

        `is_repeated` says that the order was decided before and has had no effect.
        """
        assert order.bucket_id is not None  # noqa: S101 - buckets are deleted one by one
        scene = known.list_scene(order.bucket_id, order.collection_id, order.kind)
        rights = self._rights(order, scene)
        if refusal := await self._not_ready(order, scene, rights, read_model):
            return refusal
        selection = parse_selection(order.query, now=moment().now, limits=self._limits)
        if order.faults or isinstance(selection, Invalid):
            found = selection.faults if isinstance(selection, Invalid) else ()
            return Invalid((*order.faults, *found))
        if stale := self._stale(order, scene):
            return (None if is_repeated else await self._tokens.look_at(selection)) or stale
        # Its token was used up by the order itself when it was decided first.
        if not is_repeated and (refusal := await self._tokens.use(selection)):
            return refusal
        selected = await self._select(order, scene, rights, selection, read_model)
        return await self.go_on(
            DeleteRest(order=order, found=selected.found, next_token=selected.next_token),
            known=known,
            read_model=read_model,
            moment=moment,
            learn=learn,
        )

    async def go_on(
        self,
        left: DeleteRest,
        *,
        known: Known,
        read_model: ReadModel,
        moment: Callable[[], Moment],
        learn: Callable[[ObjectChanged], None],
    ) -> Deleted:
        """Delete as much of what is left as one batch of the log holds."""
        order = left.order
        count = left.events_max or fitting(
            left.found, self._batch_bytes_max, more_bytes_each=EVENT_BYTES
        )
        addresses = [_address(order, each.id) for each in left.found[:count]]
        await read_model.load(known.lacking(addresses), known)
        events = _delete_each(order, addresses, known, moment, learn)
        tombstones = [*left.gone, *(event.after.data for event in events)]
        is_over = count >= len(left.found)
        return Deleted(
            events=events,
            tombstones=tombstones,
            list_at=_list_at(order, known, tombstones),
            next_token=left.next_token,
            begun_with=left,
            rest=None
            if is_over
            else replace(left, found=left.found[count:], gone=tombstones, events_max=None),
        )

    def _rights(self, order: DeleteMany, scene: Scene) -> _Rights:
        def allows(right: Right) -> bool:
            principals = order.requester.principals
            return may(principals, right, order.kind, _parents(scene), self._rules.granted)

        return _Rights(all=allows(Right.DELETE_LIST), none_is_fine=allows(Right.CREATE))

    async def _not_ready(
        self, order: DeleteMany, scene: Scene, rights: _Rights, read_model: ReadModel
    ) -> Refusal | None:
        """Right first, then parent: who may not see the list learns nothing of it (2.3)."""
        parent = _parent(order, scene)
        if not (rights.all or rights.none_is_fine):
            if parent is None:
                return NotAllowed()
            async with read_model.acquire() as connection:
                is_shared = await has_writable(
                    connection,
                    kind=order.kind,
                    parent=parent.uid,
                    principals=order.requester.principals,
                )
            if not is_shared:
                return NotAllowed()
        if parent is not None:
            return None
        if order.collection_id is not None:
            return CollectionMissing(order.collection_id)
        return ObjectMissing(bucket(order.bucket_id or ""))

    @staticmethod
    def _stale(order: DeleteMany, scene: Scene) -> Refusal | None:
        """Row B of the truth table."""
        conditions = order.preconditions
        if conditions.if_none_match != ANY and conditions.if_match in (
            None,
            ANY,
            scene.timeline.at,
        ):
            return None
        return ObjectModified(current=scene.timeline.at, existing=None)

    async def _select(
        self,
        order: DeleteMany,
        scene: Scene,
        rights: _Rights,
        selection: Selection,
        read_model: ReadModel,
    ) -> Selected:
        parent = _parent(order, scene)
        nonce = self._tokens.make()
        async with read_model.acquire() as connection:
            selected = await select_for_delete(
                connection,
                kind=order.kind,
                parent=None if parent is None else parent.uid,
                selection=selection,
                writable_by=None if rights.all else order.requester.principals,
                nonce=nonce,
                bytes_max=self._batch_bytes_max * PAGE_BATCHES_MAX,
            )
        if selected.next_token is not None:
            await self._tokens.give_out(nonce)
        return selected


def _delete_each(
    order: DeleteMany,
    addresses: Sequence[Address],
    known: Known,
    moment: Callable[[], Moment],
    learn: Callable[[ObjectChanged], None],
) -> list[ObjectChanged]:
    events: list[ObjectChanged] = []
    for address in addresses:
        scene = known.scene(address)
        if not isinstance(scene.target, Present):
            continue
        when = moment()
        event = deletion(
            scene,
            address,
            scene.target,
            at=scene.timeline.next(when.now),
            moment=when,
            cause=order.cause,
        )
        learn(event)
        events.append(event)
    return events


def _list_at(order: DeleteMany, known: Known, tombstones: Sequence[JsonObject]) -> Timestamp:
    """The timestamp of what was deleted last, else that of the list (DELL-3)."""
    at = tombstones[-1]["last_modified"] if tombstones else None
    if isinstance(at, int):
        return Timestamp(at)
    bucket_id = bucket(order.bucket_id or "").bucket_id
    return known.list_scene(bucket_id, order.collection_id, order.kind).timeline.at


def _parent(order: DeleteMany, scene: Scene) -> Present | None:
    return scene.bucket if order.collection_id is None else scene.collection


def _parents(scene: Scene) -> Acls:
    return Acls(
        bucket=NO_PERMISSIONS if scene.bucket is None else scene.bucket.permissions,
        collection=NO_PERMISSIONS if scene.collection is None else scene.collection.permissions,
    )


def _address(order: DeleteMany, object_id: str) -> Address:
    return Address(
        kind=order.kind,
        bucket_id=bucket(order.bucket_id or "").bucket_id,
        collection_id=order.collection_id,
        id=object_id,
    )
