"""The console's own connections: there at once, at work as soon as Kafka and Postgres are."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from muniment.log.kafka import open_log
from muniment.log.protocol import Log
from muniment.readmodel.connection import open_pool, postgres_of
from muniment.runtime.settings import Settings
from muniment.web.errors import Errors
from muniment.webhooks.management.console import Console
from muniment.webhooks.management.pulling import Pulling
from muniment.webhooks.management.store import Store
from muniment.webhooks.management.streaming import (
    Authorize,
    Identify,
    Streaming,
    StreamLimits,
    Watch,
)
from muniment.webhooks.positions import SCHEMA

POOL_SIZE_MAX: Final = 2


@asynccontextmanager
async def open_console(
    settings: Settings, *, authorize: Authorize, identify: Identify, watch: Watch, errors: Errors
) -> AsyncGenerator[Console]:
    """What answers requests about deliveries, as long as the block runs."""
    dsn = postgres_of(settings)
    async with (
        open_pool(
            dsn, application="deliveries", size_min=0, size_max=POOL_SIZE_MAX, schema=SCHEMA
        ) as pool,
        open_pool(dsn, application="past events", size_min=0, size_max=POOL_SIZE_MAX) as past,
        AsyncExitStack() as opened,
    ):
        store = Store(pool)
        turn = asyncio.Lock()
        logs: list[Log] = []

        async def log() -> Log:
            async with turn:
                if not logs:
                    logs.append(await opened.enter_async_context(open_log(settings)))
            return logs[0]

        pulling = Pulling(log, store, past)
        streaming = Streaming(
            pulling,
            watch=watch,
            authorize=authorize,
            identify=identify,
            limits=StreamLimits(
                open_max=settings.webhooks_streams_max,
                heartbeat_s=settings.webhooks_streams_heartbeat_s,
                look_again_s=settings.webhooks_streams_look_again_s,
            ),
        )
        yield Console(
            store,
            pulling,
            streaming=streaming,
            authorize=authorize,
            errors=errors,
            json_depth_max=settings.json_depth_max,
        )
