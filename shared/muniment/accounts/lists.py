"""The list of accounts: all of them for administrators, else one's own alone (ACC-6, ACC-7)."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import orjson

from muniment.accounts.store import AccountStore, Approved, Page, StoredAccount
from muniment.domain.accounts import AccountRights, deletion, username_of
from muniment.domain.commands import ANY
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import Fault, Invalid, NotAllowed, ObjectModified
from muniment.domain.states import Present
from muniment.domain.values import JsonObject, Timestamp
from muniment.readmodel.lists.fields import project_list
from muniment.readmodel.lists.pages import write_token
from muniment.readmodel.lists.parameters import parse_selection
from muniment.web.cache import UNCACHED
from muniment.web.conditions import (
    Verdict,
    judge_read,
    not_modified,
    read_preconditions,
    revision_headers,
)
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.signals import alert

NO_ONE: Final = ""
"""Sees no account: no username is empty."""


class AccountLists:
    """Answers requests for `/accounts`; raises `Unavailable`."""

    def __init__(
        self,
        *,
        store: AccountStore,
        rights: AccountRights,
        errors: Errors,
        limits: Limits,
        now: Callable[[], Timestamp],
    ) -> None:
        self._store = store
        self._rights = rights
        self._errors = errors
        self._limits = limits
        self._now = now

    async def read(self, request: Request) -> Response:
        """GET and HEAD."""
        if request.requester.is_anonymous:
            return self._errors.unauthorized()
        selection = self._selection(request)
        if isinstance(selection, Invalid):
            return self._errors.refuse(selection, request.requester)
        sees_all = self._rights.may_read_all(request.requester)
        visible_to = None if sees_all else username_of(request.requester) or NO_ONE
        if request.method == "HEAD":
            at, matches = await self._store.count(selection, visible_to=visible_to)
            total = str(matches)
            found = Response(headers={"Total-Objects": total, "Total-Records": total})
        else:
            page = await self._store.page(selection, visible_to=visible_to, with_tombstones=True)
            at, found = page.list_at, _answer(request, selection, page)
        preconditions, _ = read_preconditions(request.headers)
        match judge_read(preconditions, at):
            case Verdict.NOT_MODIFIED:
                return not_modified(at)
            case Verdict.FAILED:
                modified = ObjectModified(current=at, existing=None)
                return self._errors.refuse(modified, request.requester)
            case Verdict.GO_ON:
                found.headers.update({**revision_headers(at), **UNCACHED})
                return found

    async def delete(self, request: Request) -> Response:
        """DELETE: each account in a transaction of its own."""
        if request.requester.is_anonymous:
            return self._errors.refuse(NotAllowed(), request.requester)
        selection = self._selection(request)
        if isinstance(selection, Invalid):
            return self._errors.refuse(selection, request.requester)
        writes_all = self._rights.administers(request.requester)
        visible_to = None if writes_all else username_of(request.requester) or NO_ONE
        page = await self._store.page(selection, visible_to=visible_to, with_tombstones=False)
        preconditions, _ = read_preconditions(request.headers)
        is_stale = preconditions.if_match not in (None, ANY, page.list_at)
        if is_stale or preconditions.if_none_match == ANY:
            modified = ObjectModified(current=page.list_at, existing=None)
            return self._errors.refuse(modified, request.requester)
        tombstones: list[JsonObject] = []
        at = Timestamp(0)
        for username in page.ids:
            change = await self._store.change(username, self._end_of(username))
            if change is not None:
                tombstones.append(change.after.data)
                at = max(at, change.last_modified)
        headers = revision_headers(at if tombstones else page.list_at)
        if page.last is not None:
            headers["Next-Page"] = _next_page(request, selection, page.last)
        return Response(headers=headers, body=orjson.dumps({"data": tombstones}))

    def _end_of(self, username: str) -> Callable[[StoredAccount], Approved | None]:
        def end(stored: StoredAccount) -> Approved | None:
            target = stored.scene.target
            if not isinstance(target, Present):
                return None  # Somebody else was quicker.
            at = stored.scene.timeline.next(self._now())
            change = deletion(stored.scene, username, target, at=at)
            return Approved(change=change, password_hash=None)

        return end

    def _selection(self, request: Request) -> Selection | Invalid:
        """What is asked for, or all that is wrong with the request."""
        _, header_faults = read_preconditions(request.headers)
        faults: tuple[Fault, ...] = (*request.faults, *header_faults)
        selection = parse_selection(request.query, now=self._now(), limits=self._limits)
        if isinstance(selection, Invalid):
            return Invalid((*faults, *selection.faults))
        return Invalid(faults) if faults else selection


def _answer(request: Request, selection: Selection, page: Page) -> Response:
    headers: dict[str, str] = {}
    if selection.is_to_used:
        message = "_to is now deprecated, you should use _before instead"
        headers["Alert"] = alert("soft-eol", message, None)
    if page.last is not None:
        headers["Next-Page"] = _next_page(request, selection, page.last)
    body = b'{"data":[' + b",".join(page.objects) + b"]}"
    fields = selection.fields
    return Response(headers=headers, body=project_list(body, fields) if fields else body)


def _next_page(request: Request, selection: Selection, last: bytes) -> str:
    own = [pair for pair in request.query if pair[0].strip() not in ("_limit", "_token")]
    token = write_token(selection.order, last)
    query = urlencode([*own, ("_limit", str(selection.limit)), ("_token", token)])
    return f"{request.base_url}{request.raw_path}?{query}"
