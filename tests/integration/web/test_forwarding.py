"""Requests that are sent on to instances that are not there."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from muniment.stack import ports
from muniment.web import forwarding
from muniment.web.forwarding import NotTaken, open_forwarder
from muniment.web.http import Request, headers_of

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


async def forward_to(port: int) -> None:
    request = Request(
        method="PUT", raw_path="/v1/buckets/a", headers=headers_of({}), base_url="", id="r1"
    )
    async with open_forwarder(instance_id="one", timeout_s=ANSWER_S) as forwarder:
        await forwarder.forward(request, f"http://127.0.0.1:{port}")
