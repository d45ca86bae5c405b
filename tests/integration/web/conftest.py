"""What the tests of the server share."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from muniment.web.http import Handler
from muniment.web.server import Listening
from tests.integration.web.serving import DEADLINE_S, Start, echo, listening


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
