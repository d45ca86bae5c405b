"""The delivery client is tested on both loops; whole servers are one for all tests here."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from typing import Final

import pytest
import uvloop

from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack

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
