"""A log that could have happened: changes told one after another become consistent entries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias
from uuid import UUID

from muniment.domain.addresses import (
    Address,
    BucketId,
    Kind,
    bucket,
    collection,
    group,
    parse_uri,
    record,
    webhook,
)
from muniment.domain.events import (
    Action,
    Cause,
    Event,
    EventId,
    HistoryTrimmed,
    ObjectChanged,
    PartitionFlushed,
    Snapshot,
)
from muniment.domain.values import JsonValue, Principal, Timestamp, Uid
from muniment.log.protocol import Claim, Entry, Offset, Partition, Position

Verb: TypeAlias = Literal["write", "delete", "trim", "flush", "claim"]
Step: TypeAlias = tuple[Verb, Address]

ADDRESSES: Final[Sequence[Address]] = [
    made
    for name in ("atlas", "birds")
    for made in (
        bucket(name),
        group(name, "editors"),
        collection(name, "stations"),
        collection(name, "trips"),
        record(name, "stations", "one"),
        record(name, "stations", "two"),
        record(name, "trips", "one"),
        webhook(name, "billing"),
    )
]
"""A small world, so that random steps meet each other."""

PARTITIONS: Final = (Partition(0), Partition(1))
WRITER: Final = Principal("account:nadia")
USERS: Final = tuple(map(Principal, ("account:omar", "account:pia", "system.Authenticated")))
"""Who is named beside the writer, as the clock has it: in ACEs, and as members of groups."""


def partition_of(bucket_id: str) -> Partition:
    """Like the log's, with the two buckets of the small world apart."""
    return PARTITIONS[0] if bucket_id < "b" else PARTITIONS[1]


@dataclass(slots=True)
class Story:
    """Tells `entries`; whatever cannot happen next (a record in no collection) is left untold."""

    partition: Callable[[str], Partition] = partition_of
    entries: list[Entry] = field(default_factory=list[Entry])
    _objects: dict[str, Snapshot] = field(default_factory=dict[str, Snapshot])
    _lives: dict[str, Uid] = field(default_factory=dict[str, Uid])
    _history: dict[str, list[Timestamp]] = field(default_factory=dict[str, list[Timestamp]])
    _offsets: dict[Partition, int] = field(default_factory=dict[Partition, int])
    _claims: dict[Partition, Offset] = field(default_factory=dict[Partition, Offset])
    _ids: int = 0
    _at: int = 1_700_000_000_000

    def play(self, steps: Sequence[Step]) -> "Story":
        """Tell all steps that can happen; answer the story itself."""
        for verb, address in steps:
            match verb:
                case "write":
                    self.write(address)
                case "delete":
                    self.delete(address)
                case "trim":
                    self.trim(address.bucket_id)
                case "flush":
                    self.flush(self.partition(address.bucket_id))
                case "claim":
                    self.claim(self.partition(address.bucket_id))
        return self

    def write(self, address: Address, **fields: JsonValue) -> None:
        """Create or update the object."""
        if address.parent_uri and address.parent_uri not in self._objects:
            return
        before = self._objects.get(address.uri)
        if before is None and address.kind in (Kind.BUCKET, Kind.COLLECTION, Kind.WEBHOOK):
            self._lives[address.uri] = Uid(self._next_uuid())
        at = self._tick()
        some = [name for number, name in enumerate(USERS) if at >> number & 1]
        is_small = address.kind in (Kind.GROUP, Kind.RECORD, Kind.WEBHOOK)
        members: dict[str, JsonValue] = {"members": some} if address.kind is Kind.GROUP else {}
        after = Snapshot(
            data={"id": address.id, "last_modified": at, **members, **fields},
            permissions={"write": frozenset({WRITER, *(some if is_small else ())})},
        )
        action = Action.UPDATED if before else Action.CREATED
        if address.kind is Kind.RECORD and at % 3 == 0:
            after = replace(after, hidden={"id": at})
        is_new_collection = before is None and address.kind is Kind.COLLECTION
        self._change(address, action, before, after, records_from=at if is_new_collection else None)
        self._objects[address.uri] = after

    def delete(self, address: Address) -> None:
        """Delete the object, if it is there, and with it all that is below."""
        before = self._objects.get(address.uri)
        if before is None:
            return
        at = self._tick()
        tombstone: dict[str, JsonValue] = {"id": address.id, "last_modified": at, "deleted": True}
        records_from = at if address.kind is Kind.COLLECTION else None
        after = Snapshot(data=tombstone, permissions={})
        self._change(address, Action.DELETED, before, after, records_from=records_from)
        self._forget(lambda uri: uri == address.uri or uri.startswith(f"{address.uri}/"))

    def trim(self, bucket_id: BucketId) -> None:
        """Remove every other entry from the bucket's history, from the oldest on."""
        entries = self._history.get(bucket_id, [])
        removed = entries[::2]
        if not removed:
            return
        del entries[::2]
        stream_at = [self._tick() for _ in removed][-1]
        trimmed = HistoryTrimmed(
            id=EventId(self._next_uuid()),
            bucket_id=bucket_id,
            bucket_uid=self._lives[bucket(bucket_id).uri],
            entries=tuple(removed),
            stream_at=stream_at,
            occurred_at=self._tick(),
            cause=self._cause(),
        )
        self._append(self.partition(bucket_id), trimmed)

    def flush(self, partition: Partition) -> None:
        """End all buckets of the partition."""
        flushed = PartitionFlushed(
            id=EventId(self._next_uuid()), occurred_at=self._tick(), cause=self._cause()
        )
        self._append(partition, flushed)
        for bucket_id in self._history:
            if self.partition(bucket_id) == partition:
                self._history[bucket_id] = []
        self._forget(lambda uri: self.partition(parse_uri(uri).bucket_id) == partition)

    def claim(self, partition: Partition) -> None:
        """Have a new owner claim the partition."""
        epoch = self._offsets.get(partition, 0)
        claim = Claim(epoch=epoch, producer_id=7, instance_id="one", url="http://one:8888")
        self._append(partition, claim)

    def _change(
        self,
        address: Address,
        action: Action,
        before: Snapshot | None,
        after: Snapshot,
        *,
        records_from: Timestamp | None,
    ) -> None:
        uri = address.uri if address.kind is Kind.COLLECTION else address.parent_uri
        last_modified = after.data["last_modified"]
        assert isinstance(last_modified, int)
        event = ObjectChanged(
            id=EventId(self._next_uuid()),
            action=action,
            address=address,
            bucket_uid=self._lives[bucket(address.bucket_id).uri],
            collection_uid=self._lives.get(uri)
            if address.kind in (Kind.COLLECTION, Kind.RECORD)
            else None,
            last_modified=Timestamp(last_modified),
            stream_at=self._tick(),
            occurred_at=self._tick(),
            after=after,
            before=before,
            records_from=records_from,
            webhook_uid=self._lives[address.uri] if address.kind is Kind.WEBHOOK else None,
            cause=self._cause(),
        )
        self._append(self.partition(address.bucket_id), event)
        if address.kind is Kind.BUCKET and action is not Action.UPDATED:
            self._history[address.bucket_id] = []
        if not (address.kind is Kind.BUCKET and action is Action.DELETED):
            self._history[address.bucket_id].append(event.stream_at)

    def _append(self, partition: Partition, content: Event | Claim) -> None:
        offset = Offset(self._offsets.get(partition, 0))
        is_claim = isinstance(content, Claim)
        if not is_claim and partition not in self._claims:
            self.claim(partition)
            self._append(partition, content)
            return
        claim = None if is_claim else self._claims[partition]
        self.entries.append(
            Entry(position=Position(partition, offset), claim=claim, content=content)
        )
        self._offsets[partition] = offset + 1
        if is_claim:
            self._claims[partition] = offset

    def _forget(self, is_gone: Callable[[str], bool]) -> None:
        self._objects = {uri: kept for uri, kept in self._objects.items() if not is_gone(uri)}

    def _cause(self) -> Cause:
        return Cause(actor=WRITER, request_id=f"request-{self._ids}")

    def _next_uuid(self) -> str:
        self._ids += 1
        return str(UUID(int=self._ids))

    def _tick(self) -> Timestamp:
        self._at += 1
        return Timestamp(self._at)
