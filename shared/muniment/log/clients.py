"""What Muniment uses of aiokafka, with types: aiokafka itself has none that it publishes."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Protocol, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from muniment.log.connection import Connection
from muniment.log.envelope import Header
from muniment.log.options import LogOptions

_FETCH_BYTES_MAX = 16 * 1024 * 1024
_PARTITION_FETCH_BYTES_MAX = 1024 * 1024
"""Not a limit on a batch: Kafka sends the first one whole, however large it is (KIP-74)."""


class Batch(Protocol):
    """A record batch that is being filled."""

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes,
        headers: Sequence[Header],
    ) -> object | None:
        """Add a record; `None` when the batch cannot hold it, except that it takes any first."""
        ...

    def size(self) -> int: ...


class Appended(Protocol):
    """The broker's acknowledgement; the base offset is -1 where the broker does not tell it."""

    @property
    def offset(self) -> int: ...


class Producer(Protocol):
    """`aiokafka.AIOKafkaProducer`."""

    async def start(self) -> None: ...
    def create_batch(self) -> Batch: ...
    async def send_batch(
        self, batch: Batch, topic: str, *, partition: int
    ) -> Awaitable[Appended]: ...


class Record(Protocol):
    """`aiokafka.ConsumerRecord`."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[Header]: ...


class Consumer(Protocol):
    """`aiokafka.AIOKafkaConsumer`."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Record]]: ...
    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]: ...


def idempotent_producer(connection: Connection, options: LogOptions) -> Producer:
    """A producer, not started, that still asks the broker for an id of its own."""
    producer = AIOKafkaProducer(
        **connection.client_options(),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        compression_type=None if options.compression == "none" else options.compression,
        max_batch_size=options.batch_bytes_max,
        request_timeout_ms=_milliseconds(options.append_timeout_s),
    )
    return cast("Producer", producer)


def consumer(connection: Connection, options: LogOptions) -> Consumer:
    """A consumer, not started, without a group: its user keeps the positions."""
    made = AIOKafkaConsumer(
        **connection.client_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_bytes=_FETCH_BYTES_MAX,
        max_partition_fetch_bytes=_PARTITION_FETCH_BYTES_MAX,
        request_timeout_ms=_milliseconds(options.connect_timeout_s),
    )
    return cast("Consumer", made)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
