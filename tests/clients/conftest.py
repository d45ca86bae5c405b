"""Users of a running Muniment, each test's with a bucket of its own."""

from collections.abc import Generator

import pytest

from tests.clients.requester import Atlas, Requester, data
from tests.support import node
from tests.support.server import MunimentServer
from tests.support.stack import new_name


@pytest.fixture(scope="session")
def packages() -> None:
    """The npm packages that the scripts in `node/` use."""
    node.install(node.FOLDER)


@pytest.fixture(scope="module")
def cast(muniment_server: MunimentServer) -> Generator[tuple[Requester, Requester, Requester]]:
    """Nadia, Omar and nobody."""
    origin = muniment_server.origin
    requesters = (
        Requester(origin, "nadia"),
        Requester(origin, "omar"),
        Requester(origin, None),
    )
    yield requesters
    for requester in requesters:
        requester.close()


@pytest.fixture
def empty_atlas(cast: tuple[Requester, Requester, Requester]) -> Atlas:
    """Their bucket before it is made."""
    nadia, omar, anonymous = cast
    return Atlas(
        nadia=nadia, omar=omar, anonymous=anonymous, bucket=f"/v1/buckets/atlas-{new_name()}"
    )


@pytest.fixture
def atlas(empty_atlas: Atlas) -> Atlas:
    """Nadia's bucket with a collection without records."""
    paths = (empty_atlas.bucket, empty_atlas.collection)
    requests = [{"method": "PUT", "path": path} for path in paths]
    items = data(empty_atlas.nadia("POST", "/v1/batch", {"requests": requests}), "responses")
    assert [item["status"] for item in items] == [201, 201]
    return empty_atlas


@pytest.fixture
def new_user(muniment_server: MunimentServer) -> Generator[Requester]:
    """Someone who has never asked for anything."""
    with Requester(muniment_server.origin, new_name()) as requester:
        yield requester
