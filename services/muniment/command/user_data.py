"""`DELETE /__user_data__/{principal}`: a principal is forgotten in every bucket (contract UD-1).

Every partition is done by its owner, some objects at a time, as ordinary events. Not atomic as a
whole: what fails on the way is repeated, and goes on where it was.
"""

from typing import Final

import orjson

from muniment.command.everywhere import Everywhere
from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.command.waiting import Forget, Forgotten, TooLargeToAppend, Unavailable
from muniment.domain.commands import Requester, joined
from muniment.domain.events import Cause
from muniment.domain.refusals import NotAllowed
from muniment.domain.values import Principal
from muniment.log.protocol import Partition
from muniment.readmodel.connection import UNREACHABLE
from muniment.web.commands import cause_of
from muniment.web.errors import Errors, unknown_path
from muniment.web.http import Request, Response

OBJECTS_AT_ONCE_MAX: Final = 200
"""Objects that are changed by one batch of the log; fewer where they are large."""


class UserData:
    """Has a principal forgotten in all partitions."""

    def __init__(
        self,
        *,
        owners: Owners,
        read_model: ReadModel,
        everywhere: Everywhere,
        errors: Errors,
        allowed: frozenset[str],
    ) -> None:
        self._owners = owners
        self._read_model = read_model
        self._everywhere = everywhere
        self._errors = errors
        self._allowed = allowed

    async def handle(self, request: Request) -> Response:
        """200 when nothing names the principal any more, also if nothing did.

        Raises `Unavailable`.
        """
        if not request.target.id:
            return unknown_path()
        requester = await self._requester(request)
        if self._allowed.isdisjoint(requester.principals):
            return self._errors.refuse(NotAllowed(), requester)
        principal, cause = Principal(request.target.id), cause_of(request)

        async def forget(partition: Partition) -> None:
            await self._forget(partition, principal, cause)

        forgotten = Response(body=orjson.dumps({"data": {"principal": principal}}))
        return await self._everywhere.carry_out(request, forget, forgotten)

    async def _requester(self, request: Request) -> Requester:
        """Who asks, in their groups: those may be named in the setting."""
        user_id = request.requester.user_id
        if user_id is None:
            return request.requester
        try:
            found = await self._read_model.memberships([user_id])
        except UNREACHABLE as error:
            raise Unavailable(f"Postgres does not answer: {error!r}") from error
        return joined(request.requester, found.of(user_id))

    async def _forget(self, partition: Partition, principal: Principal, cause: Cause) -> None:
        """Order it until nothing is left; each order finds less."""
        objects_max, is_done = OBJECTS_AT_ONCE_MAX, False
        while not is_done:
            order = Forget(
                principal=principal, partition=partition, objects_max=objects_max, cause=cause
            )
            try:
                answer = await self._owners.submit(partition, order)
            except TooLargeToAppend:
                if objects_max == 1:
                    message = "an object is too large to be changed by one batch of the log"
                    raise Unavailable(message) from None
                objects_max //= 2
                continue
            assert isinstance(answer.outcome, Forgotten)  # noqa: S101 - it answers a `Forget`
            is_done = answer.outcome.is_done
