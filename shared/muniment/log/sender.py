"""Sends record batches to one partition, each under a deadline of our own."""

import asyncio
import logging
from collections.abc import Iterable

from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
)

from muniment.log.clients import Batch, Producer
from muniment.log.envelope import Message
from muniment.log.fence import abandon
from muniment.log.options import LogOptions
from muniment.log.protocol import Fenced, Offset, OutcomeUnknown, Partition, TooLarge

_log = logging.getLogger(__name__)


class BatchSender:
    """One producer for one partition, of no more use after a failed or late batch.

    Such a batch keeps its sequence numbers, so whatever came next would be refused.
    """

    def __init__(self, producer: Producer, *, partition: Partition, options: LogOptions) -> None:
        self.partition = partition
        self._producer = producer
        self._options = options

    async def start(self) -> None:
        """Connect; the deadline is the caller's."""
        await self._producer.start()

    def batch_of(self, messages: Iterable[Message]) -> Batch:
        """The messages as one batch. Raises `TooLarge`, which names how many of them fit."""
        batch = self._producer.create_batch()
        for fitting, (key, value, headers, timestamp_ms) in enumerate(messages):
            added = batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
            if added is None or batch.size() > self._options.batch_bytes_max:
                raise TooLarge(fitting)
        return batch

    async def send(self, batch: Batch) -> Offset:
        """The offset of the batch's first record, acknowledged by all replicas in sync.

        Raises `Fenced` when the broker knows a later epoch, and else `OutcomeUnknown`: also for
        errors that the broker names, as an earlier try of the same batch may have succeeded.
        """
        topic, partition = self._options.topic, self.partition
        try:
            # An idempotent producer of aiokafka tries for ever (aiokafka#1101).
            async with asyncio.timeout(self._options.append_timeout_s):
                sent = await self._producer.send_batch(batch, topic, partition=partition)
                return Offset((await sent).offset)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise Fenced(f"partition {partition} has another owner") from error
        except MessageSizeTooLargeError as error:
            raise OutcomeUnknown(
                f"topic {topic} refuses batches that `batch_bytes_max` allows: raise its"
                " max.message.bytes"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise OutcomeUnknown(f"no answer from partition {partition}: {error!r}") from error

    async def discard(self) -> None:
        """Let go of the producer, and of what it was still sending."""
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await abandon(self._producer)
        except TimeoutError:
            _log.warning("log.producer_left_behind", extra={"partition": self.partition})
