"""A `muniment up` of the demo's own: free ports, a temporary folder, gone afterwards."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from muniment.runtime.errors import UserError

LOOPBACK: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 180.0  # The first start on a machine fetches Kafka.
STOP_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.2

MUNIMENT: Final = (sys.executable, "-m", "muniment")
# The user's own, which say where *their* server is.
ELSEWHERE: Final = frozenset(
    f"MUNIMENT_{name}" for name in ("DATA_DIR", "HTTP_PORT", "KAFKA_URL", "POSTGRES_URL")
)
DEVELOPMENT: Final = {
    "MUNIMENT_AUTH_POLICIES": "basicauth",
    "MUNIMENT_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8 ::1/128",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a running Muniment is."""

    url: str
    kafka_url: str
    data_dir: Path
    """Where its key is, from which the webhooks' secrets are made."""


@asynccontextmanager
async def own_server(tell: Callable[[str], None]) -> AsyncGenerator[Server]:
    """Start one and wait until it serves; it and its data are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="muniment-demo-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder) / "data"
        http_port, kafka_port = _free_ports(2)
        url = f"http://{LOOPBACK}:{http_port}/v1"
        console = Path(folder) / "console"
        tell("Starting Muniment with a Kafka and a Postgres of its own ...")
        began_at = time.monotonic()
        process = _start(console, data_dir, http_port=http_port, kafka_port=kafka_port)
        try:
            await _until_it_serves(process, url, console)
            tell(f"It serves on {url} after {time.monotonic() - began_at:.1f} s.")
            yield Server(url=url, kafka_url=f"{LOOPBACK}:{kafka_port}", data_dir=data_dir)
        finally:
            _stop(process)


def _start(
    console: Path, data_dir: Path, *, http_port: int, kafka_port: int
) -> subprocess.Popen[bytes]:
    outside = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    flags = ("--port", str(http_port), "--data-dir", os.fspath(data_dir))
    with console.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own program
            [*MUNIMENT, "up", *flags, "--set", f"embedded_kafka_port={kafka_port}"],
            env={**DEVELOPMENT, **outside},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the demo, which then stops it in order.
            start_new_session=True,
        )


async def _until_it_serves(process: subprocess.Popen[bytes], url: str, console: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not await _serves(session, url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"The demo's server did not start; it said:\n{_text(console)}")
            await asyncio.sleep(POLL_S)


def _text(console: Path) -> str:
    return console.read_text(errors="replace").strip()


async def _serves(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/__heartbeat__") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    numbers = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return numbers
