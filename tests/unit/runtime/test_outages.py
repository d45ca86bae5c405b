"""Services outlive outages of Kafka and Postgres."""

import asyncio
from collections.abc import Sequence

import pytest
import structlog.testing

from muniment.runtime import outages
from muniment.runtime.outages import rest, through_outages


class Away(Exception):
    """What a dependency that is not there raises."""


class Work:
    """Fails as often as told, then tells itself to stop."""

    def __init__(self, failures: Sequence[Exception]) -> None:
        self._failures = list(failures)

    async def __call__(self, stopping: asyncio.Event) -> None:
        if self._failures:
            raise self._failures.pop(0)
        stopping.set()


async def told_of(*failures: Exception) -> list[str]:
    with structlog.testing.capture_logs() as lines:
        await through_outages(Work(failures), asyncio.Event(), part="work", away=(Away, OSError))
    return [line["reason"] for line in lines]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "RETRY_PAUSE_S", 0.0)


async def test_work_goes_on_after_an_outage_that_is_told_once() -> None:
    """A service may start before what it needs; a line every half second would drown the rest."""
    told = await told_of(ConnectionRefusedError("no"), ConnectionRefusedError("no"), Away("no"))

    assert told == ["ConnectionRefusedError: no", "Away: no"]


async def test_an_outage_after_a_time_of_work_is_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Kafka that goes away every night is told of every night."""
    monkeypatch.setattr(outages, "SETTLED_AFTER_S", -1.0)

    assert await told_of(Away("no"), Away("no")) == ["Away: no", "Away: no"]


async def test_an_outage_is_recognised_inside_a_task_group() -> None:
    """Work that runs several tasks fails with a group of what they failed with."""
    told = await told_of(ExceptionGroup("tasks", [ExceptionGroup("more", [Away("no")])]))

    assert told == ["Away: no"]


async def test_what_is_broken_is_not_tried_again() -> None:
    """The supervisor logs it and ends the process."""
    with pytest.raises(KeyError):
        await told_of(KeyError("bug"))


async def test_what_is_broken_beside_an_outage_is_not_tried_again() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await told_of(ExceptionGroup("tasks", [Away("no"), KeyError("bug")]))

    assert [type(error) for error in raised.value.exceptions] == [KeyError]


async def test_a_rest_ends_when_it_is_time_to_stop() -> None:
    """A stop is never held up by a pause."""
    stopping = asyncio.Event()
    resting = asyncio.create_task(rest(stopping, 60))
    await asyncio.sleep(0)

    stopping.set()

    assert await resting
    assert not await rest(asyncio.Event(), 0.0)
