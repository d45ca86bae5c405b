"""The gateway of `deploy/`, a real nginx, before real services."""

from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from muniment.runtime.settings import Settings
from muniment.webhooks.signing import secret_for
from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    client_of,
    new_cluster,
    wait_until_ready,
)
from tests.support.gateway import BODY_BYTES_MAX, NOWHERE, Gateway, running_gateway
from tests.support.receiver import Receiver
from tests.support.stack import Stack, new_name
from tests.support.tools import NGINX, program_of

COMPOSE: Final = Path(__file__).parents[2] / "docker-compose.yml"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Each service in a process of its own, with the gateway before them."""

    cluster: Cluster
    gateway: Gateway
    command: Service
    query: Service


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployment]:
    settings = {
        "request_body_bytes_max": str(BODY_BYTES_MAX),
        "webhooks_allowed_networks": "127.0.0.0/8",
    }
    program_of(NGINX)  # Before five services are started in vain.
    with ExitStack() as ladder:
        cluster = ladder.enter_context(new_cluster(stack, tmp_path_factory.mktemp("deployment")))
        cluster.start("projector", "projector")
        cluster.start("webhooks", "webhooks", settings=settings)
        command = cluster.start("command", "command", settings=settings)
        query = cluster.start("query", "query", settings=settings)
        folder = tmp_path_factory.mktemp("gateway")
        gateway = ladder.enter_context(
            running_gateway(folder, command=place(command), query=place(query))
        )
        yield Deployment(cluster, gateway, command, query)


def place(service: Service) -> str:
    return f"127.0.0.1:{service.port}"


@pytest.fixture
async def nadia(deployment: Deployment) -> AsyncGenerator[Client]:
    """Nadia, at the gateway of services that are ready."""
    async with client_of(deployment.gateway.as_service) as client:
        await wait_until_ready(client)
        async with client_of(deployment.query) as at_query:
            await wait_until_ready(at_query)
        yield client


@pytest.fixture
async def records(nadia: Client) -> str:
    """The path of an empty collection's records."""
    bucket = f"/buckets/{new_name()}"
    for path in (bucket, f"{bucket}/collections/stations"):
        assert (await nadia("PUT", path)).status == 201
    return f"{bucket}/collections/stations/records"


async def test_a_write_is_read_and_listed_at_once(nadia: Client, records: str) -> None:
    """Written by one service, read from the other, at one address."""
    for number in range(20):
        path = f"{records}/r{number}"
        made = await nadia("PUT", path, {"data": {"n": number}})
        assert made.status == 201, made.body
        assert (await nadia("GET", path)).body == made.body

    changed = await nadia("PATCH", f"{records}/r3", {"data": {"n": 33}})
    gone = await nadia("DELETE", f"{records}/r4")
    listed = await nadia("GET", f"{records}?_sort=n")

    assert (changed.status, gone.status) == (200, 200)
    assert [each["n"] for each in listed.data] == [*range(3), *range(5, 20), 33]


async def test_urls_in_answers_are_the_gateways(
    deployment: Deployment, nadia: Client, records: str
) -> None:
    """BASE-7: pages, redirects and the root view lead back to where the client asked."""
    origin = deployment.gateway.origin
    for number in range(3):
        await nadia("POST", records, {"data": {"n": number}})

    first = await nadia("GET", f"{records}?_limit=2")
    second = await nadia("GET", first.headers["Next-Page"].removeprefix(f"{origin}/v1"))
    removed = await nadia("DELETE", f"{records}?_limit=1")
    redirected = await nadia("GET", f"{records}/")

    assert first.headers["Next-Page"].startswith(f"{origin}/v1{records}?")
    assert (len(first.data), len(second.data)) == (2, 1)
    assert removed.headers["Next-Page"].startswith(f"{origin}/v1{records}?")
    assert (redirected.status, redirected.headers["Location"]) == (307, f"{origin}/v1{records}")
    assert (await nadia("GET", "/")).body["url"] == f"{origin}/v1/"


async def test_a_first_read_of_a_default_bucket_makes_it(nadia: Client) -> None:
    """DEF-3, DEF-4, DEF-9: the gateway sends it where all reads go."""
    tides = "/buckets/default/collections/tides"

    for _ in range(2):
        assert (await nadia("GET", f"{tides}/records")).data == []
        assert (await nadia("PUT", f"{tides}/records/a")).status == 201
        assert [each["id"] for each in (await nadia("GET", f"{tides}/records")).data] == ["a"]
        assert (await nadia("DELETE", "/buckets/default")).status == 200


async def test_a_batch_reads_and_writes(nadia: Client, records: str) -> None:
    """It goes to the command service, which reads as well."""
    requests = [
        {"method": "PUT", "path": f"{records}/one", "body": {"data": {"n": 1}}},
        {"method": "GET", "path": f"{records}/one"},
    ]

    reply = await nadia("POST", "/batch", {"requests": requests})

    assert [each["status"] for each in reply.body["responses"]] == [201, 200]
    assert reply.body["responses"][1]["body"]["data"]["n"] == 1


async def test_the_heartbeat_is_that_of_the_writes(deployment: Deployment, nadia: Client) -> None:
    """The query service knows nothing of Kafka."""
    async with client_of(deployment.query) as at_query:
        of_query = await at_query("GET", "/__heartbeat__")

    of_gateway = await nadia("GET", "/__heartbeat__")

    assert {"kafka", "projector"} <= set(of_gateway.body)
    assert "kafka" not in of_query.body
    assert (await nadia("GET", "/__lbheartbeat__")).status == 200


async def test_a_body_over_the_limit_is_refused_as_by_the_service(
    deployment: Deployment, nadia: Client, records: str
) -> None:
    """Same status, same body; the service is not bothered with it."""
    body = b'{"data":{"text":"%s"}}' % (b"x" * BODY_BYTES_MAX)
    async with client_of(deployment.command) as at_command:
        expected = await at_command("POST", records, raw=body, headers={"Origin": "http://a.org"})

    refused = await nadia("POST", records, raw=body, headers={"Origin": "http://a.org"})

    assert (refused.status, refused.body) == (413, expected.body)
    for name in (
        "Content-Type",
        "Access-Control-Allow-Origin",
        "X-Content-Type-Options",
        "Content-Security-Policy",
    ):
        assert refused.headers[name] == expected.headers[name]
    assert refused.headers["X-Request-Id"]


async def test_a_preflight_is_answered(nadia: Client, records: str) -> None:
    """Browsers ask before they write; the answer names the methods of the path."""
    asked = {
        "Origin": "http://a.org",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization",
    }

    of_record = await nadia("OPTIONS", f"{records}/one", headers=asked)
    of_batch = await nadia(
        "OPTIONS", "/batch", headers={**asked, "Access-Control-Request-Method": "POST"}
    )

    assert (of_record.status, of_batch.status) == (200, 200)
    assert of_record.headers["Access-Control-Allow-Origin"] == "*"
    assert "PUT" in of_record.headers["Access-Control-Allow-Methods"]


async def test_metrics_are_not_for_the_outside(deployment: Deployment, nadia: Client) -> None:
    """Each instance has its own; what the gateway would show is one of them by chance."""
    hidden = await nadia("GET", "/__metrics__")

    assert (hidden.status, hidden.body["errno"]) == (404, 111)


async def test_a_notification_is_sent(deployment: Deployment, nadia: Client, records: str) -> None:
    """The whole way: gateway, command, log, webhooks."""
    bucket_id, collection_id = records.split("/")[2], records.split("/")[4]
    async with Receiver(str(secret_for(b"of the test", bucket_id, collection_id))) as receiver:
        collection = records.removesuffix("/records")
        await nadia("PATCH", collection, {"data": {"webhook:url": receiver.url}})
        await nadia("PUT", f"{records}/one", {"data": {"n": 1}})
        await receiver.until(
            lambda: any(each.uri.endswith("/records/one") for each in receiver.accepted),
        )

    assert receiver.forged == []


async def test_what_belongs_to_webhooks_is_answered(
    deployment: Deployment, nadia: Client, records: str
) -> None:
    """The catalogue and a webhook's deliveries: of the services, one alone knows of them."""
    hook = f"{records.partition('/collections/')[0]}/webhooks/hook"
    await nadia("PUT", hook, {"data": {"url": "http://127.0.0.1:1/"}})
    async with client_of(deployment.query) as at_query:
        of_query = await at_query("GET", "/__events__/record.created")

    assert (await nadia("GET", "/__events__")).body["data"]
    assert (await nadia("GET", "/__events__/record.created")).body["title"] == "record.created"
    assert (await nadia("GET", f"{hook}/status")).body["data"]["parked"] == 0
    assert (of_query.status, of_query.body["errno"]) == (404, 111)


async def test_reads_go_to_query_and_writes_to_command(
    deployment: Deployment, nadia: Client, records: str, tmp_path: Path
) -> None:
    """With one of them away, the other half still works; the heartbeat goes with the writes."""
    with running_gateway(tmp_path, command=NOWHERE, query=place(deployment.query)) as reading:
        async with client_of(reading.as_service) as client:
            assert (await client("GET", records)).status == 200
            assert (await client("PUT", f"{records}/one")).status == 503
            assert (await client("GET", "/__heartbeat__")).status == 503
            assert (await client("GET", "/__lbheartbeat__")).status == 200


def test_the_limits_of_compose_are_those_of_the_services() -> None:
    """Set nowhere, gateway and services have the same."""
    compose = COMPOSE.read_text()
    fields = Settings.model_fields

    for name in ("request_body_bytes_max", "retry_after_seconds"):
        assert f"${{MUNIMENT_{name.upper()}:-{fields[name].default}}}" in compose
