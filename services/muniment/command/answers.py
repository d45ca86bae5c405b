"""From what became of a command to what its client is told (contract section 8)."""

from typing import Final, assert_never

import orjson

from muniment.command.waiting import AlreadyMade, Answer, Deleted, Forgotten, Outcome, Outcomes
from muniment.domain.commands import (
    Command,
    Create,
    Delete,
    DeleteHistory,
    DeleteList,
    DeleteMany,
    Patch,
    Put,
    ReadSecrets,
    Requester,
    RotateSecret,
)
from muniment.domain.decisions import Unchanged, apply_change
from muniment.domain.events import Action, ObjectChanged, PartitionFlushed
from muniment.domain.patches import Patched, diff_answer, light_answer, requested_fields
from muniment.domain.permissions import visible_permissions
from muniment.domain.values import JsonObject, Permissions
from muniment.domain.webhooks.sealing import Sealer
from muniment.log.protocol import Position
from muniment.web.cache import UNCACHED
from muniment.web.conditions import revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.lists import deprecation, next_page
from muniment.web.webhook_secrets import secrets_json

POSITION: Final = "Muniment-Position"
"""`partition:offset` of what the answer rests on; reads that must see it can ask for it."""

PENDING: Final = "Muniment-Projection"
"""`pending` where the log has the write and reads do not show it yet."""


class Answers:
    """Writes the answers to commands."""

    def __init__(self, errors: Errors, *, sealer: Sealer | None = None) -> None:
        """Without a sealer there are no webhooks, whose keys it opens."""
        self._errors = errors
        self._sealer = sealer

    def tell(self, request: Request, order: Command | DeleteList, answer: Answer) -> Response:
        """The response to one command."""
        response = self._response(request, order, answer)
        if answer.position is not None:
            response.headers[POSITION] = _text(answer.position)
        if not answer.is_projected:
            response.headers[PENDING] = "pending"
        return response

    def _response(self, request: Request, order: Command | DeleteList, answer: Answer) -> Response:
        outcome = answer.outcome
        if isinstance(order, RotateSecret | ReadSecrets) and self._sealer is not None:
            return self._secrets(order, outcome, self._sealer)
        match outcome:
            case ObjectChanged():
                return _changed(order, outcome)
            case Unchanged():
                existing = outcome.existing
                return Response(
                    headers=revision_headers(existing.last_modified),
                    body=_body(existing.data, existing.permissions, order.requester),
                )
            case Deleted():
                return _deleted(request, outcome)
            case Outcomes() | Forgotten() | PartitionFlushed() | AlreadyMade():
                raise TypeError(outcome)  # No single command comes to that, or not any more.
            case _:
                return self._errors.refuse(outcome, order.requester)

    def _secrets(
        self, order: RotateSecret | ReadSecrets, outcome: Outcome, sealer: Sealer
    ) -> Response:
        match outcome:
            case ObjectChanged(after=after, last_modified=at):
                data = after.data
            case Unchanged(existing=existing):
                data, at = existing.data, existing.last_modified
            case Deleted() | Outcomes() | Forgotten() | PartitionFlushed() | AlreadyMade():
                raise TypeError(outcome)
            case _:
                return self._errors.refuse(outcome, order.requester)
        told = secrets_json(data, order.address.uri, sealer)
        headers = {**revision_headers(at), **UNCACHED}
        return Response(headers=headers, body=orjson.dumps({"data": told}))


def _changed(order: Command | DeleteList, event: ObjectChanged) -> Response:
    headers = revision_headers(event.last_modified)
    match order:
        case Create() | Put():
            status = 201 if event.action is Action.CREATED else 200
            body = _body(event.after.data, event.after.permissions, order.requester)
            return Response(status=status, headers=headers, body=body)
        case Patch():
            return Response(headers=headers, body=_patched(order, event))
        case RotateSecret() | ReadSecrets():
            raise TypeError(order)  # These are told by `_secrets`.
        case Delete() | DeleteMany() | DeleteHistory():
            return Response(headers=headers, body=orjson.dumps({"data": event.after.data}))
        case _:
            assert_never(order)


def _patched(order: Patch, event: ObjectChanged) -> bytes:
    after, before = event.after, event.before
    if order.behavior == "full" or before is None:
        return _body(after.data, after.permissions, order.requester)
    patched = apply_change(order.change, before, order.address.kind)
    requested = requested_fields(
        order.change, patched.data if isinstance(patched, Patched) else after.data
    )
    match order.behavior:
        case "light":
            return orjson.dumps({"data": light_answer(before.data, after.data, requested)})
        case "diff":
            return orjson.dumps({"data": diff_answer(after.data, requested)})
        case _:
            assert_never(order.behavior)


def _deleted(request: Request, outcome: Deleted) -> Response:
    """The tombstones of a bulk delete, and where to go on (DELL-1, DELL-3, DELL-4)."""
    headers = {**revision_headers(outcome.list_at), **deprecation(request)}
    if outcome.next_token is not None:
        headers["Next-Page"] = next_page(request, outcome.next_token)
    return Response(headers=headers, body=orjson.dumps({"data": outcome.tombstones}))


def _body(data: JsonObject, permissions: Permissions, requester: Requester) -> bytes:
    shown = visible_permissions(permissions, requester.principals)
    return orjson.dumps({"data": data, "permissions": shown})


def _text(position: Position) -> str:
    return f"{position.partition}:{position.offset}"
