"""A folded batch as what `apply_batch` takes: one array for each column of its rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from muniment.domain.addresses import Kind
from muniment.domain.events import Action, ObjectChanged, entry_id
from muniment.domain.values import Uid
from muniment.log.protocol import Claim, Offset, Partition, Start
from muniment.readmodel.jsonb import jsonb_text
from muniment.readmodel.projection.acls import ListAcl, permissions_json
from muniment.readmodel.projection.fold import Batch, Change, life_of_collection, parent_of
from muniment.readmodel.projection.recording import Recording

Row: TypeAlias = tuple[object, ...]
Column: TypeAlias = Sequence[object]

ACTION_NAMES: Final[Mapping[Action, str]] = {
    Action.CREATED: "create",
    Action.UPDATED: "update",
    Action.DELETED: "delete",
}
"""What readers of the history call the actions."""


def columns(
    batch: Batch,
    *,
    before: Mapping[Partition, Start],
    after: Mapping[Partition, Start],
    recording: Recording,
) -> Sequence[Column]:
    """The parameters of `apply_batch`, in its order, for a batch that leads from there to there."""
    return (
        *_columns(
            5, (_step_row(partition, before[partition], at) for partition, at in after.items())
        ),
        *_columns(26, (_change_row(change, recording) for change in batch.changes)),
        *_columns(3, ((*key, at) for key, at in batch.timestamps.items())),
        *_columns(2, batch.doomed.items()),
        *_columns(6, (_owner_row(partition, *owner) for partition, owner in batch.owners.items())),
    )


def _columns(width: int, rows: Iterable[Row]) -> Sequence[Column]:
    return list(zip(*rows, strict=True)) or [()] * width


def _step_row(partition: Partition, before: Start, after: Start) -> Row:
    return (partition, before.offset, before.claim, after.offset, after.claim)


def membership_columns(batch: Batch) -> Sequence[Column]:
    """The parameters of `change_memberships`."""
    return _columns(4, batch.memberships)


def acl_columns(acls: Iterable[ListAcl]) -> Sequence[Column]:
    """The parameters of `write_acls`."""
    return _columns(5, acls)


def past_acl_columns(batch: Batch) -> Sequence[Column]:
    """The parameters of `keep_past_acls`."""
    return _columns(
        4,
        (
            (acl.bucket_uid, acl.uid, acl.since, permissions_json(acl.permissions))
            for acl in batch.past_acls
        ),
    )


def made_columns(batch: Batch) -> Sequence[Column]:
    """The parameters of `note_made`."""
    return _columns(
        8,
        (
            (
                made.key.id,
                made.key.request,
                made.last.partition,
                made.last.offset,
                made.claim,
                made.key.events,
                made.key.next_token,
                made.made_at,
            )
            for made in batch.made.values()
        ),
    )


def removal_columns(batch: Batch) -> Sequence[Column]:
    """The parameters of `trim_history`."""
    return _columns(3, batch.removals)


def _change_row(change: Change, recording: Recording) -> Row:
    partition, event, is_last, created = change
    address = event.address
    return (
        partition,
        address.kind,
        parent_of(event),
        address.id,
        _own_life(event),
        event.last_modified,
        event.action is Action.DELETED,
        jsonb_text(event.after.data),
        permissions_json(event.after.permissions),
        is_last,
        event.bucket_uid,
        event.stream_at,
        entry_id(event.id),
        event.occurred_at,
        ACTION_NAMES[event.action],
        address.uri,
        address.id if address.kind is Kind.COLLECTION else address.collection_id,
        event.cause.actor,
        event.cause.request_id,
        event.records_from if event.action is Action.DELETED else None,
        event.collection_uid,
        recording.takes(event),
        None if created is None else created.occurred_at,
        None if created is None else created.stream_at,
        None if event.action is Action.CREATED else event.occurred_at,
        None if event.after.hidden is None else jsonb_text(event.after.hidden),
    )


def _owner_row(partition: Partition, offset: Offset, claim: Claim) -> Row:
    return (partition, offset, claim.epoch, claim.producer_id, claim.instance_id, claim.url)


def _own_life(event: ObjectChanged) -> Uid | None:
    """The life that what is below the object, or delivers for it, is keyed by; while it goes on."""
    if event.action is Action.DELETED:
        return None
    match event.address.kind:
        case Kind.BUCKET:
            return event.bucket_uid
        case Kind.COLLECTION:
            return life_of_collection(event)
        case Kind.WEBHOOK:
            return event.webhook_uid
        case Kind.GROUP | Kind.RECORD:
            return None
