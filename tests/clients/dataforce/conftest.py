"""One server for all of them, and in it the organization that the contract wants (section 11)."""

from collections.abc import Generator
from typing import Any

import pytest

from tests.clients.dataforce.site import Site, new_site
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack


@pytest.fixture(scope="package")
def dataforce_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """All services on the session's stack; whoever has a name may write every bucket in `/v1`."""
    settings = {"bucket_write_principals": "system.Authenticated"}
    with new_server(stack, tmp_path_factory.mktemp("dataforce"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def site(dataforce_server: MunimentServer) -> Generator[Site]:
    """An organization of its own for each module of tests."""
    made = new_site(dataforce_server)
    yield made
    made.close()


@pytest.fixture
def orbit(site: Site) -> Any:
    """An orbit without collections: its path below the prefix."""
    return site.new_orbit()
