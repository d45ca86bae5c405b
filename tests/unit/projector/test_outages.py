"""The projector outlives outages of Kafka and Postgres."""

import asyncio
from collections.abc import Sequence

import pytest
import structlog.testing

from muniment.log.protocol import LogUnavailable
from muniment.projector import outages
from muniment.projector.outages import rest, through_outages


class Work:
    """Fails as often as told, then tells itself to stop."""

    def __init__(self, failures: Sequence[Exception]) -> None:
        self._failures = list(failures)

    async def __call__(self, stopping: asyncio.Event) -> None:
        if self._failures:
            raise self._failures.pop(0)
        stopping.set()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "RETRY_PAUSE_S", 0.0)


async def test_work_goes_on_after_an_outage_that_is_told_once() -> None:
    """A service may start before what it needs; a line every half second would drown the rest."""
    work = Work([ConnectionRefusedError("no"), ConnectionRefusedError("no"), LogUnavailable("no")])

    with structlog.testing.capture_logs() as lines:
        await through_outages(work, asyncio.Event(), name="project")

    assert [line["reason"] for line in lines] == [
        "ConnectionRefusedError: no",
        "LogUnavailable: no",
    ]


async def test_what_is_broken_is_not_tried_again() -> None:
    """The supervisor logs it and ends the process."""
    with pytest.raises(KeyError):
        await through_outages(Work([KeyError("bug")]), asyncio.Event(), name="project")


async def test_a_rest_ends_when_it_is_time_to_stop() -> None:
    """A stop is never held up by a pause."""
    stopping = asyncio.Event()
    resting = asyncio.create_task(rest(stopping, 60))
    await asyncio.sleep(0)

    stopping.set()

    assert await resting
    assert not await rest(asyncio.Event(), 0.0)
