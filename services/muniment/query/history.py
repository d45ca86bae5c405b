"""GET and HEAD of a bucket's history (contract section 20.1).

Two statements at most, as for lists: one for who may read the bucket and so sees all, one more
for who sees only the entries of what they could read when the entries were made (HIS-8).
"""

import time
from collections.abc import Callable
from typing import Final

import asyncpg

from muniment.domain.addresses import Kind
from muniment.domain.permissions import Right, holds, own_names
from muniment.domain.queries.selection import LAST_MODIFIED, Limits
from muniment.domain.refusals import Invalid, NotAllowed
from muniment.domain.values import Timestamp
from muniment.query.answers import permissions_of
from muniment.query.pages import count_of, found_in, page_of
from muniment.query.store import Store
from muniment.readmodel.acls import entry_acl, entry_place, named
from muniment.readmodel.lists import history as entries
from muniment.readmodel.lists.sql import Values, holds_any, page
from muniment.readmodel.principals import PRINCIPALS, asker, members_for
from muniment.readmodel.sql import Statements
from muniment.web.cache import UNCACHED
from muniment.web.conditions import revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.lists import ListRequest, answer_list, read_list_request, refuse_stale

SQL: Final = Statements(__package__, "history.sql")

READERS: Final = ("read", "write")
"""The permissions on a bucket, either of which shows all of its history."""

_OWN_NAMES: Final = tuple(
    dict.fromkeys(name for kind in Kind for name in own_names(kind, Right.READ))
)
"""What lets one read an object of any kind; no object has names of another kind."""

_ENTRY: Final = entries.SQL.entry.format(date=entries.SQL.date)

SETS_MAX: Final = 1_000
"""Different sets of ACEs that are gone through one by one; entries with more are many."""

_READABLE: Final = SQL.readable.format(principals=PRINCIPALS)
_OWN_SETS: Final = SQL.own_sets.format(named=named(PRINCIPALS), sets_max=SETS_MAX)
_COLLECTION_SETS: Final = SQL.collection_sets.format(sets_max=SETS_MAX)
_WAYS: Final = (
    SQL.by_own,
    SQL.by_many_own,
    SQL.by_collection,
    SQL.by_large_collection,
    SQL.by_bucket,
)
"""How others than the bucket's readers come to an entry."""


class HistoryReads:
    """Answers reads of histories."""

    def __init__(
        self,
        store: Store,
        *,
        errors: Errors,
        limits: Limits,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._errors = errors
        self._limits = limits
        self._now_s = now_s

    async def handle(self, request: Request) -> Response:
        """The entries, or why not. Raises `Unavailable`."""
        now = Timestamp(int(self._now_s() * 1000))
        asked = read_list_request(request, limits=self._limits, now=now, fixed=entries.FIELDS)
        row = await self._look(asked)
        if row is None:
            return self._errors.refuse(NotAllowed(), request.requester)
        if asked.faults:
            return self._errors.refuse(Invalid(asked.faults), request.requester)
        at = Timestamp(row["at"])
        if stale := refuse_stale(asked, at, self._errors):
            return stale
        at = asked.selection.revision(at)
        headers = {**revision_headers(at), **UNCACHED}
        return answer_list(asked, found_in(row), headers, begun_at=at)

    async def _look(self, asked: ListRequest) -> asyncpg.Record | None:
        """What the requester may see; nothing if there is not one entry for them."""
        row = await self._read(asked, is_shared=False)
        principals = frozenset(row["principals"])
        if holds(principals, permissions_of(row["bucket_permissions"]), *READERS):
            return row
        row = await self._read(asked, is_shared=True)
        return row if row["has_shared"] else None

    async def _read(self, asked: ListRequest, *, is_shared: bool) -> asyncpg.Record:
        values = Values(entries.ROWS)
        statement = _statement(asked, values, is_shared=is_shared)
        return await self._store.read_list(statement, values.all)


def _statement(asked: ListRequest, values: Values, *, is_shared: bool) -> str:
    """The statement for the request, its values bound in the order in which they are written."""
    requester = asked.request.requester
    direct = values.bind(sorted(requester.principals), "text[]")
    members = values.bind(members_for(requester), "text[]")
    matching = SQL.matching.format(
        skipped_at=values.bind(asked.skipped_at, "bigint"),
        where=entries.matching(asked.selection, values, with_tombstones=not asked.is_head),
    )
    return SQL.list_of_entries.format(
        asker=asker(direct=direct, members=members),
        principals=PRINCIPALS,
        found=(_shared if is_shared else _all)(asked, values, matching),
        bucket_id=values.bind(asked.request.target.bucket_id, "text"),
    )


def _all(asked: ListRequest, values: Values, matching: str) -> str:
    """What the bucket's readers see."""
    own = holds_any(_OWN_NAMES, PRINCIPALS)
    sees_all = SQL.sees_all.format(principals=PRINCIPALS, own=own)
    if asked.is_head:
        return count_of(SQL.all.format(sees_all=sees_all, matching=matching))
    after, order, sort_values = page(asked.selection, values)
    limit = values.bind(asked.selection.limit, "integer")
    chosen = SQL.page.format(
        entry=_ENTRY,
        sees_all=sees_all,
        matching=matching,
        after=after,
        order=order,
        sort_values=sort_values,
        limit=limit,
    )
    return page_of(chosen, limit=limit)


def _shared(asked: ListRequest, values: Values, matching: str) -> str:
    """What others see, and whether there is any entry for them."""
    ways = [_way(each, matching="TRUE", first="LIMIT 1") for each in _WAYS]
    has_shared = " OR ".join(f"EXISTS ({way})" for way in ways)
    if asked.is_head:
        return count_of(_seen(matching, first="OFFSET 0"), has_shared=has_shared)
    after, order, sort_values = page(asked.selection, values)
    limit = values.bind(asked.selection.limit, "integer")
    first = f"ORDER BY {order} LIMIT {limit} + 1"
    seen = _seen(f"{matching} AND {after}", first=first)
    newest = asked.selection.order[0]
    if newest.path == LAST_MODIFIED:  # In one history no two entries are alike in it.
        direction = "DESC" if newest.is_descending else "ASC"
        seen = f"{seen} ORDER BY last_modified {direction} LIMIT {limit} + 1"
    chosen = SQL.shared_page.format(
        entry=_ENTRY,
        seen=seen,
        order=order,
        sort_values=sort_values,
        limit=limit,
    )
    return page_of(chosen, limit=limit, has_shared=has_shared)


def _seen(matching: str, *, first: str) -> str:
    return " UNION ".join(_way(each, matching=matching, first=first) for each in _WAYS)


def _way(way: str, *, matching: str, first: str) -> str:
    return way.format(
        acl=entry_acl("o"),
        place=entry_place("o"),
        own_sets=_OWN_SETS,
        collection_sets=_COLLECTION_SETS,
        sets_max=SETS_MAX,
        own=holds_any(_OWN_NAMES, PRINCIPALS),
        readable=_READABLE,
        matching=matching,
        first=first,
    )
