"""Command service instances around one `MemoryLog`: real owners, everything else in memory."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from muniment.command.bulk import BulkDeletion
from muniment.command.deciding import Decider
from muniment.command.owner import Owner, OwnerLimits
from muniment.command.trimming import HistoryTrimming
from muniment.command.waiting import Answer, NotOwner, Order, Unavailable, Waiting
from muniment.domain.events import EventId
from muniment.domain.queries.selection import Limits
from muniment.domain.rules import Rules
from muniment.domain.values import Timestamp
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Partition
from tests.support.deciding import NOW
from tests.support.memory_read_model import (
    FedCheckpoints,
    MemoryBucketList,
    MemoryProjector,
    MemoryReadModel,
    MemoryTokens,
)

ONLY: Final = Partition(0)
ANSWER_TIMEOUT_S: Final = 10.0
DEADLINE_S: Final = 60.0


@dataclass(slots=True)
class Instance:
    """One process: its owners, and what it has heard of the projection."""

    name: str
    universe: "Universe"
    checkpoints: FedCheckpoints = field(default_factory=FedCheckpoints)
    owners: dict[Partition, Owner] = field(default_factory=dict[Partition, Owner])

    def own(self, partition: Partition = ONLY) -> Owner:
        """Start an owner, as when the group gives the partition to this instance."""
        universe = self.universe
        owner = Owner(
            partition,
            event_log=universe.log,
            read_model=universe.read_model,
            checkpoints=self.checkpoints,
            bucket_list=universe.bucket_list,
            decider=universe.decider,
            limits=universe.limits,
            instance_id=self.name,
            url=f"http://{self.name}",
        )
        self.owners[partition] = owner
        universe.start(owner)
        return owner

    async def submit(
        self, order: Order, *, partition: Partition = ONLY, awaits_projection: bool = True
    ) -> Answer:
        """Hand an order to the owner here. Raises `NotOwner` and `Unavailable` as `Owners` does."""
        owner = self.owners.get(partition)
        if owner is None:
            raise NotOwner
        waiting = Waiting(order, awaits_projection=awaits_projection)
        owner.submit(waiting)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await waiting.promise
        except TimeoutError:
            raise Unavailable("not answered") from None


class Universe:
    """The log, the read model, the projector between them, and the clock."""

    def __init__(
        self,
        *,
        partitions: int = 1,
        limits: OwnerLimits | None = None,
        now: Callable[[], int] = lambda: NOW,
        batch_bytes_max: int = 1_000_000,
    ) -> None:
        self.log = MemoryLog(partitions=partitions, batch_bytes_max=batch_bytes_max)
        self.read_model = MemoryReadModel()
        self.projector = MemoryProjector(self.log, self.read_model)
        self.bucket_list = MemoryBucketList(self.read_model)
        self.limits = limits or OwnerLimits(projection_wait_timeout_s=1.0)
        self._numbers = itertools.count(1)
        rules = Rules()
        self.decider = Decider(
            rules,
            trimming=HistoryTrimming(limits=Limits(), tokens=MemoryTokens()),
            bulk=BulkDeletion(
                rules,
                limits=Limits(page_max=None, fetch_max=100),
                tokens=MemoryTokens(),
                batch_bytes_max=batch_bytes_max,
            ),
            read_model=self.read_model,
            now=lambda: Timestamp(now()),
            make_id=lambda: EventId(str(UUID(int=next(self._numbers)))),
        )
        self._projecting: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def instance(self, name: str) -> Instance:
        made = Instance(name, self)
        self.projector.listeners.append(made.checkpoints)
        return made

    def start(self, owner: Owner) -> None:
        self._running.add(asyncio.create_task(owner.run()))

    def project(self) -> None:
        """Let the projector run from now on."""
        if self._projecting is None:
            self._projecting = asyncio.create_task(self.projector.run())

    async def pause(self) -> None:
        """Stop the projector where it is."""
        projecting, self._projecting = self._projecting, None
        if projecting is not None:
            projecting.cancel()
            await asyncio.wait([projecting])

    async def close(self) -> list[BaseException]:
        """End everything; answers what owners died of, which is nothing in a sound run."""
        await self.pause()
        for running in self._running:
            running.cancel()
        ended = await asyncio.gather(*self._running, return_exceptions=True)
        await self.bucket_list.close()
        return [
            each
            for each in ended
            if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError)
        ]


@asynccontextmanager
async def universe(
    *,
    partitions: int = 1,
    limits: OwnerLimits | None = None,
    now: Callable[[], int] = lambda: NOW,
    batch_bytes_max: int = 1_000_000,
) -> AsyncGenerator[Universe]:
    """A universe whose projector runs; at the end no owner has died of anything."""
    made = Universe(partitions=partitions, limits=limits, now=now, batch_bytes_max=batch_bytes_max)
    made.project()
    try:
        yield made
    finally:
        died = await made.close()
    assert died == []


async def until(is_so: Callable[[], object]) -> None:
    """Wait until it is so; fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 - any condition, of which nobody tells
            await asyncio.sleep(0.001)
