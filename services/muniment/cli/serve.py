"""`muniment serve NAME`: one service on a Kafka and a Postgres that run already."""

import gc
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Literal, cast

from muniment.runtime import loop
from muniment.runtime.logs import configure_logging
from muniment.runtime.settings import Settings

Part = Literal["command", "query", "projector", "webhooks", "api"]


def serve(part: Part, settings: Settings) -> None:
    """Run the service until a signal ends it.

    Raises a `UserError` that says what keeps it from serving.
    """
    configure_logging(level=settings.log_level, form=settings.log_format, service=part)
    # Imported here: a service loads its own code and no other's.
    run = cast("Callable[[Settings], Awaitable[None]]", import_module(f"muniment.{part}.app").run)
    _settle_garbage()
    loop.run(_served(run, settings))


async def _served(run: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await run(settings)


def _settle_garbage() -> None:
    """Modules live as long as the process: leave them out of every later collection."""
    gc.collect()
    gc.freeze()
