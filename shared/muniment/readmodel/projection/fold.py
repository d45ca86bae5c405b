"""What a run of the log leaves behind: the whole meaning of the read model, without any I/O.

A batch of entries is folded so that each row is written once. Whatever lies below a bucket or a
collection is keyed by its parent's life (`uid`): so an object that goes takes nothing with it
here, its life is doomed, and the order of cascades and later rows does not matter. Only a flush,
which does not know what it ends, cuts a batch in two.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, assert_never

from muniment.domain.addresses import Kind
from muniment.domain.events import (
    Action,
    HistoryTrimmed,
    ObjectChanged,
    PartitionFlushed,
    RequestKey,
)
from muniment.domain.groups import members_of
from muniment.domain.values import Permissions, Principal, Timestamp, Uid
from muniment.log.protocol import Claim, Entry, Offset, Partition, Position
from muniment.readmodel.projection.recording import has_history

ALL_BUCKETS: Final = Uid("00000000-0000-0000-0000-000000000000")
"""The parent of buckets."""

HISTORY: Final = "history"


class ListKey(NamedTuple):
    """One list that has a timestamp."""

    parent: Uid
    kind: str
    """A `Kind`, or `HISTORY`."""


class Change(NamedTuple):
    """One event, and whether its object has no later one in the batch."""

    partition: Partition
    event: ObjectChanged
    is_last: bool
    created: ObjectChanged | None
    """What its object's life began with, if that is of this batch."""


class PastAcl(NamedTuple):
    """The ACEs of a bucket or collection from a moment on: they say who may read what is in it."""

    bucket_uid: Uid
    uid: Uid
    since: Timestamp
    permissions: Permissions


class Removal(NamedTuple):
    """An entry of a history that was removed, and the timestamp of its tombstone."""

    bucket_uid: Uid
    entry: Timestamp
    at: Timestamp


class MadeRequest(NamedTuple):
    """A write under a key, and where on the log is what it has caused."""

    key: RequestKey
    last: Position
    claim: Offset
    made_at: Timestamp


class MembershipChange(NamedTuple):
    """Somebody joined a group, or left it."""

    bucket_uid: Uid
    group_id: str
    member: Principal
    is_member: bool


class Owner(NamedTuple):
    """Who claimed a partition, and where."""

    offset: Offset
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows to write: no key twice, whatever happened to it in between."""

    flushed: Sequence[Partition] = ()
    """The buckets that were there before the batch are gone; all else here came afterwards."""
    changes: Sequence[Change] = ()
    timestamps: Mapping[ListKey, Timestamp] = field(default_factory=dict[ListKey, Timestamp])
    doomed: Mapping[Uid, Kind] = field(default_factory=dict[Uid, Kind])
    """Lives of buckets and collections that have ended."""
    owners: Mapping[Partition, Owner] = field(default_factory=dict[Partition, Owner])
    memberships: Sequence[MembershipChange] = ()
    past_acls: Sequence[PastAcl] = field(default_factory=list[PastAcl])
    removals: Sequence[Removal] = field(default_factory=list[Removal])
    """To be done after all else is written: what is removed may be of this batch."""
    made: Mapping[str, MadeRequest] = field(default_factory=dict[str, MadeRequest])
    """The last write under each key."""

    @property
    def has_more(self) -> bool:
        """Whether there is anything besides what nearly all batches have."""
        return bool(
            self.flushed or self.memberships or self.past_acls or self.removals or self.made
        )


def fold(entries: Iterable[Entry]) -> Batch:
    """What the entries, in the order in which they were read, change in the read model."""
    runs: defaultdict[Partition, _Run] = defaultdict(_Run)
    for entry in entries:
        runs[entry.position.partition].take(entry)
    return Batch(
        flushed=[partition for partition, run in runs.items() if run.was_flushed],
        changes=[change for partition, run in runs.items() for change in run.changes(partition)],
        timestamps=_greatest(item for run in runs.values() for item in run.timestamps.items()),
        doomed={uid: kind for run in runs.values() for uid, kind in run.doomed.items()},
        owners={partition: run.owner for partition, run in runs.items() if run.owner},
        memberships=tuple(change for run in runs.values() for change in run.memberships()),
        past_acls=[acl for run in runs.values() for acl in run.past_acls],
        removals=[removal for run in runs.values() for removal in run.removals],
        made={key: made for run in runs.values() for key, made in run.made.items()},
    )


def parent_of(event: ObjectChanged) -> Uid:
    """The life that the object belongs to."""
    match event.address.kind:
        case Kind.BUCKET:
            return ALL_BUCKETS
        case Kind.COLLECTION | Kind.GROUP | Kind.WEBHOOK:
            return event.bucket_uid
        case Kind.RECORD:
            return life_of_collection(event)


def life_of_collection(event: ObjectChanged) -> Uid:
    """The life of the collection that the event is in, or is about."""
    if event.collection_uid is None:
        message = f"{event.type} {event.id} names no life of a collection"
        raise ValueError(message)
    return event.collection_uid


_ObjectKey: TypeAlias = tuple[Kind, Uid, str]


@dataclass(slots=True)
class _Run:
    """The entries of one partition, as far as they still matter."""

    events: list[ObjectChanged] = field(default_factory=list[ObjectChanged])
    last: dict[_ObjectKey, ObjectChanged] = field(default_factory=dict[_ObjectKey, ObjectChanged])
    created: dict[_ObjectKey, ObjectChanged] = field(
        default_factory=dict[_ObjectKey, ObjectChanged]
    )
    timestamps: dict[ListKey, Timestamp] = field(default_factory=dict[ListKey, Timestamp])
    doomed: dict[Uid, Kind] = field(default_factory=dict[Uid, Kind])
    members_before: dict[_ObjectKey, frozenset[Principal]] = field(
        default_factory=dict[_ObjectKey, frozenset[Principal]]
    )
    past_acls: list[PastAcl] = field(default_factory=list[PastAcl])
    removals: list[Removal] = field(default_factory=list[Removal])
    made: dict[str, MadeRequest] = field(default_factory=dict[str, MadeRequest])
    owner: Owner | None = None
    was_flushed: bool = False

    def take(self, entry: Entry) -> None:
        match entry.content:
            case ObjectChanged():
                self._change(entry.content)
                self._note(entry, entry.content)
            case HistoryTrimmed():
                self._trim(entry.content)
                self._note(entry, entry.content)
            case PartitionFlushed():
                self._flush()
            case Claim():
                self.owner = Owner(entry.position.offset, entry.content)
            case _:
                assert_never(entry.content)

    def changes(self, partition: Partition) -> Iterator[Change]:
        for event in self.events:
            key = _key(event)
            is_last = self.last[key] is event
            yield Change(partition, event, is_last=is_last, created=self.created.get(key))

    def memberships(self) -> Iterator[MembershipChange]:
        """Who joined the groups and who left them, all changes in the batch taken together."""
        for key, before in self.members_before.items():
            event = self.last[key]
            after = members_of(event.after.data)
            for member in before ^ after:
                yield MembershipChange(
                    event.bucket_uid, event.address.id, member, is_member=member in after
                )

    def _change(self, event: ObjectChanged) -> None:
        self.events.append(event)
        self.last[_key(event)] = event
        if event.action is Action.CREATED:
            self.created[_key(event)] = event
        for key, at in _timestamps(event):
            self.timestamps[key] = max(at, self.timestamps.get(key, at))
        if event.action is Action.DELETED:
            self.doomed.update(_ended(event))
        if event.address.kind is Kind.GROUP:
            before = (
                frozenset[Principal]() if event.before is None else members_of(event.before.data)
            )
            self.members_before.setdefault(_key(event), before)
        if event.address.kind is not Kind.RECORD and (acl := _past_acl(event)):
            self.past_acls.append(acl)

    def _note(self, entry: Entry, event: ObjectChanged | HistoryTrimmed) -> None:
        key = event.cause.key
        if key is not None and entry.claim is not None:
            made = MadeRequest(key, entry.position, entry.claim, event.occurred_at)
            self.made[key.id] = made

    def _trim(self, event: HistoryTrimmed) -> None:
        key = ListKey(event.bucket_uid, HISTORY)
        self.timestamps[key] = max(event.stream_at, self.timestamps.get(key, event.stream_at))
        self.removals.extend(
            Removal(event.bucket_uid, entry, at) for entry, at in event.tombstones.items()
        )

    def _flush(self) -> None:
        # Nothing more is doomed: lives that began in this batch have no row yet, and those from
        # before it end with their bucket's row. The list of buckets alone outlives it.
        self.events.clear()
        self.last.clear()
        self.created.clear()
        self.members_before.clear()
        self.past_acls.clear()
        self.removals.clear()
        self.timestamps = {
            key: at for key, at in self.timestamps.items() if key.parent == ALL_BUCKETS
        }
        self.was_flushed = True


def _key(event: ObjectChanged) -> _ObjectKey:
    return (event.address.kind, parent_of(event), event.address.id)


def _timestamps(event: ObjectChanged) -> Iterator[tuple[ListKey, Timestamp]]:
    """The lists that the event moves, and those that it starts."""
    kind = event.address.kind
    yield ListKey(parent_of(event), kind), event.last_modified
    if has_history(event):
        yield ListKey(event.bucket_uid, HISTORY), event.stream_at
    if event.action is Action.CREATED and kind is Kind.BUCKET:
        for below in (Kind.COLLECTION, Kind.GROUP, Kind.WEBHOOK):
            yield ListKey(event.bucket_uid, below), event.last_modified
    if event.action is Action.CREATED and event.records_from is not None:
        yield ListKey(life_of_collection(event), Kind.RECORD), event.records_from


def _ended(event: ObjectChanged) -> Mapping[Uid, Kind]:
    match event.address.kind:
        case Kind.BUCKET:
            return {event.bucket_uid: Kind.BUCKET}
        case Kind.COLLECTION:
            return {life_of_collection(event): Kind.COLLECTION}
        case Kind.GROUP | Kind.RECORD | Kind.WEBHOOK:
            return {}


def _past_acl(event: ObjectChanged) -> PastAcl | None:
    """Nothing for what has nothing in it, and where the ACEs are as they were."""
    if event.before is not None and event.before.permissions == event.after.permissions:
        return None
    match event.address.kind:
        case Kind.BUCKET:
            uid = event.bucket_uid
        case Kind.COLLECTION:
            uid = life_of_collection(event)
        case Kind.GROUP | Kind.RECORD | Kind.WEBHOOK:
            return None
    return PastAcl(event.bucket_uid, uid, event.stream_at, event.after.permissions)


def _greatest(items: Iterable[tuple[ListKey, Timestamp]]) -> Mapping[ListKey, Timestamp]:
    greatest: dict[ListKey, Timestamp] = {}
    for key, at in items:
        greatest[key] = max(at, greatest.get(key, at))
    return greatest
