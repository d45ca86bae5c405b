"""The entries of a bucket's history as rows of a list: their fields, and what a trim takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.queries.selection import Operator, Selection
from muniment.domain.values import Timestamp, Uid
from muniment.readmodel.connection import Connection
from muniment.readmodel.lists.pages import token_after
from muniment.readmodel.lists.parameters import FixedFields
from muniment.readmodel.lists.sql import Columns, Values, conditions, page
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "history.sql")

_IDS: Final = {
    "bucket_id": "o.resource_name = 'bucket' AND o.object_id {}",
    "group_id": "o.resource_name = 'group' AND o.object_id {}",
    "collection_id": "o.collection_id {}",
    "record_id": "o.resource_name = 'record' AND o.object_id {}",
    "webhook_id": "o.resource_name = 'webhook' AND o.object_id {}",
}
_TEXTS: Final = {name: f"o.{name} {{}}" for name in ("action", "resource_name", "uri", "user_id")}

FIELDS: Final = FixedFields(
    names=frozenset({"id", "last_modified", "deleted", "date", "target", *_IDS, *_TEXTS}),
    texts=frozenset(_IDS),
)
"""The fields of an entry (HIS-2, HIS-9); a tombstone has `deleted` and lacks the rest."""

ROWS: Final = Columns(
    id="o.id::text",
    fields={
        "deleted": "CASE WHEN o.deleted THEN 'true'::jsonb END",
        "date": f"to_jsonb({SQL.date})",
        "action": "to_jsonb(o.action)",
        "resource_name": "to_jsonb(o.resource_name)",
        "uri": "to_jsonb(o.uri)",
        "bucket_id": "CASE WHEN o.resource_name = 'bucket' THEN to_jsonb(o.object_id) END",
        "group_id": "CASE WHEN o.resource_name = 'group' THEN to_jsonb(o.object_id) END",
        "collection_id": "to_jsonb(o.collection_id)",
        "record_id": "CASE WHEN o.resource_name = 'record' THEN to_jsonb(o.object_id) END",
        "webhook_id": "CASE WHEN o.resource_name = 'webhook' THEN to_jsonb(o.object_id) END",
        # An anonymous requester's is `null`, and not missing.
        "user_id": "CASE WHEN NOT o.deleted THEN coalesce(to_jsonb(o.user_id), 'null') END",
        "target": SQL.target,
    },
    texts={**{name: f"({text})" for name, text in _IDS.items()}, **_TEXTS},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a tombstone needs of its entry."""

    id: str
    last_modified: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The entries to remove, in the order of the request, and the token for those after them."""

    entries: Sequence[Entry]
    next_token: str | None


def matching(selection: Selection, values: Values, *, with_tombstones: bool) -> str:
    """All filters, joined by AND; `values` must be bound to `ROWS`."""
    parts = [conditions(selection, values, with_tombstones=with_tombstones)]
    for one in selection.filters:
        # Says no more than the filter itself, but in a form that an index can start from.
        if one.path == ("uri",) and one.operator is Operator.EQ and isinstance(one.value, str):
            object_id = one.value.rpartition("/")[2]
            parts.append(f"o.object_id = {values.bind(object_id, 'text')}")
    return " AND ".join(parts)


async def select_entries(
    connection: Connection, *, bucket_uid: Uid, selection: Selection, nonce: str
) -> Entries:
    """One page of a bucket's entries that the selection matches; tombstones never do (DELL-5)."""
    values = Values(ROWS)
    bound = values.bind(bucket_uid, "uuid")
    where = matching(selection, values, with_tombstones=False)
    after, order, sort_values = page(selection, values)
    statement = SQL.select_entries.format(
        bucket_uid=bound,
        where=where,
        after=after,
        order=order,
        sort_values=sort_values,
        fetched=values.bind(selection.limit + 1, "bigint"),
    )
    rows = await connection.fetch(statement, *values.all)
    entries = [
        Entry(id=row["id"], last_modified=Timestamp(row["last_modified"]))
        for row in rows[: selection.limit]
    ]
    return Entries(
        entries=entries, next_token=token_after(rows, len(entries), selection.order, nonce=nonce)
    )
