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
from muniment.webhooks.management.console import Authorize, Console
from muniment.webhooks.management.pulling import Pulling
from muniment.webhooks.management.store import Store
from muniment.webhooks.positions import SCHEMA

POOL_SIZE_MAX: Final = 2


@asynccontextmanager
async def open_console(
    settings: Settings, *, authorize: Authorize, errors: Errors
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

        yield Console(
            store,
            Pulling(log, store, past),
            authorize=authorize,
            errors=errors,
            json_depth_max=settings.json_depth_max,
        )
