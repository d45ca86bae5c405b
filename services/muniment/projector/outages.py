"""Work that goes on when Kafka and Postgres come back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from muniment.log.protocol import LogUnavailable
from muniment.readmodel.connection import UNREACHABLE
from muniment.runtime.logs import get_logger

log = get_logger(__name__)

RETRY_PAUSE_S: Final = 0.5


async def through_outages(
    work: Callable[[asyncio.Event], Awaitable[None]], stopping: asyncio.Event, *, name: str
) -> None:
    """Do the work, anew after each outage, until told to stop. Each outage is logged once."""
    told: str | None = None
    while not stopping.is_set():
        try:
            await work(stopping)
        except (*UNREACHABLE, LogUnavailable) as error:
            reason = f"{type(error).__name__}: {error}"
            if reason != told:
                log.warning("projector.dependency_away", part=name, reason=reason)
            told = reason
            await rest(stopping, RETRY_PAUSE_S)


async def rest(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait that long, or until told to stop; answer whether it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return stopping.is_set()
    return True
