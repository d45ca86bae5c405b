"""One server for all rows and rules of the contract that need no setting of their own."""

import asyncio
from collections.abc import Generator
from typing import Any

import kinto_http
import pytest

from tests.clients.kinto.stock import Awaited
from tests.clients.requester import Atlas, data
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name


@pytest.fixture(scope="session")
def muniment_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """All services with what the contract leaves to choice switched on."""
    settings = {
        "auth_policies": "account basicauth",
        "account_create_principals": "system.Everyone",
        "counters_enabled": "true",
        "user_data_delete_principals": "system.Authenticated",
    }
    with new_server(stack, tmp_path_factory.mktemp("kinto"), settings) as server:
        yield server


@pytest.fixture
def furnished(atlas: Atlas) -> Atlas:
    """With a record `a` and a group `crew`."""
    atlas.record("a", {"n": 1})
    data(atlas.nadia("PUT", f"{atlas.bucket}/groups/crew", {"data": {"members": []}}))
    return atlas


@pytest.fixture(params=["Client", "AsyncClient"])
def client(muniment_server: MunimentServer, request: pytest.FixtureRequest) -> Generator[Any]:
    """A client of Nadia, with a bucket and a collection of its own."""
    names = {"bucket": f"atlas-{new_name()}", "collection": "stations"}
    kind = getattr(kinto_http, str(request.param))
    client = kind(server_url=muniment_server.url, auth=("nadia", "password"), **names)
    loop = asyncio.new_event_loop()
    client = Awaited(client, loop) if request.param == "AsyncClient" else client
    client.create_bucket()
    client.create_collection()
    yield client
    loop.close()
