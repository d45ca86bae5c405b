"""The webhooks service's process: put together here, top to bottom, and nowhere else."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import asyncpg

from muniment.log import kafka
from muniment.log.envelope import Malformed
from muniment.log.kafka import open_log
from muniment.log.protocol import LogUnavailable, PositionLost
from muniment.log.topics import TopicUnfit
from muniment.readmodel import connection as postgres
from muniment.readmodel.connection import UNREACHABLE, open_connection, open_pool, postgres_of
from muniment.readmodel.migrate import SchemaUnfit, migrate
from muniment.runtime.errors import UserError
from muniment.runtime.files import raise_open_files_limit
from muniment.runtime.outages import Away, first_of, through_outages
from muniment.runtime.sealing import master_secret, sealer_of
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import Task, serve
from muniment.web.internal import Vitals, internal_door, stands_by
from muniment.web.webhook_orders import InternalKey
from muniment.webhooks.attempts import keep_attempts
from muniment.webhooks.breaker import Bounds
from muniment.webhooks.courier import SigningCourier
from muniment.webhooks.dispatcher import Dispatcher
from muniment.webhooks.http.client import Client
from muniment.webhooks.http.guard import Guard
from muniment.webhooks.moments import HistoricMoments
from muniment.webhooks.positions import SCHEMA, Fenced, PostgresPositions
from muniment.webhooks.reporting import Reporting, owner_url_by
from muniment.webhooks.reports import Reports
from muniment.webhooks.retry import Schedule
from muniment.webhooks.shares import LEASE_S, Shares, sharing
from muniment.webhooks.terms import Defaults, Limits

AWAY: Final[Away] = (
    *UNREACHABLE,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    LogUnavailable,
    Fenced,
)
"""What another try is worth after; the time-outs come to an instance that hung."""
SHARE_EVERY_S: Final = 1.0
KEEP_EVERY_S: Final = 3_600.0
POOL_SIZE: Final = 2
FILES_OF_OTHERS: Final = 200
"""Connections to Kafka and Postgres, what listens, what is read: all but those to receivers."""


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
    """Deliver for this instance's share of the partitions, until told to stop or to let go."""
    dsn = postgres_of(settings)
    async with open_connection(dsn, application="webhooks migration") as connection:
        await migrate(connection)
    async with (
        open_log(settings) as events,
        _client(settings) as client,
        vitals.told_by(kafka=partial(kafka.answers, events), webhooks=stands_by),
        open_pool(
            dsn,
            application="webhooks",
            size_max=POOL_SIZE,
            schema=SCHEMA,
            # Whoever takes over must not wait for the commit of an instance that hangs in one.
            idle_in_transaction_session_timeout=str(round(LEASE_S * 1000)),
        ) as pool,
        open_pool(dsn, application="webhooks moments", size_min=0, size_max=1) as past,
        sharing(dsn, events.partitions, schema=SCHEMA, every_s=SHARE_EVERY_S) as shares,
    ):
        reporting = Reporting(owner_url=owner_url_by(past), key=InternalKey.of(settings))
        courier = SigningCourier(
            client, master=master_secret(settings), open_sealed=sealer_of(settings).unseal
        )
        keeping = partial(
            keep_attempts,
            pool,
            kept_days=settings.webhooks_attempts_kept_days,
            sums_kept_days=settings.webhooks_attempt_sums_kept_days,
        )
        await keeping()
        while not stopping.is_set():
            await shares.settle()
            dispatcher = Dispatcher(
                log=events,
                positions=PostgresPositions(pool),
                courier=courier,
                defaults=_defaults(settings),
                partitions=shares.held,
                limits=_limits(settings),
                moments=HistoricMoments(past),
                reports=Reports(reporting.tell),
            )
            async with vitals.told_by(webhooks=dispatcher.is_at_work):
                await _while_fair(dispatcher, shares, stopping, keeping)


async def _while_fair(
    dispatcher: Dispatcher,
    shares: Shares,
    stopping: asyncio.Event,
    keeping: Callable[[], Awaitable[None]],
) -> None:
    """Run the dispatcher until told to stop, or until another share of the work is fair."""
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        watching = [
            group.create_task(_then(enough, stopping.wait())),
            group.create_task(_then(enough, shares.wait_for_change())),
            group.create_task(_every(KEEP_EVERY_S, keeping)),
        ]
        if shares.held:
            await dispatcher.run(enough)
        else:
            await enough.wait()
        for task in watching:
            task.cancel()
    if shares.is_lost:
        message = "the locks of this instance's share were lost"
        raise Fenced(message)


async def _then(event: asyncio.Event, waiting: Awaitable[object]) -> None:
    await waiting
    event.set()


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await work()


def _defaults(settings: Settings) -> Defaults:
    return Defaults(
        schedule=Schedule(
            waits_s=settings.webhooks_retry_schedule_s, jitter=settings.webhooks_retry_jitter
        ),
        window=settings.webhooks_in_flight_per_endpoint_max,
        timeout_s=settings.webhooks_timeout_s,
        bounds=Bounds(
            bad_share=settings.webhooks_breaker_share, slow_s=settings.webhooks_breaker_slow_s
        ),
        patience_s=settings.webhooks_disable_after_s,
        probe_every_s=settings.webhooks_probe_every_s,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
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
        connections_max=min(
            settings.webhooks_connections_max, max(raise_open_files_limit() - FILES_OF_OTHERS, 1)
        ),
        ca_file=settings.webhooks_ca_file,
    )
