"""A real server on loopback: what arrives, what goes out, and what is no HTTP at all."""

import asyncio
import gzip
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Any, Final

import aiohttp
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.runtime.errors import AlreadyTaken, ConfigurationError
from muniment.web.errors import Errors
from muniment.web.http import Handler, Request, Response
from muniment.web.server import Limits, Listening, PublicUrl, listen

DEADLINE_S: Final = 30.0
BODY_BYTES_MAX: Final = 1000

Start = Callable[..., Awaitable[Listening]]


async def echo(request: Request) -> Response:
    """Tells what came."""
    told = {
        "method": request.method,
        "raw_path": request.raw_path,
        "raw_query": request.raw_query,
        "base_url": request.base_url,
        "id": request.id,
        "body": request.body.decode("latin-1"),
    }
    return Response(headers={"ETag": '"1"'}, body=orjson.dumps(told))


def secured(_: Request, response: Response) -> None:
    """Stands for the pipeline's `complete`."""
    response.headers["X-Content-Type-Options"] = "nosniff"


@asynccontextmanager
async def listening(handler: Handler = echo, **given: Any) -> AsyncGenerator[Listening]:
    limits = given.pop("limits", Limits(body_bytes_max=BODY_BYTES_MAX))
    async with listen(
        handler,
        host="127.0.0.1",
        port=given.pop("port", 0),
        errors=Errors(),
        complete=secured,
        limits=limits,
        **given,
    ) as where:
        yield where


@pytest.fixture
async def start() -> AsyncGenerator[Start]:
    """Starts servers that end with the test."""
    async with AsyncExitStack() as stack:

        async def started(handler: Handler = echo, **given: Any) -> Listening:
            return await stack.enter_async_context(listening(handler, **given))

        yield started


@pytest.fixture
async def client() -> AsyncGenerator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


async def talk(where: Listening, *parts: bytes, is_over: bool = False) -> bytes:
    """Send bytes, hang up the sending side if that `is_over`; all that came back until the end."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(where.host, where.port)
        with closing(writer):
            for part in parts:
                writer.write(part)
                await writer.drain()
            if is_over:
                writer.write_eof()
            return await reader.read()


def body_of(answer: bytes) -> Any:
    return orjson.loads(answer.partition(b"\r\n\r\n")[2])


async def test_a_request_comes_through_as_it_was_sent(
    start: Start, client: aiohttp.ClientSession
) -> None:
    where = await start()

    async with client.put(
        f"{where.url}/v1/buckets/%C3%A9?a=b%20c", data=b"{}", headers={"X-Request-Id": "r-7"}
    ) as response:
        told = await response.json()

    assert told == {
        "method": "PUT",
        "raw_path": "/v1/buckets/%C3%A9",
        "raw_query": "a=b%20c",
        "base_url": where.url,
        "id": "r-7",
        "body": "{}",
    }
    assert response.headers["X-Request-Id"] == "r-7"
    assert response.headers["Content-Type"] == "application/json"
    assert "Date" in response.headers


async def test_a_request_without_an_id_gets_one(
    start: Start, client: aiohttp.ClientSession
) -> None:
    where = await start()

    async with client.get(where.url, headers={"X-Request-Id": "not harmless"}) as response:
        assert len(response.headers["X-Request-Id"]) == 32


async def test_settings_force_scheme_and_host(start: Start, client: aiohttp.ClientSession) -> None:
    """BASE-7."""
    where = await start(public_url=PublicUrl(scheme="https", host="data.example.org"))

    async with client.get(where.url) as response:
        assert (await response.json())["base_url"] == "https://data.example.org"


@pytest.mark.parametrize("host", ["a b", "x/../y", "<script>", ""])
async def test_a_host_that_is_none_is_not_repeated(start: Start, host: str) -> None:
    """BASE-7: it would end up in `Location` and `Next-Page`."""
    where = await start()

    answer = await talk(
        where, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )

    assert b"HTTP/1.1 400" in answer or body_of(answer)["base_url"] == "http://localhost"


async def test_head_has_the_headers_of_get_and_no_body(start: Start) -> None:
    """BASE-6."""
    where = await start()

    answer = await talk(where, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: " in answer
    assert b"Content-Type: application/json" in answer


async def test_not_modified_has_neither_body_nor_type(start: Start) -> None:
    """PRE-3 and C-14."""

    async def unchanged(_: Request) -> Response:
        return Response(status=304, headers={"ETag": '"1"'})

    answer = await talk(
        await start(unchanged), b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert b"Content-Type" not in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_an_answer_without_a_body_says_so(start: Start) -> None:
    """Or the client would wait for one."""

    async def empty(_: Request) -> Response:
        return Response()

    answer = await talk(
        await start(empty), b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )

    assert b"Content-Length: 0\r\n" in answer


async def test_a_connection_is_used_again(start: Start) -> None:
    where = await start()
    request = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"

    answer = await talk(
        where, request % 1, request % 2, b"GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )

    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b"/1") < answer.index(b"/2") < answer.index(b"/3")


@pytest.mark.parametrize(
    ("head", "kept"), [(b"", False), (b"Connection: keep-alive\r\n", True)], ids=["close", "keep"]
)
async def test_http_1_0_is_kept_on_demand_only(start: Start, head: bytes, kept: bool) -> None:
    where = await start()
    reader, writer = await asyncio.open_connection(where.host, where.port)
    with closing(writer):
        writer.write(b"GET / HTTP/1.0\r\n" + head + b"\r\n")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)

    assert (b"Connection: keep-alive" in answer) is kept
    assert (b"Connection: close" in answer) is not kept


async def test_the_absolute_form_is_understood(start: Start) -> None:
    where = await start()

    answer = await talk(
        where,
        b"GET http://x.example/v1/%C3%A9?a=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )

    assert (body_of(answer)["raw_path"], body_of(answer)["raw_query"]) == ("/v1/%C3%A9", "a=1")


async def test_a_large_answer_arrives_whole(start: Start, client: aiohttp.ClientSession) -> None:
    async def large(_: Request) -> Response:
        return Response(body=b'"' + b"x" * 20_000_000 + b'"')

    async with client.get((await start(large)).url) as response:
        assert len(await response.read()) == 20_000_002


async def chunks(count: int, size: int) -> AsyncGenerator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize(
    "data",
    [b"x" * (BODY_BYTES_MAX + 1), lambda: chunks(20, 100), lambda: chunks(2, 100_000)],
    ids=["length", "chunked", "large chunks"],
)
async def test_a_body_over_the_limit_is_413(
    start: Start, client: aiohttp.ClientSession, data: Any
) -> None:
    """Table 5.2: errno 113."""
    where = await start()

    async with client.post(where.url, data=data() if callable(data) else data) as response:
        told = await response.json()

    assert (response.status, told["errno"]) == (413, 113)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Connection"] == "close"


async def test_a_compressed_body_is_measured_unpacked(
    start: Start, client: aiohttp.ClientSession
) -> None:
    """A megabyte of zeros packs into a kilobyte."""
    where = await start()
    packed = gzip.compress(b"0" * 800_000)

    async with client.post(
        where.url, data=packed, headers={"Content-Encoding": "gzip"}
    ) as response:
        assert response.status == 413


@pytest.mark.parametrize(
    "data", [b"x" * BODY_BYTES_MAX, lambda: chunks(10, 100)], ids=["length", "chunked"]
)
async def test_a_body_up_to_the_limit_is_read(
    start: Start, client: aiohttp.ClientSession, data: Any
) -> None:
    async with client.post(
        (await start()).url, data=data() if callable(data) else data
    ) as response:
        assert len((await response.json())["body"]) == BODY_BYTES_MAX


async def test_a_body_may_come_in_pieces(start: Start) -> None:
    where = await start()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
    reader, writer = await asyncio.open_connection(where.host, where.port)
    with closing(writer):
        for part in (head, b"ab", b"cd"):
            writer.write(part)
            await asyncio.sleep(0.02)
        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)

    assert body_of(answer)["body"] == "abcd"


async def test_a_client_that_asks_first_is_told_to_go_on(start: Start) -> None:
    """`curl` does so for larger bodies, and waits a second for the answer."""
    where = await start()
    reader, writer = await asyncio.open_connection(where.host, where.port)
    with closing(writer):
        writer.write(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        line = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
        writer.write(b"{}")
        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)

    assert line == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert body_of(answer)["body"] == "{}"


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
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
