"""The gateway of `deploy/`: a real nginx with our configuration, before real services and stubs."""

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from muniment.runtime.settings import Settings
from muniment.stack import ports
from muniment.webhooks.signing import secret_for
from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    client_of,
    new_cluster,
    wait_until_ready,
)
from tests.support.receiver import Receiver
from tests.support.stack import Stack, new_name

# Debian has it where only root looks.
NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DEPLOY: Final = Path(__file__).parents[2] / "deploy"
COMPOSE: Final = Path(__file__).parents[2] / "docker-compose.yml"
BODY_BYTES_MAX: Final = 100_000
NOWHERE: Final = "127.0.0.1:1"
START_TIMEOUT_S: Final = 10.0

pytestmark = pytest.mark.skipif(
    NGINX is None, reason="nginx is not installed (on Debian: apt-get install nginx-light)"
)


# --- nginx ----------------------------------------------------------------------------------------

MAIN: Final = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/muniment.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running nginx."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def as_service(self) -> Service:
        """For clients of the cluster."""
        return Service("gateway", self.process, self.port)

    @property
    def origin(self) -> str:
        return self.as_service.origin


@contextmanager
def running_gateway(folder: Path, *, command: str, query: str) -> Generator[Gateway]:
    """An nginx with the configuration of `deploy/`, in front of these `host:port`."""
    port = ports.pick(None)
    variables = {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_COMMAND": command,
        "GATEWAY_QUERY": query,
        "GATEWAY_RESOLVER": "127.0.0.1",
        "GATEWAY_BODY_BYTES_MAX": str(BODY_BYTES_MAX),
        "GATEWAY_RETRY_AFTER_S": "3",
        "GATEWAY_ACCESS_LOG": f"{folder}/access.log",
    }
    template = (DEPLOY / "gateway" / "nginx.conf").read_text()
    made = re.sub(r"\$\{(GATEWAY_\w+)\}", lambda found: variables[found[1]], template)
    (folder / "muniment.conf").write_text(made)
    # The workers of root are nobody's, and could not enter the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder))
    arguments = ("-p", f"{folder}", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log")
    process = subprocess.Popen([str(NGINX), *arguments])
    try:
        wait_until_listening(process, port, folder)
        yield Gateway(port, folder, process)
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def wait_until_listening(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while ports.is_free(port):
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise AssertionError(f"nginx: {(folder / 'error.log').read_text()}")
        time.sleep(0.02)


# --- with the real services -----------------------------------------------------------------------


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
            timeout_s=20,
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


# --- with stubs -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Stub:
    """Stands in for a service: keeps what came, and answers as it is told to."""

    reply: bytes = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    """Empty: hang up."""
    heads: list[str] = field(default_factory=list[str])
    port: int = 0
    connections: set[asyncio.Task[Any] | None] = field(default_factory=set[Any])

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(asyncio.current_task())
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                self.heads.append(head)
                if not self.reply:
                    break
                writer.write(self.reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(*stubs: Stub) -> AsyncGenerator[None]:
    """The stubs listen; ends when those who are connected have hung up."""
    servers: list[asyncio.Server] = []
    try:
        for stub in stubs:
            server = await asyncio.start_server(stub.answer, "127.0.0.1", 0)
            stub.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        yield
    finally:
        for server in servers:
            server.close()
        connections = {each for stub in stubs for each in stub.connections if each is not None}
        if connections:
            await asyncio.wait(connections, timeout=START_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: Any


Ask = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def asking(folder: Path, *, command: str, query: str) -> AsyncGenerator[Ask]:
    """A gateway, and the way to ask it for a path as it is written."""
    with running_gateway(folder, command=command, query=query) as gateway:
        async with aiohttp.ClientSession() as session:

            async def ask(method: str, path: str, **headers: str) -> Answer:
                sent = {name.replace("_", "-"): text for name, text in headers.items()}
                url = URL(f"{gateway.origin}{path}", encoded=True)
                async with session.request(method, url, headers=sent, data=b"{}") as answer:
                    body = None if method == "HEAD" else await answer.json()
                    return Answer(answer.status, answer.headers, body)

            yield ask


async def test_a_request_goes_on_as_it_came(tmp_path: Path) -> None:
    """Path, host and request id; but nobody outside says that an instance has sent it."""
    stub = Stub()
    path = "/v1/buckets/a%2Fb%20c/collections/%C3%A9//records/?_sort=-n&x=%22"
    async with (
        listening(stub),
        asking(tmp_path, command=stub.place, query=NOWHERE) as ask,
    ):
        await ask("POST", path, Host="api.example.org:81", X_Request_Id="given")
        await ask("POST", "/v1/buckets", X_Request_Id="no good", Muniment_Forwarded_By="me")

    first, second = (head.splitlines() for head in stub.heads)
    assert first[0] == f"POST {path} HTTP/1.1"
    assert {"Host: api.example.org:81", "X-Request-Id: given"} <= set(first)
    assert [line for line in second if re.fullmatch("X-Request-Id: [0-9a-f]{32}", line)]
    assert "muniment-forwarded-by" not in stub.heads[1].lower()
    assert not [line for line in first if line.lower() == "connection: close"]


@pytest.mark.parametrize(
    "path",
    [
        "/collections/",
        "/collections",
        "/collections/a/documents",
        "/users/me/organizations",
        "/v1/users/me/organizations",
        "/organizations/o/orbits",
        "/v1/organizations/o",
        "/v1/__projects__",
        "/v1/__users__/u/keys",
        "/v1/__orbits__/o",
    ],
)
async def test_dialects_are_answered_by_who_reads_and_writes(tmp_path: Path, path: str) -> None:
    stub = Stub()
    async with listening(stub), asking(tmp_path, command=stub.place, query=NOWHERE) as ask:
        assert (await ask("GET", path)).status == 200

    assert stub.heads[0].startswith(f"GET {path} HTTP/1.1")


async def test_a_watcher_is_let_through(tmp_path: Path) -> None:
    """The upgrade to a WebSocket is told on; what only instances say is not."""
    stub = Stub()
    async with listening(stub), asking(tmp_path, command=stub.place, query=NOWHERE) as ask:
        await ask(
            "GET",
            "/realtime/collections/a",
            Upgrade="websocket",
            Connection="Upgrade",
            Muniment_Forwarded_By="me",
        )

    lines = {line.lower() for line in stub.heads[0].splitlines()}
    assert {"upgrade: websocket", "connection: upgrade"} <= lines
    assert "muniment-forwarded-by" not in stub.heads[0].lower()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_never_sent_twice(tmp_path: Path, method: str) -> None:
    """The first may have happened, though no answer came."""
    one, two = Stub(reply=b""), Stub(reply=b"")
    async with listening(one, two):
        both = f"{one.place}; server {two.place}"
        async with asking(tmp_path, command=both, query=NOWHERE) as ask:
            answer = await ask(method, "/v1/buckets/a")

    assert answer.status == 503
    assert len(one.heads) + len(two.heads) == 1


async def test_a_read_is_asked_of_another_instance(tmp_path: Path) -> None:
    """A query service that is away costs nobody an answer."""
    stub = Stub()
    async with listening(stub):
        both = f"{NOWHERE}; server {stub.place}"
        async with asking(tmp_path, command=NOWHERE, query=both) as ask:
            answers = [await ask("GET", "/v1/buckets") for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
async def test_a_service_that_is_away_is_a_503_of_ours(tmp_path: Path, method: str) -> None:
    """Clients know the form, and when to come again; browsers may show it."""
    async with asking(tmp_path, command=NOWHERE, query=NOWHERE) as ask:
        answer = await ask(method, "/v1/buckets", Origin="http://a.org", X_Request_Id="given")

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "3"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == "given"
    if method != "HEAD":
        assert (answer.body["code"], answer.body["errno"]) == (503, 201)
        assert answer.body["error"] == "Service Unavailable"


@pytest.mark.parametrize(
    "path", ["/collections/", "/collections?a=b", "/realtime/collections/a", "/v1/users/me"]
)
async def test_a_dialect_hears_of_it_in_its_form(tmp_path: Path, path: str) -> None:
    async with asking(tmp_path, command=NOWHERE, query=NOWHERE) as ask:
        answer = await ask("GET", path)

    assert (answer.status, list(answer.body)) == (503, ["detail"])
    assert answer.headers["Retry-After"] == "3"


async def test_an_error_of_the_service_stays_its_own(tmp_path: Path) -> None:
    """Only what nginx itself says is put into our form."""
    body = b'{"code":503,"errno":201,"message":"its own"}'
    head = f"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: {len(body)}\r\n"
    stub = Stub(reply=f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    async with listening(stub), asking(tmp_path, command=stub.place, query=NOWHERE) as ask:
        answer = await ask("POST", "/v1/buckets")

    assert (answer.headers["Retry-After"], answer.body["message"]) == ("7", "its own")


@pytest.mark.parametrize(
    ("request_line", "status", "errno"),
    [
        pytest.param("GET /v1/%zz HTTP/1.1", 400, 107, id="no HTTP"),
        pytest.param(f"GET /v1/{'x' * 20_000} HTTP/1.1", 414, 107, id="a long URL"),
        pytest.param(f"GET /v1/ HTTP/1.1\r\nX: {'x' * 20_000}", 400, 107, id="a long header"),
        pytest.param("TRACE /v1/ HTTP/1.1", 405, 115, id="a method of the connection"),
    ],
)
async def test_what_nginx_refuses_has_our_form(
    tmp_path: Path, request_line: str, status: int, errno: int
) -> None:
    """No page of HTML, whatever comes."""
    with running_gateway(tmp_path, command=NOWHERE, query=NOWHERE) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"{request_line}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()

    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert f'{{"code":{status},"errno":{errno},' in answer


def test_the_limits_of_compose_are_those_of_the_services() -> None:
    """Set nowhere, gateway and services have the same."""
    compose = COMPOSE.read_text()
    fields = Settings.model_fields

    for name in ("request_body_bytes_max", "retry_after_seconds"):
        assert f"${{MUNIMENT_{name.upper()}:-{fields[name].default}}}" in compose
