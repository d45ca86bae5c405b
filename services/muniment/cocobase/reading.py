"""What CocoBase's calls read: collections and documents, from the read model."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import orjson

from muniment.cocobase.errors import CocoBaseError, not_found
from muniment.cocobase.filters import sql
from muniment.cocobase.filters.conditions import Condition
from muniment.cocobase.listing import Aggregation, Listing
from muniment.cocobase.projects import Project
from muniment.cocobase.views import TIME_OF_POSTGRES, Action, Collection
from muniment.domain.values import JsonObject, Timestamp, Uid
from muniment.query.store import Store
from muniment.readmodel.lists.sql import Values
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "reading.sql")

COLLECTION_NOT_FOUND: Final = "Collection not found"
DOCUMENT_NOT_FOUND: Final = "Document not found"

_OBJECT: Final = SQL.object.format()

_RESULTS: Final[Mapping[str, str]] = {
    "count": SQL.result_of_count,
    "sum": SQL.result_of_sum,
    "avg": SQL.result_of_avg,
    "min": SQL.result_of_min,
    "max": SQL.result_of_max,
}


class Reading:
    """Reads within a project; raises `CocoBaseError` for what is not there, and `Unavailable`."""

    def __init__(self, store: Store, *, bytes_max: int) -> None:
        """`bytes_max`: of the documents of a page."""
        self._store = store
        self._bytes_max: Final = bytes_max

    async def check(self, project: Project) -> None:
        """Raises `CocoBaseError` unless the project is there and lets the caller in."""
        values = (project.bucket_id, project.requester.user_id)
        project.check(await self._store.read_object(SQL.project, values))

    async def find_collection(self, project: Project, name: str) -> Collection | None:
        """The collection of this id or, if there is none, of this name."""
        values = (project.bucket_id, project.requester.user_id, name)
        row = await self._store.read_object(SQL.collection, values)
        project.check(row)
        if row["uid"] is None:
            return None
        return Collection(
            id=row["collection_id"],
            uid=Uid(str(row["uid"])),
            data=orjson.loads(row["data"]),
            created_at=Timestamp(row["created_at"]),
        )

    async def collection(
        self, project: Project, name: str, *, to: Action | None = None
    ) -> Collection:
        """The same; raises `CocoBaseError`: 404 where there is none.

        With `to` also 401 where the key alone may not do that with its documents.
        """
        found = await self.find_collection(project, name)
        if found is None:
            raise not_found(COLLECTION_NOT_FOUND)
        if to is not None:
            found.check(to)
        return found

    async def collections(self, project: Project) -> Sequence[Collection]:
        """All of the project, the oldest first."""
        values = (project.bucket_id, project.requester.user_id)
        row = await self._store.read_list(SQL.collections, values)
        project.check(row)
        return [
            Collection(id=one["id"], uid=None, data=one["data"], created_at=one["created_at"])
            for one in orjson.loads(row["collections"])
        ]

    async def document_count(self, collection: Collection) -> int:
        """How many documents a collection has."""
        row = await self._store.read_list(SQL.document_count, (collection.uid,))
        found: int = row["found"]
        return found

    async def documents(self, collection: Collection, listing: Listing) -> bytes:
        """A page of documents, as a JSON array; raises `CocoBaseError` (413) for one too large."""
        values = Values()
        statement = SQL.documents.format(
            document=_document(collection, values),
            parent=values.bind(collection.uid, "uuid"),
            condition=sql.condition(listing.condition, values),
            order=_order(listing, values),
            limit=values.bind(listing.limit, "bigint"),
            offset=values.bind(listing.offset, "bigint"),
            bytes_max=self._bytes_max,
        )
        row = await self._store.read_list(statement, values.all)
        if not row["fits"]:
            raise CocoBaseError(
                413, f"These documents have more than {self._bytes_max} bytes: ask for fewer."
            )
        return _array(row)

    async def named_documents(self, collection: Collection, ids: Sequence[str]) -> bytes:
        """The documents of these ids that there are, as a JSON array."""
        values = Values()
        statement = SQL.named_documents.format(
            document=_document(collection, values),
            ids=values.bind(ids, "text[]"),
            parent=values.bind(collection.uid, "uuid"),
        )
        return _array(await self._store.read_list(statement, values.all))

    async def parsed_documents(
        self, collection: Collection, listing: Listing
    ) -> Sequence[JsonObject]:
        """A page of documents."""
        found: Sequence[JsonObject] = orjson.loads(await self.documents(collection, listing))
        return found

    async def parsed_named(
        self, collection: Collection, ids: Sequence[str]
    ) -> Sequence[JsonObject]:
        """The documents of these ids that there are."""
        found: Sequence[JsonObject] = orjson.loads(await self.named_documents(collection, ids))
        return found

    async def document(self, collection: Collection, id_: str) -> bytes:
        """One document; raises `CocoBaseError` (404) where there is none."""
        found = await self.named_documents(collection, [id_])
        if found == b"[]":
            raise not_found(DOCUMENT_NOT_FOUND)
        return found[1:-1]

    async def created_at(
        self, collection: Collection, ids: Sequence[str]
    ) -> Mapping[str, Timestamp]:
        """When the documents of these ids were created, of those that there are."""
        row = await self._store.read_object(SQL.created_at, (collection.uid, ids))
        return dict(zip(row["ids"], row["moments"], strict=True))

    async def ids(
        self, collection: Collection, condition: Condition, *, limit: int
    ) -> Sequence[str]:
        """The ids of some documents for which the condition holds."""
        values = Values()
        statement = SQL.ids.format(
            parent=values.bind(collection.uid, "uuid"),
            condition=sql.condition(condition, values),
            limit=values.bind(limit, "bigint"),
        )
        row = await self._store.read_list(statement, values.all)
        found: Sequence[str] = row["ids"]
        return found

    async def groups(
        self, collection: Collection, field: str, condition: Condition, *, limit: int
    ) -> bytes:
        """How often each value of a field is there, the most frequent first, as a JSON array."""
        values = Values()
        statement = SQL.groups.format(
            name=values.bind(field, "text"),
            field=sql.field(field, values),
            parent=values.bind(collection.uid, "uuid"),
            condition=sql.condition(condition, values),
            limit=values.bind(limit, "bigint"),
        )
        row = await self._store.read_list(statement, values.all)
        found: bytes = row["groups"]
        return found

    async def count(self, collection: Collection, condition: Condition) -> int:
        """For how many documents the condition holds."""
        values = Values()
        statement = SQL.count.format(
            parent=values.bind(collection.uid, "uuid"),
            condition=sql.condition(condition, values),
        )
        row = await self._store.read_list(statement, values.all)
        found: int = row["found"]
        return found

    async def aggregate(self, collection: Collection, asked: Aggregation) -> bytes:
        """The result, as JSON text."""
        values = Values()
        statement = SQL.aggregate.format(
            field=sql.field(asked.field, values),
            result=_RESULTS[asked.operation],
            parent=values.bind(collection.uid, "uuid"),
            condition=sql.condition(asked.condition, values),
        )
        row = await self._store.read_list(statement, values.all)
        return b"null" if row["result"] is None else str(row["result"]).encode()


def _array(row: asyncpg.Record) -> bytes:
    return f"[{row['documents'] or ''}]".encode()


def _document(collection: Collection, values: Values) -> str:
    return SQL.document.format(
        collection_id=values.bind(orjson.dumps(collection.id).decode(), "text"),
        object=_OBJECT,
        time=TIME_OF_POSTGRES,
        collection=values.bind(orjson.dumps(collection.view).decode(), "text"),
    )


def _order(listing: Listing, values: Values) -> str:
    direction = "DESC" if listing.is_descending else "ASC"
    written = f"o.created_order {direction}"
    if listing.sort is None:
        return written
    key = SQL.sort_key.format(field=sql.field(listing.sort, values), direction=direction)
    return f"{key}, {written}"
