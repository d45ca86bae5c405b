"""GET and HEAD of lists (contract sections 8.1 and 10)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from muniment.domain.addresses import Kind
from muniment.domain.permissions import Granted, Right, may, own_names
from muniment.domain.queries.selection import Limits
from muniment.domain.refusals import CollectionMissing, Invalid, NotAllowed, Refusal
from muniment.domain.values import Principal, Timestamp
from muniment.query.answers import Headers, parents_of
from muniment.query.pages import NOT_ASKED, count_of, found_in, page_of
from muniment.query.store import Store
from muniment.readmodel.lists.sql import (
    TABLES,
    Values,
    conditions,
    holds_any,
    page,
    shared_objects,
)
from muniment.readmodel.principals import PRINCIPALS, asker, members_for
from muniment.readmodel.sql import Statements
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.lists import ListRequest, answer_list, read_list_request, refuse_stale

SQL: Final = Statements(__package__, "lists.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The parts of a statement that depend on the kind of the list."""

    statement: str
    sees_all: str
    parent: str


_IN_BUCKET: Final = _Place(
    statement=SQL.list_in_bucket, sees_all=SQL.sees_all_in_bucket, parent="b.uid"
)

_PLACES: Final[Mapping[Kind, _Place]] = {
    Kind.BUCKET: _Place(
        statement=SQL.list_of_buckets,
        sees_all=SQL.sees_all_in_root,
        parent="'00000000-0000-0000-0000-000000000000'",
    ),
    Kind.GROUP: _IN_BUCKET,
    Kind.WEBHOOK: replace(_IN_BUCKET, sees_all=SQL.sees_all_as_writer),
    Kind.COLLECTION: _IN_BUCKET,
    Kind.RECORD: _Place(
        statement=SQL.list_in_collection, sees_all=SQL.sees_all_in_collection, parent="c.uid"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the requester may see of the list, or that it may see nothing."""

    row: asyncpg.Record
    is_allowed: bool


class ListReads:
    """Answers reads of lists: one statement for who sees all, one more for who sees a part."""

    def __init__(
        self,
        store: Store,
        *,
        granted: Granted,
        headers: Headers,
        errors: Errors,
        limits: Limits,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._granted = granted
        self._headers = headers
        self._errors = errors
        self._limits = limits
        self._now_s = now_s

    async def handle(self, request: Request) -> Response:
        """The list, or why not. Raises `Unavailable`."""
        now = Timestamp(int(self._now_s() * 1000))
        asked = read_list_request(request, limits=self._limits, now=now)
        seen = await self._look(asked, _kind_of(request))
        refusal = _refuse(request, seen) or (Invalid(asked.faults) if asked.faults else None)
        if refusal:
            return self._errors.refuse(refusal, request.requester)
        at, row = Timestamp(seen.row["at"]), seen.row
        if stale := refuse_stale(asked, at, self._errors):
            return stale
        at = asked.selection.revision(at)
        headers = self._headers.of(request, at, row["cache_expires"])
        return answer_list(asked, found_in(row), headers, begun_at=at)

    async def _look(self, asked: ListRequest, kind: Kind) -> _Seen:
        """PERM-6: all with the right to the list, else what the objects' own ACEs show."""
        granted = self._granted.holders(Right.LIST, kind)
        if granted or kind is not Kind.BUCKET:
            row = await self._read(asked, kind, granted, is_shared=False)
            if self._may(Right.LIST, kind, row):
                return _Seen(row=row, is_allowed=True)
        row = await self._read(asked, kind, granted, is_shared=True)
        is_allowed = row["has_shared"] or self._may(Right.CREATE, kind, row)
        return _Seen(row=row, is_allowed=is_allowed)

    def _may(self, right: Right, kind: Kind, row: asyncpg.Record) -> bool:
        principals = frozenset(row["principals"])
        return may(principals, right, kind, parents_of(row), self._granted)

    async def _read(
        self, asked: ListRequest, kind: Kind, granted: frozenset[Principal], *, is_shared: bool
    ) -> asyncpg.Record:
        values = Values()
        statement = _statement(asked, kind, values, granted=granted, is_shared=is_shared)
        return await self._store.read_list(statement, values.all)


def _kind_of(request: Request) -> Kind:
    kind = request.target.kind
    assert kind is not None  # noqa: S101 - lists have one
    return kind


def _refuse(request: Request, seen: _Seen) -> Refusal | None:
    if not seen.is_allowed:
        return NotAllowed()
    collection_id = request.target.collection_id
    if collection_id is not None and not seen.row["parent_exists"]:
        return CollectionMissing(collection_id)
    return None


def _statement(
    asked: ListRequest,
    kind: Kind,
    values: Values,
    *,
    granted: frozenset[Principal],
    is_shared: bool,
) -> str:
    """The statement for the request, its values bound in the order in which they are written."""
    selection, target, requester = asked.selection, asked.request.target, asked.request.requester
    place, source = _PLACES[kind], TABLES[kind]
    direct = values.bind(sorted(requester.principals), "text[]")
    members = values.bind(members_for(requester), "text[]")
    if is_shared:
        source = shared_objects(kind, parent=place.parent, principals=PRINCIPALS)
        visible = holds_any(own_names(kind, Right.READ), PRINCIPALS)
        has_shared = SQL.has_shared.format(source=source, visible=visible)
    else:
        is_granted = f"{values.bind(sorted(granted), 'text[]')} && {PRINCIPALS}"
        visible = place.sees_all.format(is_granted=is_granted, principals=PRINCIPALS)
        has_shared = NOT_ASKED
    found = SQL.found.format(
        parent=place.parent,
        skipped_at=values.bind(asked.skipped_at, "bigint"),
        visible=visible,
        where=conditions(selection, values, with_tombstones=not asked.is_head),
    )
    if asked.is_head:
        answer = count_of(SQL.all.format(source=source, found=found), has_shared=has_shared)
    else:
        after, order, sort_values = page(selection, values)
        limit = values.bind(selection.limit, "integer")
        chosen = SQL.page.format(
            source=source,
            found=found,
            after=after,
            order=order,
            sort_values=sort_values,
            limit=limit,
        )
        answer = page_of(chosen, limit=limit, has_shared=has_shared)
    return place.statement.format(
        asker=asker(direct=direct, members=members),
        principals=PRINCIPALS,
        found=answer,
        kind=kind.value,
        bucket_id=values.bind(target.bucket_id, "text") if target.bucket_id else "",
        collection_id=values.bind(target.collection_id, "text") if target.collection_id else "",
    )
