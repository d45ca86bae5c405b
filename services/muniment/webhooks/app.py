"""The webhooks service's process: put together here, top to bottom, and nowhere else."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from muniment.log.connection import parse_kafka_url
from muniment.log.envelope import Malformed
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import LogUnavailable, PositionLost
from muniment.log.topics import TopicUnfit
from muniment.readmodel.connection import UNREACHABLE, open_connection, open_pool
from muniment.readmodel.migrate import SchemaUnfit, migrate
from muniment.runtime.errors import DependencyUnreachable, UserError
from muniment.runtime.logs import get_logger
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import serve
from muniment.webhooks.client import Client
from muniment.webhooks.courier import SigningCourier
from muniment.webhooks.dispatcher import Dispatcher
from muniment.webhooks.lane import Limits
from muniment.webhooks.positions import SCHEMA, Fenced, PostgresPositions, sole_instance
from muniment.webhooks.retry import Schedule
from muniment.webhooks.signing import master_secret
from muniment.webhooks.targets import AddressGuard

RETRY_PAUSE_S: Final = 0.5
STANDBY_PAUSE_S: Final = 1.0
POOL_SIZE: Final = 2

log = get_logger(__name__)


class DeliveryStuck(UserError):
    """The webhooks service can't follow the log any further; the message says why."""


async def run(settings: Settings) -> None:
    """Deliver until a signal ends the process; Kafka and Postgres may come up later.

    Raises a `UserError` where waiting does not help.
    """
    await serve({"webhooks": partial(through_outages, settings)}, drain_s=settings.drain_s)


async def through_outages(settings: Settings, stopping: asyncio.Event) -> None:
    """Deliver, anew after each outage, until told to stop. Each outage is logged once."""
    told: str | None = None
    while not stopping.is_set():
        away = stuck = None
        try:
            await _deliver(settings, stopping)
        except* (*UNREACHABLE, LogUnavailable, Fenced) as errors:
            away = _reason(errors)
        except* (Malformed, PositionLost, SchemaUnfit, TopicUnfit) as errors:
            stuck = _reason(errors)
        if stuck is not None:
            raise DeliveryStuck(f"Delivering can't go on: {stuck}.")
        if away is not None and away != told:
            log.warning("webhooks.dependency_away", reason=away)
        told = away
        if not stopping.is_set():
            await asyncio.sleep(RETRY_PAUSE_S)


async def _deliver(settings: Settings, stopping: asyncio.Event) -> None:
    """Wait for the turn of this instance, then deliver until told to stop or to let go."""
    dsn = settings.postgres_url
    if dsn is None:
        raise DependencyUnreachable("MUNIMENT_POSTGRES_URL is not set: it says where Postgres is.")
    async with open_connection(dsn, application="webhooks migration") as connection:
        await migrate(connection)
    async with (
        sole_instance(dsn, poll_s=STANDBY_PAUSE_S, stopping=stopping) as lost,
        open_pool(dsn, application="webhooks", size_max=POOL_SIZE, schema=SCHEMA) as pool,
        _log(settings) as events,
        _client(settings) as client,
    ):
        if stopping.is_set():
            return
        dispatcher = Dispatcher(
            log=events,
            positions=PostgresPositions(pool),
            courier=SigningCourier(client, master=master_secret(settings)),
            schedule=Schedule(
                waits_s=settings.webhooks_retry_schedule_s, jitter=settings.webhooks_retry_jitter
            ),
            limits=Limits(in_flight_max=settings.webhooks_in_flight_per_endpoint_max),
        )
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_raise_when(lost))
            await dispatcher.run(stopping)
            watching.cancel()


async def _raise_when(lost: asyncio.Event) -> None:
    await lost.wait()
    message = "the lock of the sole instance was lost"
    raise Fenced(message)


@asynccontextmanager
async def _log(settings: Settings) -> AsyncGenerator[KafkaLog, None]:
    if settings.kafka_url is None:
        raise DependencyUnreachable("MUNIMENT_KAFKA_URL is not set: it says where Kafka is.")
    options = LogOptions(
        topic_prefix=settings.topic_prefix,
        partitions=settings.events_partitions,
        replication_factor=settings.replication_factor,
        min_insync_replicas=settings.min_insync_replicas,
        compression=settings.compression,
        append_timeout_s=settings.append_timeout_s,
    )
    async with KafkaLog.open(parse_kafka_url(settings.kafka_url), options) as events:
        yield events


def _client(settings: Settings) -> Client:
    return Client(
        guard=AddressGuard(settings.webhooks_allowed_networks),
        timeout_s=settings.webhooks_timeout_s,
        connect_timeout_s=settings.webhooks_connect_timeout_s,
    )


def _reason(error: BaseException) -> str:
    """The first of a group, in one line."""
    members: Sequence[BaseException] = getattr(error, "exceptions", ())
    if members:
        return _reason(members[0])
    return f"{type(error).__name__}: {error}"
