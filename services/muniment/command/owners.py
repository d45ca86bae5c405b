"""All owners of this instance: one for each partition that the group has given to it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from muniment.command.membership import Membership
from muniment.command.owner import Owner
from muniment.command.waiting import Answer, NotOwner, Order, Unavailable, Waiting
from muniment.log.protocol import Log, LogUnavailable, Partition
from muniment.readmodel.checkpoints import Checkpoint
from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import PARTITIONS_OWNED

log = get_logger(__name__)

RECONCILE_S: Final = 1.0
"""An owner that was fenced while its partition is still given to us claims again after this."""


@dataclass(slots=True)
class _Running:
    owner: Owner
    task: asyncio.Task[None] = field(init=False)


class Owners:
    """Starts and stops owners as the membership changes, and hands orders to them."""

    def __init__(
        self,
        event_log: Log,
        membership: Membership,
        make_owner: Callable[[Partition], Owner],
        *,
        drain_s: float,
        answer_timeout_s: float,
    ) -> None:
        self._log = event_log
        self._membership = membership
        self._make_owner = make_owner
        self._drain_s = drain_s
        self._answer_timeout_s = answer_timeout_s
        self._running: dict[Partition, _Running] = {}
        self._unanswered: deque[tuple[float, Waiting]] = deque()
        """Orders by their deadlines: one look a second costs less than a timer for each."""

    @property
    def owned(self) -> frozenset[Partition]:
        """The partitions that are open for commands here."""
        return frozenset(
            partition for partition, running in self._running.items() if running.owner.is_open
        )

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that are open here, or on their way to be."""
        return frozenset(self._running)

    def takes_orders(self, partition: Partition) -> bool:
        """Whether orders for the partition may line up here."""
        running = self._running.get(partition)
        return running is not None and running.owner.takes_orders

    def partition_of(self, bucket_id: str) -> Partition:
        """The partition of a bucket's stream."""
        return self._log.partition_of(bucket_id)

    async def submit(
        self,
        partition: Partition,
        order: Order,
        *,
        size_bytes: int = 0,
        awaits_projection: bool = True,
    ) -> Answer:
        """Line the order up with the partition's owner, and wait for its answer.

        Raises `NotOwner` when another instance owns the partition, `Unavailable` and
        `TooLargeToAppend`.
        """
        running = self._running.get(partition)
        if running is None:
            raise NotOwner
        waiting = Waiting(order, size_bytes=size_bytes, awaits_projection=awaits_projection)
        running.owner.submit(waiting)
        self._unanswered.append((_clock_s() + self._answer_timeout_s, waiting))
        return await waiting.promise

    def retreat(self, partition: Partition, _: Checkpoint) -> None:
        """Hear from `Checkpoints` that the read model of a partition is behind where it was."""
        if running := self._running.get(partition):
            running.owner.retreat()

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the owners as the membership says, until told to stop; then let them finish.

        Raises `LogUnavailable` where the membership is lost.
        """
        try:
            while not stopping.is_set():
                await self._reconcile()
                self._give_up_late_ones()
                await self._next_change(stopping)
        finally:
            await asyncio.gather(*(self._stop(partition) for partition in list(self._running)))

    async def _next_change(self, stopping: asyncio.Event) -> None:
        stopped = asyncio.create_task(stopping.wait())
        changed = asyncio.create_task(self._membership.changed(timeout_s=RECONCILE_S))
        done, pending = await asyncio.wait({stopped, changed}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if changed in done:
            changed.result()

    async def _reconcile(self) -> None:
        assigned = self._membership.assigned
        for partition, running in list(self._running.items()):
            if running.task.done():
                self._end(partition, running)
            elif partition not in assigned:
                await self._stop(partition)
        for partition in sorted(assigned - self._running.keys()):
            running = _Running(self._make_owner(partition))
            running.task = asyncio.create_task(running.owner.run(), name=f"owner.{partition}")
            self._running[partition] = running
        PARTITIONS_OWNED.set(len(self.owned))

    def _give_up_late_ones(self) -> None:
        now_s = _clock_s()
        while self._unanswered:
            deadline_s, waiting = self._unanswered[0]
            if not waiting.promise.done():
                if now_s < deadline_s:
                    return
                waiting.fail(Unavailable("the command was not answered in time"))
            self._unanswered.popleft()

    async def _stop(self, partition: Partition) -> None:
        """Let the owner finish what it has, within the deadline."""
        running = self._running.get(partition)
        if running is None:
            return
        running.owner.stop()
        done, _ = await asyncio.wait({running.task}, timeout=self._drain_s)
        if not done:
            log.warning("owner.stopped_late", partition=partition)
            running.task.cancel()
            await asyncio.wait({running.task})
        self._end(partition, running)

    def _end(self, partition: Partition, running: _Running) -> None:
        self._running.pop(partition, None)
        if running.task.cancelled():
            return
        error = running.task.exception()
        if isinstance(error, LogUnavailable):
            log.warning("owner.log_unavailable", partition=partition, reason=str(error))
        elif error is not None:
            raise error


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
