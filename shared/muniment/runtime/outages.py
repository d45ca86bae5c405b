"""Work that goes on when what it depends on comes back."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from muniment.runtime.logs import get_logger

log = get_logger(__name__)

RETRY_PAUSE_S: Final = 0.2
SETTLED_AFTER_S: Final = 30.0
"""Work that went on for so long has ended the outage before, even if the reason is the same."""

Away: TypeAlias = tuple[type[Exception], ...]
"""What is raised while a dependency can't be reached: worth another try."""


async def through_outages(
    work: Callable[[asyncio.Event], Awaitable[None]],
    stopping: asyncio.Event,
    *,
    part: str,
    away: Away,
) -> None:
    """Do the work, anew after each outage, until told to stop. Each outage is logged once.

    `away` is also recognised where task groups raise it. Everything else ends the work as it is.
    """
    told: str | None = None
    while not stopping.is_set():
        began_at, reason = time.monotonic(), None
        try:
            await work(stopping)
        except* away as errors:
            first = first_of(errors)
            reason = f"{type(first).__name__}: {first}"
        if reason is None:
            continue
        if reason != told or time.monotonic() - began_at > SETTLED_AFTER_S:
            log.warning("service.dependency_away", part=part, reason=reason)
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


def first_of(error: BaseException) -> BaseException:
    """What a person is told of: the error, or the first one of a group of them."""
    members: Sequence[BaseException] = getattr(error, "exceptions", ())
    return first_of(members[0]) if members else error
