"""`POST /__flush__`: every partition is emptied by its owner. For development (contract FL-1)."""

import asyncio
from http import HTTPStatus
from typing import Final

from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.command.waiting import Flush, NotOwner, Unavailable
from muniment.domain.events import Cause
from muniment.log.protocol import Partition
from muniment.web.commands import cause_of
from muniment.web.forwarding import FORWARDED, Forwarder
from muniment.web.http import Request, Response

FLUSHED: Final = b"{}"


class Flushing:
    """Empties the partitions that are owned here, and has the others emptied."""

    def __init__(
        self, *, owners: Owners, read_model: ReadModel, forwarder: Forwarder, instance_url: str
    ) -> None:
        self._owners = owners
        self._read_model = read_model
        self._forwarder = forwarder
        self._instance_url = instance_url

    async def handle(self, request: Request) -> Response:
        """202 when all partitions are empty, for readers too."""
        try:
            async with asyncio.TaskGroup() as group:
                for partition in self._owners.assigned:
                    group.create_task(self._flush(partition, cause_of(request)))
                if FORWARDED not in request.headers:
                    for url in await self._other_instances():
                        group.create_task(self._have_flushed(request, url))
        except* (Unavailable, NotOwner) as errors:
            raise Unavailable(str(errors.exceptions[0])) from errors
        return Response(status=HTTPStatus.ACCEPTED, body=FLUSHED)

    async def _flush(self, partition: Partition, cause: Cause) -> None:
        answer = await self._owners.submit(partition, Flush(cause=cause))
        if not answer.is_projected:
            raise Unavailable("the flush is on the log, and not in the read model yet")

    async def _have_flushed(self, request: Request, url: str) -> None:
        answer = await self._forwarder.forward(request, url)
        if answer.status != HTTPStatus.ACCEPTED:
            raise Unavailable(f"the instance at {url} answered {answer.status} to a flush")

    async def _other_instances(self) -> frozenset[str]:
        return await self._read_model.owner_urls() - {self._instance_url}
