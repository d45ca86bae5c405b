"""Reading the log for people while it is away."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from muniment.log.protocol import Log, LogUnavailable, Offset, Partition, Start
from muniment.web.pipeline import Unavailable
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.management.pulling import Pulling

ONLY = Partition(0)


class GoneLog:
    """A log whose end was known a moment ago, and which nobody can read now."""

    async def end_offsets(self) -> Mapping[Partition, Offset]:
        await asyncio.sleep(0)
        return {ONLY: Offset(5)}

    async def reader(self, _starts: Mapping[Partition, Start]) -> None:
        await asyncio.sleep(0)
        raise LogUnavailable("no reader")


class BeginningOnly:
    async def start_at(self, _partition: Partition, offset: Offset) -> Start:
        await asyncio.sleep(0)
        return Start(offset=offset, claim=None)


async def test_a_log_that_is_away_in_the_middle_is_told_as_such() -> None:
    """Who asks is told to come back: it is no fault of the program."""

    async def open_log() -> Log:
        await asyncio.sleep(0)
        return cast("Log", GoneLog())

    pulling = Pulling(open_log, cast("Any", BeginningOnly()), cast("Any", None))
    endpoint = cast("Endpoint", SimpleNamespace(partition=ONLY))

    with pytest.raises(Unavailable, match="no reader"):
        await pulling.page(endpoint, Offset(0), 10)
