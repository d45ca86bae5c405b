"""Ending processes in order, by a roll on disk that outlives whoever wrote it.

The supervisor, its guard and the next start on the same folder all end children through here, so
the order and the deadlines are the same whoever is left to do it.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

POLL_S: Final = 0.02
# A start time is told by the clock, which may be set meanwhile; a pid is not reused that fast.
START_TOLERANCE_S: Final = 2.0
KILL_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One child on the roll: who it is, and how it wants to be ended."""

    name: str
    pid: int
    started_at: float
    stop_signal: int
    stop_rank: int
    grace_s: float

    def process(self) -> psutil.Process | None:
        """The live process meant here; never another one that was given the same pid."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started_at) < START_TOLERANCE_S
        except psutil.Error:
            return None
        return process if is_same and not is_gone(process) else None


class Roll:
    """The children of one supervisor, written down before each of them starts to run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, entries: Iterable[Entry]) -> None:
        """Replace the roll whole; a reader sees the old or the new one."""
        staged = self._path.with_suffix(".new")
        staged.write_text(json.dumps([asdict(entry) for entry in entries]))
        staged.replace(self._path)

    def read(self) -> list[Entry]:
        """What is written; nothing when the roll is gone or was never readable."""
        try:
            return [Entry(**entry) for entry in json.loads(self._path.read_bytes())]
        except (OSError, ValueError, TypeError):
            return []

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended, also when nobody has collected its exit status yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def end_in_order(
    entries: Collection[Entry],
    *,
    grace_s_max: float | None = None,
    is_hurried: Callable[[], bool] = lambda: False,
) -> None:
    """End the lowest rank first, each rank before the next; kill what outlives its grace."""
    for rank in sorted({entry.stop_rank for entry in entries}):
        group = [entry for entry in entries if entry.stop_rank == rank]
        limit_s = max(entry.grace_s for entry in group)
        if grace_s_max is not None:
            limit_s = min(limit_s, grace_s_max)
        _end_together(group, limit_s=limit_s, is_hurried=is_hurried)


def _end_together(
    group: Collection[Entry], *, limit_s: float, is_hurried: Callable[[], bool]
) -> None:
    living = [(entry, process) for entry in group if (process := entry.process())]
    for entry, process in living:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.Signals(entry.stop_signal))
    deadline = time.monotonic() + limit_s
    while living and time.monotonic() < deadline and not is_hurried():
        time.sleep(POLL_S)
        living = [(entry, process) for entry, process in living if not is_gone(process)]
    for _, process in living:
        _kill_session(process)
    deadline = time.monotonic() + KILL_WAIT_S
    while any(not is_gone(process) for _, process in living) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _kill_session(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
        if not is_gone(process) and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
