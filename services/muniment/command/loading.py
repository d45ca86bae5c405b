"""Reads from the read model what the owner of a partition does not know yet."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from muniment.command.known import Known
from muniment.command.known_objects import KnownBucket, KnownCollection, Lacking, leaves
from muniment.command.principals import Memberships
from muniment.command.waiting import Made, MadeAt
from muniment.domain.addresses import Address, BucketId, CollectionId, Kind
from muniment.domain.events import Event, HistoryTrimmed
from muniment.domain.permissions import parse_permissions
from muniment.domain.states import ABSENT, Present, State, Tombstone
from muniment.domain.timelines import Timeline
from muniment.domain.values import AUTHENTICATED, JsonObject, Principal, Timestamp, Uid
from muniment.log.protocol import Offset, Partition, Position
from muniment.readmodel.connection import Connection, Pool, lent
from muniment.readmodel.drafts import GIVEN_UP, Draft, open_draft, reads_go_over
from muniment.readmodel.naming import find_by_name
from muniment.readmodel.projection.recording import Recording
from muniment.readmodel.sql import Statements
from muniment.web.http import Response
from muniment.web.pipeline import Unavailable

SQL: Final = Statements("muniment.command", "loading.sql")

_TABLES: Final[Mapping[Kind, str]] = {
    Kind.BUCKET: "bucket",
    Kind.COLLECTION: "collection",
    Kind.GROUP: '"group"',
    Kind.RECORD: "record",
    Kind.WEBHOOK: "webhook",
}


_LOST: Final = "the read model is behind what it has shown: Postgres has lost its last moments"

DRAFT_TIMEOUT_S: Final = 5.0
NOT_FOR_DRAFTS: Final = 2
"""Connections of the pool: for the turn on the bucket list, and for what is over in a moment."""


class LastOwner(NamedTuple):
    """Who claimed a partition last."""

    url: str
    """Where it takes commands."""
    claim: Offset


class ReadModel:
    """The states that the projector has written, as the owner asks for them."""

    def __init__(self, pool: Pool, *, recording: Recording) -> None:
        self._pool = pool
        self._recording = recording
        # Who has a draft, or a turn on the bucket list, asks for another connection now and then.
        self._drafts = asyncio.Semaphore(max(1, pool.get_max_size() - NOT_FOR_DRAFTS))

    async def load(self, lacking: Lacking, known: Known) -> None:
        """Bring what is lacking into what is known, with one query.

        Raises `Unavailable` where a restarted Postgres has lost what is below the known floor.
        """
        floor = known.floor
        rows = await self._fetch(
            SQL.load_states,
            lacking.buckets,
            [collection_id for _, collection_id in lacking.collections],
            [bucket_id for bucket_id, _ in lacking.collections],
            [address.id for address in lacking.records],
            [address.collection_id for address in lacking.records],
            [address.bucket_id for address in lacking.records],
            *_columns(lacking, Kind.GROUP),
            *_columns(lacking, Kind.WEBHOOK),
            None if floor is None else floor.partition,
        )
        found = {
            (row["kind"], row["bucket_id"], row["collection_id"], row["id"]): row for row in rows
        }
        if floor is not None:
            checkpoint = found.get(("checkpoint", None, None, None))
            if checkpoint is None or checkpoint["last_modified"] <= floor.offset:
                raise Unavailable(_LOST)
        for bucket_id in lacking.buckets:
            row = found.get(("bucket", bucket_id, None, bucket_id))
            known.learn_bucket(bucket_id, KnownBucket() if row is None else _bucket(row))
        for bucket_id, collection_id in lacking.collections:
            row = found.get(("collection", bucket_id, collection_id, collection_id))
            _learn_collection(known, bucket_id, collection_id, row)
        for address in lacking.leaves:
            row = found.get((address.kind, address.bucket_id, None, address.id))
            state, life = (ABSENT, None) if row is None else (_state(row), Uid(str(row["parent"])))
            known.learn_leaf(address, state, bucket_uid=life)
        for address in lacking.records:
            row = found.get(("record", address.bucket_id, address.collection_id, address.id))
            if row is not None:
                known.learn_record(address, _state(row), collection_uid=Uid(str(row["parent"])))

    async def made(
        self, keys: Collection[str], *, since: Timestamp, partition: Partition, known: Known
    ) -> Mapping[str, Made]:
        """What was made under the keys since then, by key, as far as it is projected.

        Raises `Unavailable` as `load` does.
        """
        floor = known.floor
        rows = await self._fetch(SQL.made_requests, keys, since, partition)
        if floor is not None and (rows[0]["projected_to"] or 0) <= floor.offset:
            raise Unavailable(_LOST)
        return {str(row["key"]): _made(row) for row in rows if row["key"] is not None}

    async def tombstones_of_entries(self, trimmed: HistoryTrimmed) -> Sequence[JsonObject]:
        """What clients are told of entries that were removed from a history."""
        moments = list(trimmed.tombstones.values())
        rows = await self._fetch(SQL.tombstones_of_entries, trimmed.bucket_uid, moments)
        return [
            {"id": str(row["id"]), "last_modified": row["last_modified"], "deleted": True}
            for row in rows
        ]

    async def memberships(self, users: Collection[Principal]) -> Memberships:
        """The groups that speak for the users, wherever they are (AUTH-5)."""
        rows = await self._fetch(SQL.find_memberships, [*users, AUTHENTICATED])
        return Memberships(
            {(row["member"], row["uri"]): Uid(str(row["bucket_uid"])) for row in rows}
        )

    async def ids_at_timestamp(
        self, last_modified: Timestamp, address: Address, *, parent_uid: Uid | None
    ) -> AbstractSet[str]:
        """Which other objects in the address's list have the timestamp."""
        statement = SQL.ids_at_timestamp.format(table=_TABLES[address.kind])
        parent = parent_uid or "00000000-0000-0000-0000-000000000000"
        rows = await self._fetch(statement, last_modified, parent, address.id)
        return {str(row["id"]) for row in rows}

    async def name_holder(
        self, name: str, address: Address, *, floor: Position | None
    ) -> CollectionId | None:
        """Which other collection of the address's bucket has the name.

        Raises `Unavailable` as `load` does.
        """
        async with self.acquire() as connection:
            holder = await find_by_name(connection, address.bucket_id, name, but=address.id)
            # Asked for afterwards: what has been lost since was there before.
            await self._check(connection, floor)
        return holder

    async def last_owner(self, partition: Partition) -> LastOwner | None:
        """Who owns the partition as far as is projected, if it ever had an owner."""
        rows = await self._fetch(SQL.last_owner, partition)
        return LastOwner(url=rows[0]["url"], claim=rows[0]["claim_offset"]) if rows else None

    async def owner_urls(self) -> frozenset[str]:
        """Where the owners of all partitions take commands."""
        return frozenset(row["url"] for row in await self._fetch(SQL.owner_urls))

    async def projector_is_alive(self, *, beat_age_s_max: float) -> bool:
        """Whether a projector leads and was not hung for longer than that."""
        return bool(await self._fetch_value(SQL.projector_is_alive, beat_age_s_max))

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """A connection of the pool, within its deadline."""
        return lent(self._pool)

    @asynccontextmanager
    async def draft(
        self, partition: Partition, *, floor: Position | None
    ) -> AsyncGenerator["DraftModel"]:
        """The read model as it would be with some more events of the partition.

        Nothing of it is left afterwards. Raises `Unavailable` where it takes longer than
        `DRAFT_TIMEOUT_S` altogether, as the partition's other orders and its projection wait, and
        where a restarted Postgres has lost what is below the known floor.
        """
        try:
            async with (
                asyncio.timeout(DRAFT_TIMEOUT_S),
                self._drafts,
                self.acquire() as connection,
                open_draft(connection, partition, recording=self._recording) as draft,
            ):
                if floor is not None and draft.next_offset <= floor.offset:
                    raise Unavailable(_LOST)
                yield DraftModel(draft)
        except (TimeoutError, *GIVEN_UP) as error:
            raise Unavailable(f"what a batch reads was given up: {error!r}") from error

    async def _check(self, connection: Connection, floor: Position | None) -> None:
        """Raise `Unavailable` where a restarted Postgres has lost what is below the floor."""
        if floor is not None:
            next_offset = await connection.fetchval(SQL.projected_to, floor.partition)
            if next_offset is None or next_offset <= floor.offset:
                raise Unavailable(_LOST)

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with self.acquire() as connection:
            return await connection.fetch(statement, *values)

    async def _fetch_value(self, statement: str, *values: object) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(statement, *values)


class DraftModel(ReadModel):
    """A read model that shows the events that were added, to who asks it."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def add(self, event: Event) -> None:
        """Let all that is asked from now on see the event."""
        self._draft.add(event)

    async def read(self, answer: Callable[[], Awaitable[Response]]) -> Response:
        """What a handler of reads answers here."""
        with reads_go_over(await self._draft.connection()):
            return await answer()

    @asynccontextmanager
    async def _same(self) -> AsyncGenerator[Connection]:
        yield await self._draft.connection()

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """The draft's own connection: one question after another."""
        return self._same()


def _made(row: asyncpg.Record) -> Made:
    partition, offset = Partition(row["partition"]), Offset(row["last_offset"])
    outcome = MadeAt(
        last=Position(partition, offset),
        claim=Offset(row["claim_offset"]),
        events=row["events"],
        next_token=row["next_token"],
    )
    return Made(request=str(row["request"]), outcome=outcome)


def _columns(lacking: Lacking, kind: Kind) -> tuple[list[str], list[str]]:
    """The ids of the leaves of a kind, and those of their buckets."""
    found = [address for address in lacking.leaves if address.kind is kind]
    return [address.id for address in found], [address.bucket_id for address in found]


def _learn_collection(
    known: Known, bucket_id: BucketId, collection_id: CollectionId, row: asyncpg.Record | None
) -> None:
    if row is None:
        # Whatever life the bucket has, there is no such collection in it.
        known.learn_collection(bucket_id, collection_id, KnownCollection(), bucket_uid=None)
        return
    known.learn_collection(
        bucket_id, collection_id, _collection(row), bucket_uid=Uid(str(row["parent"]))
    )


def _bucket(row: asyncpg.Record) -> KnownBucket:
    clocks = _clocks(row)
    return KnownBucket(
        state=_state(row),
        stream=clocks.get("history", Timeline(at=Timestamp(0))),
        collections=clocks.get("collection", Timeline(at=Timestamp(0))),
        leaves=leaves(clocks),
    )


def _collection(row: asyncpg.Record) -> KnownCollection:
    return KnownCollection(
        state=_state(row), records=_clocks(row).get("record", Timeline(at=Timestamp(0)))
    )


def _clocks(row: asyncpg.Record) -> dict[str, Timeline]:
    clocks: dict[str, int] = orjson.loads(row["clocks"]) if row["clocks"] else {}
    return {kind: Timeline(at=Timestamp(at)) for kind, at in clocks.items()}


def _state(row: asyncpg.Record) -> State:
    at = Timestamp(row["last_modified"])
    if row["deleted"]:
        until = row["records_until"]
        return Tombstone(
            last_modified=at, records_until=None if until is None else Timestamp(until)
        )
    data: Any = orjson.loads(row["data"])
    return Present(
        last_modified=at,
        data=data,
        permissions=parse_permissions(orjson.loads(row["permissions"])),
        hidden=None if row["hidden"] is None else orjson.loads(row["hidden"]),
        uid=None if row["uid"] is None else Uid(str(row["uid"])),
    )
