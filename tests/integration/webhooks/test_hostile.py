"""Receivers that mean harm: each costs its deadline at most, little memory, and nothing else.

How near to the deadline an attempt ends is measured by `tests/bench/webhook_deadlines.py`; here it
only has to end by it, and not before.
"""

import asyncio
import gc
import ssl

import pytest

from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.connection import Connection
from muniment.webhooks.http.reading import AnswerReader
from tests.support.certificates import Authority
from tests.support.peers import (
    DRIPS,
    HEADERS,
    OK,
    Listening,
    Peer,
    answering,
    hanging,
    listening,
    new_client,
    open_connections,
    post,
    reset,
)
from tests.support.projecting import until

TIMEOUT_S = 0.4


@pytest.mark.parametrize("peer", DRIPS.values(), ids=DRIPS)
async def test_whatever_drips_ends_at_the_deadline(peer: Peer) -> None:
    async with listening(peer) as found, new_client(timeout_s=TIMEOUT_S) as client:
        answer = await client.post(found.url, HEADERS, b"{}")

    assert answer.failure is Failure.TIMEOUT
    assert answer.total_ms >= TIMEOUT_S * 1_000 * 0.9


@pytest.mark.parametrize("peer", DRIPS.values(), ids=DRIPS)
async def test_whatever_drips_over_tls_ends_at_the_deadline(peer: Peer) -> None:
    authority = Authority()
    async with (
        listening(peer, context=authority.issue("127.0.0.1").server_context()) as found,
        new_client(timeout_s=TIMEOUT_S, authority=authority) as client,
    ):
        answer = await client.post(found.url, HEADERS, b"{}")

    assert answer.failure is Failure.TIMEOUT


async def test_a_deadline_of_one_endpoint_counts_for_it_alone() -> None:
    """A connection's timer serves exchanges of different deadlines, shorter and longer ones."""
    async with (
        listening(answering(OK + b"Content-Length: 0\r\n\r\n", b"")) as found,
        new_client(timeout_s=60) as client,
    ):
        first = await client.post(found.url, HEADERS, b"{}", timeout_s=30)
        second = await client.post(found.url, HEADERS, b"{}", timeout_s=TIMEOUT_S)

    assert (first.failure, second.failure) == (None, Failure.TIMEOUT)
    assert second.is_reused


async def test_a_later_deadline_is_not_cut_short_by_an_earlier_timer() -> None:
    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for wait_s in (0.0, 1.3):
            await found.read(reader)
            await asyncio.sleep(wait_s)
            writer.write(OK + b"Content-Length: 0\r\n\r\n")

    async with listening(peer) as found, new_client() as client:
        first = await client.post(found.url, HEADERS, b"{}", timeout_s=1.0)
        second = await client.post(found.url, HEADERS, b"{}", timeout_s=60)

    assert (first.failure, second.failure, second.is_reused) == (None, None, True)


async def test_a_receiver_that_reads_nothing_ends_at_the_deadline() -> None:
    """The request does not even leave: the deadline is for sending too."""
    async with listening(hanging) as found, new_client(timeout_s=TIMEOUT_S) as client:
        answer = await client.post(found.url, HEADERS, b"x" * 20_000_000)

    assert answer.failure is Failure.TIMEOUT


async def test_a_handshake_that_stalls_ends_at_the_deadline() -> None:
    async with listening(hanging) as found:
        url = found.url.replace("http:", "https:")
        answer = await post(url, new_client(connect_timeout_s=TIMEOUT_S))

    assert (answer.failure, answer.detail) == (Failure.TLS, "the handshake was not over in time")
    assert answer.tls_ms is not None
    assert answer.tls_ms >= TIMEOUT_S * 1_000 * 0.9


async def test_a_handshake_that_drips_ends_at_the_deadline() -> None:
    """A TLS record that claims 16 KiB and comes byte by byte."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"\x16\x03\x03\x3f\xff\x02")
        while True:
            writer.write(b"\x00")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with listening(peer) as found:
        url = found.url.replace("http:", "https:")
        answer = await post(url, new_client(connect_timeout_s=TIMEOUT_S))

    assert answer.failure is Failure.TLS


async def test_the_whole_deadline_is_for_connecting_too() -> None:
    async with listening(hanging) as found:
        url = found.url.replace("http:", "https:")
        answer = await post(url, new_client(timeout_s=TIMEOUT_S, connect_timeout_s=60))

    assert answer.failure is Failure.TLS
    assert answer.total_ms >= TIMEOUT_S * 1_000 * 0.9


@pytest.mark.parametrize(
    ("answer", "failure", "status"),
    [
        (b"HTTP/1.1 200 " + b"x" * 1_000_000, Failure.TOO_LARGE, None),
        (OK + b"X: y\r\n" * 200_000, Failure.TOO_LARGE, None),
        (OK + b"X: " + b"y" * 1_000_000, Failure.TOO_LARGE, None),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, Failure.TOO_LARGE, None),
        (OK + b"Content-Length: 1000000\r\n\r\n" + b"." * 1_000_000, None, 200),
        (b"HTTP/1.1 500 X\r\n\r\n" + b"." * 1_000_000, Failure.STATUS, 500),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n.\r\n" * 99_999, None, 200),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 1_000_000, None, 200),
    ],
    ids=["status-line", "headers", "header", "100", "body", "until-close", "chunks", "extension"],
)
async def test_a_flood_is_cut_off(answer: bytes, failure: Failure | None, status: int) -> None:
    async with listening(answering(answer)) as found, new_client(timeout_s=30) as client:
        got = await client.post(found.url, HEADERS, b"{}")

    assert (got.failure, got.status) == (failure, status)
    assert len(got.body) <= 4_096


async def test_of_a_long_answer_little_is_read() -> None:
    """400 MB of answer must neither be stored nor waited for; the status has said it all."""
    sent = 0

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal sent
        await found.read(reader)
        writer.write(OK + b"Content-Length: 400000000\r\n\r\n")
        while sent < 400_000_000:
            writer.write(b"." * 65_536)
            sent += 65_536
            await writer.drain()

    async with listening(peer) as found:
        answer = await post(found.url)

    assert answer.is_delivered
    assert sent < 40_000_000


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    "peer",
    [
        answering(OK + b"Content-Length: 1000000\r\n\r\n" + b"." * 1_000_000),
        answering(OK + b"X: y\r\n" * 200_000),
        answering(OK + b"\r\nbody", closes=True),
        DRIPS["drips-body"],
    ],
    ids=["floods", "headers", "closes", "drips"],
)
async def test_a_connection_is_gone_from_memory_without_a_collection(
    peer: Peer, *, is_tls: bool
) -> None:
    """A dispatcher has them rarely: what a receiver has sent would pile up between two."""
    authority = Authority()
    context = authority.issue("127.0.0.1").server_context() if is_tls else None
    before = open_connections()
    gc.collect()
    gc.disable()
    try:
        async with (
            listening(peer, context=context) as found,
            new_client(timeout_s=TIMEOUT_S, authority=authority) as client,
        ):
            await client.post(found.url, HEADERS, b"{}")
            await until(lambda: open_connections() == before)
        left = [x for x in gc.get_objects() if isinstance(x, Connection | AnswerReader)]
    finally:
        gc.enable()

    assert left == []


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"-ERR unknown command\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"\xff" * 100,
        b"<html></html>",
        OK + b"Transfer-Encoding: chunked\r\n\r\nnot hex\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=repr,
)
async def test_something_else_than_http_is_a_failure(answer: bytes) -> None:
    async with listening(answering(answer)) as found:
        got = await post(found.url)

    assert got.failure is Failure.PROTOCOL
    assert got.detail


async def test_who_speaks_first_does_not_speak_http() -> None:
    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await reader.read()

    async with listening(peer) as found:
        answer = await post(found.url)

    assert answer.failure is Failure.PROTOCOL


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        OK + b"Content-Length: 10\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=repr,
)
async def test_an_answer_that_breaks_off_is_a_failure(sent: bytes) -> None:
    """Also behind a 200: who breaks off may not have kept the message."""
    async with listening(answering(sent, closes=True)) as found:
        answer = await post(found.url)

    assert answer.failure is Failure.CLOSED


async def test_an_answer_until_close_is_whole() -> None:
    async with listening(answering(OK + b"\r\nbody", closes=True)) as found:
        answer = await post(found.url)

    assert (answer.failure, answer.body) == (None, b"body")


@pytest.mark.parametrize("sent", [b"", OK, OK + b"\r\nbody"], ids=repr)
async def test_a_reset_is_a_failure(sent: bytes) -> None:
    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await found.read(reader)
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)

    async with listening(peer) as found:
        answer = await post(found.url)

    assert answer.failure is Failure.CLOSED


async def test_a_reset_of_a_kept_connection_costs_nothing() -> None:
    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await found.read(reader)
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        if found.connections == 1:
            await found.read(reader)
            reset(writer)
        await asyncio.Event().wait()

    async with listening(peer) as found, new_client() as client:
        answers = [await client.post(found.url, HEADERS, b"{}") for _ in range(2)]

    assert [(each.status, each.is_reused) for each in answers] == [(200, False), (200, False)]
    assert found.connections == 2


async def test_an_answer_before_the_request_was_sent_counts() -> None:
    """And its connection is used no more: what is left of the request would be the next one."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async with listening(peer) as found, new_client() as client:
        answers = [await client.post(found.url, HEADERS, b"x" * 20_000_000) for _ in range(2)]

    assert [(each.status, each.is_reused) for each in answers] == [(413, False), (413, False)]


async def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with listening(answering(OK + b"Content-Length: 0\r\n\r\n")) as found:
        answer = await post(found.url, body=body)

    assert answer.is_delivered
    assert found.requests[0].endswith(b"\r\n\r\n" + body)


async def test_interim_answers_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLocation: /early\r\n\r\n"
    async with (
        listening(answering(interim + OK + b"Content-Length: 2\r\n\r\nok")) as found,
        new_client() as client,
    ):
        answers = [await client.post(found.url, HEADERS, b"{}") for _ in range(2)]

    assert [(each.status, each.body, each.location) for each in answers] == [(200, b"ok", None)] * 2
    assert found.connections == 1


async def test_a_redirect_to_the_metadata_is_an_answer_like_any() -> None:
    to = b"http://169.254.169.254/latest/meta-data/"
    async with listening(
        answering(b"HTTP/1.1 307 X\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")
    ) as found:
        answer = await post(found.url)

    assert (answer.failure, answer.status) == (Failure.STATUS, 307)
    assert answer.location == to.decode()


async def test_hostile_receivers_leave_no_connection_behind() -> None:
    """All kinds, each taking all the room there is; after them there is all of it again."""
    peers: list[Peer] = [*DRIPS.values(), answering(OK + b"X: y\r\n" * 20_000), answering(b"\0")]
    before = open_connections()
    async with (
        listening(answering(OK + b"Content-Length: 0\r\n\r\n")) as good,
        new_client(timeout_s=TIMEOUT_S, connections_max=8) as client,
    ):
        for peer in peers:
            async with listening(peer) as found:
                await asyncio.gather(*(client.post(found.url, HEADERS, b"{}") for _ in range(8)))
        await until(lambda: open_connections() == before)
        answers = await asyncio.gather(*(client.post(good.url, HEADERS, b"{}") for _ in range(8)))

    assert [answer.status for answer in answers] == [200] * 8


async def test_a_server_without_tls_is_a_failure_of_tls() -> None:
    async with listening(answering(OK + b"\r\n", closes=True)) as found:
        answer = await post(found.url.replace("http:", "https:"))

    assert answer.failure is Failure.TLS
    assert answer.detail


async def test_a_server_with_tls_is_no_plain_one() -> None:
    context: ssl.SSLContext = Authority().issue("127.0.0.1").server_context()
    async with listening(answering(OK + b"\r\n"), context=context) as found:
        answer = await post(found.url.replace("https:", "http:"))

    assert answer.failure in {Failure.PROTOCOL, Failure.CLOSED}
