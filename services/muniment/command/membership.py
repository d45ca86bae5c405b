"""Which partitions this instance is to own: shared out by a Kafka consumer group.

It is a hint, no more: two instances may believe in the same partition for a while, and the claim
on the log decides. The consumer never reads: all its partitions are paused.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from muniment.log.connection import Connection
from muniment.log.leaving import leave_group, member_id_of
from muniment.log.protocol import LogUnavailable, Partition
from muniment.runtime.logs import get_logger

log = get_logger(__name__)

SESSION_TIMEOUT_S: Final = 6.0
HEARTBEAT_INTERVAL_S: Final = 1.5
JOIN_TIMEOUT_S: Final = 10.0
LEAVE_TIMEOUT_S: Final = 5.0
POLL_S: Final = 1.0
POLL_FAILURES_MAX: Final = 10
"""In a row, one each `POLL_S`: then the consumer is given up, as it may fail for ever."""


class _GroupConsumer(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def subscribe(self, topics: list[str], *, listener: ConsumerRebalanceListener) -> None: ...
    def pause(self, *partitions: TopicPartition) -> None: ...
    async def getmany(self, *, timeout_ms: int) -> object: ...


class Membership:
    """The partitions that the group has given to this instance, as they change."""

    def __init__(self, leave: Callable[[], Awaitable[None]]) -> None:
        self._leave = leave
        self._has_left = False
        self._assigned: frozenset[Partition] = frozenset()
        self._changed = asyncio.Event()
        self._lost: BaseException | None = None

    @property
    def assigned(self) -> frozenset[Partition]:
        """What this instance is to own now."""
        return self._assigned

    async def changed(self, *, timeout_s: float) -> None:
        """Wait for the next change, or so long.

        Raises `LogUnavailable` where the place in the group is lost for good: join anew.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return
        if self._lost is not None:
            raise self._lost
        self._changed.clear()

    def assign(self, partitions: frozenset[Partition]) -> None:
        """Take what the group says."""
        self._assigned = partitions
        self._changed.set()

    def lose(self, error: BaseException) -> None:
        """Tell who waits for changes that none will come."""
        self._lost = error
        self._changed.set()

    async def leave(self) -> None:
        """Have the group give the partitions to others; nothing the second time."""
        if not self._has_left:
            self._has_left = True
            await self._leave()


@asynccontextmanager
async def join_group(
    connection: Connection, *, topic: str, group_id: str, instance_id: str
) -> AsyncGenerator[Membership]:
    """Be a member of the group until the block ends. Raises `LogUnavailable`.

    Membership is static: an instance that was killed and comes back under its name within the
    session's timeout gets its partitions back at once, without a word to the others. One that ends
    the block leaves, and the others are given its partitions.
    """
    group_instance_id = _group_instance_id(instance_id)
    consumer = cast(
        "_GroupConsumer",
        AIOKafkaConsumer(
            **connection.client_options(),
            group_id=group_id,
            group_instance_id=group_instance_id,
            partition_assignment_strategy=[StickyPartitionAssignor],
            session_timeout_ms=round(SESSION_TIMEOUT_S * 1000),
            heartbeat_interval_ms=round(HEARTBEAT_INTERVAL_S * 1000),
            rebalance_timeout_ms=round(SESSION_TIMEOUT_S * 1000),
            auto_offset_reset="latest",
            enable_auto_commit=False,
        ),
    )

    async def leave() -> None:
        polling.cancel()
        await asyncio.wait([polling])
        member_id = member_id_of(consumer)
        await _stop(consumer)
        await _leave(connection, group_id, member_id, group_instance_id)

    membership = Membership(leave)
    try:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            await consumer.start()
        consumer.subscribe([topic], listener=_Listener(consumer, membership))
    except (KafkaError, TimeoutError) as error:
        await _stop(consumer)
        raise LogUnavailable(f"the group {group_id} was not joined: {error!r}") from error
    polling = asyncio.create_task(_poll(consumer), name="membership.poll")

    def polling_ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            membership.lose(error)

    polling.add_done_callback(polling_ended)
    try:
        yield membership
    finally:
        await membership.leave()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Only sets state: aiokafka swallows what its listeners raise."""

    def __init__(self, consumer: _GroupConsumer, membership: Membership) -> None:
        self._consumer = consumer
        self._membership = membership

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Nothing to do: what is taken away is known when the rest is assigned again."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        self._membership.assign(frozenset(Partition(place.partition) for place in assigned))


async def _poll(consumer: _GroupConsumer) -> None:
    """A member that never polls is thought to be stuck, and loses its partitions.

    Raises `LogUnavailable` where that fails again and again.
    """
    failures = 0
    while True:
        try:
            await consumer.getmany(timeout_ms=round(POLL_S * 1000))
            failures = 0
        except KafkaError as error:
            failures += 1
            log.warning("membership.poll_failed", reason=repr(error))
            if failures >= POLL_FAILURES_MAX:
                raise LogUnavailable(f"the group lost this instance: {error!r}") from error
            await asyncio.sleep(POLL_S)


async def _stop(consumer: _GroupConsumer) -> None:
    try:
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            await consumer.stop()
    except (KafkaError, TimeoutError) as error:
        log.warning("membership.stopped_late", reason=repr(error))


async def _leave(
    connection: Connection, group_id: str, member_id: str, group_instance_id: str
) -> None:
    try:
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            await leave_group(
                connection,
                group_id=group_id,
                member_id=member_id,
                group_instance_id=group_instance_id,
            )
    except (KafkaError, TimeoutError) as error:
        log.warning("membership.left_behind", reason=repr(error))


def _group_instance_id(instance_id: str) -> str:
    """Kafka takes letters, digits, dots, underscores and dashes, 249 at most."""
    allowed = (letter if letter.isalnum() or letter in "._-" else "-" for letter in instance_id)
    return "".join(allowed).encode("ascii", "replace").decode().replace("?", "-")[:249]
