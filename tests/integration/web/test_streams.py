"""Answers without an end, of a real server on loopback."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import pytest

from muniment.web import streams
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.server import Listening, listen
from muniment.web.streams import ReaderGone, Send, Stream

DEADLINE_S: Final = 30.0
HEAD: Final = b"GET / HTTP/%b\r\nHost: a\r\n\r\n"


async def two_parts(send: Send) -> None:
    await send(b"one")
    await send(b"two")


async def for_ever(send: Send) -> None:
    await send(b"begun")
    await asyncio.Event().wait()


@asynccontextmanager
async def listening(stream: Stream) -> AsyncGenerator[Listening]:
    async def answer(_: Request) -> Response:
        return Response(headers={"Content-Type": "text/plain"}, stream=stream)

    async with listen(answer, host="127.0.0.1", port=0, errors=Errors()) as where:
        yield where


@asynccontextmanager
async def asked(
    where: Listening, version: bytes = b"1.1"
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that has sent a request."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(where.host, where.port)
        writer.write(HEAD % version)
        try:
            yield reader, writer
        finally:
            writer.close()


async def test_the_parts_of_a_stream_are_one_body() -> None:
    async with (
        listening(two_parts) as where,
        aiohttp.ClientSession() as session,
        session.get(where.url) as answer,
    ):
        body = await answer.read()

    assert (answer.status, body) == (200, b"onetwo")
    assert answer.headers["Content-Type"] == "text/plain"
    assert "X-Request-Id" in answer.headers


async def test_who_knows_no_chunks_gets_none() -> None:
    """HTTP/1.0: the end of the connection is the end of the body."""
    async with listening(two_parts) as where, asked(where, b"1.0") as (reader, _):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert body == b"onetwo"
    assert b"chunked" not in head


async def test_a_stream_ends_in_good_order_with_its_server() -> None:
    """The last chunk says that nothing is missing."""
    async with listening(for_ever) as where:
        reader, writer = await asyncio.open_connection(where.host, where.port)
        writer.write(HEAD % b"1.1")
        await reader.readuntil(b"begun\r\n")
    async with asyncio.timeout(DEADLINE_S):
        rest = await reader.read()
    writer.close()

    assert rest == b"0\r\n\r\n"


async def test_who_comes_while_the_last_ones_are_served_is_refused() -> None:
    """Another instance takes them, while this one only waits for what it has in hand."""
    begun, may_end, served = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def lasting(send: Send) -> None:
        await send(b"begun")
        begun.set()
        try:
            await may_end.wait()
        finally:
            await served.wait()

    async def serve() -> None:
        async with listening(lasting) as where:
            places.append(where)
            await may_end.wait()

    places: list[Listening] = []
    serving = asyncio.create_task(serve())
    async with asyncio.timeout(DEADLINE_S):
        while not places:  # noqa: ASYNC110 - it listens in a moment
            await asyncio.sleep(0.01)
        async with asked(places[0]):
            await begun.wait()
            may_end.set()
            while await takes_connections(places[0]):  # noqa: ASYNC110 - it stops in a moment
                await asyncio.sleep(0.01)

            assert not serving.done()
            served.set()
            await serving


async def takes_connections(where: Listening) -> bool:
    try:
        _, writer = await asyncio.open_connection(where.host, where.port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_whoever_takes_nothing_counts_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a reader is bounded, in bytes and in time."""
    monkeypatch.setattr(streams, "SEND_TIMEOUT_S", 0.2)
    sent: list[int] = []
    ended = asyncio.Event()

    async def flood(send: Send) -> None:
        try:
            while True:
                await send(b"x" * 100_000)
                sent.append(100_000)
        except ReaderGone:
            ended.set()
            raise

    async with listening(flood) as where, asked(where) as (reader, _):
        await reader.readexactly(1)
        await ended.wait()

    assert sum(sent) < 64 * 1024 * 1024


async def test_a_stream_that_breaks_is_cut_off() -> None:
    """Without the last chunk its reader knows that something is missing."""

    async def broken(send: Send) -> None:
        await send(b"begun")
        message = "a bug"
        raise RuntimeError(message)

    async with listening(broken) as where, asked(where) as (reader, _):
        try:
            said = await reader.read()
        except ConnectionResetError:
            said = b""

    assert not said.endswith(b"0\r\n\r\n")
