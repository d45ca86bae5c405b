"""GET and HEAD of lists (contract sections 8.1 and 10)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import asyncpg

from muniment.domain.addresses import Kind
from muniment.domain.commands import Preconditions
from muniment.domain.permissions import Granted, Right, may, own_names
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import (
    CollectionMissing,
    Invalid,
    NotAllowed,
    ObjectModified,
    Refusal,
)
from muniment.domain.values import Principal, Timestamp
from muniment.query.answers import Headers, parents_of
from muniment.query.store import Store
from muniment.readmodel.lists.fields import project_list
from muniment.readmodel.lists.pages import write_token
from muniment.readmodel.lists.parameters import parse_selection
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
from muniment.web.conditions import Verdict, judge_read, read_preconditions, revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.routes import Target
from muniment.web.signals import alert

SQL: Final = Statements(__package__, "lists.sql")

TO_IS_DEPRECATED: Final = "_to is now deprecated, you should use _before instead"

NOTHING: Final = Selection(limit=1)
"""Stands in for a selection with faults, while rights are judged."""


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
    Kind.COLLECTION: _IN_BUCKET,
    Kind.RECORD: _Place(
        statement=SQL.list_in_collection, sees_all=SQL.sees_all_in_collection, parent="c.uid"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A list request, read; with faults `selection` stands for nothing."""

    request: Request
    kind: Kind
    selection: Selection
    preconditions: Preconditions
    is_head: bool

    @property
    def target(self) -> Target:
        return self.request.target

    @property
    def skipped_at(self) -> Timestamp | None:
        """The list timestamp at which the client needs no rows."""
        tag = self.preconditions.if_none_match
        return None if tag == "*" else tag


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
        preconditions, header_faults = read_preconditions(request.headers)
        now = Timestamp(int(self._now_s() * 1000))
        selection = parse_selection(request.query, now=now, limits=self._limits)
        faults = (*request.faults, *header_faults)
        if isinstance(selection, Invalid):
            faults, selection = (*faults, *selection.faults), NOTHING
        kind = request.target.kind
        assert kind is not None  # noqa: S101 - lists have one
        asked = _Asked(
            request=request,
            kind=kind,
            selection=selection,
            preconditions=preconditions,
            is_head=request.method == "HEAD",
        )
        seen = await self._look(asked)
        if refusal := _refuse(asked, seen) or (Invalid(faults) if faults else None):
            return self._errors.refuse(refusal, request.requester)
        return self._answer(asked, seen.row)

    async def _look(self, asked: _Asked) -> _Seen:
        """PERM-6: all with the right to the list, else what the objects' own ACEs show."""
        granted = self._granted.holders(Right.LIST, asked.kind)
        if granted or asked.kind is not Kind.BUCKET:
            row = await self._read(asked, granted, is_shared=False)
            if self._may(Right.LIST, asked, row):
                return _Seen(row=row, is_allowed=True)
        row = await self._read(asked, granted, is_shared=True)
        is_allowed = row["has_shared"] or self._may(Right.CREATE, asked, row)
        return _Seen(row=row, is_allowed=is_allowed)

    def _may(self, right: Right, asked: _Asked, row: asyncpg.Record) -> bool:
        principals = frozenset(row["principals"])
        return may(principals, right, asked.kind, parents_of(row), self._granted)

    async def _read(
        self, asked: _Asked, granted: frozenset[Principal], *, is_shared: bool
    ) -> asyncpg.Record:
        values = Values()
        statement = _statement(asked, values, granted=granted, is_shared=is_shared)
        return await self._store.read_list(statement, values.all)

    def _answer(self, asked: _Asked, row: asyncpg.Record) -> Response:
        at = Timestamp(row["at"])
        match judge_read(asked.preconditions, at):
            case Verdict.NOT_MODIFIED:
                return Response(status=304, headers=revision_headers(at))
            case Verdict.FAILED:
                modified = ObjectModified(current=at, existing=None)
                return self._errors.refuse(modified, asked.request.requester)
            case Verdict.GO_ON:
                return self._found(asked, row, at)

    def _found(self, asked: _Asked, row: asyncpg.Record, at: Timestamp) -> Response:
        headers = self._headers.of(asked.request, at, row["cache_expires"])
        if asked.selection.is_to_used:
            headers["Alert"] = alert("soft-eol", TO_IS_DEPRECATED, None)
        if asked.is_head:
            headers["Total-Objects"] = headers["Total-Records"] = str(row["matches"])
            return Response(headers=headers)
        if row["last"] is not None:
            headers["Next-Page"] = next_page(asked.request, asked.selection, row["last"])
        body: bytes = row["body"]
        fields = asked.selection.fields
        return Response(headers=headers, body=project_list(body, fields) if fields else body)


def next_page(request: Request, selection: Selection, last: bytes) -> str:
    """The absolute URL of the page after the object with these sort values (QP-2)."""
    own = [pair for pair in request.query if pair[0].strip() not in ("_limit", "_token")]
    token = write_token(selection.order, last)
    query = urlencode([*own, ("_limit", str(selection.limit)), ("_token", token)])
    return f"{request.base_url}{request.raw_path}?{query}"


def _refuse(asked: _Asked, seen: _Seen) -> Refusal | None:
    if not seen.is_allowed:
        return NotAllowed()
    collection_id = asked.target.collection_id
    if collection_id is not None and not seen.row["parent_exists"]:
        return CollectionMissing(collection_id)
    return None


def _statement(
    asked: _Asked, values: Values, *, granted: frozenset[Principal], is_shared: bool
) -> str:
    """The statement for the request, its values bound in the order in which they are written."""
    kind, selection, target = asked.kind, asked.selection, asked.target
    requester = asked.request.requester
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
        has_shared = "NULL::boolean"
    common = {
        "source": source,
        "parent": place.parent,
        "skipped_at": values.bind(asked.skipped_at, "bigint"),
        "visible": visible,
        "has_shared": has_shared,
        "where": conditions(selection, values, with_tombstones=not asked.is_head),
    }
    if asked.is_head:
        found = SQL.count.format(**common)
    else:
        after, order, sort_values = page(selection, values)
        found = SQL.page.format(
            **common,
            after=after,
            order=order,
            sort_values=sort_values,
            limit=values.bind(selection.limit, "integer"),
        )
    return place.statement.format(
        asker=asker(direct=direct, members=members),
        principals=PRINCIPALS,
        found=found,
        kind=kind.value,
        bucket_id=values.bind(target.bucket_id, "text") if target.bucket_id else "",
        collection_id=values.bind(target.collection_id, "text") if target.collection_id else "",
    )
