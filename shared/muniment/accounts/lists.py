"""The list of accounts: all of them for administrators, else one's own alone (ACC-6, ACC-7)."""

from collections.abc import Callable
from typing import Final

import orjson

from muniment.accounts.store import AccountStore, Approved, StoredAccount
from muniment.domain.accounts import AccountRights, deletion, username_of
from muniment.domain.commands import ANY
from muniment.domain.queries.selection import Limits
from muniment.domain.refusals import Invalid, NotAllowed, ObjectModified
from muniment.domain.states import Present
from muniment.domain.values import JsonObject, Timestamp
from muniment.readmodel.lists.pages import write_token
from muniment.web.cache import UNCACHED
from muniment.web.conditions import revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.lists import (
    Found,
    ListRequest,
    answer_list,
    deprecation,
    next_page,
    read_list_request,
    refuse_stale,
)

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
        """GET and HEAD; anonymous requesters are told in the list's own words (D-6)."""
        if request.requester.is_anonymous:
            return self._errors.unauthorized("Cannot read accounts.")
        asked = read_list_request(request, limits=self._limits, now=self._now())
        if asked.faults:
            return self._errors.refuse(Invalid(asked.faults), request.requester)
        sees_all = self._rights.may_read_all(request.requester)
        visible_to = None if sees_all else username_of(request.requester) or NO_ONE
        at, found = await self._find(asked, visible_to)
        if stale := refuse_stale(asked, at, self._errors):
            return stale
        return answer_list(asked, found, {**revision_headers(at), **UNCACHED})

    async def _find(self, asked: ListRequest, visible_to: str | None) -> tuple[Timestamp, Found]:
        if asked.is_head:
            at, matches = await self._store.count(asked.selection, visible_to=visible_to)
            return at, Found(body=None, last=None, matches=matches)
        page = await self._store.page(asked.selection, visible_to=visible_to, with_tombstones=True)
        body = b'{"data":[' + b",".join(page.objects) + b"]}"
        return page.list_at, Found(body=body, last=page.last, matches=None)

    async def delete(self, request: Request) -> Response:
        """DELETE: each account in a transaction of its own."""
        if request.requester.is_anonymous:
            return self._errors.refuse(NotAllowed(), request.requester)
        asked = read_list_request(request, limits=self._limits, now=self._now())
        if asked.faults:
            return self._errors.refuse(Invalid(asked.faults), request.requester)
        selection, preconditions = asked.selection, asked.preconditions
        writes_all = self._rights.administers(request.requester)
        visible_to = None if writes_all else username_of(request.requester) or NO_ONE
        page = await self._store.page(selection, visible_to=visible_to, with_tombstones=False)
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
        list_at = at if tombstones else page.list_at
        headers = {**revision_headers(list_at), **deprecation(request)}
        if page.last is not None:
            token = write_token(selection.order, page.last)
            headers["Next-Page"] = next_page(request, token, limit=selection.limit)
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
