"""Requests that are sent on, also to instances that are not there."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from muniment.stack import ports
from muniment.web import forwarding
from muniment.web.forwarding import NotTaken, open_forwarder
from muniment.web.http import Request, Response, headers_of

ANSWER_S = 60.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Where nothing answers a connection, as if the machine were gone: its queue is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listening.getsockname()[1]
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


async def test_an_instance_whose_machine_is_gone_has_taken_nothing(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write can be sent to the next owner, long before an answer would be overdue."""
    monkeypatch.setattr(forwarding, "CONNECT_TIMEOUT_S", 0.2)

    with pytest.raises(NotTaken):
        await forward_to(silent_port)


async def test_an_instance_that_has_ended_has_taken_nothing() -> None:
    with pytest.raises(NotTaken):
        await forward_to(ports.pick(None))


async def test_a_long_next_page_comes_back() -> None:
    """QP-2, DELL-4: what was deleted is told, however long the request's URL was."""
    next_page = f"http://one.example/v1/buckets?exclude_id={'x' * 16_000}"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nNext-Page: {next_page}\r\nContent-Length: 2\r\n\r\n"
        writer.write(head.encode() + b"{}")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as owner:
        answered = await forward_to(owner.sockets[0].getsockname()[1])

    assert (answered.status, answered.headers["Next-Page"]) == (200, next_page)


async def forward_to(port: int) -> Response:
    request = Request(
        method="PUT", raw_path="/v1/buckets/a", headers=headers_of({}), base_url="", id="r1"
    )
    async with open_forwarder(instance_id="one", timeout_s=ANSWER_S) as forwarder:
        return await forwarder.forward(request, f"http://127.0.0.1:{port}")
