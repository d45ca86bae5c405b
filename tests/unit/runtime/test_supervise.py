"""The life of a process: it ends on a signal or on the first failure, and drains before."""

import asyncio
import os
import signal

import pytest
from structlog.testing import capture_logs

from muniment.runtime.errors import AlreadyTaken
from muniment.runtime.supervise import TaskFailed, serve

DEADLINE_S = 30.0


async def until_stopped(stopping: asyncio.Event) -> None:
    await stopping.wait()


async def never_ending(stopping: asyncio.Event) -> None:
    await asyncio.Event().wait()


async def failing(stopping: asyncio.Event) -> None:
    raise ZeroDivisionError("by nought")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_lets_every_task_finish(number: signal.Signals) -> None:
    finished: list[str] = []

    async def working(stopping: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await stopping.wait()
        await asyncio.sleep(0)
        finished.append("work in hand")

    async with asyncio.timeout(DEADLINE_S):
        await serve({"working": working, "waiting": until_stopped}, drain_s=DEADLINE_S)

    assert finished == ["work in hand"]


async def test_a_failure_stops_the_others_in_good_order() -> None:
    finished: list[str] = []

    async def working(stopping: asyncio.Event) -> None:
        await stopping.wait()
        finished.append("work in hand")

    with pytest.raises(TaskFailed) as raised, capture_logs() as logged:
        async with asyncio.timeout(DEADLINE_S):
            await serve({"working": working, "broken": failing}, drain_s=DEADLINE_S)

    assert finished == ["work in hand"]
    assert raised.value.task == "broken"
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert [line["event"] for line in logged] == ["service.task_failed", "service.stopping"]


async def test_an_error_for_the_user_passes_as_it_is() -> None:
    async def taken(stopping: asyncio.Event) -> None:
        raise AlreadyTaken("Port 8888 is in use.")

    with pytest.raises(AlreadyTaken, match=r"^Port 8888 is in use\.$"), capture_logs() as logged:
        await serve({"web": taken, "waiting": until_stopped}, drain_s=DEADLINE_S)

    assert "service.task_failed" not in [line["event"] for line in logged]


async def test_a_task_that_does_not_stop_is_abandoned() -> None:
    with pytest.raises(TaskFailed), capture_logs() as logged:
        async with asyncio.timeout(DEADLINE_S):
            await serve({"broken": failing, "deaf": never_ending}, drain_s=0.01)

    abandoned = [line for line in logged if line["event"] == "service.task_abandoned"]
    assert [line["task"] for line in abandoned] == ["deaf"]


async def test_a_second_signal_cuts_the_drain_short() -> None:
    async def interrupting(stopping: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await stopping.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    async with asyncio.timeout(DEADLINE_S):
        await serve({"interrupting": interrupting}, drain_s=60)


async def test_it_ends_when_all_tasks_have() -> None:
    async def short(stopping: asyncio.Event) -> None:
        return

    async with asyncio.timeout(DEADLINE_S):
        await serve({"one": short, "other": short}, drain_s=DEADLINE_S)


async def test_a_cancelled_process_cancels_its_tasks() -> None:
    cancelled: list[str] = []

    async def working(stopping: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append("working")

    serving = asyncio.create_task(serve({"working": working}, drain_s=DEADLINE_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    assert cancelled == ["working"]
