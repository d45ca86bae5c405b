"""What one delivery costs: our client, aiohttp's, and the bare floor of httptools on a Protocol.

    python -m tests.bench.webhook_client

One process, one thread; the receiver is a process of its own and not counted. Each delivery is
signed anew, as it is in the service. CPU time is what counts, and of several runs the best: what
others do on the machine only adds to it.
"""

import argparse
import asyncio
import multiprocessing
import ssl
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Final, cast

import aiohttp
import uvloop
from httptools import HttpResponseParser

from muniment.webhooks.http.client import Client
from muniment.webhooks.http.guard import Guard
from muniment.webhooks.signing import Secret
from tests.support.certificates import Authority, Issued

HOST: Final = "127.0.0.1"
BODY: Final = b'{"type":"record.created","data":{"title":"' + b"x" * 450 + b'"}}'
SECRET: Final = Secret(b"k" * 32)
IN_FLIGHT: Final = 32

Post = Callable[[], Awaitable[int]]


class _Receiver(asyncio.Protocol):
    """Answers 204 to each request, all of which have a `Content-Length`; ends each at `/once`."""

    def __init__(self) -> None:
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            head = self._came[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._came) < end + 4 + length:
                return
            self._came = self._came[end + 4 + length :]
            is_last = head.startswith(b"post /once ")
            self._transport.write(
                b"HTTP/1.1 204 No Content\r\nServer: bench\r\n"
                b"Date: Sat, 21 Nov 2026 11:44:05 GMT\r\nConnection: %b\r\n\r\n"
                % (b"close" if is_last else b"keep-alive")
            )
            if is_last:
                self._transport.close()


def _receive(pipe: Pipe, issued: Issued) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        plain = await loop.create_server(_Receiver, HOST, 0)
        secure = await loop.create_server(_Receiver, HOST, 0, ssl=issued.server_context())
        pipe.send([server.sockets[0].getsockname()[1] for server in (plain, secure)])
        await asyncio.Event().wait()

    uvloop.run(serve())


# --- The clients ----------------------------------------------------------------------------------


def _headers() -> dict[str, str]:
    timestamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "bench",
        "webhook-id": "evt_019aa4c5-3a70-7b1c-9b6e-3c1c1f6f2f10",
        "webhook-timestamp": timestamp,
        "webhook-signature": SECRET.sign("evt_1", timestamp, BODY),
    }


@asynccontextmanager
async def _ours(url: str, ca_file: Path) -> AsyncGenerator[Post]:
    guard = Guard(allowed_networks=[ip_network("127.0.0.0/8")])
    async with Client(guard=guard, timeout_s=15, connect_timeout_s=5, ca_file=ca_file) as client:

        async def post() -> int:
            return (await client.post(url, _headers(), BODY)).status or 0

        yield post


@asynccontextmanager
async def _aiohttp(url: str, ca_file: Path) -> AsyncGenerator[Post]:
    context = ssl.create_default_context(cafile=str(ca_file))
    connector = aiohttp.TCPConnector(limit=0, ssl=context)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def post() -> int:
            async with asyncio.timeout(15), session.post(url, data=BODY, headers=_headers()) as got:
                await got.read()
                return got.status

        yield post


class _FloorConnection(asyncio.Protocol):
    def __init__(self) -> None:
        self._answered: asyncio.Future[int] | None = None
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._answered is not None:
            self._answered.set_result(self._parser.get_status_code())

    def send(self, request: bytes) -> asyncio.Future[int]:
        self._answered = self._loop.create_future()
        self.transport.write(request)
        return self._answered


@asynccontextmanager
async def _floor(url: str, ca_file: Path) -> AsyncGenerator[Post]:
    """No deadline, no pool, no check, no limit: what Python and the kernel take in any case."""
    scheme, _, authority = url.removesuffix("/hook").partition("://")
    host, _, port = authority.partition(":")
    context = ssl.create_default_context(cafile=str(ca_file)) if scheme == "https" else None
    loop = asyncio.get_running_loop()
    idle = [
        (await loop.create_connection(_FloorConnection, host, int(port), ssl=context))[1]
        for _ in range(IN_FLIGHT)
    ]

    async def post() -> int:
        connection = idle.pop()
        lines = "".join([f"{name}: {value}\r\n" for name, value in _headers().items()])
        head = f"POST /hook HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {len(BODY)}\r\n{lines}"
        status = await connection.send(f"{head}\r\n".encode() + BODY)
        idle.append(connection)
        return status

    yield post
    for connection in idle:
        connection.transport.abort()


CLIENTS: Final = {"floor": _floor, "muniment": _ours, "aiohttp": _aiohttp}


# --- The measuring --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    cpu_us: float
    """Of a delivery."""
    per_second: float


async def _measure(post: Post, deliveries: int) -> Measured:
    left = deliveries

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            status = await post()
            if status != 204:
                message = f"answered {status}"
                raise RuntimeError(message)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Measured(cpu_us=cpu / deliveries * 1e6, per_second=deliveries / wall)


async def _run(name: str, url: str, ca_file: Path, deliveries: int) -> Measured:
    async with CLIENTS[name](url, ca_file) as post:
        await _measure(post, max(deliveries // 10, IN_FLIGHT))
        return await _measure(post, deliveries)


def bare(deliveries: int) -> Measured:
    """The floor over plain HTTP, for other benchmarks to be held against; called in no loop."""
    ours, theirs = multiprocessing.Pipe()
    authority = Authority()
    receiver = multiprocessing.Process(
        target=_receive, args=(theirs, authority.issue(HOST)), daemon=True
    )
    receiver.start()
    try:
        plain, _ = ours.recv()
        return uvloop.run(_run("floor", f"http://{HOST}:{plain}/hook", Path(), deliveries))
    finally:
        receiver.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=5_000, help="of each run")
    parser.add_argument("--runs", type=int, default=9, help="taking turns; the best counts")
    parser.add_argument("--only", choices=list(CLIENTS), action="append")
    arguments = parser.parse_args()
    authority = Authority()
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(
        target=_receive, args=(theirs, authority.issue(HOST)), daemon=True
    )
    receiver.start()
    plain, secure = ours.recv()
    urls = {
        "plain": f"http://{HOST}:{plain}/hook",
        "tls": f"https://{HOST}:{secure}/hook",
        "plain, a connection each": f"http://{HOST}:{plain}/once",
        "tls, a connection each": f"https://{HOST}:{secure}/once",
    }
    with tempfile.TemporaryDirectory() as folder:
        ca_file = Path(folder) / "ca.pem"
        ca_file.write_text(authority.certificate)
        print("| client | | µs CPU each | deliveries/s |\n| --- | --- | --- | --- |")
        for kind, url in urls.items():
            keeps = url.endswith("/hook")
            names = [name for name in arguments.only or CLIENTS if keeps or name != "floor"]
            runs: dict[str, list[Measured]] = {name: [] for name in names}
            for _ in range(arguments.runs):
                for name, found in runs.items():
                    deliveries = arguments.deliveries if keeps else arguments.deliveries // 5
                    found.append(uvloop.run(_run(name, url, ca_file, deliveries)))
            for name, found in runs.items():
                cpu_us = min(each.cpu_us for each in found)
                rate = max(each.per_second for each in found)
                print(f"| {name} | {kind} | {cpu_us:.1f} | {rate:,.0f} |")
    receiver.kill()


if __name__ == "__main__":
    main()
