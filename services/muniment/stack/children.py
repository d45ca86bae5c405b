"""Starting child processes so that none can be left behind.

A child waits at a gate (a read from a pipe only we can write to) until it is on the roll that the
guard ends. Killed before the gate opens, the child ends itself; killed after, the guard ends it.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psutil

from muniment.stack.ending import Entry, Roll, end_in_order
from muniment.stack.errors import SettingWrong

ROLL_PREFIX: Final = "children-"
GATE: Final = 'read -r _ && exec "$@" </dev/null'


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Whom a child runs as when that is not us."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and how it wants to be ended."""

    name: str
    command: tuple[str, ...]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(repr=False)
    stop_rank: int
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    user: SystemUser | None = None
    clear: Callable[[], None] | None = None
    """Removes what its sudden death leaves behind; called before it is started again. Blocks."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program that was started."""

    program: Program
    entry: Entry
    handle: subprocess.Popen[bytes]
    begun_at: float

    @property
    def pid(self) -> int:
        return self.handle.pid

    def exit_status(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self.handle.poll()


class Children:
    """All children of this process; every one of them ends when this process does."""

    def __init__(self, folder: Path) -> None:
        self._roll_path = folder / f"{ROLL_PREFIX}{uuid.uuid4().hex}.json"
        self._roll = Roll(self._roll_path)
        self._living: dict[str, Child] = {}
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self, program: Program) -> Child:
        """Start it, in a session of its own so that only we send it signals."""
        self.keep_guarded()
        child = _at_gate(program)
        self._living[program.name] = child
        self._write_roll()
        # Ended already, by the system or an impatient user: it will be seen as such.
        with suppress(BrokenPipeError):
            gate = _pipe(child.handle)
            gate.write(b"\n")
            gate.close()
        return child

    def living(self) -> list[Child]:
        return [child for child in self._living.values() if child.exit_status() is None]

    def forget(self, child: Child) -> None:
        """Take a child that has ended off the roll."""
        if self._living.get(child.program.name) is child:
            del self._living[child.program.name]
            self._write_roll()

    def keep_guarded(self) -> None:
        """Start the guard, or another one should somebody have ended it."""
        if self._guard is None or self._guard.poll() is not None:
            self._write_roll()
            self._guard = _start_guard(self._roll_path)

    def end(self, child: Child) -> None:
        """End one child by its own signal, or by force past its grace."""
        end_in_order([child.entry])
        child.handle.wait()
        self.forget(child)

    def end_all(self, *, is_hurried: Callable[[], bool] = lambda: False) -> None:
        """End every child in the order of their ranks, and the guard after them."""
        end_in_order(
            [child.entry for child in self._living.values()],
            is_hurried=is_hurried,
        )
        for child in list(self._living.values()):
            child.handle.wait()
            self.forget(child)
        if self._guard is not None:
            _pipe(self._guard).close()
            self._guard.wait()
            self._guard = None
        self._roll.remove()

    def _write_roll(self) -> None:
        self._roll.write(child.entry for child in self._living.values())


def end_leftovers(folder: Path) -> int:
    """End what supervisors that are gone have left running; to be called under the folder's lock.

    Answers how many there were. Needed where supervisor and guard were killed together.
    """
    ended = 0
    for path in folder.glob(f"{ROLL_PREFIX}*.json"):
        roll = Roll(path)
        entries = [entry for entry in roll.read() if entry.process() is not None]
        end_in_order(entries)
        ended += len(entries)
        roll.remove()
    return ended


def _at_gate(program: Program) -> Child:
    user = program.user
    try:
        with program.log.open("ab") as log:
            handle = subprocess.Popen(  # noqa: S603 - programs of ours
                ["/bin/sh", "-c", GATE, "sh", *program.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=program.folder,
                env=dict(program.environment),
                start_new_session=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
    except subprocess.SubprocessError as error:
        raise SettingWrong(f"{program.name} could not be started: {error}.") from error
    entry = Entry(
        name=program.name,
        pid=handle.pid,
        started_at=_started_at(handle.pid),
        stop_signal=program.stop_signal,
        stop_rank=program.stop_rank,
        grace_s=program.grace_s,
    )
    return Child(program, entry, handle, time.monotonic())


def _started_at(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return time.time()


def _start_guard(roll: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a program of ours
        [sys.executable, "-m", "muniment.stack.guard", os.fspath(roll)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _pipe(handle: subprocess.Popen[bytes]) -> IO[bytes]:
    if handle.stdin is None:
        raise TypeError("children and guard are started with a pipe")
    return handle.stdin
