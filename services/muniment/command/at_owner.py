"""Brings an order before the owner of a partition, wherever that is."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from muniment.command.loading import LastOwner, ReadModel
from muniment.command.membership import SESSION_TIMEOUT_S
from muniment.command.owners import Owners
from muniment.command.waiting import Answer, NotOwner, Order
from muniment.log.protocol import Partition
from muniment.readmodel.connection import UNREACHABLE
from muniment.web.forwarding import Forwarder, NotTaken
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable

HANDOVER_S_MAX: Final = SESSION_TIMEOUT_S + 4
"""How long an order waits while a partition goes from one instance to another.

An instance that was killed keeps its partitions until its session ends; then the next one loads.
"""
LAST_ORDERS_S_MAX: Final = 3.0
"""How long an instance that stops still waits for the next owners: long enough for one to load."""
LOOK_AGAIN_S: Final = 0.05
ASK_AGAIN_S: Final = 1.0
"""An instance that was not there is asked again after this, though no other owner came."""


class AtOwner:
    """Finds the owner: in this process, or the request goes where the read model says.

    While a partition changes hands nobody is its owner. An order waits for the next one then,
    instead of being refused: that instances come and go is nothing a client need know. No more
    than `waiting_max` orders wait so at any time.
    """

    def __init__(
        self,
        *,
        owners: Owners,
        read_model: ReadModel,
        forwarder: Forwarder,
        instance_url: str,
        waiting_max: int,
        handover_s_max: float = HANDOVER_S_MAX,
    ) -> None:
        self._owners = owners
        self._read_model = read_model
        self._forwarder = forwarder
        self._instance_url = instance_url
        self._waiting_max = waiting_max
        self._handover_s_max = handover_s_max
        self._waiting = 0
        self._closes_at = math.inf
        self._looks: dict[Partition, asyncio.Task[LastOwner | None]] = {}
        self._searches: dict[Partition, asyncio.Task[None]] = {}

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
                missing = "nobody owns the partition"
            owner = await self._last_owner(partition)
            if owner is not None and owner.url != self._instance_url:
                try:
                    return await self._forwarder.forward(as_request(), owner.url)
                except NotTaken as error:
                    missing = str(error)
            left_s = min(gives_up_at, self._closes_at) - time.monotonic()
            if left_s <= 0:
                raise Unavailable(missing)
            await self._wait(partition, owner, timeout_s=left_s)

    def close(self) -> None:
        """Give up before long the orders that have no owner, and those to come."""
        self._closes_at = time.monotonic() + LAST_ORDERS_S_MAX

    async def _wait(
        self, partition: Partition, asked: LastOwner | None, *, timeout_s: float
    ) -> None:
        """Return when it may be worth to ask again, or after so long."""
        if self._waiting >= self._waiting_max:
            message = f"{self._waiting_max} commands wait for the next owner already"
            raise Unavailable(message)
        search = self._searches.get(partition)
        if search is None:
            search = asyncio.create_task(self._search(partition, asked), name="at_owner.search")
            self._searches[partition] = search
            search.add_done_callback(lambda _: self._searches.pop(partition))
        self._waiting += 1
        try:
            await asyncio.wait({search}, timeout=timeout_s)
        finally:
            self._waiting -= 1

    async def _search(self, partition: Partition, asked: LastOwner | None) -> None:
        """Return when another than the owner that was asked in vain may have the partition.

        One search for all that wait: were each to look by itself, hundreds of them would take the
        time that this instance needs to become the owner.
        """
        until = time.monotonic() + ASK_AGAIN_S
        with suppress(Unavailable):  # Who asks next is told.
            while time.monotonic() < until:
                await asyncio.sleep(LOOK_AGAIN_S)
                if self._owners.takes_orders(partition):
                    return
                if await self._last_owner(partition) != asked:
                    return

    async def _last_owner(self, partition: Partition) -> LastOwner | None:
        """The last owner that is known; those that ask at once look together."""
        look = self._looks.get(partition)
        if look is None:
            look = asyncio.create_task(self._look(partition), name="at_owner.look")
            self._looks[partition] = look
            look.add_done_callback(lambda _: self._looks.pop(partition))
        return await asyncio.shield(look)

    async def _look(self, partition: Partition) -> LastOwner | None:
        try:
            return await self._read_model.last_owner(partition)
        except UNREACHABLE as error:
            raise Unavailable(f"Postgres does not answer: {error!r}") from error
