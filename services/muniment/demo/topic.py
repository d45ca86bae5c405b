"""The topic as any consumer reads it: plain aiokafka, and what docs/events.md says."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from muniment.log.connection import parse_kafka_url
from muniment.runtime.errors import DependencyUnreachable, UserError
from muniment.runtime.urls import masked

POLL_MS: Final = 1000
STALLED_POLLS_MAX: Final = 10

CLAIMED: Final = "muniment.partition.claimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicEvent:
    """One event of the demo's bucket."""

    id: str
    type: str
    subject: str
    partition: int
    value: Mapping[str, Any]


class Topic:
    """`<prefix>.events` from where it ended when the demo began."""

    def __init__(self, kafka_url: str, topic: str) -> None:
        self._kafka_url = masked(kafka_url)
        self._topic = topic
        self._consumer: Any = AIOKafkaConsumer(
            **parse_kafka_url(kafka_url).client_options(), enable_auto_commit=False, group_id=None
        )
        self._begin: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Note where each partition ends now: what comes later is read.

        Raises a `UserError` when there is no such topic, or no Kafka.
        """
        try:
            await self._consumer.start()
        except KafkaConnectionError as error:
            raise DependencyUnreachable(f"No Kafka answers at {self._kafka_url}.") from error
        partitions = await self._partitions()
        if not partitions:
            raise UserError(f"Kafka at {self._kafka_url} has no topic {self._topic}.")
        self._begin = await self._consumer.end_offsets(partitions)

    async def stop(self) -> None:
        await self._consumer.stop()

    async def read(self, bucket_id: str) -> list[TopicEvent]:
        """All events of the bucket up to the topic's end, in their order."""
        partitions = list(self._begin)
        ends = await self._consumer.end_offsets(partitions)
        self._consumer.assign(partitions)
        for partition, offset in self._begin.items():
            self._consumer.seek(partition, offset)
        events: list[TopicEvent] = []
        claims: dict[int, int] = {}
        stalled_polls = 0
        while await self._is_behind(ends) and stalled_polls < STALLED_POLLS_MAX:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            stalled_polls = 0 if fetched else stalled_polls + 1
            records = chain.from_iterable(fetched.values())
            events.extend(filter(None, (_event(each, claims, bucket_id) for each in records)))
        return events

    async def _partitions(self) -> list[TopicPartition]:
        # Only topics that were asked for are in a consumer's metadata.
        self._consumer.subscribe([self._topic])
        await self._consumer.getmany(timeout_ms=POLL_MS)
        numbers: set[int] | None = self._consumer.partitions_for_topic(self._topic)
        self._consumer.unsubscribe()
        return [TopicPartition(self._topic, number) for number in sorted(numbers or ())]

    async def _is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        return any([await self._consumer.position(each) < end for each, end in ends.items()])


def _event(record: Any, claims: dict[int, int], bucket_id: str) -> TopicEvent | None:
    """The event, if it is the bucket's and counts by the rule of claims."""
    headers = {name: value.decode() for name, value in record.headers}
    if headers["ce_type"] == CLAIMED:
        claims[record.partition] = record.offset
        return None
    # Reading begins in the middle: the first event tells the claim in force.
    in_force = claims.setdefault(record.partition, int(headers["ce_claim"]))
    if record.key != bucket_id.encode() or int(headers["ce_claim"]) != in_force:
        return None
    return TopicEvent(
        id=headers["ce_id"],
        type=headers["ce_type"],
        subject=headers["ce_subject"],
        partition=record.partition,
        value=orjson.loads(record.value),
    )
