"""What only the log in Kafka has to do: its topic, outages, and the clients it leaves behind."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from muniment.log.connection import Connection, parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import (
    LogUnavailable,
    Offset,
    OutcomeUnknown,
    Partition,
    Start,
)
from muniment.log.topics import TopicUnfit
from tests.contract.log.wire import Wire
from tests.contract.log.worlds import GIVEN_UP_S, UNLUCKY_CLIENT
from tests.support.stack import Stack
from tests.unit.log.builders import changed

HERE = Partition(0)
BEGINNING = {HERE: Start(offset=Offset(0), claim=None)}
NOWHERE = Connection(servers=("127.0.0.1:1",))


def options(prefix: str, *, partitions: int = 2, append_timeout_s: float = 5.0) -> LogOptions:
    return LogOptions(
        topic_prefix=prefix,
        partitions=partitions,
        connect_timeout_s=5.0,
        append_timeout_s=append_timeout_s,
    )


async def make_topic(stack: Stack, name: str, *, partitions: int, **configuration: str) -> None:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_url)
    await admin.start()
    try:
        configs = {name.replace("_", "."): value for name, value in configuration.items()}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    finally:
        await admin.close()


async def test_a_topic_that_exists_is_used_as_it_is(stack: Stack, topic_prefix: str) -> None:
    """Every service opens the log; only the first finds nothing."""
    connection = parse_kafka_url(stack.kafka_url)
    async with KafkaLog.open(connection, options(topic_prefix)) as log:
        writer = await log.claim(HERE, instance_id="one", url="http://one")
        await writer.close()

    async with KafkaLog.open(connection, options(topic_prefix)) as log:
        assert await log.end_offsets() == {HERE: 1, Partition(1): 0}


async def test_services_may_open_the_log_at_the_same_time(stack: Stack, topic_prefix: str) -> None:
    """All but one find that the topic has just been made."""
    connection = parse_kafka_url(stack.kafka_url)

    async def partitions() -> int:
        async with KafkaLog.open(connection, options(topic_prefix)) as log:
            return len(await log.end_offsets())

    assert await asyncio.gather(*(partitions() for _ in range(4))) == [2, 2, 2, 2]


async def test_another_number_of_partitions_is_refused(stack: Stack, topic_prefix: str) -> None:
    """A bucket's later events would go elsewhere than its earlier ones."""
    await make_topic(stack, f"{topic_prefix}.events", partitions=3, retention_ms="-1")

    with pytest.raises(TopicUnfit, match="MUNIMENT_EVENTS_PARTITIONS=3"):
        async with KafkaLog.open(parse_kafka_url(stack.kafka_url), options(topic_prefix)):
            pass


async def test_a_topic_that_forgets_is_refused(stack: Stack, topic_prefix: str) -> None:
    """The message is the command that mends it."""
    await make_topic(stack, f"{topic_prefix}.events", partitions=2, retention_ms="1000")

    with pytest.raises(TopicUnfit, match=r"--add-config retention\.ms=-1,max\.message\.bytes="):
        async with KafkaLog.open(parse_kafka_url(stack.kafka_url), options(topic_prefix)):
            pass


async def test_without_kafka_opening_fails_in_time() -> None:
    """The service tells it in its readiness, and tries again."""
    async with asyncio.timeout(30):
        with pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:1"):
            async with KafkaLog.open(NOWHERE, options("nothing")):
                pass


async def test_all_partitions_are_claimed_side_by_side(stack: Stack, topic_prefix: str) -> None:
    """An instance that starts alone owns everything within seconds."""
    connection = parse_kafka_url(stack.kafka_url)
    async with (
        KafkaLog.open(connection, options(topic_prefix, partitions=12)) as log,
        asyncio.timeout(30),
    ):
        writers = await asyncio.gather(
            *(log.claim(number, instance_id="one", url="http://one") for number in log.partitions)
        )

        assert [writer.claim for writer in writers] == [0] * 12
        await asyncio.gather(*(writer.close() for writer in writers))


async def test_reader_and_log_survive_an_outage(
    stack: Stack, topic_prefix: str, wire: Wire
) -> None:
    """While Kafka is away nothing is read and nothing is claimed; then both go on."""
    lucky = parse_kafka_url(stack.kafka_url)
    unlucky = parse_kafka_url(stack.kafka_url, client_id=UNLUCKY_CLIENT)
    event = changed()
    async with (
        asyncio.timeout(60),
        KafkaLog.open(lucky, options(topic_prefix)) as other,
        KafkaLog.open(unlucky, options(topic_prefix, append_timeout_s=GIVEN_UP_S)) as log,
    ):
        writer = await log.claim(HERE, instance_id="one", url="http://one")
        reader = await log.reader(BEGINNING)
        await reader.read(wait_s=20, entries_max=10)

        wire.cut()
        with pytest.raises(OutcomeUnknown):
            await writer.append([event])
        assert await reader.read(wait_s=0.1, entries_max=10) == []
        wire.join()
        writer = await log.claim(HERE, instance_id="one", url="http://one")
        await writer.append([event])

        [claim, entry] = [
            *await reader.read(wait_s=20, entries_max=1),
            *await reader.read(wait_s=20, entries_max=1),
        ]
        assert claim.is_claim
        assert entry.content == event
        assert await log.end_offsets() == await other.end_offsets()
        await reader.close()
        await writer.close()


async def test_a_claim_ends_at_its_deadline(stack: Stack, topic_prefix: str, wire: Wire) -> None:
    """A broker that takes requests and answers none must not hold an owner for ever."""
    unlucky = parse_kafka_url(stack.kafka_url, client_id=UNLUCKY_CLIENT)
    limits = LogOptions(topic_prefix=topic_prefix, partitions=1, claim_timeout_s=0.5)
    async with asyncio.timeout(30), KafkaLog.open(unlucky, limits) as log:
        wire.hold_answers()
        async with asyncio.timeout(20):
            with pytest.raises(OutcomeUnknown):
                await log.claim(HERE, instance_id="one", url="http://one")
        wire.forget()
