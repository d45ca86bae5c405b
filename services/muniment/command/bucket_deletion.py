"""`DELETE /buckets`: every bucket is a stream of its own, so each is deleted by its own owner.

Not atomic, and it says what it did: the answer holds the tombstones of those that are gone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
from multidict import CIMultiDict

from muniment.command.loading import SQL, ReadModel
from muniment.command.tokens import UnusedTokens
from muniment.command.waiting import Unavailable
from muniment.domain.addresses import Kind, bucket
from muniment.domain.commands import ANY, Delete, DeleteMany, joined
from muniment.domain.permissions import Acls, Right, may
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import Invalid, NotAllowed, ObjectModified, Refusal
from muniment.domain.rules import Rules
from muniment.domain.values import Timestamp
from muniment.readmodel.lists.deletion import Selected, has_writable, select_for_delete
from muniment.readmodel.lists.parameters import parse_selection
from muniment.web.conditions import revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.lists import deprecation, next_page
from muniment.web.request_keys import HEADER as KEY_HEADER

Send = Callable[[Request, Delete], Awaitable[Response]]


class BucketDeletion:
    """Selects buckets in the read model, and has each one deleted."""

    def __init__(
        self,
        *,
        rules: Rules,
        limits: Limits,
        read_model: ReadModel,
        errors: Errors,
        now: Callable[[], Timestamp],
        tokens: UnusedTokens,
    ) -> None:
        self._rules = rules
        self._limits = limits
        self._read_model = read_model
        self._errors = errors
        self._now = now
        self._tokens = tokens

    async def delete(self, request: Request, order: DeleteMany, send: Send) -> Response:
        """Delete what is selected and may be written; `send` brings a command to its owner."""
        order = await self._in_groups(order)
        selected = await self._select(order)
        if not isinstance(selected, Selected):
            return self._errors.refuse(selected, order.requester)
        tombstones: list[dict[str, Any]] = []
        for bucket_id in selected.ids:
            tombstone = await _delete_one(request, order, bucket_id, send)
            if tombstone is not None:
                tombstones.append(tombstone)
        timestamps = [Timestamp(gone["last_modified"]) for gone in tombstones]
        at = max(timestamps) if timestamps else await self._list_at()
        headers = {**revision_headers(at), **deprecation(request)}
        if selected.next_token is not None:
            headers["Next-Page"] = next_page(request, selected.next_token)
        return Response(headers=headers, body=orjson.dumps({"data": tombstones}))

    async def _in_groups(self, order: DeleteMany) -> DeleteMany:
        user_id = order.requester.user_id
        if user_id is None:
            return order
        found = await self._read_model.memberships([user_id])
        return replace(order, requester=joined(order.requester, found.of(user_id)))

    async def _select(self, order: DeleteMany) -> Selected | Refusal:
        def allows(right: Right) -> bool:
            principals = order.requester.principals
            return may(principals, right, Kind.BUCKET, Acls(), self._rules.granted)

        may_all = allows(Right.DELETE_LIST)
        found = await self._selection(order, is_fine=may_all or allows(Right.CREATE))
        if not isinstance(found, tuple):
            return found
        selection, stale = found
        if stale is not None:
            return await self._tokens.look_at(selection) or stale
        if refusal := await self._tokens.use(selection):
            return refusal
        nonce = self._tokens.make()
        async with self._read_model.acquire() as connection:
            selected = await select_for_delete(
                connection,
                kind=Kind.BUCKET,
                parent=None,
                selection=selection,
                writable_by=None if may_all else order.requester.principals,
                nonce=nonce,
            )
        if selected.next_token is not None:
            await self._tokens.give_out(nonce)
        return selected

    async def _selection(
        self, order: DeleteMany, *, is_fine: bool
    ) -> tuple[Selection, ObjectModified | None] | Refusal:
        """What the query selects, and whether preconditions fail.

        Who may delete nothing is refused, unless nothing is fine.
        """
        async with self._read_model.acquire() as connection:
            if not is_fine and not await has_writable(
                connection, kind=Kind.BUCKET, parent=None, principals=order.requester.principals
            ):
                return NotAllowed()
            selection = parse_selection(order.query, now=self._now(), limits=self._limits)
            if order.faults or isinstance(selection, Invalid):
                found = selection.faults if isinstance(selection, Invalid) else ()
                return Invalid((*order.faults, *found))
            list_at = Timestamp(await connection.fetchval(SQL.bucket_list_at))
        is_stale = _is_stale(order, list_at)
        return selection, ObjectModified(current=list_at, existing=None) if is_stale else None

    async def _list_at(self) -> Timestamp:
        async with self._read_model.acquire() as connection:
            return Timestamp(await connection.fetchval(SQL.bucket_list_at))


async def _delete_one(
    request: Request, order: DeleteMany, bucket_id: str, send: Send
) -> dict[str, Any] | None:
    """The bucket's tombstone; `None` if somebody else was quicker."""
    response = await send(
        _single(request, bucket_id),
        Delete(
            address=bucket(bucket_id),
            requester=order.requester,
            # The key is of the deletion of them all, which is no one stream's.
            cause=replace(order.cause, key=None),
        ),
    )
    match response.status, response.body:
        case 200, bytes(body):
            tombstone: dict[str, Any] = orjson.loads(body)["data"]
            return tombstone
        case ((403 | 404), _):
            return None
        case status, _:
            raise Unavailable(f"the deletion of the bucket {bucket_id} was answered with {status}")


def _single(request: Request, bucket_id: str) -> Request:
    """The request for one bucket alone, in case that another instance owns it."""
    headers = CIMultiDict(request.headers)
    for name in ("If-Match", "If-None-Match", KEY_HEADER):
        headers.popall(name, None)
    return replace(
        request, raw_path=f"/v1/buckets/{bucket_id}", raw_query="", headers=headers, body=b""
    )


def _is_stale(order: DeleteMany, list_at: Timestamp) -> bool:
    conditions = order.preconditions
    return conditions.if_none_match == ANY or conditions.if_match not in (None, ANY, list_at)
