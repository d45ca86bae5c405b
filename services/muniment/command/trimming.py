"""Removal of history: the read model selects, the owner decides, and the log says what is gone."""

from collections.abc import Callable
from dataclasses import replace

from muniment.command.known import Known
from muniment.command.loading import ReadModel
from muniment.command.tokens import UnusedTokens
from muniment.command.waiting import Deleted
from muniment.domain.addresses import Kind
from muniment.domain.commands import DeleteHistory
from muniment.domain.events import HistoryTrimmed
from muniment.domain.moments import Moment
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import Invalid, ObjectModified, Refusal
from muniment.domain.trimming import refuse_trim, trim
from muniment.domain.values import JsonObject
from muniment.readmodel.lists.history import FIELDS, Entries, select_entries
from muniment.readmodel.lists.parameters import parse_selection


class HistoryTrimming:
    """Decides `DeleteHistory` orders; everything that was appended is in the read model by then."""

    def __init__(self, *, limits: Limits, tokens: UnusedTokens) -> None:
        self._limits = limits
        self._tokens = tokens

    async def decide(
        self,
        order: DeleteHistory,
        *,
        known: Known,
        read_model: ReadModel,
        moment: Callable[[], Moment],
        learn: Callable[[HistoryTrimmed], None],
        is_repeated: bool = False,
    ) -> Deleted | Refusal:
        """Remove the entries that the order selects, as one event, or refuse.

        `is_repeated` says that the order was decided before and has had no effect.
        """
        scene = known.list_scene(order.bucket_id, None, Kind.COLLECTION)
        bucket, stream, when = scene.bucket, scene.stream, moment()
        selection = parse_selection(order.query, now=when.now, limits=self._limits, fixed=FIELDS)
        if refusal := refuse_trim(bucket, stream, _with_faults(order, selection)):
            if isinstance(refusal, ObjectModified) and isinstance(selection, Selection):
                return (None if is_repeated else await self._tokens.look_at(selection)) or refusal
            return refusal
        assert bucket is not None  # noqa: S101 - else it was refused
        assert bucket.uid is not None  # noqa: S101 - a bucket that exists has one
        assert not isinstance(selection, Invalid)  # noqa: S101 - else it was refused
        if not is_repeated and (used := await self._tokens.use(selection)):
            return used
        nonce = self._tokens.make()
        async with read_model.acquire() as connection:
            selected = await select_entries(
                connection, bucket_uid=bucket.uid, selection=selection, nonce=nonce
            )
        if selected.next_token is not None:
            await self._tokens.give_out(nonce)
        if not selected.entries:
            return Deleted(events=(), tombstones=(), list_at=stream.at)
        event = trim(
            bucket, stream, order, [entry.last_modified for entry in selected.entries], when
        )
        learn(event)
        return _deleted(event, selected)


def _with_faults(order: DeleteHistory, selection: object) -> DeleteHistory:
    """All that is wrong with the request, told together."""
    if not isinstance(selection, Invalid):
        return order
    return replace(order, faults=(*order.faults, *selection.faults))


def _deleted(event: HistoryTrimmed, selected: Entries) -> Deleted:
    left = event.tombstones
    tombstones: list[JsonObject] = [
        {"id": entry.id, "last_modified": left[entry.last_modified], "deleted": True}
        for entry in selected.entries
    ]
    return Deleted(
        events=[event],
        tombstones=tombstones,
        list_at=event.stream_at,
        next_token=selected.next_token,
    )
