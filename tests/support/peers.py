"""Receivers that are no web servers: each does with a connection exactly what a test says."""

import asyncio
import itertools
import socket
import ssl
import struct
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

from muniment.domain.webhooks.urls import IPAddress
from muniment.runtime import metrics
from muniment.webhooks.http.answer import Answer
from muniment.webhooks.http.client import Client
from muniment.webhooks.http.guard import Guard
from tests.support.certificates import Authority

HEADERS: Final = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
OK: Final = b"HTTP/1.1 200 OK\r\n"
LOOPBACK: Final = Guard(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))


@dataclass(slots=True, kw_only=True)
class Listening:
    """A receiver at work."""

    port: int
    is_tls: bool
    connections: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    """Heads and bodies, as they came."""

    @property
    def url(self) -> str:
        return self.at("127.0.0.1")

    def at(self, host: str) -> str:
        """Its URL by another name of the host."""
        return f"http{'s' if self.is_tls else ''}://{host}:{self.port}/hook"

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next request of a connection, kept in `requests`."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))
        return self.requests[-1]


Peer = Callable[[Listening, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    peer: Peer,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    context: ssl.SSLContext | None = None,
) -> AsyncGenerator[Listening]:
    """A server whose connections the peer handles; all of them end with the block."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            # uvloop has a `RuntimeError` for who writes to what the other side has closed.
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, RuntimeError):
                await peer(found, reader, writer)
        except asyncio.CancelledError:
            # Its own end, by the block's: nobody waits for it.
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=context)
    found = Listening(port=server.sockets[0].getsockname()[1], is_tls=context is not None)
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def answering(*answers: bytes, closes: bool = False) -> Peer:
    """One request after another gets these bytes; the last ones again and again."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await found.read(reader)
            writer.write(answers[min(len(found.requests), len(answers)) - 1])
            await writer.drain()
            if closes:
                return

    return peer


async def hanging(
    _found: Listening, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
) -> None:
    """Take connections and do nothing."""
    await asyncio.Event().wait()


def dripping(first: bytes, drops: Callable[[int], bytes]) -> Peer:
    """Sends the first bytes at once, then one drop after another without an end."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await found.read(reader)
        writer.write(first)
        for number in itertools.count():
            writer.write(drops(number))
            await writer.drain()
            await asyncio.sleep(0.01)

    return peer


async def silent_in_the_middle(
    found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await found.read(reader)
    writer.write(OK + b"Content-Length: 10\r\n\r\nhello")
    await asyncio.Event().wait()


DRIPS: Final[Mapping[str, Peer]] = {
    "hangs": hanging,
    "hangs-in-body": silent_in_the_middle,
    "drips-body": dripping(OK + b"Content-Length: 10000\r\n\r\n", lambda _: b"."),
    "drips-until-close": dripping(OK + b"\r\n", lambda _: b"."),
    "drips-chunks": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", lambda _: b"1\r\n.\r\n"),
    "drips-one-chunk": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n", lambda _: b"."),
    "drips-headers": dripping(OK, lambda number: b"X-%d: y\r\n" % number),
    "drips-one-header": dripping(OK + b"X: ", lambda _: b"y"),
    "drips-trailers": dripping(
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", lambda number: b"X-%d: y\r\n" % number
    ),
    "drips-status-line": dripping(b"HTTP/1.1 200 ", lambda _: b"O"),
    "drips-100": dripping(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drips-line-feeds": dripping(b"", lambda _: b"\r\n"),
}
"""Receivers whose answers never come to an end, each in its way."""


class Names:
    """A resolver that gives one answer after another, the last again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    async def addresses(self, name: str) -> Sequence[IPAddress]:
        self.asked.append(name)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        return [ip_address(each) for each in answer]


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with an RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def new_client(
    guard: Guard = LOOPBACK,
    *,
    timeout_s: float = 5.0,
    connect_timeout_s: float = 5.0,
    authority: Authority | None = None,
    **more: Any,
) -> AsyncGenerator[Client]:
    """A client that may call loopback, and trusts the authority if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        ca_file = None
        if authority is not None:
            ca_file = Path(folder) / "ca.pem"
            ca_file.write_text(authority.certificate)
        async with Client(
            guard=guard,
            timeout_s=timeout_s,
            connect_timeout_s=connect_timeout_s,
            ca_file=ca_file,
            **more,
        ) as client:
            yield client


async def post(
    url: str, client: AbstractAsyncContextManager[Client] | None = None, body: bytes = b"{}"
) -> Answer:
    """One delivery by a client that is opened and closed for it."""
    async with client or new_client() as opened:
        return await opened.post(url, HEADERS, body)


def open_connections() -> float:
    """How many the clients of this process hold."""
    return metrics.REGISTRY.get_sample_value("muniment_webhook_open_connections") or 0.0
