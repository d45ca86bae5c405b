"""What readers can see, as plain values: folded from the log by rote, or dumped from Postgres.

The two must be equal, whatever happened on the way. `view_of_log` knows nothing of lives, batches
or tables: it takes one entry after another and handles URIs only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from muniment.domain.addresses import Address, Kind, parse_uri
from muniment.domain.events import (
    Action,
    HistoryTrimmed,
    ObjectChanged,
    PartitionFlushed,
    entry_id,
)
from muniment.log.protocol import Claim, Entry, Partition
from muniment.readmodel.connection import Connection
from muniment.readmodel.sql import Statements

SQL: Final = Statements("tests.support", "read_model.sql")

Json: TypeAlias = dict[str, Any]

LISTS: Final = {
    Kind.BUCKET: "/buckets",
    Kind.COLLECTION: "collections",
    Kind.GROUP: "groups",
    Kind.RECORD: "records",
    Kind.WEBHOOK: "webhooks",
}
HISTORY: Final = "history"
TIMES: Final = ("created_at", "created_order", "updated_at")

READERS: Final = "readers"
"""Who could read what an entry's object was in."""


@dataclass(slots=True)
class View:
    """Everything that a reader with all permissions can find."""

    objects: dict[str, Json] = field(default_factory=dict[str, Json])
    """URI to `data` and `permissions`; tombstones as well."""
    times: dict[str, Json] = field(default_factory=dict[str, Json])
    """URI of a bucket, collection or record that lives to when it was created and changed."""
    timestamps: dict[str, int] = field(default_factory=dict[str, int])
    """URI of a list to its timestamp."""
    history: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """URI of a bucket to its entries, oldest first."""
    memberships: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Member and group."""
    named: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Principal and URI of an object whose ACEs name it, as far as an index finds it."""
    told: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Principal and id of an entry that names it, as far as an index finds it."""
    owners: dict[int, str] = field(default_factory=dict[int, str])
    """Partition to the URL of its owner."""

    @property
    def living(self) -> Mapping[str, Json]:
        """The objects without the tombstones."""
        return {uri: kept for uri, kept in self.objects.items() if kept["permissions"]}


def view_of_log(entries: Iterable[Entry]) -> View:
    """Take the entries one by one, as a reader of the documentation would."""
    view = View()
    partitions: dict[str, Partition] = {}
    for entry in entries:
        match entry.content:
            case ObjectChanged() as event:
                partitions[f"/buckets/{event.address.bucket_id}"] = entry.position.partition
                _change(view, event)
            case HistoryTrimmed() as event:
                _trim(view, event)
            case PartitionFlushed():
                for uri, partition in partitions.items():
                    if partition == entry.position.partition:
                        _forget_below(view, uri)
                        view.objects.pop(uri, None)
                        view.times.pop(uri, None)
            case Claim() as claim:
                view.owners[entry.position.partition] = claim.url
    _note_principals(view)
    return view


async def view_of_postgres(connection: Connection) -> View:
    """Dump what can be reached; the connection's `search_path` says from which read model."""
    view = View()
    # Within a draft nothing else changes, and its transaction can't become another one.
    is_draft = connection.is_in_transaction()
    async with connection.transaction(isolation=None if is_draft else "repeatable_read"):
        for row in await connection.fetch(SQL.reachable_objects):
            view.objects[row["uri"]] = {
                "data": orjson.loads(row["data"]),
                "permissions": orjson.loads(row["permissions"]),
                "hidden": orjson.loads(row["hidden"] or b"null"),
            }
        for row in await connection.fetch(SQL.reachable_times):
            view.times[row["uri"]] = {name: row[name] for name in TIMES}
        for row in await connection.fetch(SQL.reachable_timestamps):
            view.timestamps[row["uri"]] = row["last_modified"]
        for row in await connection.fetch(SQL.reachable_history):
            view.history.setdefault(row["bucket_uri"], []).append(orjson.loads(row["entry"]))
        for row in await connection.fetch(SQL.reachable_memberships):
            view.memberships.add((row["member"], row["uri"]))
        for row in await connection.fetch(SQL.reachable_aces):
            view.named.add((row["principal"], row["uri"]))
        for row in await connection.fetch(SQL.reachable_entry_aces):
            view.told.add((row["principal"], str(row["id"])))
        for row in await connection.fetch(SQL.owners):
            view.owners[row["partition"]] = row["url"]
    return view


def _note_principals(view: View) -> None:
    for uri, kept in view.living.items():
        if parse_uri(uri).kind is Kind.GROUP:
            view.memberships.update((member, uri) for member in kept["data"]["members"])
        view.named.update((holder, uri) for holder in _holders(kept))
    for entries in view.history.values():
        for entry in entries:
            if "permissions" in entry:
                view.told.update((who, entry["id"]) for who in {*_holders(entry), READERS})


def _holders(kept: Json) -> set[str]:
    return {holder for holders in kept["permissions"].values() for holder in holders}


def _change(view: View, event: ObjectChanged) -> None:
    address = event.address
    if event.action is not Action.UPDATED and address.kind in (Kind.BUCKET, Kind.COLLECTION):
        _forget_below(view, address.uri)
    view.objects[address.uri] = {
        "data": event.after.data,
        "permissions": _sorted(event.after.permissions),
        "hidden": event.after.hidden,
    }
    if address.kind in (Kind.BUCKET, Kind.COLLECTION, Kind.RECORD):
        _note_times(view.times, event)
    _raise(view, _list_of(address), event.last_modified)
    if event.action is Action.CREATED and address.kind is Kind.BUCKET:
        for below in (Kind.COLLECTION, Kind.GROUP, Kind.WEBHOOK):
            _raise(view, f"{address.uri}/{LISTS[below]}", event.last_modified)
    if event.action is Action.CREATED and event.records_from is not None:
        _raise(view, f"{address.uri}/{LISTS[Kind.RECORD]}", event.records_from)
    if not (address.kind is Kind.BUCKET and event.action is Action.DELETED):
        bucket_uri = f"/buckets/{address.bucket_id}"
        _raise(view, f"{bucket_uri}/{HISTORY}", event.stream_at)
        view.history.setdefault(bucket_uri, []).append(_history_entry(event))


def _note_times(times: dict[str, Json], event: ObjectChanged) -> None:
    uri = event.address.uri
    match event.action:
        case Action.CREATED:
            times[uri] = dict(zip(TIMES, (event.occurred_at, event.stream_at, None), strict=True))
        case Action.UPDATED:
            times[uri]["updated_at"] = event.occurred_at
        case Action.DELETED:
            del times[uri]


def _trim(view: View, event: HistoryTrimmed) -> None:
    uri = f"/buckets/{event.bucket_id}"
    _raise(view, f"{uri}/{HISTORY}", event.stream_at)
    kept = [entry for entry in view.history[uri] if entry["last_modified"] not in event.tombstones]
    tombstones = [
        {"id": entry["id"], "last_modified": event.tombstones[entry["last_modified"]]}
        for entry in view.history[uri]
        if entry["last_modified"] in event.tombstones
    ]
    tombstones.sort(key=lambda gone: gone["last_modified"])
    view.history[uri] = [*kept, *({**gone, "deleted": True} for gone in tombstones)]


def _history_entry(event: ObjectChanged) -> Json:
    address = event.address
    collection_id = address.id if address.kind is Kind.COLLECTION else address.collection_id
    return {
        "id": entry_id(event.id),
        "last_modified": event.stream_at,
        "occurred_at_ms": event.occurred_at,
        "action": event.action.removesuffix("d"),
        "resource_name": address.kind,
        "uri": address.uri,
        "collection_id": collection_id,
        "object_id": address.id,
        "user_id": event.cause.actor,
        "request_id": event.cause.request_id,
        "data": event.after.data,
        "permissions": _sorted(event.after.permissions),
        "hidden": event.after.hidden,
    }


def _forget_below(view: View, uri: str) -> None:
    for kept in (view.objects, view.times, view.timestamps):
        for other in [other for other in kept if other.startswith(f"{uri}/")]:
            del kept[other]
    if parse_uri(uri).kind is Kind.BUCKET:
        view.history.pop(uri, None)


def _list_of(address: Address) -> str:
    name = LISTS[address.kind]
    return f"{address.parent_uri}/{name}" if address.parent_uri else name


def _raise(view: View, list_uri: str, at: int) -> None:
    view.timestamps[list_uri] = max(at, view.timestamps.get(list_uri, at))


def _sorted(permissions: Mapping[str, Iterable[str]]) -> Json:
    return {name: sorted(held_by) for name, held_by in permissions.items()}
