"""Events about one object: what is in each of them follows from the scene and the moment."""

from dataclasses import replace

from muniment.domain.addresses import Address, Kind
from muniment.domain.events import PROJECT, Action, Cause, ObjectChanged, Snapshot
from muniment.domain.moments import Moment
from muniment.domain.permissions import NO_PERMISSIONS
from muniment.domain.states import Present, Scene, Tombstone, snapshot
from muniment.domain.values import Timestamp, Uid


def creation(
    scene: Scene, address: Address, after: Snapshot, *, at: Timestamp, moment: Moment, cause: Cause
) -> ObjectChanged:
    """The creation of an object; a life that begins is called as its event is."""
    uid = Uid(moment.event_id)
    return ObjectChanged(
        id=moment.event_id,
        action=Action.CREATED,
        address=address,
        bucket_uid=_bucket_uid(scene, address, uid),
        collection_uid=_collection_uid(scene, address, uid),
        webhook_uid=_webhook_uid(address, uid),
        is_of_project=_is_of_project(scene, address),
        last_modified=at,
        stream_at=scene.stream.next(moment.now),
        occurred_at=moment.now,
        after=after,
        before=None,
        records_from=_records_from(scene, moment) if address.kind is Kind.COLLECTION else None,
        cause=cause,
    )


def update(
    scene: Scene,
    address: Address,
    target: Present,
    after: Snapshot,
    *,
    at: Timestamp,
    moment: Moment,
    cause: Cause,
) -> ObjectChanged:
    """The change of an object that is there into something else."""
    return ObjectChanged(
        id=moment.event_id,
        action=Action.UPDATED,
        address=address,
        bucket_uid=_bucket_uid(scene, address, target.uid),
        collection_uid=_collection_uid(scene, address, target.uid),
        webhook_uid=_webhook_uid(address, target.uid),
        is_of_project=_is_of_project(scene, address),
        last_modified=at,
        stream_at=scene.stream.next(moment.now),
        occurred_at=moment.now,
        after=after,
        before=snapshot(target),
        cause=cause,
    )


def deletion(
    scene: Scene, address: Address, target: Present, *, at: Timestamp, moment: Moment, cause: Cause
) -> ObjectChanged:
    """The deletion of an object: its tombstone; what is below it is gone with it."""
    tombstone = Snapshot(
        data={"id": address.id, "last_modified": at, "deleted": True},
        permissions=NO_PERMISSIONS,
    )
    updated = update(scene, address, target, tombstone, at=at, moment=moment, cause=cause)
    records_from = None if scene.records is None else scene.records.at
    return replace(updated, action=Action.DELETED, records_from=records_from)


def _records_from(scene: Scene, moment: Moment) -> Timestamp:
    """A new collection's records are timed after those of its last life (TS-12, D-13)."""
    if isinstance(scene.target, Tombstone) and scene.target.records_until is not None:
        return max(moment.now, Timestamp(scene.target.records_until + 1))
    return moment.now


def _is_of_project(scene: Scene, address: Address) -> bool:
    if address.kind is not Kind.COLLECTION or scene.bucket is None:
        return False
    return scene.bucket.data.get("kind") == PROJECT


def _bucket_uid(scene: Scene, address: Address, own: Uid | None) -> Uid:
    parent = None if scene.bucket is None else scene.bucket.uid
    uid = own if address.kind is Kind.BUCKET else parent
    assert uid is not None  # noqa: S101 - a bucket that exists has one
    return uid


def _webhook_uid(address: Address, own: Uid | None) -> Uid | None:
    return own if address.kind is Kind.WEBHOOK else None


def _collection_uid(scene: Scene, address: Address, own: Uid | None) -> Uid | None:
    parent = None if scene.collection is None else scene.collection.uid
    return own if address.kind is Kind.COLLECTION else parent
