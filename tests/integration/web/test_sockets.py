"""WebSockets of a real server on loopback."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.server import Listening, listen
from muniment.web.sockets import MESSAGE_BYTES_MAX, REFUSED, HungUp, Socket, Talk

DEADLINE_S: Final = 30.0
Session = aiohttp.ClientSession


async def answer(_: Request) -> Response:
    return Response(status=404, body=b"{}")


async def echo(socket: Socket) -> None:
    """Says everything twice, until it is told to end."""
    while (said := await socket.receive()) != "end":
        await socket.send(f"{said}, {said}".encode())
    await socket.close(REFUSED, "as you wish")


def talk_of(request: Request) -> Talk | None:
    return echo if request.raw_path == "/echo" else None


@asynccontextmanager
async def listening() -> AsyncGenerator[Listening]:
    async with listen(answer, host="127.0.0.1", port=0, errors=Errors(), talk=talk_of) as where:
        yield where


@pytest.fixture
async def client() -> AsyncGenerator[Session]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


async def test_messages_go_both_ways_until_one_side_ends(client: Session) -> None:
    async with listening() as where, client.ws_connect(f"{where.url}/echo") as socket:
        await socket.send_str("é")
        await socket.send_bytes(b"b")
        said = [await socket.receive_str(), await socket.receive_str()]
        await socket.send_str("end")
        last = await socket.receive()

    assert said == ["é, é", "b, b"]
    assert (last.type, last.data, last.extra) == (WSMsgType.CLOSE, REFUSED, "as you wish")


async def test_where_nobody_talks_the_request_is_answered_as_any(client: Session) -> None:
    async with listening() as where:
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(f"{where.url}/elsewhere")
        async with client.get(f"{where.url}/echo") as response:
            plain = response.status

    assert refused.value.status == 404
    assert plain == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "websocket"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
        {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "99",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    ],
)
async def test_a_broken_handshake_is_refused(client: Session, headers: dict[str, str]) -> None:
    async with listening() as where, client.get(f"{where.url}/echo", headers=headers) as response:
        assert response.status == 400


async def test_a_message_that_is_too_long_ends_it(client: Session) -> None:
    async with listening() as where, client.ws_connect(f"{where.url}/echo") as socket:
        await socket.send_str("x" * (MESSAGE_BYTES_MAX + 1))
        last = await socket.receive()

    assert last.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR}


async def test_a_server_that_ends_says_so(client: Session) -> None:
    """Clients connect again, to another one."""
    async with listening() as where:
        socket = await client.ws_connect(f"{where.url}/echo")
        await socket.send_str("a")
        await socket.receive_str()
        reading = asyncio.create_task(socket.receive())
    last = await reading

    assert (last.type, last.data) == (WSMsgType.CLOSE, 1001)


async def test_who_talks_learns_that_the_other_side_has_gone(client: Session) -> None:
    learnt = asyncio.Event()

    async def listen_on(socket: Socket) -> None:
        try:
            await socket.receive()
        except HungUp:
            learnt.set()
            raise

    async with listen(
        answer, host="127.0.0.1", port=0, errors=Errors(), talk=lambda _: listen_on
    ) as where:
        socket = await client.ws_connect(where.url)
        await socket.close()
        async with asyncio.timeout(DEADLINE_S):
            await learnt.wait()


async def test_a_conversation_that_breaks_is_told_to_be_over(client: Session) -> None:
    """A bug of ours, logged here and nowhere else."""

    async def break_down(socket: Socket) -> None:
        raise ValueError(await socket.receive())

    async with (
        listen(
            answer, host="127.0.0.1", port=0, errors=Errors(), talk=lambda _: break_down
        ) as where,
        client.ws_connect(where.url) as socket,
    ):
        await socket.send_str("hello")
        last = await socket.receive()

    assert (last.type, last.data) == (WSMsgType.CLOSE, 1011)
