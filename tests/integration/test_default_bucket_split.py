"""`/buckets/default` where reads and writes are answered by services of their own (section 17)."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass

import pytest

from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    client_of,
    new_cluster,
    wait_until_ready,
)
from tests.support.stack import Stack, new_name

ALIAS = "/buckets/default"
TIDES = f"{ALIAS}/collections/tides"
SETTINGS = {"default_bucket_hmac_secret": "of the test", "bucket_create_principals": "nobody"}


@dataclass(frozen=True, slots=True)
class Site:
    """Two instances that write, and one that reads."""

    cluster: Cluster
    commands: tuple[Service, Service]
    query: Service


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with new_cluster(stack, tmp_path_factory.mktemp("split")) as cluster:
        cluster.start("projector", "projector")
        one, two = (cluster.start("command", name, settings=SETTINGS) for name in ("one", "two"))
        yield Site(cluster, (one, two), cluster.start("query", "query", settings=SETTINGS))


@pytest.fixture
async def readers(site: Site) -> AsyncGenerator[list[Client]]:
    """Several who have never been here: their buckets are of all partitions."""
    one, two = site.commands
    async with (
        client_of(one) as at_one,
        client_of(two) as at_two,
        client_of(site.query, user=new_name()) as a,
        client_of(site.query, user=new_name()) as b,
        client_of(site.query, user=new_name()) as c,
        client_of(site.query, user=new_name()) as d,
    ):
        await wait_until_ready(at_one, at_two, a)
        yield [a, b, c, d]


async def test_a_read_of_the_query_service_makes_what_is_missing(readers: list[Client]) -> None:
    """DEF-3, DEF-4: bucket and collection, wherever the owner of the stream is, and only once."""
    for reader in readers:
        listed = await reader("GET", f"{TIDES}/records")
        assert (listed.status, listed.body) == (200, {"data": []})

        bucket_id = (await reader("GET", "/")).body["user"]["bucket"]
        bucket = await reader("GET", f"/buckets/{bucket_id}")
        user_id = (await reader("GET", "/")).body["user"]["id"]
        assert bucket.body["permissions"] == {"write": [user_id]}
        again = await reader("GET", TIDES)
        assert again.data["id"] == "tides"
        assert (await reader("GET", ALIAS)).revision == bucket.revision


async def test_other_reads_make_the_bucket_as_well(readers: list[Client]) -> None:
    """DEF-3, DEF-4, LIST-4: whatever is read first, and not for groups."""
    a, b, c, d = readers

    assert (await a("HEAD", f"{TIDES}/records")).headers["Total-Records"] == "0"
    assert (await b("GET", f"{ALIAS}/history")).data[0]["action"] == "create"
    assert (await c("GET", f"{ALIAS}/groups/none")).status == 404
    assert (await c("GET", f"{ALIAS}/groups")).data == []
    assert (await d("GET", f"{TIDES}/records/none")).status == 404
    assert (await d("GET", TIDES)).status == 200


async def test_who_may_not_have_one_makes_none(site: Site, readers: list[Client]) -> None:
    """DEF-1, DEF-4: anonymous requesters, and ids that no collection has."""
    async with client_of(site.query, user=None) as nobody:
        assert (await nobody("GET", TIDES)).status == 401
    assert (await readers[0]("GET", f"{ALIAS}/collections/t!")).status == 400


async def test_without_a_command_service_it_is_503(site: Site, readers: list[Client]) -> None:
    """SIG-2: what is there can be read, and what is not can't be made yet. Runs last."""
    assert (await readers[0]("GET", TIDES)).status == 200
    for service in site.commands:
        service.kill()

    missing = await readers[1]("GET", TIDES)

    assert (missing.status, missing.headers["Retry-After"]) == (503, "3")
    assert (await readers[0]("GET", TIDES)).status == 200
