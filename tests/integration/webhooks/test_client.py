"""The HTTP client of deliveries against receivers that behave, more or less."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from muniment.runtime import metrics
from muniment.webhooks.http import client as client_module
from muniment.webhooks.http import pool
from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.guard import Guard
from tests.support.peers import (
    HEADERS,
    Listening,
    answering,
    hanging,
    listening,
    new_client,
    open_connections,
    post,
)
from tests.support.projecting import until
from tests.support.receiver import HANG, Receiver, Reply, always

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
SECRET = "whsec_" + "A" * 44


async def test_a_delivery_is_one_request_with_exactly_these_bytes() -> None:
    async with listening(answering(NO_CONTENT)) as peer:
        await post(peer.url.replace("/hook", "/a%2fb?c=%7e#not-sent"), body=b'{"a":1}')

    assert peer.requests == [
        b"POST /a%2fb?c=%7e HTTP/1.1\r\n"
        b"Host: 127.0.0.1:" + str(peer.port).encode() + b"\r\n"
        b"webhook-id: evt_1\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,x\r\n"
        b'Content-Length: 7\r\n\r\n{"a":1}'
    ]


@pytest.mark.parametrize(
    ("status", "is_delivered"),
    [
        *[(200, True), (201, True), (202, True), (204, True), (299, True)],
        *[(300, False), (301, False), (304, False), (400, False), (410, False), (503, False)],
        (999, False),
    ],
)
async def test_only_2xx_is_success(status: int, is_delivered: bool) -> None:
    async with listening(answering(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)) as peer:
        answer = await post(peer.url)

    assert (answer.status, answer.is_delivered) == (status, is_delivered)
    assert answer.failure is (None if is_delivered else Failure.STATUS)


async def test_the_answer_tells_what_the_log_of_attempts_wants_to_know() -> None:
    async with (
        listening(
            answering(
                b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nLocation: /x\r\n"
                b"Webhook-Delivery: disable\r\nContent-Length: 5000\r\n\r\n" + b"b" * 5000
            )
        ) as peer,
        new_client() as client,
    ):
        first = await client.post(peer.url, HEADERS, b"{}")
        second = await client.post(peer.url, HEADERS, b"{}")

    assert (first.status, first.reason) == (503, "status 503")
    assert (first.retry_after, first.retry_after_s) == ("7", 7)
    assert (first.location, first.delivery_control) == ("/x", "disable")
    assert first.body == b"b" * 4096
    assert first.address == f"127.0.0.1:{peer.port}"
    assert (first.is_reused, second.is_reused) == (False, True)
    assert first.connect_ms is not None
    assert first.first_byte_ms is not None
    assert first.total_ms >= first.connect_ms
    assert (first.dns_ms, first.tls_ms, second.connect_ms) == (None, None, None)


async def test_a_redirect_is_not_followed() -> None:
    """Followed, it would turn a POST into a GET without a body that counts as delivered."""
    async with Receiver(SECRET) as elsewhere:
        redirect = f"HTTP/1.1 302 X\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        async with listening(answering(redirect.encode())) as peer:
            answer = await post(peer.url)

        assert (answer.failure, answer.status) == (Failure.STATUS, 302)
        assert answer.location == elsewhere.url
        assert (elsewhere.received, elsewhere.forged) == ([], [])


async def test_credentials_of_the_url_are_sent_as_such() -> None:
    async with listening(answering(NO_CONTENT)) as peer:
        await post(peer.at("nadia:s%20cret@127.0.0.1"))

    assert b"\r\nAuthorization: Basic bmFkaWE6cyBjcmV0\r\n" in peer.requests[0]


async def test_the_answer_tells_which_headers_were_sent() -> None:
    """But nothing where no connection came about."""
    async with listening(answering(NO_CONTENT)) as peer:
        answer = await post(peer.url)
    refused = await post(peer.url)

    sent = peer.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    names = [line.partition(":")[0] for line in sent]
    shown = (answer.request_headers or "").split("\n")
    assert [line.partition(":")[0] for line in shown] == names
    assert set(shown) & set(sent) >= {f"Host: 127.0.0.1:{peer.port}"}
    assert (refused.failure, refused.request_headers) == (Failure.REFUSED, None)


@pytest.mark.parametrize(
    "headers",
    [
        *[{"x": "a\r\nHost: evil"}, {"x": "a\nb"}, {"x": "a\x00"}, {"x\r\ny": "a"}, {"x y": "a"}],
        *[{"": "a"}, {"x": "ü"}, {"Host": "evil"}, {"content-length": "0"}, {"x:": "a"}],
        {"Transfer-Encoding": "chunked"},
    ],
    ids=repr,
)
async def test_a_header_that_is_more_than_a_header_is_not_sent(headers: dict[str, str]) -> None:
    async with listening(answering(NO_CONTENT)) as peer, new_client() as client:
        answer = await client.post(peer.url, headers, b"{}")

    assert (answer.failure, peer.connections) == (Failure.HEADER, 0)


# --- Connections that are kept --------------------------------------------------------------------


async def test_connections_are_kept() -> None:
    async with listening(answering(NO_CONTENT)) as peer, new_client() as client:
        for _ in range(5):
            await client.post(peer.url, HEADERS, b"{}")

    assert (peer.connections, len(peer.requests)) == (1, 5)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"." * 20_000,
        b"HTTP/1.1 204 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
        b"HTTP/1.1 204 X\r\n\r\ngarbage",
        b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["close", "1.0", "too-long", "pipelined", "garbage", "body-of-204"],
)
async def test_a_connection_that_may_not_be_used_again_is_not(answer: bytes) -> None:
    async with listening(answering(answer)) as peer, new_client() as client:
        answers = [await client.post(peer.url, HEADERS, b"{}") for _ in range(3)]

    assert [each.is_delivered for each in answers] == [True, True, True]
    assert [each.is_reused for each in answers] == [False, False, False]
    assert peer.connections == 3


async def test_a_connection_on_which_something_comes_unasked_is_not_used_again() -> None:
    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await found.read(reader)
        writer.write(NO_CONTENT)
        await writer.drain()
        await is_idle.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    is_idle, before = asyncio.Event(), open_connections()
    async with listening(peer) as found, new_client() as client:
        await client.post(found.url, HEADERS, b"{}")
        is_idle.set()
        await until(lambda: open_connections() == before)
        answer = await client.post(found.url, HEADERS, b"{}")

    assert (answer.status, answer.is_reused, found.connections) == (204, False, 2)


async def test_what_had_come_unasked_is_not_taken_for_the_answer() -> None:
    """`408` to a connection that lay idle, say: nobody has looked when the next message is due."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def take_one() -> tuple[socket.socket, bytes]:
            accepted, _ = server.accept()
            accepted.settimeout(10)
            request = accepted.recv(4_096)
            accepted.sendall(NO_CONTENT)
            return accepted, request

        url = f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        async with new_client() as client:
            taking = asyncio.create_task(asyncio.to_thread(take_one))
            await client.post(url, HEADERS, b"{}")
            first, _ = await taking
            with first:
                first.sendall(b"HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n")
                taking = asyncio.create_task(asyncio.to_thread(take_one))
                answer = await client.post(url, HEADERS, b"[]")
                second, request = await taking
                with second:
                    nothing_more = await asyncio.to_thread(first.recv, 1)

    assert (answer.status, answer.is_reused) == (204, False)
    assert request.endswith(b"\r\n\r\n[]")
    assert nothing_more == b""


async def test_a_stale_connection_costs_nothing() -> None:
    """A receiver may close a kept-alive connection just when the next message is sent."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for _ in range(2):
            await found.read(reader)
            writer.write(NO_CONTENT)
        if found.connections == 1:
            await reader.readexactly(1)
        # The connection ends with the request in it, unanswered.

    async with listening(peer) as found, new_client() as client:
        answers = [await client.post(found.url, HEADERS, b"{}") for _ in range(4)]

    assert [answer.status for answer in answers] == [204] * 4
    assert [answer.is_reused for answer in answers] == [False, True, False, True]
    assert found.connections == 2


async def test_only_a_connection_that_was_kept_has_a_second_try() -> None:
    """A receiver that closes each connection unanswered is failing; the schedule is for that."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await found.read(reader)

    async with listening(peer) as found:
        answer = await post(found.url)

    assert (answer.failure, found.connections) == (Failure.CLOSED, 1)


async def test_a_connection_that_broke_within_the_answer_has_no_second_try() -> None:
    async with (
        listening(answering(NO_CONTENT, b"HTTP/1.1 2", closes=False)) as found,
        new_client() as client,
    ):
        await client.post(found.url, HEADERS, b"{}")
        answer = await client.post(found.url, HEADERS, b"{}", timeout_s=0.3)

    assert (answer.failure, answer.is_reused, len(found.requests)) == (Failure.TIMEOUT, True, 2)


async def test_a_connection_is_let_go_before_the_receiver_does_so() -> None:
    """`Keep-Alive: timeout=1` leaves no time in which it could be used safely."""
    told = b"HTTP/1.1 204 X\r\nKeep-Alive: timeout=1, max=100\r\n\r\n"
    async with listening(answering(told)) as peer, new_client() as client:
        await client.post(peer.url, HEADERS, b"{}")
        await asyncio.sleep(1.3)
        await client.post(peer.url, HEADERS, b"{}")

    assert peer.connections == 2


async def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "IDLE_S_MAX", 0.1)
    before = open_connections()
    async with listening(answering(NO_CONTENT)) as peer, new_client() as client:
        await client.post(peer.url, HEADERS, b"{}")
        await until(lambda: open_connections() == before)
        answer = await client.post(peer.url, HEADERS, b"{}")

    assert (answer.is_reused, peer.connections) == (False, 2)


async def test_an_old_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy it is: its name may lead elsewhere by now."""
    async with listening(answering(NO_CONTENT)) as peer, new_client() as client:
        await client.post(peer.url, HEADERS, b"{}")
        monkeypatch.setattr(pool, "AGE_S_MAX", 0.0)
        await client.post(peer.url, HEADERS, b"{}")
        await client.post(peer.url, HEADERS, b"{}")

    assert peer.connections == 2


async def test_concurrent_deliveries_have_a_connection_each() -> None:
    async with listening(answering(NO_CONTENT)) as peer, new_client() as client:
        for _ in range(2):
            await asyncio.gather(*(client.post(peer.url, HEADERS, b"{}") for _ in range(20)))

    assert len(peer.requests) == 40
    assert peer.connections == 20


async def test_there_are_no_more_connections_than_allowed() -> None:
    """Deliveries beyond that wait for their turn; idle connections elsewhere make room."""
    open_now = most = 0

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            while True:
                await found.read(reader)
                await asyncio.sleep(0.01)
                writer.write(NO_CONTENT)
        finally:
            open_now -= 1

    async with (
        listening(peer) as one,
        listening(peer) as other,
        new_client(connections_max=3) as client,
    ):
        urls = [one.url, other.url] * 20
        answers = await asyncio.gather(*(client.post(url, HEADERS, b"{}") for url in urls))

    assert all(answer.is_delivered for answer in answers)
    assert len(one.requests) == len(other.requests) == 20
    assert most <= 3 + 1  # the receiver may learn of a closed one after the new one is there


async def test_many_at_a_hung_receiver_do_not_delay_another() -> None:
    async with (
        Receiver(SECRET) as hung,
        listening(answering(NO_CONTENT)) as well,
        new_client(timeout_s=30) as client,
    ):
        hung.behave(always(HANG))
        waiting = [asyncio.create_task(client.post(hung.url, HEADERS, b"{}")) for _ in range(100)]
        answer = await client.post(well.url, HEADERS, b"{}")
        were_waiting = [not task.done() for task in waiting]
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    assert answer.is_delivered
    assert all(were_waiting)


async def test_what_is_cancelled_leaves_no_connection_behind() -> None:
    async with listening(hanging) as peer, new_client(timeout_s=30) as client:
        before = open_connections()
        tasks = [asyncio.create_task(client.post(peer.url, HEADERS, b"{}")) for _ in range(10)]
        await until(lambda: peer.connections == 10 and open_connections() - before == 10)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await until(lambda: open_connections() == before)


async def test_connections_are_counted_by_how_they_came_about() -> None:
    def counted(kind: str) -> float:
        return (
            metrics.REGISTRY.get_sample_value("muniment_webhook_connections_total", {"kind": kind})
            or 0.0
        )

    opened, reused = counted("opened"), counted("reused")
    async with listening(answering(NO_CONTENT)) as peer, new_client() as client:
        for _ in range(3):
            await client.post(peer.url, HEADERS, b"{}")
        are_open = open_connections()

    assert (counted("opened") - opened, counted("reused") - reused) == (1, 2)
    assert are_open >= 1


# --- No connection --------------------------------------------------------------------------------


async def test_nobody_there_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = await post(f"http://127.0.0.1:{unused.getsockname()[1]}/")

    assert (answer.failure, answer.detail) == (Failure.REFUSED, "Connection refused")
    assert answer.connect_ms is not None


@pytest.mark.parametrize("url", ["", "ftp://example.com/", "http://a b/", "http://1.2.3.4.5/"])
async def test_what_is_no_url_is_told(url: str) -> None:
    answer = await post(url)

    assert answer.failure is Failure.URL


@pytest.mark.parametrize(
    "guard",
    [
        Guard(allowed_networks=[ip_network("127.0.0.0/8")], https_only=True),
        Guard(allowed_networks=[ip_network("127.0.0.0/8")], denied_hosts=["127.0.0.1"]),
        Guard(
            allowed_networks=[ip_network("127.0.0.0/8")],
            denied_networks=[ip_network("127.0.0.1/32")],
        ),
    ],
    ids=["https-only", "denied-host", "denied-network"],
)
async def test_what_settings_deny_is_not_called(guard: Guard) -> None:
    async with listening(answering(NO_CONTENT)) as peer:
        answer = await post(peer.url, new_client(guard))

    assert (answer.failure, peer.connections) == (Failure.BLOCKED, 0)


async def test_a_denied_port_is_not_called() -> None:
    async with listening(answering(NO_CONTENT)) as peer:
        guard = Guard(allowed_networks=[ip_network("127.0.0.0/8")], denied_ports=[peer.port])
        answer = await post(peer.url, new_client(guard))

    assert (answer.failure, peer.connections) == (Failure.BLOCKED, 0)


async def test_a_receiver_of_the_real_kind_gets_everything() -> None:
    """A web server that checks signatures; here all are wrong, which is an answer too."""
    async with Receiver(SECRET) as receiver, new_client() as client:
        receiver.behave(always(Reply()))
        answers = [await client.post(receiver.url, HEADERS, b"{}") for _ in range(3)]

    assert [answer.status for answer in answers] == [401, 401, 401]
    assert len(receiver.forged) == 3
