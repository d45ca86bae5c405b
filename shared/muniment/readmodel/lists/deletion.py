"""What a bulk delete takes: the ids that its query string selects and its requester may write."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.permissions import Right, own_names
from muniment.domain.queries.selection import Selection
from muniment.domain.values import Principal, Uid
from muniment.readmodel.connection import Connection
from muniment.readmodel.lists.pages import token_after
from muniment.readmodel.lists.sql import (
    TABLES,
    Values,
    conditions,
    holds_any,
    page,
    shared_objects,
)
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "deletion.sql")

NO_PARENT: Final = Uid("00000000-0000-0000-0000-000000000000")
"""What the list of buckets hangs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object to delete."""

    id: str
    size_bytes: int
    """Of its data and its ACEs as JSON: about what its deletion takes along to the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The objects to delete, in the order of the request, and the token for those after them."""

    found: Sequence[Found]
    next_token: str | None

    @property
    def ids(self) -> Sequence[str]:
        return [each.id for each in self.found]


async def select_for_delete(
    connection: Connection,
    *,
    kind: Kind,
    parent: Uid | None,
    selection: Selection,
    writable_by: frozenset[Principal] | None,
    nonce: str | None = None,
    bytes_max: int | None = None,
) -> Selected:
    """One page of the live objects of a list that the selection matches (DELL-2, DELL-5).

    `writable_by` leaves those that one of these principals may write by the objects' own ACEs
    (PERM-7); `None` leaves all. `parent` is the life of the bucket or collection whose list it
    is, `None` for the list of buckets. The next page's token carries the nonce. A page ends early
    where its objects exceed `bytes_max`, but not before the first.
    """
    values = Values()
    parent_bound = values.bind(parent or NO_PARENT, "uuid")
    source, own = TABLES[kind], "TRUE"
    if writable_by is not None:
        source, own = _writable(kind, parent_bound, writable_by, values)
    where = conditions(selection, values, with_tombstones=False)
    after, order, sort_values = page(selection, values)
    statement = SQL.select_for_delete.format(
        source=source,
        parent=parent_bound,
        own=own,
        where=where,
        after=after,
        order=order,
        sort_values=sort_values,
        fetched=values.bind(selection.limit + 1, "bigint"),
    )
    rows = await connection.fetch(statement, *values.all)
    found = [Found(id=row["id"], size_bytes=row["size_bytes"]) for row in rows[: selection.limit]]
    if bytes_max is not None:
        found = found[: fitting(found, bytes_max)]
    next_token = token_after(rows, len(found), selection.order, nonce=nonce)
    return Selected(found=found, next_token=next_token)


def fitting(found: Sequence[Found], bytes_max: int, *, more_bytes_each: int = 0) -> int:
    """How many of the objects, from the first on, make no more than that; at least one."""
    sizes = accumulate(each.size_bytes + more_bytes_each for each in found)
    return max(1, sum(size <= bytes_max for size in sizes))


async def has_writable(
    connection: Connection,
    *,
    kind: Kind,
    parent: Uid | None,
    principals: frozenset[Principal],
) -> bool:
    """Whether a list holds an object that the principals may write by its own ACEs (PERM-7)."""
    values = Values()
    parent_bound = values.bind(parent or NO_PARENT, "uuid")
    source, own = _writable(kind, parent_bound, principals, values)
    statement = SQL.has_writable.format(source=source, own=own)
    return bool(await connection.fetchval(statement, *values.all))


def _writable(
    kind: Kind, parent: str, principals: frozenset[Principal], values: Values
) -> tuple[str, str]:
    """Where to look for objects that the principals may write, and the condition that they do."""
    bound = values.bind(sorted(principals), "text[]")
    source = shared_objects(kind, parent=parent, principals=bound)
    return source, holds_any(own_names(kind, Right.WRITE), bound)
