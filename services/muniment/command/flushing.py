"""`POST /__flush__`: every partition is emptied by its owner. For development (contract FL-1)."""

from http import HTTPStatus
from typing import Final

from muniment.command.everywhere import Everywhere
from muniment.command.owners import Owners
from muniment.command.waiting import Flush, Unavailable
from muniment.log.protocol import Partition
from muniment.web.commands import cause_of
from muniment.web.http import Request, Response

FLUSHED: Final = b"{}"


class Flushing:
    """Empties all partitions."""

    def __init__(self, *, owners: Owners, everywhere: Everywhere) -> None:
        self._owners = owners
        self._everywhere = everywhere

    async def handle(self, request: Request) -> Response:
        """202 when all partitions are empty, for readers too. Raises `Unavailable`."""
        cause = cause_of(request)

        async def flush(partition: Partition) -> None:
            answer = await self._owners.submit(partition, Flush(cause=cause))
            if not answer.is_projected:
                raise Unavailable("the flush is on the log, and not in the read model yet")

        flushed = Response(status=HTTPStatus.ACCEPTED, body=FLUSHED)
        return await self._everywhere.carry_out(request, flush, flushed)
