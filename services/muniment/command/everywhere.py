"""What concerns every partition: each one's owner does it, on whichever instance that is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.command.waiting import NotOwner, Unavailable
from muniment.log.protocol import Partition
from muniment.readmodel.connection import UNREACHABLE
from muniment.runtime.outages import first_of
from muniment.web.forwarding import FORWARDED, Forwarder
from muniment.web.http import Request, Response, headers_of

DONE_IN: Final = "Muniment-Partitions"
"""Between instances: the partitions in which what a request asks for was done by who was asked."""


class Everywhere:
    """Has it done in the partitions that are owned here, and by the other instances in theirs."""

    def __init__(
        self,
        *,
        partitions: Sequence[Partition],
        owners: Owners,
        read_model: ReadModel,
        forwarder: Forwarder,
        instance_url: str,
    ) -> None:
        self._partitions = frozenset(partitions)
        self._owners = owners
        self._read_model = read_model
        self._forwarder = forwarder
        self._instance_url = instance_url

    async def carry_out(
        self, request: Request, do: Callable[[Partition], Awaitable[None]], answer: Response
    ) -> Response:
        """The answer, once it is done in every partition; all instances answer the same.

        Raises `Unavailable` where it is not: an owner could not, or a partition has none at the
        moment. What was done until then stays done, and whoever asks again has the rest done.
        """
        done: set[Partition] = set()

        async def here(partition: Partition) -> None:
            await do(partition)
            done.add(partition)

        async def there(url: str) -> None:
            done.update(await self._done_by(url, request, answer.status))

        is_first = FORWARDED not in request.headers
        try:
            others = await self._others() if is_first else frozenset[str]()
            async with asyncio.TaskGroup() as group:
                for partition in self._owners.assigned:
                    group.create_task(here(partition))
                for url in others:
                    group.create_task(there(url))
        except* (Unavailable, NotOwner, *UNREACHABLE) as errors:
            raise Unavailable(repr(first_of(errors))) from errors
        if not is_first:
            answer.headers[DONE_IN] = ",".join(map(str, sorted(done)))
        # A partition on its way from one instance to another is with neither.
        elif left := sorted(self._partitions - done):
            raise Unavailable(f"no owner has done it in the partitions {left}")
        return answer

    async def _others(self) -> frozenset[str]:
        return await self._read_model.owner_urls() - {self._instance_url}

    async def _done_by(self, url: str, request: Request, status: int) -> frozenset[Partition]:
        answer = await self._forwarder.forward(request, url)
        if answer.status != status:
            raise Unavailable(f"the instance at {url} answered {answer.status}")
        # What is between the instances may spell names in its own way.
        numbers = headers_of(answer.headers).get(DONE_IN, "").split(",")
        return frozenset(Partition(int(number)) for number in numbers if number)
