"""Ending processes: in their order, within their grace, and never somebody else."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest

from muniment.stack.ending import START_TOLERANCE_S, Entry, Roll, end_in_order

POLITE = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit()); print(flush=True)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True)"
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Generator[Start]:
    """Starts a Python that runs the line and sleeps; ready when this returns."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(line: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{line}; time.sleep(60)"], stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout
        process.stdout.readline()
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def entry(process: subprocess.Popen[bytes], *, rank: int = 0, grace_s: float = 5.0) -> Entry:
    return Entry(
        name="child",
        pid=process.pid,
        started_at=psutil.Process(process.pid).create_time(),
        stop_signal=signal.SIGTERM,
        stop_rank=rank,
        grace_s=grace_s,
    )


def test_a_process_past_its_grace_is_killed(start: Start) -> None:
    """A Ctrl-C ends in seconds, whatever hangs."""
    stubborn = start(STUBBORN)

    end_in_order([entry(stubborn, grace_s=0.1)])

    assert stubborn.wait(60) == -signal.SIGKILL


def test_a_rank_ends_before_the_next_is_asked(start: Start) -> None:
    """The projector outlives the API, as the last answers wait for it."""
    first, second = start(STUBBORN), start(POLITE)
    seen: list[bool] = []

    def look() -> bool:
        seen.append(psutil.Process(second.pid).status() != psutil.STATUS_ZOMBIE)
        return False

    end_in_order(
        [entry(second, rank=2), entry(first, rank=1, grace_s=0.1)],
        is_hurried=lambda: look() if first.poll() is None else False,
    )

    assert seen
    assert all(seen)
    assert second.wait(60) == 0


def test_a_pid_that_belongs_to_another_by_now_is_left_alone(start: Start) -> None:
    """The system gives pids again; a roll may be days old."""
    stranger = start(POLITE)
    named = entry(stranger)
    stale = Entry(
        name=named.name,
        pid=named.pid,
        started_at=named.started_at - 2 * START_TOLERANCE_S,
        stop_signal=named.stop_signal,
        stop_rank=named.stop_rank,
        grace_s=named.grace_s,
    )

    end_in_order([stale])

    assert stranger.poll() is None


def test_the_hurried_do_not_wait(start: Start) -> None:
    """A second Ctrl-C means now."""
    stubborn, began_at = start(STUBBORN), time.monotonic()

    end_in_order([entry(stubborn, grace_s=120.0)], is_hurried=lambda: True)

    assert stubborn.wait(60) == -signal.SIGKILL
    assert time.monotonic() - began_at < 120


@pytest.mark.parametrize("content", [None, "", "{", '[{"pid": 1}]'], ids=str)
def test_a_roll_that_cannot_be_read_names_nobody(tmp_path: Path, content: str | None) -> None:
    """It is read after crashes: it may be anything."""
    path = tmp_path / "children.json"
    if content is not None:
        path.write_text(content)

    assert Roll(path).read() == []


def test_a_roll_reads_what_was_written(tmp_path: Path) -> None:
    """Guard and next start end whom the supervisor has written down."""
    written = Entry(name="kafka", pid=7, started_at=1.5, stop_signal=15, stop_rank=40, grace_s=20.0)
    roll = Roll(tmp_path / "children.json")

    roll.write([written])

    assert roll.read() == [written]
