"""The projector's process: put together here, top to bottom, and nowhere else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import asyncpg

from muniment.log import kafka
from muniment.log.envelope import Malformed
from muniment.log.kafka import open_log
from muniment.log.protocol import LogUnavailable, PositionLost
from muniment.log.topics import TopicUnfit
from muniment.projector.housekeeping import Housekeeping, Trim
from muniment.projector.projector import SQL, Poisoned, Projector
from muniment.readmodel import connection as postgres
from muniment.readmodel.connection import UNREACHABLE, open_connection, postgres_of
from muniment.readmodel.migrate import migrate
from muniment.readmodel.projection.recording import Recording
from muniment.readmodel.projection.writing import Overtaken
from muniment.runtime.errors import UserError
from muniment.runtime.logs import get_logger
from muniment.runtime.outages import Away, rest, through_outages
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import serve
from muniment.web.internal import Vitals, internal_door, stands_by

log = get_logger(__name__)

AWAY: Final[Away] = (*UNREACHABLE, LogUnavailable)
STANDBY_PAUSE_S: Final = 1.0
TRANSACTION_TIMEOUT_S: Final = 60.0


class ProjectionStuck(UserError):
    """The read model can't follow the log any further; the message says where and why."""


async def run(settings: Settings) -> None:
    """Project until a signal ends the process; Kafka and Postgres may come up later.

    Raises a `UserError` where waiting does not help.
    """
    vitals = Vitals("kafka", "projector")
    asked_anew = partial(postgres.answers, postgres_of(settings), application="projector heartbeat")
    parts = {
        "project": partial(_project, settings, vitals),
        "housekeeping": partial(_keep_house, settings),
    }
    await serve(
        {
            **{
                name: partial(through_outages, part, part=name, away=AWAY)
                for name, part in parts.items()
            },
            **internal_door(
                settings, service="projector", checks={"postgres": asked_anew, **vitals.checks}
            ),
        },
        drain_s=settings.drain_s,
    )


async def _project(settings: Settings, vitals: Vitals, stopping: asyncio.Event) -> None:
    """Take the lead, or stand by until it is free, and project."""
    try:
        async with _connected(settings) as connection, open_log(settings) as events:
            await migrate(connection)
            projector = Projector(
                log=events,
                connection=connection,
                instance_id=settings.instance_id,
                entries_max=settings.projector_batch_records_max,
                recording=Recording.of(settings),
            )
            async with vitals.told_by(kafka=partial(kafka.answers, events), projector=stands_by):
                if not await _lead(connection, stopping):
                    return
                async with vitals.told_by(projector=projector.is_at_work):
                    await projector.run(stopping)
    except Overtaken:
        log.warning("projector.overtaken")
    except (Malformed, PositionLost, TopicUnfit) as error:
        raise ProjectionStuck(f"Projecting can't go on: {error}.") from error
    except Poisoned as error:
        log.exception("projector.poisoned", partition=error.partition, offset=error.offset)
        raise ProjectionStuck(f"Projecting can't go on past {error}: {error.__cause__}.") from error


async def _lead(connection: "asyncpg.Connection[asyncpg.Record]", stopping: asyncio.Event) -> bool:
    """Whether this process is the one that projects; waits until it is or is to stop."""
    is_told = False
    while not await connection.fetchval(SQL.take_lead):
        if not is_told:
            log.info("projector.standby")
            is_told = True
        if await rest(stopping, STANDBY_PAUSE_S):
            return False
    log.info("projector.leads")
    return True


async def _keep_house(settings: Settings, stopping: asyncio.Event) -> None:
    async with _connected(settings, enable_seqscan="off") as connection:
        await migrate(connection)
        housekeeping = Housekeeping(
            connection, trim=Trim.of(settings), keys_ttl_s=settings.idempotency_key_ttl_s
        )
        await housekeeping.run(partial(rest, stopping))


@asynccontextmanager
async def _connected(
    settings: Settings, **server_settings: str
) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]", None]:
    async with open_connection(
        postgres_of(settings),
        application="projector",
        statement_timeout_s=TRANSACTION_TIMEOUT_S,
        # Rows and checkpoint are lost together or not at all, and the log has them all.
        synchronous_commit="off",
        # Its statements have one sensible plan, whatever the tables hold.
        plan_cache_mode="force_generic_plan",
        # A leader whose machine is gone makes room for the next one.
        tcp_keepalives_idle="10",
        tcp_keepalives_interval="5",
        tcp_keepalives_count="3",
        **server_settings,
    ) as connection:
        yield connection
