"""What the owner of a partition knows of its streams: exact, as nobody else writes to them.

Buckets and collections stay known. Of records only those are kept whose last event is not in the
read model yet: the rest is read from there. Everything changes between two groups or while one
is decided, never while a group waits for something.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import assert_never

from muniment.command.known_keys import KnownKeys
from muniment.command.known_objects import (
    LEAVES,
    NEVER,
    GroupNumber,
    KnownBucket,
    KnownCollection,
    Lacking,
)
from muniment.domain.addresses import Address, BucketId, CollectionId, Kind
from muniment.domain.events import HistoryTrimmed, ObjectChanged
from muniment.domain.groups import holds, members_of, parse_group
from muniment.domain.states import ABSENT, Absent, Present, Scene, State, evolve
from muniment.domain.timelines import Timeline
from muniment.domain.values import Principal, Timestamp, Uid
from muniment.log.protocol import Position


class Known:
    """The states of one partition's streams, in front of the read model."""

    def __init__(self, *, nodes_max: int) -> None:
        self.floor: Position | None = None
        """What the read model must show at least: something that came before was let go of here."""
        self._nodes_max = nodes_max
        self._buckets: OrderedDict[BucketId, KnownBucket] = OrderedDict()
        self._nodes = 0
        self._loaded: dict[tuple[str, str, str], State] = {}
        self._in_overlay: OrderedDict[tuple[str, str, str], GroupNumber] = OrderedDict()
        self.keys = KnownKeys()

    @property
    def overlay_records(self) -> int:
        """How many records are kept since their events are not projected."""
        return len(self._in_overlay)

    def lacking(self, targets: Iterable[Address], *, fresh: Iterable[Address] = ()) -> Lacking:
        """What is not known of the targets; `fresh` ones have ids that nobody else can have."""
        buckets: dict[BucketId, None] = {}
        collections: dict[tuple[BucketId, CollectionId], None] = {}
        records: dict[tuple[str, str, str], Address] = {}
        leaves: dict[tuple[Kind, str, str], Address] = {}
        for address in targets:
            self._note_parents(address, buckets, collections, leaves)
            if address.kind is Kind.RECORD and not self._knows_record(address):
                records[_key(address)] = address
        for address in fresh:
            self._note_parents(address, buckets, collections, leaves)
        return Lacking(
            buckets=tuple(buckets),
            collections=tuple(collections),
            records=tuple(records.values()),
            leaves=tuple(leaves.values()),
        )

    def learn_bucket(self, bucket_id: BucketId, bucket: KnownBucket) -> None:
        """Take what the read model says of a bucket; `KnownBucket()` if it has none."""
        if bucket_id not in self._buckets:
            self._buckets[bucket_id] = bucket
            self._nodes += 1

    def learn_collection(
        self,
        bucket_id: BucketId,
        collection_id: CollectionId,
        collection: KnownCollection,
        *,
        bucket_uid: Uid | None,
    ) -> None:
        """Take what the read model says of a collection; `KnownCollection()` if it has none.

        What it found in another life of the bucket (`bucket_uid`) is gone.
        """
        bucket = self._buckets[bucket_id]
        if collection_id not in bucket.children:
            same_life = _uid(bucket.state) == bucket_uid
            bucket.children[collection_id] = collection if same_life else KnownCollection()
            self._nodes += 1

    def learn_leaf(self, address: Address, state: State, *, bucket_uid: Uid | None) -> None:
        """Take what the read model says of a group or webhook; `ABSENT` if it has none.

        What it found in another life of the bucket (`bucket_uid`) is gone.
        """
        bucket = self._buckets[address.bucket_id]
        states = bucket.leaves[address.kind].states
        if address.id not in states:
            same_life = _uid(bucket.state) == bucket_uid
            states[address.id] = state if same_life else ABSENT
            self._nodes += 1

    def learn_record(self, address: Address, state: State, *, collection_uid: Uid | None) -> None:
        """Take what the read model says of a record, for the group in hand.

        What it found in another life of the collection (`collection_uid`) is gone.
        """
        collection = self._buckets[address.bucket_id].children[address.collection_id or ""]
        if _uid(collection.state) == collection_uid:
            self._loaded[_key(address)] = state

    def scene(self, address: Address, *, bucket_list: Timeline | None = None) -> Scene:
        """What a decision about the address rests on; all of it must be known.

        `bucket_list` is the timeline of all buckets, for a decision about one of them.
        """
        bucket = self._buckets[address.bucket_id]
        match address.kind:
            case Kind.BUCKET:
                assert bucket_list is not None  # noqa: S101 - see `BucketList`
                return Scene(
                    bucket=None,
                    collection=None,
                    target=bucket.state,
                    timeline=bucket_list,
                    stream=bucket.stream,
                )
            case Kind.COLLECTION:
                collection = bucket.children[address.id]
                return Scene(
                    bucket=_present(bucket.state),
                    collection=None,
                    target=collection.state,
                    timeline=bucket.collections,
                    stream=bucket.stream,
                    records=collection.records,
                )
            case Kind.RECORD:
                collection = bucket.children[address.collection_id or ""]
                return Scene(
                    bucket=_present(bucket.state),
                    collection=_present(collection.state),
                    target=self._record(collection, address),
                    timeline=collection.records,
                    stream=bucket.stream,
                )
            case Kind.GROUP | Kind.WEBHOOK:
                leaves = bucket.leaves[address.kind]
                return Scene(
                    bucket=_present(bucket.state),
                    collection=None,
                    target=leaves.states[address.id],
                    timeline=leaves.timeline,
                    stream=bucket.stream,
                )
            case _:
                assert_never(address.kind)

    def list_scene(
        self, bucket_id: BucketId, collection_id: CollectionId | None, kind: Kind
    ) -> Scene:
        """What a decision about a whole list rests on: a scene without a target."""
        bucket = self._buckets[bucket_id]
        collection = bucket.children[collection_id] if collection_id is not None else None
        match kind:
            case Kind.RECORD:
                assert collection is not None  # noqa: S101 - records have a collection
                timeline = collection.records
            case Kind.COLLECTION:
                timeline = bucket.collections
            case Kind.GROUP | Kind.WEBHOOK:
                timeline = bucket.leaves[kind].timeline
            case Kind.BUCKET:
                timeline = NEVER
            case _:
                assert_never(kind)
        return Scene(
            bucket=_present(bucket.state),
            collection=None if collection is None else _present(collection.state),
            target=ABSENT,
            timeline=timeline,
            stream=bucket.stream,
        )

    def is_member(self, user_id: Principal, group: Principal, lives: Collection[Uid]) -> bool:
        """Whether the group speaks for the user, where the read model says so of these lives.

        The read model lags: of what is known here, this is the truth and that is not.
        """
        parsed = parse_group(group)
        if parsed is None:
            return False
        bucket = self._buckets.get(BucketId(parsed[0]))
        if bucket is None:
            return bool(lives)
        if not isinstance(bucket.state, Present):
            return False
        state = bucket.leaves[Kind.GROUP].states.get(parsed[1])
        if state is None:
            return bucket.state.uid in lives
        return isinstance(state, Present) and holds(members_of(state.data), user_id)

    def has_timestamp(
        self, address: Address, last_modified: Timestamp, *, stored: AbstractSet[str]
    ) -> bool:
        """Whether another object in the address's list has the timestamp.

        `stored` are the ids of those that the read model says it of: it lags, and of what is known
        here it is not asked. Of buckets nothing is: their list is not within one partition.
        """
        bucket = self._buckets[address.bucket_id]
        match address.kind:
            case Kind.RECORD:
                overlay = bucket.children[address.collection_id or ""].overlay
                others: Mapping[str, State] = {key: state for key, (state, _) in overlay.items()}
            case Kind.COLLECTION:
                others = {key: child.state for key, child in bucket.children.items()}
            case Kind.GROUP | Kind.WEBHOOK:
                others = bucket.leaves[address.kind].states
            case Kind.BUCKET:
                others = {}
            case _:
                assert_never(address.kind)
        known = {
            key
            for key, state in others.items()
            if not isinstance(state, Absent) and state.last_modified == last_modified
        }
        unknown = stored - others.keys()
        return bool((known | unknown) - {address.id})

    def apply(self, event: ObjectChanged, group: GroupNumber) -> None:
        """Bring an event of the group in hand into what is known."""
        address = event.address
        bucket = self._buckets[address.bucket_id]
        bucket.touched = group
        match address.kind:
            case Kind.BUCKET:
                self._apply_to_bucket(bucket, event)
            case Kind.COLLECTION:
                collection = bucket.children[address.id]
                collection.state = evolve(collection.state, event)
                bucket.collections = bucket.collections.after(event.last_modified)
                if event.records_from is not None:  # A life begins or ends.
                    collection.records = Timeline(at=event.records_from)
                    self._empty(address.bucket_id, address.id, collection)
            case Kind.RECORD:
                collection = bucket.children[address.collection_id or ""]
                collection.overlay[address.id] = (evolve(ABSENT, event), group)
                collection.records = collection.records.after(event.last_modified)
                key = _key(address)
                self._in_overlay[key] = group
                self._in_overlay.move_to_end(key)
            case Kind.GROUP | Kind.WEBHOOK:
                leaves = bucket.leaves[address.kind]
                leaves.states[address.id] = evolve(leaves.states[address.id], event)
                leaves.timeline = leaves.timeline.after(event.last_modified)
            case _:
                assert_never(address.kind)
        bucket.stream = Timeline(at=event.stream_at)

    def trim(self, event: HistoryTrimmed, group: GroupNumber) -> None:
        """The bucket's clock went on; its history is known to readers alone."""
        bucket = self._buckets[event.bucket_id]
        bucket.touched = group
        bucket.stream = Timeline(at=event.stream_at)

    def forget(self, *, projected: GroupNumber) -> None:
        """Let go of what the groups up to `projected` touched, and of what exceeds the limit."""
        self._loaded.clear()
        while self._in_overlay:
            key, group = next(iter(self._in_overlay.items()))
            if group > projected:
                break
            del self._in_overlay[key]
            bucket_id, collection_id, record_id = key
            collection = self._buckets[BucketId(bucket_id)].children.get(collection_id)
            if collection is not None:
                collection.overlay.pop(record_id, None)
        self.keys.forget(projected=projected)
        self._evict(projected)

    def clear(self) -> None:
        """Forget everything: the read model is the truth again."""
        self._buckets.clear()
        self._loaded.clear()
        self._in_overlay.clear()
        self.keys.clear()
        self._nodes = 0

    def _evict(self, projected: GroupNumber) -> None:
        for bucket_id in list(self._evictable(projected)):
            if self._nodes <= self._nodes_max:
                return
            bucket = self._buckets.pop(bucket_id)
            self._nodes -= bucket.nodes

    def _evictable(self, projected: GroupNumber) -> Iterator[BucketId]:
        if self._nodes > self._nodes_max:
            for bucket_id, bucket in self._buckets.items():
                if bucket.touched <= projected:
                    yield bucket_id

    def _apply_to_bucket(self, bucket: KnownBucket, event: ObjectChanged) -> None:
        had_life = isinstance(bucket.state, Present)
        bucket.state = evolve(bucket.state, event)
        if not had_life or not isinstance(bucket.state, Present):
            for collection_id, collection in bucket.children.items():
                collection.state = ABSENT
                collection.records = NEVER
                self._empty(event.address.bucket_id, collection_id, collection)
            bucket.begin(Timeline(at=event.last_modified))

    def _empty(self, bucket_id: str, collection_id: str, collection: KnownCollection) -> None:
        """Nothing of a collection's last life is known any more, nor what was just loaded of it."""
        collection.overlay.clear()
        for key in [key for key in self._loaded if key[:2] == (bucket_id, collection_id)]:
            del self._loaded[key]

    def _note_parents(
        self,
        address: Address,
        buckets: dict[BucketId, None],
        collections: dict[tuple[BucketId, CollectionId], None],
        leaves: dict[tuple[Kind, str, str], Address],
    ) -> None:
        bucket = self._buckets.get(address.bucket_id)
        if bucket is None:
            buckets[address.bucket_id] = None
        else:
            self._buckets.move_to_end(address.bucket_id)
        collection_id = _collection_in(address)
        if collection_id is not None and (bucket is None or collection_id not in bucket.children):
            collections[address.bucket_id, collection_id] = None
        is_leaf = address.kind in LEAVES
        if is_leaf and (bucket is None or address.id not in bucket.leaves[address.kind].states):
            leaves[address.kind, address.bucket_id, address.id] = address

    def _knows_record(self, address: Address) -> bool:
        bucket = self._buckets.get(address.bucket_id)
        if bucket is None:
            return False
        collection = bucket.children.get(address.collection_id or "")
        return collection is not None and address.id in collection.overlay

    def _record(self, collection: KnownCollection, address: Address) -> State:
        entry = collection.overlay.get(address.id)
        if entry is not None:
            return entry[0]
        if not isinstance(collection.state, Present):
            return ABSENT
        return self._loaded.get(_key(address), ABSENT)


def _present(state: State) -> Present | None:
    return state if isinstance(state, Present) else None


def _uid(state: State) -> Uid | None:
    return state.uid if isinstance(state, Present) else None


def _collection_in(address: Address) -> CollectionId | None:
    if address.kind is Kind.COLLECTION:
        return CollectionId(address.id)
    return address.collection_id


def _key(address: Address) -> tuple[str, str, str]:
    return address.bucket_id, address.collection_id or "", address.id
