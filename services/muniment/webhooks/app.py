"""The webhooks service's process: put together here, top to bottom, and nowhere else."""

import asyncio
from functools import partial
from typing import Final

from muniment.log import kafka
from muniment.log.envelope import Malformed
from muniment.log.kafka import open_log
from muniment.log.protocol import LogUnavailable, PositionLost
from muniment.log.topics import TopicUnfit
from muniment.readmodel import connection as postgres
from muniment.readmodel.connection import UNREACHABLE, open_connection, open_pool, postgres_of
from muniment.readmodel.migrate import SchemaUnfit, migrate
from muniment.runtime.errors import UserError
from muniment.runtime.outages import Away, first_of, through_outages
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import Task, serve
from muniment.web.internal import Vitals, internal_door, stands_by
from muniment.webhooks.courier import SigningCourier
from muniment.webhooks.dispatcher import Dispatcher
from muniment.webhooks.http.client import Client
from muniment.webhooks.http.guard import Guard
from muniment.webhooks.lane import Limits
from muniment.webhooks.positions import SCHEMA, Fenced, PostgresPositions, sole_instance
from muniment.webhooks.retry import Schedule
from muniment.webhooks.signing import master_secret

AWAY: Final[Away] = (*UNREACHABLE, LogUnavailable, Fenced)
STANDBY_PAUSE_S: Final = 1.0
POOL_SIZE: Final = 2


class DeliveryStuck(UserError):
    """The webhooks service can't follow the log any further; the message says why."""


async def run(settings: Settings) -> None:
    """Deliver until a signal ends the process; Kafka and Postgres may come up later.

    Raises a `UserError` where waiting does not help.
    """
    vitals = Vitals("kafka", "webhooks")
    asked_anew = partial(postgres.answers, postgres_of(settings), application="webhooks heartbeat")
    await serve(
        {
            "webhooks": delivering(settings, vitals),
            **internal_door(
                settings, service="webhooks", checks={"postgres": asked_anew, **vitals.checks}
            ),
        },
        drain_s=settings.drain_s,
    )


def delivering(settings: Settings, vitals: Vitals) -> Task:
    """The task that delivers; it survives outages."""
    work = partial(_deliver_or_explain, settings, vitals)
    return partial(through_outages, work, part="webhooks", away=AWAY)


async def _deliver_or_explain(settings: Settings, vitals: Vitals, stopping: asyncio.Event) -> None:
    stuck: BaseException | None = None
    try:
        await _deliver(settings, vitals, stopping)
    except* (Malformed, PositionLost, SchemaUnfit, TopicUnfit) as errors:
        stuck = first_of(errors)
    if stuck is not None:
        raise DeliveryStuck(f"Delivering can't go on: {stuck}.") from stuck


async def _deliver(settings: Settings, vitals: Vitals, stopping: asyncio.Event) -> None:
    """Wait for the turn of this instance, then deliver until told to stop or to let go."""
    dsn = postgres_of(settings)
    async with open_connection(dsn, application="webhooks migration") as connection:
        await migrate(connection)
    async with (
        open_log(settings) as events,
        _client(settings) as client,
        vitals.told_by(kafka=partial(kafka.answers, events), webhooks=stands_by),
        sole_instance(dsn, poll_s=STANDBY_PAUSE_S, stopping=stopping) as lost,
        open_pool(dsn, application="webhooks", size_max=POOL_SIZE, schema=SCHEMA) as pool,
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
            limits=_limits(settings),
        )
        async with (
            vitals.told_by(webhooks=dispatcher.is_at_work),
            asyncio.TaskGroup() as group,
        ):
            watching = group.create_task(_raise_when(lost))
            await dispatcher.run(stopping)
            watching.cancel()


async def _raise_when(lost: asyncio.Event) -> None:
    await lost.wait()
    message = "the lock of the sole instance was lost"
    raise Fenced(message)


def _limits(settings: Settings) -> Limits:
    return Limits(
        in_flight_max=settings.webhooks_in_flight_per_endpoint_max,
        held_events_max=settings.webhooks_held_events_max,
        held_bytes_max=settings.webhooks_held_bytes_max,
        parked_max=settings.webhooks_parked_max,
        repeats_max=settings.webhooks_repeats_max,
    )


def _client(settings: Settings) -> Client:
    return Client(
        guard=Guard(
            allowed_networks=settings.webhooks_allowed_networks,
            denied_networks=settings.webhooks_denied_networks,
            allowed_hosts=settings.webhooks_allowed_hosts,
            denied_hosts=settings.webhooks_denied_hosts,
            denied_ports=settings.webhooks_denied_ports,
            https_only=settings.webhooks_https_only,
        ),
        timeout_s=settings.webhooks_timeout_s,
        connect_timeout_s=settings.webhooks_connect_timeout_s,
        connections_max=settings.webhooks_connections_max,
        ca_file=settings.webhooks_ca_file,
    )
