"""Keeping programs running: what dies is started again, what warns is shown, logs stay short."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.stack.children import Child, Children, Program
from muniment.stack.errors import StartFailed, Unreachable, by_exit_code
from muniment.stack.logfiles import Tail, last_words, trim

LOOK_EVERY_S: Final = 0.1
TIDY_EVERY_S: Final = 1.0
# A program that lived this long starts again at once, as if it had never failed.
SETTLED_AFTER_S: Final = 30.0
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
STARTING_DEATHS_MAX: Final = 3


@dataclass(slots=True, kw_only=True)
class Kept:
    """One program, its present child, and how it has been doing."""

    program: Program
    child: Child | None
    tail: Tail | None = None
    deaths_in_row: int = 0
    start_at: float = 0.0


class Supervisor:
    """Runs programs as children and keeps each running, whatever becomes of the others."""

    def __init__(self, children: Children, *, tell: Callable[[str], None]) -> None:
        self._children = children
        self._tell = tell
        self._kept: list[Kept] = [
            # Servers that run already: their logs are long and theirs; we only keep them up.
            Kept(program=child.program, child=child)
            for child in children.living()
        ]
        self._is_starting = True

    def start(self, programs: Sequence[Program]) -> None:
        """Start them and keep them."""
        for program in programs:
            tail = Tail(program.log)
            self._kept.append(Kept(program=program, child=self._children.start(program), tail=tail))

    async def until_ready(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Keep them up until the whole answers.

        Raises a `StackError` when one says that starting it again will not help, dies again and
        again, or the whole is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not await asyncio.to_thread(is_ready):
            await self._look()
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"Not ready within {timeout_s:.0f} s: the logs of the services, beside "
                    f"{self._kept[-1].program.log}, say what they wait for."
                )
            await asyncio.sleep(LOOK_EVERY_S)
        self._is_starting = False
        # What they warned of on the way here (a server that was not up yet) is over.
        for kept in self._kept:
            if kept.tail is not None:
                kept.tail.skip()

    async def keep(self, stopping: asyncio.Event) -> None:
        """Keep them up until it is time to stop."""
        tidy_at = 0.0
        while not stopping.is_set():
            await self._look()
            if time.monotonic() >= tidy_at:
                tidy_at = time.monotonic() + TIDY_EVERY_S
                self._tidy()
            try:
                await asyncio.wait_for(stopping.wait(), timeout=LOOK_EVERY_S)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        self._children.keep_guarded()
        for kept in self._kept:
            if kept.child is not None and (status := kept.child.exit_status()) is not None:
                self._mourn(kept, kept.child, status)
            elif kept.child is None and time.monotonic() >= kept.start_at:
                kept.child = await self._start_again(kept.program)

    async def _start_again(self, program: Program) -> Child:
        if program.clear is not None:
            # It may take seconds, in which signals must be heard.
            await asyncio.to_thread(program.clear)
        return self._children.start(program)

    def _mourn(self, kept: Kept, child: Child, status: int) -> None:
        self._children.forget(child)
        self._show_new_lines(kept)
        has_settled = time.monotonic() - child.begun_at > SETTLED_AFTER_S
        kept.deaths_in_row = 1 if has_settled else kept.deaths_in_row + 1
        if self._is_starting:
            self._give_up_if_hopeless(kept, status)
        delay_s = _backoff_s(kept.deaths_in_row)
        kept.child, kept.start_at = None, time.monotonic() + delay_s
        when = f"in {delay_s:.1f} s" if delay_s else "at once"
        # What a service said last has been shown; a server's log is not watched.
        words = last_words(kept.program.log) if kept.tail is None and status > 0 else ""
        why = f" ({words})" if words else ""
        self._tell(f"{kept.program.name} {_ending(status)}{why}; it is started again {when}")

    def _give_up_if_hopeless(self, kept: Kept, status: int) -> None:
        program = kept.program
        words = last_words(program.log) or "it said nothing"
        if status in FINAL_STATUSES:
            raise by_exit_code(status, words)
        if kept.deaths_in_row >= STARTING_DEATHS_MAX:
            raise StartFailed(
                f"The {program.name} service {_ending(status)} {kept.deaths_in_row} times while "
                f"starting ({words}): see {program.log}."
            )

    def _tidy(self) -> None:
        for kept in self._kept:
            self._show_new_lines(kept)
            trim(kept.program.log)

    def _show_new_lines(self, kept: Kept) -> None:
        if kept.tail is not None:
            for line in kept.tail.loud_lines():
                self._tell(f"{kept.program.name}: {line}")


# What a service says with these will not change by starting it again.
FINAL_STATUSES: Final = frozenset({2, 4, 5})


def _backoff_s(deaths_in_row: int) -> float:
    if deaths_in_row <= 1:
        return 0.0
    return float(min(BACKOFF_FIRST_S * 2 ** min(deaths_in_row - 2, 16), BACKOFF_MAX_S))


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
