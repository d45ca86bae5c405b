"""Fixtures of the log's contract suite: each test gets a fresh log of each kind."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.contract.log.wire import Wire, wire_to
from tests.contract.log.worlds import UNLUCKY_CLIENT, MemoryWorld, World, kafka_world
from tests.support.stack import Stack


@pytest_asyncio.fixture
async def wire(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Wire]:
    """What the unlucky instance reaches Kafka through."""
    async with wire_to(stack.kafka_url, client_id=UNLUCKY_CLIENT, patch=monkeypatch) as wire:
        yield wire


@pytest_asyncio.fixture(params=["memory", "kafka"])
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    """A log in memory, or one in the real Kafka."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    prefix: str = request.getfixturevalue("topic_prefix")
    stack: Stack = request.getfixturevalue("stack")
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    async with (
        wire_to(stack.kafka_url, client_id=UNLUCKY_CLIENT, patch=patch) as wire,
        kafka_world(stack.kafka_url, prefix=prefix, wire=wire) as world,
    ):
        yield world
