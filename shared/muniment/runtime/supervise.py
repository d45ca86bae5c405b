"""The life of a process: its tasks run side by side, and end together in good order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final

from muniment.runtime.errors import UserError
from muniment.runtime.logs import get_logger

log = get_logger(__name__)

Task = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, then finishes what it has in hand and returns."""

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class TaskFailed(Exception):
    """A task of the service ended with an error, which has been logged."""

    def __init__(self, task: str) -> None:
        super().__init__(f"The part {task} failed; the log line service.task_failed says why.")
        self.task = task


async def serve(tasks: Mapping[str, Task], *, drain_s: float) -> None:
    """Run until a signal, the first failure or the end of all; then give each `drain_s` to finish.

    A second signal cuts the drain short. Raises what failed first: a `UserError` as it is, anything
    else logged and as `TaskFailed`.
    """
    stopping, hurrying = asyncio.Event(), asyncio.Event()
    failures: list[Exception] = []

    with _signals(stopping, hurrying):
        async with asyncio.TaskGroup() as group:
            running = {
                group.create_task(_watched(name, run, stopping, failures), name=name)
                for name, run in tasks.items()
            }
            ended = group.create_task(_stop_when_done(running, stopping))
            hurried = group.create_task(hurrying.wait())
            await stopping.wait()
            log.info("service.stopping", drain_s=drain_s)
            await asyncio.wait(
                {ended, hurried}, timeout=drain_s, return_when=asyncio.FIRST_COMPLETED
            )
            hurried.cancel()
            for task in running:
                if not task.done():
                    log.error("service.task_abandoned", task=task.get_name())
                    task.cancel()

    if failures:
        raise failures[0]


async def _watched(
    name: str, run: Task, stopping: asyncio.Event, failures: list[Exception]
) -> None:
    try:
        await run(stopping)
    except UserError as error:
        failures.append(error)
        stopping.set()
    except Exception as error:
        log.exception("service.task_failed", task=name)
        failed = TaskFailed(name)
        failed.__cause__ = error
        failures.append(failed)
        stopping.set()


async def _stop_when_done(tasks: set[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    if tasks:
        await asyncio.wait(tasks)
    stopping.set()


@contextmanager
def _signals(stopping: asyncio.Event, hurrying: asyncio.Event) -> Generator[None]:
    def on_signal() -> None:
        (hurrying if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
