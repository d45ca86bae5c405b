"""The log as one Kafka topic: opened once a service, handing out writers and readers."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from muniment.log.appender import KafkaWriter
from muniment.log.clients import Consumer, consumer, idempotent_producer
from muniment.log.connection import Connection, kafka_of
from muniment.log.fence import Coordinator, adopt
from muniment.log.options import LogOptions
from muniment.log.partitioner import partition_of_key
from muniment.log.protocol import (
    Claim,
    Log,
    LogUnavailable,
    Offset,
    OutcomeUnknown,
    Partition,
    Start,
)
from muniment.log.quiet import quieten_aiokafka
from muniment.log.reader import KafkaReader
from muniment.log.sender import BatchSender
from muniment.log.topics import ensure_topic
from muniment.runtime.settings import Settings

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncGenerator["KafkaLog"]:
    """The log that the settings describe.

    Raises `DependencyUnreachable` when they name no Kafka, and what `KafkaLog.open` raises.
    """
    async with KafkaLog.open(kafka_of(settings), LogOptions.of(settings)) as log:
        yield log


async def answers(log: Log) -> bool:
    """Whether every partition has a leader that works; else raises `LogUnavailable`."""
    return len(await log.end_offsets()) == len(log.partitions)


class KafkaLog:
    """A topic whose every partition has one writer at a time."""

    def __init__(
        self,
        connection: Connection,
        options: LogOptions,
        *,
        coordinator: Coordinator,
        asker: Consumer,
    ) -> None:
        self._connection = connection
        self._options = options
        self._coordinator = coordinator
        self._asker = asker
        self._partitions = tuple(Partition(number) for number in range(options.partitions))

    @classmethod
    @asynccontextmanager
    async def open(cls, connection: Connection, options: LogOptions) -> AsyncGenerator[Self]:
        """Connect, make the topic where there is none, and check the one that is there.

        Raises `LogUnavailable` while Kafka does not answer, and `TopicUnfit` for what a person
        must mend. Writers and readers are closed by whom they were given to.
        """
        quieten_aiokafka()
        await ensure_topic(connection, options)
        coordinator, asker = Coordinator(connection), consumer(connection, options)
        log = cls(connection, options, coordinator=coordinator, asker=asker)
        try:
            await log._connect()
            yield log
        finally:
            await log._disconnect()

    @property
    def partitions(self) -> Sequence[Partition]:
        return self._partitions

    def partition_of(self, key: str) -> Partition:
        """The partition of a bucket id, as every Kafka client computes it."""
        return Partition(partition_of_key(key, partitions=self._options.partitions))

    async def claim(self, partition: Partition, *, instance_id: str, url: str) -> KafkaWriter:
        """Become the partition's owner: raise the epoch, append the claim.

        Raises `Fenced` when another instance claimed in the meantime, and `OutcomeUnknown` when
        the broker did not answer within the deadline; either way one may claim again.
        """
        try:
            async with asyncio.timeout(self._options.claim_timeout_s):
                return await self._claim(partition, instance_id=instance_id, url=url)
        except (KafkaError, TimeoutError) as error:
            raise OutcomeUnknown(f"partition {partition} was not claimed: {error!r}") from error

    async def reader(self, starts: Mapping[Partition, Start]) -> KafkaReader:
        """A reader over the given partitions, at least one. Raises `LogUnavailable`."""
        reader = KafkaReader(consumer(self._connection, self._options), starts, self._options)
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                await reader.start()
        except (KafkaError, TimeoutError) as error:
            await reader.close()
            raise LogUnavailable(f"no reader: {error!r}") from error
        return reader

    async def end_offsets(self) -> Mapping[Partition, Offset]:
        """The offset that the next append to each partition will get. Raises `LogUnavailable`."""
        places = [TopicPartition(self._options.topic, number) for number in self._partitions]
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                ends = await self._asker.end_offsets(places)
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(f"the end of the log is not known: {error!r}") from error
        return {Partition(place.partition): Offset(end) for place, end in ends.items()}

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                await self._coordinator.start()
                await self._asker.start()
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(f"Kafka does not answer: {error!r}") from error

    async def _disconnect(self) -> None:
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await asyncio.gather(self._coordinator.close(), self._asker.stop())
        except TimeoutError:
            _log.warning("log.connection_left_behind", extra={"topic": self._options.topic})

    async def _claim(self, partition: Partition, *, instance_id: str, url: str) -> KafkaWriter:
        identity = await self._coordinator.next_identity(self._options.transactional_id(partition))
        producer = idempotent_producer(self._connection, self._options)
        adopt(producer, identity)
        sender = BatchSender(producer, partition=partition, options=self._options)
        claim = Claim(
            epoch=identity.epoch,
            producer_id=identity.producer_id,
            instance_id=instance_id,
            url=url,
        )
        return await KafkaWriter.claiming(claim, sender)
