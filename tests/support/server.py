"""The whole product as its users start it: `muniment up` in a process of its own."""

import http.client
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import psutil
import pytest

from muniment.cli.main import main
from muniment.stack.children import ROLL_PREFIX
from muniment.stack.ending import Entry, Roll, is_gone
from tests.support.new_ports import new_port
from tests.support.stack import Stack, new_database, new_name

READY_TIMEOUT_S: Final = 60.0
PATIENCE_S: Final = 60.0
"""How long tests wait for what must come: a busy machine is slow, and waiting costs nothing."""

STOP_TIMEOUT_S: Final = 60.0
MUNIMENT: Final = (sys.executable, "-m", "muniment")

TEST_SETTINGS: Final = {
    "auth_policies": "basicauth",
    "flush_enabled": "true",
    "webhooks_allowed_networks": "127.0.0.0/8 ::1/128",
}


@dataclass(frozen=True, slots=True)
class MunimentServer:
    """A running `muniment up`; `url` ends without a slash, as in `f"{server.url}/buckets"`."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    postgres_url: str | None = None
    """Of the stack that it was given; its own is known to itself alone."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def console(self) -> str:
        """What it has printed so far."""
        return console_of(self.data_dir).read_text()

    def entry(self, name: str) -> Entry:
        """The child of that name that runs now: kafka, postgres, api, projector, webhooks."""
        [entry] = [entry for entry in self.entries() if entry.name == name]
        return entry

    def entries(self) -> list[Entry]:
        rolls = (self.data_dir / "run").glob(f"{ROLL_PREFIX}*.json")
        entries = [entry for roll in rolls for entry in Roll(roll).read()]
        return [entry for entry in entries if entry.process() is not None]

    def kill(self, name: str) -> int:
        """`kill -9` the child of that name; answers the pid it had."""
        pid = self.entry(name).pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_restart(self, name: str, *, of_pid: int, timeout_s: float = PATIENCE_S) -> int:
        """The pid of the child that replaced the one that was killed."""

        def pid() -> int:
            return next((e.pid for e in self.entries() if e.name == name), of_pid)

        wait_until(lambda: pid() != of_pid, what=f"a new {name}", timeout_s=timeout_s)
        return pid()

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5.0)
        try:
            connection.request("GET", "/v1/__heartbeat__")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_until_ready(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        def is_ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"muniment up ended:\n{self.console}\n{self._logs()}")
            return self.is_ready()

        try:
            wait_until(is_ready, what="the heartbeat", timeout_s=timeout_s)
        except TimeoutError as error:
            raise AssertionError(f"{error}:\n{self.console}\n{self._logs()}") from error

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and wait; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def _logs(self) -> str:
        logs = (self.data_dir / "logs").glob("*.log")
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in sorted(logs))


@contextmanager
def running_server(
    data_dir: Path,
    *,
    stack: Stack | None,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = MUNIMENT,
    flags: Sequence[str] = (),
    waits: bool = True,
) -> Generator[MunimentServer]:
    """Run `muniment up` on the stack, or with a stack of its own; it is gone afterwards.

    Settings are given by their names in lower case, over those of tests.
    """
    port = new_port()
    chosen = {**TEST_SETTINGS, "http_port": str(port), "data_dir": os.fspath(data_dir)}
    if stack is not None:
        chosen |= {"kafka_url": stack.kafka_url, "postgres_url": stack.postgres_url}
    chosen |= settings or {}
    with console_of(data_dir).open("wb") as console:
        process = subprocess.Popen(
            [*program, "up", *flags],
            env=environment(chosen),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
    server = MunimentServer(
        process, int(chosen["http_port"]), data_dir, postgres_url=chosen.get("postgres_url")
    )
    try:
        if waits:
            server.wait_until_ready()
        yield server
    finally:
        if process.poll() is None:
            server.stop()


@contextmanager
def new_server(
    stack: Stack, folder: Path, settings: Mapping[str, str] | None = None, *, waits: bool = True
) -> Generator[MunimentServer]:
    """Run `muniment up` on the stack, with topics and a database of its own."""
    own = {"topic_prefix": new_name(), **(settings or {})}
    with new_database(stack) as postgres_url:
        servers = Stack(stack.kafka_url, postgres_url)
        with running_server(folder / "data", stack=servers, settings=own, waits=waits) as server:
            yield server


@pytest.fixture(scope="module")
def muniment_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """All services on the session's stack, with topics and a database of their own."""
    with new_server(stack, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def data_dir() -> Generator[Path]:
    """A data folder that does not exist yet, short enough of name and open to Postgres's user."""
    with tempfile.TemporaryDirectory(prefix="muniment-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "data"


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's, with these settings and no others."""
    outside = {name: text for name, text in os.environ.items() if not name.startswith("MUNIMENT_")}
    return outside | {f"MUNIMENT_{name.upper()}": value for name, value in settings.items()}


def run_in_here(arguments: Sequence[str], settings: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command of `muniment` in this process: exit code, standard output, standard error.

    For commands that only ask a server; it takes a second less than a process of their own.
    """
    said, wrong = io.StringIO(), io.StringIO()
    own = environment(settings)
    with (
        mock.patch.dict(os.environ, own, clear=True),
        redirect_stdout(said),
        redirect_stderr(wrong),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    return int(ended.value.code or 0), said.getvalue(), wrong.getvalue()


def console_of(data_dir: Path) -> Path:
    return data_dir.with_name(f"{data_dir.name}.console")


def wait_until(
    holds: Callable[[], bool], *, what: str, timeout_s: float = PATIENCE_S, every_s: float = 0.05
) -> None:
    """Wait for a condition; raises `TimeoutError` that names it."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout_s:.0f} s")
        time.sleep(every_s)


def living(pids: Sequence[int]) -> list[int]:
    """Which of them still run; one that only waits to be collected does not."""
    return [pid for pid in pids if psutil.pid_exists(pid) and not is_gone(psutil.Process(pid))]
