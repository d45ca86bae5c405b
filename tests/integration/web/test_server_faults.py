"""A real server on loopback: what is no HTTP, what goes wrong, and how it ends."""

import asyncio
import logging
from contextlib import AsyncExitStack, closing

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.runtime.errors import AlreadyTaken, ConfigurationError
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.server import Limits, listen
from tests.integration.web.serving import (
    DEADLINE_S,
    Start,
    body_of,
    echo,
    listening,
    talk,
)


async def test_a_body_that_does_not_come_is_not_waited_for(start: Start) -> None:
    where = await start(limits=Limits(body_timeout_s=0.05))

    reader, writer = await asyncio.open_connection(where.host, where.port)
    with closing(writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), DEADLINE_S)

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"FLY / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=[
        "tls",
        "line",
        "method",
        "version",
        "colon",
        "nul",
        "header",
        "target",
        "headers",
        "length",
        "smuggling",
        "chunk",
        "gzip",
    ],
)
async def test_what_is_no_http_is_a_bad_request(start: Start, sent: bytes) -> None:
    """ERR-1: also where aiohttp's parser refuses."""
    answer = await talk(await start(), sent)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert body_of(answer)["code"] == 400
    assert b"X-Content-Type-Options: nosniff" in answer


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 10\r\n\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ],
    ids=["length", "within a chunk", "between chunks"],
)
async def test_a_client_that_leaves_within_its_body_is_no_failure(
    start: Start, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator is told of bugs, not of clients."""
    where = await start()

    with caplog.at_level(logging.ERROR):
        answer = await talk(where, b"POST / HTTP/1.1\r\nHost: a\r\n" + body, is_over=True)

    assert answer == b""
    assert caplog.records == []


@pytest.mark.parametrize("more", [b"", b"more"], ids=["alone", "and more"])
async def test_a_body_that_cannot_be_unpacked_is_no_failure(
    start: Start, more: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where aiohttp reads on in it after the answer."""
    where = await start()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\nabc"

    with caplog.at_level(logging.ERROR):
        answer = await talk(where, head % (3 + len(more)), more)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert caplog.records == []


async def test_bytes_that_are_no_utf_8_come_through(start: Start) -> None:
    """RT-8 and RT-9 are judged by the pipeline, so the server must not choke on them."""
    where = await start()

    answer = await talk(
        where, b"GET /%82?n=%FF HTTP/1.1\r\nHost: a\r\nX: \xff\r\nConnection: close\r\n\r\n"
    )

    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\rb"])
async def test_an_answer_cannot_be_split(
    start: Start, client: aiohttp.ClientSession, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def split(_: Request) -> Response:
        return Response(headers={"X-Told": value})

    with caplog.at_level(logging.ERROR):
        async with client.get((await start(split)).url) as response:
            assert response.status == 500

    assert "Set-Cookie" not in response.headers


async def test_a_handler_that_raises_is_an_internal_error(
    start: Start, client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """ERR-5: the pipeline catches these; behind it stands this."""

    async def broken(_: Request) -> Response:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        async with client.get((await start(broken)).url) as response:
            told = await response.json()

    assert (response.status, told["errno"]) == (500, 999)
    assert len(caplog.records) == 1


async def test_a_taken_port_is_told_in_one_sentence(start: Start) -> None:
    where = await start()

    with pytest.raises(AlreadyTaken, match=f"Port {where.port} of 127.0.0.1 is taken"):
        await start(port=where.port)


async def test_an_address_that_is_not_ours_is_told_in_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match="http_bind_host"):
        async with listen(echo, host="192.0.2.1", port=0, errors=Errors()):
            pass


async def test_the_end_waits_for_what_is_in_hand() -> None:
    """And takes no new connection meanwhile."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        arrived.set()
        await go_on.wait()
        return Response(body=b"{}")

    ending = AsyncExitStack()
    where = await ending.enter_async_context(listening(slow))
    answer = asyncio.create_task(talk(where, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    await asyncio.wait_for(arrived.wait(), DEADLINE_S)
    ended = asyncio.create_task(ending.aclose())
    await asyncio.sleep(0.05)

    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection(where.host, where.port)
    go_on.set()
    await asyncio.wait_for(ended, DEADLINE_S)
    assert (await answer).startswith(b"HTTP/1.1 200 OK")


async def test_the_end_does_not_wait_for_ever() -> None:
    async def stuck(_: Request) -> Response:
        await asyncio.sleep(3600)
        return Response()

    ending = AsyncExitStack()
    where = await ending.enter_async_context(listening(stuck, limits=Limits(drain_s=0.05)))
    answer = asyncio.create_task(talk(where, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    await asyncio.sleep(0.05)

    await asyncio.wait_for(ending.aclose(), DEADLINE_S)

    assert await answer == b""


async def test_a_client_that_leaves_does_not_stop_the_handler(start: Start) -> None:
    """A write that was accepted goes on."""
    arrived, done = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        arrived.set()
        await asyncio.sleep(0.05)
        done.set()
        return Response()

    where = await start(slow)
    _, writer = await asyncio.open_connection(where.host, where.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    await asyncio.wait_for(arrived.wait(), DEADLINE_S)
    writer.transport.abort()

    await asyncio.wait_for(done.wait(), DEADLINE_S)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sent=st.one_of(
        st.binary(min_size=1, max_size=300),
        st.binary(max_size=60).map(lambda raw: b"GET /" + raw + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        st.binary(max_size=60).map(lambda raw: b"GET / HTTP/1.1\r\nX: " + raw + b"\r\n\r\n"),
        st.binary(max_size=60).map(
            lambda raw: b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(raw), raw)
        ),
    )
)
async def test_no_bytes_make_the_server_fail(sent: bytes) -> None:
    """D-7: never 500 for client input."""
    async with listening(limits=Limits(body_timeout_s=0.05)) as where:
        reader, writer = await asyncio.open_connection(where.host, where.port)
        with closing(writer):
            writer.write(sent)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), DEADLINE_S)

    assert not answer.startswith(b"HTTP/1.1 5")
