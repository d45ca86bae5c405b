"""Brings an order before the owner of a partition, wherever that is."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.command.waiting import Answer, NotOwner, Order
from muniment.log.protocol import Partition
from muniment.readmodel.connection import UNREACHABLE
from muniment.web.forwarding import Forwarder, Misdirected
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable

HANDOVER_S_MAX: Final = 5.0
"""How long an order waits while a partition goes from one instance to another."""
LOOK_AGAIN_S: Final = 0.05


class AtOwner:
    """Finds the owner: in this process, or the request goes where the read model says.

    While a partition changes hands nobody is its owner. An order waits for the next one then,
    instead of being refused: that instances come and go is nothing a client need know.
    """

    def __init__(
        self,
        *,
        owners: Owners,
        read_model: ReadModel,
        forwarder: Forwarder,
        instance_url: str,
        handover_s_max: float = HANDOVER_S_MAX,
    ) -> None:
        self._owners = owners
        self._read_model = read_model
        self._forwarder = forwarder
        self._instance_url = instance_url
        self._handover_s_max = handover_s_max

    def partition_of(self, bucket_id: str) -> Partition:
        """Where the bucket's stream is."""
        return self._owners.partition_of(bucket_id)

    async def submit(
        self,
        partition: Partition,
        order: Order,
        as_request: Callable[[], Request],
        *,
        size_bytes: int,
        awaits_projection: bool = True,
    ) -> Answer | Response:
        """The owner's answer: as it is if the owner is here, else as HTTP.

        `as_request` makes what is sent to another instance. Raises `Unavailable` and
        `TooLargeToAppend`.
        """
        gives_up_at = time.monotonic() + self._handover_s_max
        while True:
            try:
                return await self._owners.submit(
                    partition, order, size_bytes=size_bytes, awaits_projection=awaits_projection
                )
            except NotOwner:
                pass
            url = await self._elsewhere(partition)
            if url is not None:
                try:
                    return await self._forwarder.forward(as_request(), url)
                except Misdirected:
                    if time.monotonic() > gives_up_at:
                        raise
            elif time.monotonic() > gives_up_at:
                raise Unavailable("nobody owns the partition at the moment")
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _elsewhere(self, partition: Partition) -> str | None:
        """Where the owner takes commands, if the read model knows one that is not here."""
        try:
            url = await self._read_model.owner_url(partition)
        except UNREACHABLE as error:
            raise Unavailable(f"Postgres does not answer: {error!r}") from error
        return None if url == self._instance_url else url
