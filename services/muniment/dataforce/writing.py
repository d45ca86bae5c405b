"""Orders of the dialect's calls, brought before the owner of the bucket's stream."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson

from muniment.dataforce.errors import DataForceError
from muniment.domain.commands import Command
from muniment.domain.events import Cause, ObjectChanged
from muniment.domain.refusals import Invalid, KeyReused, ObjectMissing
from muniment.domain.values import Principal
from muniment.web.carrying_out import AnsweredElsewhere, Carrier
from muniment.web.commands import cause_of, named_by_key
from muniment.web.errors import KEY_REUSED
from muniment.web.http import Request, Response


async def carry_out(
    carrier: Carrier, request: Request, commands: Sequence[Command], *, missing: DataForceError
) -> ObjectChanged:
    """What came of the first of commands that happen as one.

    One alone is the one that the request's `Idempotency-Key` names.

    Raises `missing` where their object is not there any more, `AnsweredElsewhere`, `Unavailable`.
    """
    if len(commands) == 1:
        commands = [named_by_key(request, commands[0])]
    done = await carrier.carry_out(request, commands)
    if isinstance(done, Response):
        raise answered(done)
    for outcome in done:
        if isinstance(outcome, ObjectMissing):
            raise missing
        if isinstance(outcome, KeyReused):
            raise DataForceError.of_faults(KEY_REUSED)
        if isinstance(outcome, Invalid):
            raise DataForceError.of_faults(*outcome.faults)
        if not isinstance(outcome, ObjectChanged):
            raise TypeError(outcome)
    [first, *_] = done
    assert isinstance(first, ObjectChanged)  # noqa: S101 - all of them are
    return first


def answered(response: Response) -> DataForceError | AnsweredElsewhere:
    """What another instance has answered, or that the orders are too large."""
    if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return DataForceError(413, "This is more than one batch of the log can hold.")
    return AnsweredElsewhere(response)


def cause(request: Request, user: Principal) -> Cause:
    """The user whose key came with the request, and the request."""
    return replace(cause_of(request), actor=user)


def json_response(value: Any) -> Response:
    """200 with the value."""
    return Response(body=orjson.dumps(value))
