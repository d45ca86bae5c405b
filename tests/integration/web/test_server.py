"""A real server on loopback: what arrives, and what goes out."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Any

import aiohttp
import pytest

from muniment.web.http import Request, Response
from muniment.web.server import PublicUrl
from tests.integration.web.serving import (
    BODY_BYTES_MAX,
    DEADLINE_S,
    Start,
    body_of,
    talk,
)


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


@pytest.mark.parametrize("name", ["Accept", "If-Match", "If-None-Match"])
async def test_lines_of_a_list_are_one(
    start: Start, client: aiohttp.ClientSession, name: str
) -> None:
    """MT-1 and ERR-22: the first line alone says neither what is accepted nor what must match."""

    async def tell(request: Request) -> Response:
        return Response(body=request.headers[name].encode())

    where = await start(tell)

    async with client.get(where.url, headers=[(name, "a"), ("X-B", "b"), (name, "c")]) as response:
        assert await response.text() == "a, c"


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
