"""What connections leave in memory: nothing, without the garbage collector, which comes rarely."""

import asyncio
import gc
from collections.abc import Generator
from contextlib import closing
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from muniment.web.http import Request
from muniment.web.server import Limits, Listening
from muniment.web.sockets import HungUp, Socket, Talk
from tests.integration.web.serving import Start
from tests.support.projecting import until

TAKEN_UP_S: Final = 0.05
POST: Final = b"POST / HTTP/1.1\r\nHost: a\r\n"
UPGRADE: Final = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
HANDSHAKE: Final = UPGRADE + (
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SENT: Final = {
    "whole": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "body-broken-off": POST + b"Content-Length: 9000\r\n\r\n" + b"y" * 5000,
    "chunk-broken-off": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "no-chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no-gzip": POST + b"Content-Encoding: gzip\r\nContent-Length: 300\r\n\r\nabc",
    "no-http": b"GARBAGE\r\n\r\n",
    "header-too-long": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "body-too-large": POST + b"Content-Length: 100000\r\n\r\n" + b"y" * 5000,
    "socket": HANDSHAKE,
    "no-frame": HANDSHAKE + b"\xff" * 100,
    "no-handshake": UPGRADE + b"\r\n",
}


async def listen_on(socket: Socket) -> None:
    try:
        while True:
            await socket.receive()
    except HungUp:
        await socket.close(1000)


def talk_of(_: Request) -> Talk:
    return listen_on


@pytest.fixture
def uncollected() -> Generator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
async def test_a_connection_leaves_nothing(start: Start, sent: bytes) -> None:
    """A body broken off at 900 kB was kept until a thousand of them had come."""
    where = await start(limits=Limits(body_bytes_max=10_000, linger_s=0.05), talk=talk_of)

    await hang_up(where, sent)

    await until(lambda: kept() == [])


async def hang_up(where: Listening, sent: bytes) -> None:
    """Send it, give the server time to take it up, and be gone."""
    _, writer = await asyncio.open_connection(where.host, where.port)
    with closing(writer):
        writer.write(sent)
        await asyncio.sleep(TAKEN_UP_S)
        writer.transport.abort()


def kept() -> list[Any]:
    """What there is of the server's connections."""
    kinds = web.BaseRequest | RequestHandler | Request
    return [each for each in gc.get_objects() if isinstance(each, kinds)]
