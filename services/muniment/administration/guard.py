"""Who may ask for what is in here: administrators, and the operator at the command line."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

import orjson

from muniment.administration.asks import Ask, read_ask
from muniment.domain.refusals import Fault, Invalid, NotAllowed
from muniment.domain.values import JsonValue, Principal
from muniment.domain.webhooks.rekeying import OPERATOR
from muniment.runtime.settings import Settings
from muniment.web.errors import Errors
from muniment.web.http import Handler, Request, Response
from muniment.web.operator_requests import is_operators
from muniment.web.root import InGroups
from muniment.web.webhook_orders import InternalKey

A = TypeVar("A", bound=Ask)

Answer: TypeAlias = Callable[[Request, Principal], Awaitable[Response]]
"""Answers a request of an administrator, who is named as the actor of what it changes."""


class Guard:
    """Lets administrators in: those of the setting `account_write_principals`."""

    def __init__(self, settings: Settings, *, in_groups: InGroups, errors: Errors) -> None:
        self._administrators: Final = frozenset(settings.account_write_principals)
        self._key = InternalKey.of(settings)
        self._in_groups = in_groups
        self.errors = errors
        self._json_depth_max: Final = settings.json_depth_max

    def __call__(self, answer: Answer) -> Handler:
        """The handler that answers administrators, and refuses all others."""

        async def handle(request: Request) -> Response:
            actor = await self._administrator(request)
            if actor is None:
                return self.errors.refuse(NotAllowed(), request.requester)
            if request.faults:
                return self.refuse(request, request.faults)
            return await answer(request, actor)

        return handle

    def read(self, form: type[A], request: Request) -> A | Response:
        """What the body asks for; 400 with all that is wrong with it."""
        asked = read_ask(form, request, depth_max=self._json_depth_max)
        return self.refuse(request, asked) if isinstance(asked, tuple) else asked

    def refuse(self, request: Request, faults: tuple[Fault, ...]) -> Response:
        """400."""
        return self.errors.refuse(Invalid(faults), request.requester)

    async def _administrator(self, request: Request) -> Principal | None:
        key = self._key
        if is_operators(key, request.method, request.raw_path, request.headers, request.body):
            return OPERATOR
        requester = await self._in_groups(request.requester)
        if self._administrators.isdisjoint(requester.principals):
            return None
        return requester.user_id or OPERATOR


def told(data: JsonValue, *, status: int = 200) -> Response:
    """`{"data": …}`; never kept on the way, as it may hold a key."""
    body = orjson.dumps({"data": data})
    return Response(status=status, headers={"Cache-Control": "no-store"}, body=body)
