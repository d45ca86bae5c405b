"""The topic of events: made when it is absent, and else held to what the log relies on."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from muniment.log.connection import Connection
from muniment.log.options import LogOptions
from muniment.log.protocol import LogUnavailable
from muniment.runtime.errors import DependencyUnreachable

_POLL_S: Final = 0.05

_EXACTLY: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "compression.type": "producer",
    "message.timestamp.type": "CreateTime",
}
"""Kept for ever, and as it was sent."""


class TopicUnfit(DependencyUnreachable):
    """The topic is not what the log needs, or cannot be made; the message says how to mend it."""


async def ensure_topic(connection: Connection, options: LogOptions) -> None:
    """Make the topic, or check the one that exists.

    Raises `TopicUnfit` with a sentence for whom may mend it, and `LogUnavailable`.
    """
    admin = AIOKafkaAdminClient(**connection.client_options())
    try:
        async with asyncio.timeout(options.connect_timeout_s):
            await admin.start()
            await _create(admin, options)
            await _wait_for_leaders(admin, options)
            _check_configuration(await _configuration(admin, options.topic), options)
    except (KafkaError, TimeoutError) as error:
        raise LogUnavailable(
            f"Kafka at {', '.join(connection.servers)} does not answer: {error!r}"
        ) from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, options: LogOptions) -> None:
    topic = NewTopic(
        options.topic,
        num_partitions=options.partitions,
        replication_factor=options.replication_factor,
        topic_configs={**_EXACTLY, **_at_least(options)},
    )
    answer: Any = await admin.create_topics([topic])
    for _, code, message in answer.topic_errors:
        error: Any = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise TopicUnfit(f"Kafka does not create topic {options.topic}: {message}")


async def _wait_for_leaders(admin: AIOKafkaAdminClient, options: LogOptions) -> None:
    while True:
        [topic] = await admin.describe_topics([options.topic])
        partitions: list[Mapping[str, int]] = topic["partitions"]
        if partitions and all(partition["leader"] >= 0 for partition in partitions):
            return _check_partitions(len(partitions), options)
        await asyncio.sleep(_POLL_S)


def _check_partitions(found: int, options: LogOptions) -> None:
    if found != options.partitions:
        raise TopicUnfit(
            f"topic {options.topic} has {found} partitions and not {options.partitions}: set"
            f" MUNIMENT_EVENTS_PARTITIONS={found}, since another number would tear streams apart"
        )


async def _configuration(admin: AIOKafkaAdminClient, topic: str) -> Mapping[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    [answer] = await admin.describe_configs([resource])
    [described] = answer.to_object()["resources"]
    entries: Iterable[Mapping[str, str]] = described["config_entries"]
    return {entry["config_names"]: entry["config_value"] for entry in entries}


def _check_configuration(found: Mapping[str, str], options: LogOptions) -> None:
    wrong = [f"{name}={value}" for name, value in _EXACTLY.items() if found.get(name) != value]
    wrong += [
        f"{name}={least}"
        for name, least in _at_least(options).items()
        if int(found.get(name, 0)) < int(least)
    ]
    if wrong:
        raise TopicUnfit(
            f"topic {options.topic} is not configured as the log needs it: run kafka-configs"
            f" --alter --topic {options.topic} --add-config {','.join(wrong)}"
        )


def _at_least(options: LogOptions) -> dict[str, str]:
    return {
        "max.message.bytes": str(options.batch_bytes_max),
        "min.insync.replicas": str(options.min_insync_replicas),
    }
