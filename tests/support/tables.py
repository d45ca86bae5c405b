"""The read model's tables in memory: what each folded batch does to their rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from muniment.domain.addresses import Kind
from muniment.domain.events import Action, ObjectChanged, entry_id
from muniment.domain.values import Timestamp, Uid
from muniment.log.protocol import Partition
from muniment.readmodel.projection.fold import ALL_BUCKETS, Batch, ListKey, parent_of
from muniment.readmodel.projection.recording import has_history

ObjectKey = tuple[Kind, Uid, str]


@dataclass(slots=True)
class Tables:
    """Rows by their keys; nothing is ever swept away, as reachable rows must do without that."""

    rows: dict[ObjectKey, ObjectChanged] = field(default_factory=dict[ObjectKey, ObjectChanged])
    partitions: dict[str, Partition] = field(default_factory=dict[str, Partition])
    timestamps: dict[ListKey, Timestamp] = field(default_factory=dict[ListKey, Timestamp])
    history: dict[tuple[Uid, Timestamp], str] = field(
        default_factory=dict[tuple[Uid, Timestamp], str]
    )
    """Entries and tombstones, by their own timestamps."""

    def apply(self, batch: Batch) -> None:
        """What the statements of the projector do."""
        for key in [key for key in self.rows if self._is_flushed(key, batch)]:
            del self.rows[key]
        for partition, event, is_last, _ in batch.changes:
            self.partitions[event.address.bucket_id] = partition
            key = (event.address.kind, parent_of(event), event.address.id)
            if is_last:
                self.rows[key] = event
            if has_history(event):
                self.history[event.bucket_uid, event.stream_at] = entry_id(event.id)
        for uid, entry, at in batch.removals:
            self.history[uid, at] = self.history.pop((uid, entry))
        for list_key, at in batch.timestamps.items():
            self.timestamps[list_key] = max(at, self.timestamps.get(list_key, at))

    def reachable(self) -> tuple[list[ObjectChanged], dict[ListKey, Timestamp], list[str]]:
        """Rows, timestamps and history that a reader can come to, each in order of their keys."""
        rows = {key: row for key, row in self.rows.items() if key[0] is Kind.BUCKET}
        lives = {ALL_BUCKETS} | _lives(rows.values())
        rows |= {key: row for key, row in self.rows.items() if key[1] in lives}
        lives |= _lives(rows.values())
        rows |= {key: row for key, row in self.rows.items() if key[1] in lives}
        return (
            [rows[key] for key in sorted(rows)],
            {key: at for key, at in sorted(self.timestamps.items()) if key.parent in lives},
            [f"{at} {id_}" for (uid, at), id_ in sorted(self.history.items()) if uid in lives],
        )

    def _is_flushed(self, key: ObjectKey, batch: Batch) -> bool:
        return key[0] is Kind.BUCKET and self.partitions[key[2]] in batch.flushed


def _lives(rows: Iterable[ObjectChanged]) -> set[Uid]:
    own = {Kind.BUCKET: "bucket_uid", Kind.COLLECTION: "collection_uid"}
    return {
        getattr(row, own[row.address.kind])
        for row in rows
        if row.address.kind in own and row.action is not Action.DELETED
    }
