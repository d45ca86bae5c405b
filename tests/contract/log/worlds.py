"""One small world for each log: an instance that may have bad luck, another one, and the faults."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, Protocol, cast

from aiokafka import AIOKafkaProducer

from muniment.log.connection import Connection
from muniment.log.envelope import Message
from muniment.log.kafka import KafkaLog
from muniment.log.memory import Fault, MemoryLog
from muniment.log.options import LogOptions
from muniment.log.protocol import Log, Partition
from tests.contract.log.wire import Wire

BATCH_BYTES_MAX: Final = 100_000
PARTITIONS: Final = 2
UNLUCKY_CLIENT: Final = "unlucky"
GIVEN_UP_S: Final = 1.5
"""Seconds that the unlucky instance waits for an answer: more than Kafka takes when it is busy."""


class World(Protocol):
    """What the suite needs of a log besides the log."""

    @property
    def unlucky(self) -> Log:
        """An instance whose appends `fault` can spoil."""
        ...

    @property
    def other(self) -> Log:
        """Another instance on the same log; nothing happens to it."""
        ...

    def spoil(self, partition: Partition, fault: Fault) -> None:
        """Have the next append of the unlucky instance end like this."""
        ...

    async def mend(self, partition: Partition) -> None:
        """End the fault; what was late arrives now, and this waits for it."""
        ...

    async def append_raw(self, partition: Partition, message: Message) -> None:
        """Append past the broker's fence: as a stale owner does once the fence has lapsed."""
        ...


class MemoryWorld:
    def __init__(self) -> None:
        self._log = MemoryLog(partitions=PARTITIONS, batch_bytes_max=BATCH_BYTES_MAX)

    @property
    def unlucky(self) -> Log:
        return self._log

    @property
    def other(self) -> Log:
        return self._log

    def spoil(self, partition: Partition, fault: Fault) -> None:
        self._log.fail_next_append(partition, fault)

    async def mend(self, partition: Partition) -> None:
        self._log.deliver_late(partition)

    async def append_raw(self, partition: Partition, message: Message) -> None:
        self._log.append_raw(partition, message)


class KafkaWorld:
    def __init__(
        self, unlucky: KafkaLog, other: KafkaLog, *, wire: Wire, topic: str, raw: Any
    ) -> None:
        self._unlucky = unlucky
        self._other = other
        self._wire = wire
        self._topic = topic
        self._raw = raw
        self._fault: Fault | None = None

    @property
    def unlucky(self) -> Log:
        return self._unlucky

    @property
    def other(self) -> Log:
        return self._other

    def spoil(self, partition: Partition, fault: Fault) -> None:
        self._fault = fault
        match fault:
            case Fault.ACK_LOST:
                self._wire.hold_answers()
            case Fault.LOST | Fault.LATE:
                self._wire.hold_requests()

    async def mend(self, partition: Partition) -> None:
        if self._fault is Fault.LATE:
            await self._wire.deliver()
        else:
            self._wire.forget()
        self._fault = None

    async def append_raw(self, partition: Partition, message: Message) -> None:
        await self._raw.send_and_wait(
            self._topic,
            partition=partition,
            key=message.key,
            value=message.value,
            headers=message.headers,
            timestamp_ms=message.timestamp_ms,
        )


@asynccontextmanager
async def kafka_world(servers: str, *, prefix: str, wire: Wire) -> AsyncGenerator[World]:
    """Two instances on a fresh topic, one of them behind the wire."""
    options = LogOptions(
        topic_prefix=prefix, partitions=PARTITIONS, batch_bytes_max=BATCH_BYTES_MAX
    )
    soon = replace(options, append_timeout_s=GIVEN_UP_S)
    addresses = tuple(servers.split(","))
    lucky = Connection(servers=addresses)
    unlucky = Connection(servers=addresses, client_id=UNLUCKY_CLIENT)
    raw: Any = AIOKafkaProducer(bootstrap_servers=servers)
    async with (
        asyncio.timeout(60),
        KafkaLog.open(lucky, options) as one,
        KafkaLog.open(unlucky, soon) as another,
        raw,
    ):
        yield cast("World", KafkaWorld(another, one, wire=wire, topic=options.topic, raw=raw))
