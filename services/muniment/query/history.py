"""GET and HEAD of a bucket's history (contract section 20.1).

Two statements at most, as for lists: one for who may read the bucket and so sees all, one more
for who sees only the entries of what they could read when the entries were made (HIS-8).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from muniment.domain.addresses import Kind
from muniment.domain.commands import Preconditions
from muniment.domain.permissions import Right, holds, own_names
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import Invalid, NotAllowed, ObjectModified, Refusal
from muniment.domain.values import Timestamp
from muniment.query.answers import permissions_of
from muniment.query.lists import NOTHING, TO_IS_DEPRECATED, next_page
from muniment.query.store import Store
from muniment.readmodel.lists import history as entries
from muniment.readmodel.lists.fields import project_list
from muniment.readmodel.lists.parameters import parse_selection
from muniment.readmodel.lists.sql import Values, holds_any, page
from muniment.readmodel.principals import PRINCIPALS, asker, members_for
from muniment.readmodel.sql import Statements
from muniment.web.cache import UNCACHED
from muniment.web.conditions import Verdict, judge_read, read_preconditions, revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.signals import alert

SQL: Final = Statements(__package__, "history.sql")

READERS: Final = ("read", "write")
"""The permissions on a bucket, either of which shows all of its history."""

_OWN_NAMES: Final = tuple(
    dict.fromkeys(name for kind in Kind for name in own_names(kind, Right.READ))
)
"""What lets one read an object of any kind; no object has names of another kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request for the history, read; with faults `selection` stands for nothing."""

    request: Request
    selection: Selection
    preconditions: Preconditions
    is_head: bool

    @property
    def skipped_at(self) -> Timestamp | None:
        """The timestamp at which the client needs no rows."""
        tag = self.preconditions.if_none_match
        return None if tag == "*" else tag


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
        preconditions, header_faults = read_preconditions(request.headers)
        now = Timestamp(int(self._now_s() * 1000))
        selection = parse_selection(
            request.query, now=now, limits=self._limits, fixed=entries.FIELDS
        )
        faults = (*request.faults, *header_faults)
        if isinstance(selection, Invalid):
            faults, selection = (*faults, *selection.faults), NOTHING
        asked = _Asked(
            request=request,
            selection=selection,
            preconditions=preconditions,
            is_head=request.method == "HEAD",
        )
        row = await self._look(asked)
        refusal: Refusal | None = NotAllowed() if row is None else None
        if refusal or (refusal := Invalid(faults) if faults else None):
            return self._errors.refuse(refusal, request.requester)
        assert row is not None  # noqa: S101 - else it was refused
        return self._answer(asked, row)

    async def _look(self, asked: _Asked) -> asyncpg.Record | None:
        """What the requester may see; nothing if there is not one entry for them."""
        row = await self._read(asked, is_shared=False)
        principals = frozenset(row["principals"])
        if holds(principals, permissions_of(row["bucket_permissions"]), *READERS):
            return row
        row = await self._read(asked, is_shared=True)
        return row if row["has_visible"] else None

    async def _read(self, asked: _Asked, *, is_shared: bool) -> asyncpg.Record:
        values = Values(entries.ROWS)
        statement = _statement(asked, values, is_shared=is_shared)
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
                return _found(asked, row, at)


def _found(asked: _Asked, row: asyncpg.Record, at: Timestamp) -> Response:
    headers = {**revision_headers(at), **UNCACHED}
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


def _statement(asked: _Asked, values: Values, *, is_shared: bool) -> str:
    """The statement for the request, its values bound in the order in which they are written."""
    selection, requester = asked.selection, asked.request.requester
    direct = values.bind(sorted(requester.principals), "text[]")
    members = values.bind(members_for(requester), "text[]")
    visible = SQL.sees_all.format(principals=PRINCIPALS)
    has_visible = "NULL::boolean"
    if is_shared:
        own = holds_any(_OWN_NAMES, PRINCIPALS)
        reads = SQL.reads.format(principals=PRINCIPALS)
        visible = SQL.sees_entry.format(own=own, reads=reads)
        has_visible = SQL.has_visible.format(visible=visible)
    common: Mapping[str, str] = {
        "skipped_at": values.bind(asked.skipped_at, "bigint"),
        "visible": visible,
        "has_visible": has_visible,
        "where": entries.matching(selection, values, with_tombstones=not asked.is_head),
    }
    if asked.is_head:
        found = SQL.count.format(**common)
    else:
        after, order, sort_values = page(selection, values)
        found = SQL.page.format(
            **common,
            entry=entries.SQL.entry.format(date=entries.SQL.date),
            after=after,
            order=order,
            sort_values=sort_values,
            limit=values.bind(selection.limit, "integer"),
        )
    bucket_id = values.bind(asked.request.target.bucket_id, "text")
    return SQL.list_of_entries.format(
        asker=asker(direct=direct, members=members),
        principals=PRINCIPALS,
        found=found,
        bucket_id=bucket_id,
    )
