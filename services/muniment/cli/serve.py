"""`muniment serve NAME`: one service on a Kafka and a Postgres that run already."""

import gc
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Literal, cast

from muniment.runtime import loop
from muniment.runtime.logs import configure_logging
from muniment.runtime.settings import Settings

Part = Literal["command", "query", "projector", "webhooks", "api"]
Run = Callable[[Settings], Coroutine[Any, Any, None]]
"""Every service's `app.run`: serves until a signal ends it."""


def serve(part: Part, settings: Settings) -> None:
    """Run the service until a signal ends it.

    Raises a `UserError` that says what keeps it from serving.
    """
    configure_logging(level=settings.log_level, form=settings.log_format, service=part)
    # Imported here: a service loads its own code and no other's.
    # A batch holds reads as well, so the command service is the API that is sent writes only.
    package = "api" if part == "command" else part
    run = cast("Run", import_module(f"muniment.{package}.app").run)
    _settle_garbage()
    loop.run(run(settings))


def _settle_garbage() -> None:
    """Modules live as long as the process: leave them out of collections, and make those rare."""
    gc.collect()
    gc.freeze()
    # Neither requests nor connections that break leave cycles behind: looking for some after every
    # 700 objects cost 5 % of a write's CPU time.
    gc.set_threshold(50_000, 20, 20)
