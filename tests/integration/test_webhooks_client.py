"""The HTTP client of deliveries against real servers, well-behaved and not."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from ipaddress import ip_network

import pytest

from muniment.webhooks.client import Answer, Client, Failure, retry_after_s
from muniment.webhooks.targets import AddressGuard
from tests.support.receiver import HANG, Receiver, Reply, always

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
SECRET = "whsec_" + "A" * 44

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def new_client(guard: AddressGuard | None = None, timeout_s: float = 0.5) -> Client:
    return Client(
        guard=guard or AddressGuard(LOOPBACK), timeout_s=timeout_s, connect_timeout_s=timeout_s
    )


@asynccontextmanager
async def listening(peer: Peer) -> AsyncGenerator[str, None]:
    """A server that does with each connection what the peer says; answers its URL."""
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def post(url: str, client: Client | None = None) -> Answer:
    async with client or new_client() as opened:
        return await opened.post(url, HEADERS, b"{}")


@pytest.mark.parametrize(
    ("status", "is_delivered"),
    [(200, True), (202, True), (204, True), (301, False), (400, False), (410, False), (503, False)],
)
async def test_only_2xx_is_success(status: int, is_delivered: bool) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)

    async with listening(peer) as url:
        answer = await post(url)

    assert (answer.status, answer.is_delivered) == (status, is_delivered)


async def test_a_redirect_is_not_followed() -> None:
    """Followed, it would turn a POST into a GET without a body that counts as delivered."""
    async with Receiver(SECRET) as elsewhere:
        reached: list[bytes] = []

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.append(await read_request(reader))
            location = elsewhere.url.encode()
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
            )

        async with listening(peer) as url:
            answer = await post(url)

        assert (answer.failure, answer.status, len(reached)) == (Failure.STATUS, 302, 1)
        assert (elsewhere.received, elsewhere.forged) == ([], [])


async def test_a_receiver_that_never_answers_costs_the_timeout() -> None:
    async def peer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3_600)

    async with listening(peer) as url:
        started = time.monotonic()
        answer = await post(url)

    assert answer.failure is Failure.TIMEOUT
    assert 0.45 <= time.monotonic() - started < 0.8


async def test_an_answer_that_drips_costs_the_timeout() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await asyncio.sleep(0.02)

    async with listening(peer) as url:
        started = time.monotonic()
        answer = await post(url)

    assert answer.failure is Failure.TIMEOUT
    assert time.monotonic() - started < 0.8


async def test_of_a_long_answer_little_is_read() -> None:
    """400 MB of answer must neither be stored nor waited for; the status has said it all."""
    sent = 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n")
        while sent < 400_000_000 and not writer.is_closing():
            writer.write(b"." * 65_536)
            sent += 65_536
            await writer.drain()

    async with listening(peer) as url:
        answer = await post(url)

    assert answer.is_delivered
    assert sent < 40_000_000


async def test_connections_are_kept_and_a_stale_one_costs_nothing() -> None:
    """A receiver may close a kept-alive connection just when the next message is sent."""
    connections = 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await read_request(reader)
            writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        if connections == 1:
            await reader.readexactly(1)
        writer.close()

    async with listening(peer) as url, new_client() as client:
        answers = [await client.post(url, HEADERS, b"{}") for _ in range(4)]

    assert [answer.status for answer in answers] == [204] * 4
    assert connections == 2


async def test_nobody_there_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = await post(f"http://127.0.0.1:{unused.getsockname()[1]}/")

    assert answer.failure is Failure.CONNECT


async def test_something_else_than_http_is_a_failure() -> None:
    async def peer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
        writer.close()

    async with listening(peer) as url:
        answer = await post(url)

    assert answer.failure is Failure.BROKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"])
async def test_loopback_is_refused_unless_a_setting_allows_it(host: str) -> None:
    """By whatever name: what is judged is the address that a socket would connect to."""
    reached = False

    async def peer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached = True
        writer.close()

    async with listening(peer) as url:
        answer = await post(url.replace("127.0.0.1", host), new_client(AddressGuard()))

    assert (answer.failure, reached) == (Failure.FORBIDDEN, False)


async def test_a_name_that_resolves_differently_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: what is judged is the very address that is connected to."""

    async def resolve(*_arguments: object, **_options: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)

    answer = await post("http://rebinding.example:9/", new_client(AddressGuard()))

    assert answer.failure is Failure.FORBIDDEN


async def test_retry_after_is_told() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")

    async with listening(peer) as url:
        answer = await post(url)

    assert answer.retry_after_s == 7


@pytest.mark.parametrize(
    ("value", "low_s", "high_s"),
    [
        ("600", 600, 600),
        ("999999999", 86_400, 86_400),
        (formatdate(time.time() + 9_000, usegmt=True), 8_000, 9_000),
        (formatdate(time.time() - 100, usegmt=True), 0, 0),
    ],
)
def test_both_forms_of_retry_after_are_read(value: str, low_s: float, high_s: float) -> None:
    wait_s = retry_after_s({"Retry-After": value})

    assert wait_s is not None
    assert low_s <= wait_s <= high_s


@pytest.mark.parametrize("value", ["", "soon", "-5", "²", "Thu, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:
    assert retry_after_s({"Retry-After": value}) is None


async def test_many_at_a_hung_receiver_do_not_delay_another() -> None:
    async with Receiver(SECRET) as hung, Receiver(SECRET) as well, new_client() as client:
        hung.behave(always(HANG))
        well.behave(always(Reply()))
        waiting = [asyncio.create_task(client.post(hung.url, HEADERS, b"{}")) for _ in range(100)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await client.post(well.url, HEADERS, b"{}")
        took_s = time.monotonic() - started
        await asyncio.gather(*waiting)

    assert took_s < 0.2
