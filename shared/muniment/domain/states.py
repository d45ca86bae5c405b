"""What an object can be, and what surrounds the one that a command is about."""

from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from muniment.domain.addresses import CollectionId, Kind
from muniment.domain.events import Action, ObjectChanged, Snapshot
from muniment.domain.permissions import NO_PERMISSIONS, Acls
from muniment.domain.timelines import Timeline
from muniment.domain.values import JsonObject, Permissions, Timestamp, Uid


@dataclass(frozen=True, slots=True)
class Absent:
    """There never was such an object in its parent's life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The object was deleted."""

    last_modified: Timestamp
    records_until: Timestamp | None = None
    """For a collection: the list timestamp its records had, so that a next life starts after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The object as it is."""

    last_modified: Timestamp
    data: JsonObject
    permissions: Permissions
    hidden: JsonObject | None = None
    """As of `Snapshot`."""
    uid: Uid | None = None
    """The life of a bucket, collection or webhook; nobody asks for that of others."""


State: TypeAlias = Absent | Tombstone | Present

ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a decision about one object rests on."""

    bucket: Present | None
    """The bucket it is in; `None` where that is missing, and for a bucket itself."""
    collection: Present | None
    """The collection that a record is in."""
    target: State
    timeline: Timeline
    """Of the list that holds the object."""
    stream: Timeline
    """The clock of all changes in the bucket."""
    records: Timeline | None = None
    """For a collection that exists: the timeline of its records."""
    taken: frozenset[Timestamp] | None = None
    """Which of the wanted timestamps others in the list have; `None` if nobody looked."""
    name_holder: CollectionId | None = None
    """Another collection that has the name which the command claims."""

    @property
    def acls(self) -> Acls:
        """The ACEs that bear on the target."""
        return Acls(
            bucket=NO_PERMISSIONS if self.bucket is None else self.bucket.permissions,
            collection=NO_PERMISSIONS if self.collection is None else self.collection.permissions,
            own=self.target.permissions if isinstance(self.target, Present) else NO_PERMISSIONS,
        )

    @property
    def all_permissions(self) -> tuple[Permissions, ...]:
        """The same, of those objects that there are."""
        there = (self.bucket, self.collection, self.target)
        return tuple([each.permissions for each in there if isinstance(each, Present)])


def evolve(state: State, event: ObjectChanged) -> State:  # noqa: ARG001 - an event holds all
    """Never fails: what has happened cannot be refused."""
    match event.action:
        case Action.CREATED | Action.UPDATED:
            return Present(
                last_modified=event.last_modified,
                data=event.after.data,
                permissions=event.after.permissions,
                hidden=event.after.hidden,
                uid=_own_uid(event),
            )
        case Action.DELETED:
            return Tombstone(last_modified=event.last_modified, records_until=event.records_from)
        case _:
            assert_never(event.action)


def snapshot(state: Present) -> Snapshot:
    """The object as events carry it."""
    return Snapshot(data=state.data, permissions=state.permissions, hidden=state.hidden)


def _own_uid(event: ObjectChanged) -> Uid | None:
    match event.address.kind:
        case Kind.BUCKET:
            return event.bucket_uid
        case Kind.COLLECTION:
            return event.collection_uid
        case Kind.WEBHOOK:
            return event.webhook_uid
        case Kind.GROUP | Kind.RECORD:
            return None
        case _:
            assert_never(event.address.kind)
