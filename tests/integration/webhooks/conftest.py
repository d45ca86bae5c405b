"""The delivery client is tested on both loops; whole servers are one for all tests here."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from typing import Final

import pytest
import uvloop

from tests.clients.requester import Requester
from tests.support.hooks import SECRET
from tests.support.receiver import Receiver, running_receiver
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name

QUICK: Final = {"webhooks_probe_every_s": "0.3"}


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, which serves, and asyncio's own."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="package")
def muniment_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """All services, with topics and a database of their own."""
    with new_server(stack, tmp_path_factory.mktemp("server"), QUICK) as server:
        yield server


@pytest.fixture(scope="package")
def nadia(muniment_server: MunimentServer) -> Generator[Requester]:
    """A user at that server."""
    with Requester(muniment_server.origin, "nadia") as requester:
        yield requester


@pytest.fixture
def receiver() -> Generator[Receiver]:
    """Who is told, and verifies each signature."""
    with running_receiver(SECRET) as receiver:
        yield receiver


@pytest.fixture
def bucket(nadia: Requester) -> str:
    """The path of one of her buckets, with a collection."""
    path = f"/v1/buckets/atlas-{new_name()}"
    for each in (path, f"{path}/collections/tides"):
        assert nadia("PUT", each).status_code == 201
    return path
