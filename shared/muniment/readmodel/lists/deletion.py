"""What a bulk delete takes: the ids that its query string selects and its requester may write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.permissions import Right, own_names
from muniment.domain.values import Principal, Uid
from muniment.readmodel.connection import Connection
from muniment.readmodel.lists.pages import write_token
from muniment.readmodel.lists.selection import Selection
from muniment.readmodel.lists.sql import TABLES, Values, conditions, holds_any, page
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "deletion.sql")

NO_PARENT: Final = Uid("00000000-0000-0000-0000-000000000000")
"""What the list of buckets hangs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The objects to delete, in the order of the request, and the token for those after them."""

    ids: Sequence[str]
    next_token: str | None


async def select_for_delete(
    connection: Connection,
    *,
    kind: Kind,
    parent: Uid | None,
    selection: Selection,
    writable_by: frozenset[Principal] | None,
    nonce: str | None = None,
) -> Selected:
    """One page of the live objects of a list that the selection matches (DELL-2, DELL-5).

    `writable_by` leaves those that one of these principals may write by the objects' own ACEs
    (PERM-7); `None` leaves all. `parent` is the life of the bucket or collection whose list it
    is, `None` for the list of buckets. The next page's token carries the nonce.
    """
    values = Values()
    own = _own(kind, writable_by, values)
    parent_bound = values.bind(parent or NO_PARENT, "uuid")
    where = conditions(selection, values, with_tombstones=False)
    after, order, sort_values = page(selection, values)
    statement = SQL.select_for_delete.format(
        table=TABLES[kind],
        parent=parent_bound,
        own=own,
        where=where,
        after=after,
        order=order,
        sort_values=sort_values,
        fetched=values.bind(selection.limit + 1, "bigint"),
    )
    rows = await connection.fetch(statement, *values.all)
    ids = [row["id"] for row in rows[: selection.limit]]
    if len(rows) <= selection.limit:
        return Selected(ids=ids, next_token=None)
    last = str(rows[selection.limit - 1]["sort_values"]).encode()
    return Selected(ids=ids, next_token=write_token(selection.order, last, nonce=nonce))


async def has_writable(
    connection: Connection,
    *,
    kind: Kind,
    parent: Uid | None,
    principals: frozenset[Principal],
) -> bool:
    """Whether a list holds an object that the principals may write by its own ACEs (PERM-7)."""
    values = Values()
    statement = SQL.has_writable.format(
        table=TABLES[kind],
        parent=values.bind(parent or NO_PARENT, "uuid"),
        own=_own(kind, principals, values),
    )
    return bool(await connection.fetchval(statement, *values.all))


def _own(kind: Kind, principals: frozenset[Principal] | None, values: Values) -> str:
    if principals is None:
        return "TRUE"
    bound = values.bind(sorted(principals), "text[]")
    return holds_any(own_names(kind, Right.WRITE), bound)
