"""`muniment up`: everything on one machine, Kafka and Postgres included, until Ctrl-C."""

import asyncio
import http.client
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from muniment.runtime.settings import ENV_PREFIX, Settings
from muniment.runtime.urls import masked
from muniment.stack import ports
from muniment.stack.children import Program
from muniment.stack.embedded import EmbeddedStack, StackOptions
from muniment.stack.errors import NoRoom, SettingWrong, Taken
from muniment.stack.supervisor import Supervisor

READY_TIMEOUT_S: Final = 60.0
HEARTBEAT: Final = "/v1/__heartbeat__"
HEARTBEAT_TIMEOUT_S: Final = 5.0
EXAMPLE: Final = '{"data": {"title": "Hello"}}'


@dataclass(frozen=True, slots=True)
class Service:
    """One of our own processes; a lower rank ends before a higher one."""

    name: str
    command: tuple[str, ...]
    stop_rank: int
    listens: bool = False
    """Whether the HTTP port is its."""


def _own(name: str, *, stop_rank: int, listens: bool = False) -> Service:
    return Service(name, (sys.executable, "-m", "muniment", "serve", name), stop_rank, listens)


# Whoever takes requests ends first, and what its last answers wait for after it.
SERVICES: Final = (
    _own("api", stop_rank=10, listens=True),
    _own("webhooks", stop_rank=20),
    _own("projector", stop_rank=30),
)


WhenReady = Callable[[Settings], Awaitable[str]]
"""Is done once all serve; answers with what is to be printed then."""


def up(
    settings: Settings,
    services: Sequence[Service] = SERVICES,
    *,
    when_ready: WhenReady | None = None,
) -> None:
    """Serve until a signal; then nothing of it runs any more.

    Raises a `StackError` that says why it cannot start.
    """
    console = Console(soft_wrap=True, highlight=False)
    asyncio.run(_Up(settings, services, console, when_ready).run())


class _Up:
    def __init__(
        self,
        settings: Settings,
        services: Sequence[Service],
        console: Console,
        when_ready: WhenReady | None,
    ) -> None:
        self._when_ready = when_ready
        self._settings = settings
        self._services = services
        self._console = console
        self._began_at = time.monotonic()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._stack = EmbeddedStack(settings.data_dir, self._stack_options())

    async def run(self) -> None:
        self._listen_to_signals()
        _require_free_port(self._settings)
        try:
            await self._serve_until_stopped()
        except OSError as error:
            if full := NoRoom.of(error, self._stack.layout.root):
                raise full from error
            raise
        finally:
            await self._stack.stop(is_hurried=self._hurrying.is_set)

    async def _serve_until_stopped(self) -> None:
        serving = asyncio.create_task(self._serve())
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopped):
            task.cancel()
        outcome, _ = await asyncio.gather(serving, stopped, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome
        self._tell("Stopping ...")

    async def _serve(self) -> None:
        await self._stack.start()
        supervisor = Supervisor(self._stack.children, tell=self._tell)
        supervisor.start([self._program(service) for service in self._services])
        await supervisor.until_ready(self._is_ready, timeout_s=READY_TIMEOUT_S)
        self._tell(welcome(self._settings, self._stack, time.monotonic() - self._began_at))
        if self._when_ready is not None:
            self._tell(await self._when_ready(self._settings))
        await supervisor.keep(self._stopping)

    def _program(self, service: Service) -> Program:
        port = self._settings.http_port if service.listens else ports.pick(None)
        given = {
            "http_port": str(port),
            "data_dir": os.fspath(self._stack.layout.root),
            "kafka_url": self._stack.kafka_url,
            "postgres_url": self._stack.postgres_url,
            # Two services have such a door, and one port is not enough for both.
            "internal_port": "0",
        }
        return Program(
            name=service.name,
            command=service.command,
            folder=self._stack.layout.root,
            log=self._stack.layout.log(service.name),
            environment=_environment(self._settings, given),
            stop_rank=service.stop_rank,
            # It gives its own tasks this long; then it is on us.
            grace_s=self._settings.drain_s + 2.0,
        )

    def _is_ready(self) -> bool:
        return _answers_ok(_reachable_host(self._settings), self._settings.http_port)

    def _stack_options(self) -> StackOptions:
        settings = self._settings
        return StackOptions(
            kafka_url=settings.kafka_url,
            postgres_url=settings.postgres_url,
            kafka_port=settings.embedded_kafka_port or None,
            postgres_port=settings.embedded_postgres_port or None,
            kafka_heap_mb=settings.embedded_kafka_heap_mb,
            cache=settings.cache_dir.expanduser().absolute() if settings.cache_dir else None,
            tell=self._tell,
            progress=self._progress,
        )

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        """The first asks to stop; a second one will not wait."""
        (self._hurrying if self._stopping.is_set() else self._stopping).set()

    def _tell(self, text: str) -> None:
        self._console.print(text, markup=False)

    @contextmanager
    def _progress(self, total_bytes: int) -> Generator[Callable[[int], None]]:
        """A bar on a terminal, a line each quarter elsewhere; a stop interrupts the download."""
        total_mb = total_bytes / 1e6
        self._tell(f"Fetching Apache Kafka ({total_mb:.0f} MB, once) ...")
        if self._console.is_terminal:
            columns = (TextColumn("Kafka"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            with Progress(*columns, console=self._console, transient=True) as progress:
                task = progress.add_task("Kafka", total=total_bytes)
                yield lambda piece_bytes: self._advanced(
                    lambda: progress.advance(task, piece_bytes)
                )
        else:
            quarters = _Quarters(total_bytes, self._tell)
            yield lambda piece_bytes: self._advanced(lambda: quarters.advance(piece_bytes))

    def _advanced(self, show: Callable[[], None]) -> None:
        if self._stopping.is_set():
            raise InterruptedError("stopped by the user")
        show()


class _Quarters:
    """Says each quarter of the whole once; pieces may come from several threads."""

    def __init__(self, total_bytes: int, tell: Callable[[str], None]) -> None:
        self._total_bytes = total_bytes
        self._tell = tell
        self._done_bytes = 0
        self._told = 0

    def advance(self, piece_bytes: int) -> None:
        self._done_bytes += piece_bytes
        quarter = 4 * self._done_bytes // self._total_bytes
        if quarter > self._told:
            self._told = quarter
            self._tell(f"  {25 * quarter} % of {self._total_bytes / 1e6:.0f} MB")


def _require_free_port(settings: Settings) -> None:
    """The HTTP port is never changed silently: clients know it."""
    host, port = settings.http_bind_host, settings.http_port
    try:
        is_free = ports.is_free(port, host=host)
    except OSError as error:
        raise SettingWrong(
            f"Muniment cannot listen on {host} port {port} ({error.strerror or error}): mend "
            "MUNIMENT_HTTP_BIND_HOST or MUNIMENT_HTTP_PORT."
        ) from error
    if not is_free:
        raise Taken(
            f"Port {port} is taken{ports.by_whom(port)}: stop what uses it, or choose another port "
            "with MUNIMENT_HTTP_PORT."
        )


def _answers_ok(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=HEARTBEAT_TIMEOUT_S)
    try:
        connection.request("GET", HEARTBEAT)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable_host(settings: Settings) -> str:
    """A host by which this machine reaches itself, also when all interfaces are listened on."""
    return {"0.0.0.0": ports.LOOPBACK, "::": "::1"}.get(  # noqa: S104 - compared with, not bound
        settings.http_bind_host, settings.http_bind_host
    )


def _environment(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """What services read: the settings as they were read here, whatever file or flag said them."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    chosen = {
        name: _written(getattr(settings, name))
        for name in type(settings).model_fields
        if settings.origin(name) != "default"
    }
    inside = {f"{ENV_PREFIX}{name.upper()}": value for name, value in {**chosen, **given}.items()}
    return outside | inside


def _written(value: Any) -> str:
    """A setting's value as the environment carries it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return os.fspath(value.expanduser().absolute())
        case date():
            return value.isoformat()
        case Mapping():
            return orjson.dumps(dict(cast("Mapping[str, Any]", value))).decode()
        case tuple():
            return " ".join(map(str, cast("tuple[object, ...]", value)))
        case _:
            return str(value)


def welcome(settings: Settings, stack: EmbeddedStack, took_s: float) -> str:
    """What is printed once all serve: where, and how to begin."""
    host = _reachable_host(settings)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}/v1"
    return "\n".join(
        [
            "",
            f"Muniment serves on {url} (ready in {took_s:.1f} s; Ctrl-C stops it)",
            f"  data and logs  {stack.layout.root}",
            f"  Kafka          {masked(stack.kafka_url)}",
            *_first_steps(url, settings.auth_policies),
        ]
    )


def _first_steps(url: str, policies: Sequence[str]) -> list[str]:
    if "basicauth" not in policies:
        return [
            "",
            "Basic authentication is off, so these need another way to say who you are; to try",
            "them as they stand, start with MUNIMENT_AUTH_POLICIES=basicauth:",
            *_curl_lines(url),
        ]
    return ["", "Try it:", *_curl_lines(url)]


def _curl_lines(url: str) -> list[str]:
    records = f"{url}/buckets/demo/collections/notes/records"
    return [
        f"  curl -u user:password -X PUT {url}/buckets/demo",
        f"  curl -u user:password -X PUT {url}/buckets/demo/collections/notes",
        f"  curl -u user:password -H 'Content-Type: application/json' -d '{EXAMPLE}' {records}",
    ]
