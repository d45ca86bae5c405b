"""Services as processes of their own on one Kafka and one Postgres, as a deployment has them."""

import asyncio
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
import pytest

from muniment.log.connection import parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import Entry, Offset, Start
from tests.support.new_ports import new_port
from tests.support.server import environment
from tests.support.stack import Stack, new_database, new_name

PARTITIONS: Final = 4
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """One `muniment serve`; it has a URL if it answers HTTP."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Told to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)


@dataclass(slots=True)
class Cluster:
    """The services of one deployment, told apart from all others by the topics' prefix."""

    stack: Stack
    topic_prefix: str
    folder: Path
    services: list[Service] = field(default_factory=list[Service])

    def start(self, part: str, name: str, *, settings: Mapping[str, str] | None = None) -> Service:
        """Start a service; what it logs is in the folder."""
        port = new_port()
        chosen = {
            "kafka_url": self.stack.kafka_url,
            "postgres_url": self.stack.postgres_url,
            "topic_prefix": self.topic_prefix,
            "events_partitions": str(PARTITIONS),
            "data_dir": str(self.folder),
            "secret_key": "of the test",
            "userid_hmac_secret": "of the test",
            "auth_policies": "basicauth",
            "flush_enabled": "true",
            "http_port": str(port),
            "instance_id": name,
            **(settings or {}),
        }
        with (self.folder / f"{name}.log").open("ab") as console:
            process = subprocess.Popen(
                [sys.executable, "-m", "muniment", "serve", part],
                env=environment(chosen),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        service = Service(name, process, port)
        self.services.append(service)
        return service

    @asynccontextmanager
    async def log(self) -> AsyncGenerator[KafkaLog]:
        """The topic of events, read and written past the services."""
        options = LogOptions(topic_prefix=self.topic_prefix, partitions=PARTITIONS)
        async with KafkaLog.open(parse_kafka_url(self.stack.kafka_url), options) as log:
            yield log

    def close(self) -> None:
        for service in self.services:
            if service.process.poll() is None:
                service.kill()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def data(self) -> Any:
        assert self.status < 300, (self.status, self.body)
        return self.body["data"]

    @property
    def revision(self) -> int:
        return int(self.headers["ETag"].strip('"'))


class Client:
    """Speaks to one service as one user; paths are those after `/v1`."""

    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """One request; a body is sent as JSON, `raw` as it is."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        content = orjson.dumps(body) if body is not None else raw
        async with self._session.request(
            method, f"{self.origin}/v1{path}", data=content, headers=sent, allow_redirects=False
        ) as answer:
            text = await answer.read()
            parsed = orjson.loads(text) if text else None
            return Reply(answer.status, answer.headers, parsed)

    async def sure(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Again and again until it is a 2xx, also where nobody listens yet."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while True:
                try:
                    reply = await self(method, path, body, headers=headers)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
                    continue
                if reply.status < 300:
                    return reply
                assert reply.status == 503, (reply.status, reply.body)
                await asyncio.sleep(0.1)


@asynccontextmanager
async def client_of(service: Service, *, user: str | None = "nadia") -> AsyncGenerator[Client]:
    """A client with connections of its own."""
    headers = {} if user is None else {"Authorization": basic(user)}
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=100)
    async with aiohttp.ClientSession(
        headers=headers, timeout=timeout, connector=connector
    ) as session:
        yield Client(service.origin, session)


def basic(user: str) -> str:
    """What a user sends as `Authorization`."""
    return f"Basic {b64encode(f'{user}:password'.encode()).decode()}"


async def is_ready(client: Client) -> bool:
    try:
        return (await client("GET", "/__heartbeat__")).status == 200
    except aiohttp.ClientError:
        return False


async def wait_until_ready(*clients: Client) -> None:
    """A write would succeed and be read back, through each."""
    async with asyncio.timeout(READY_TIMEOUT_S):
        for client in clients:
            while not await is_ready(client):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)


async def read_all(log: KafkaLog) -> list[Entry]:
    """Everything that counts, from the beginning to the end."""
    start = Start(offset=Offset(0), claim=None)
    reader = await log.reader(dict.fromkeys(log.partitions, start))
    ends = await log.end_offsets()
    entries: list[Entry] = []
    try:
        while any(place.offset < ends[at] for at, place in reader.positions().items()):
            entries.extend(await reader.read(wait_s=0.1, entries_max=1_000))
    finally:
        await reader.close()
    return entries


@asynccontextmanager
async def relayed(port: int, to: str) -> AsyncGenerator[None]:
    """What comes to the port goes to that `host:port` or socket, as if it had just come up."""

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while content := await source.read(65_536):
                sink.write(content)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    async def relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        host, _, number = to.rpartition(":")
        is_socket = to.startswith("/")
        far = (
            asyncio.open_unix_connection(to) if is_socket else asyncio.open_connection(host, number)
        )
        far_source, far_sink = await far
        await asyncio.gather(pump(source, far_sink), pump(far_source, sink))

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


def postgres_place(url: str) -> str:
    """Where a Postgres listens: `host:port`, or the path of its socket."""
    parts = urlsplit(url)
    given = parse_qs(parts.query)
    if "host" in given:
        return f"{given['host'][0]}/.s.PGSQL.{given.get('port', ['5432'])[0]}"
    return f"{parts.hostname}:{parts.port or 5432}"


def postgres_at(url: str, port: int) -> str:
    """The same database, to be reached at a port of this machine."""
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}@127.0.0.1:{port}", query="").geturl()


@contextmanager
def new_cluster(stack: Stack, folder: Path) -> Generator[Cluster]:
    """A cluster without services, with a database and topics of its own."""
    with new_database(stack) as postgres_url:
        cluster = Cluster(Stack(stack.kafka_url, postgres_url), new_name(), folder)
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture(scope="module")
def pair(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple[Cluster, Service, Service]]:
    """A projector and two instances that share the partitions."""
    with new_cluster(stack, tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.start("projector", "projector")
        yield cluster, cluster.start("api", "one"), cluster.start("api", "two")


@pytest.fixture
def lone(stack: Stack, tmp_path: Path) -> Generator[Cluster]:
    """A cluster of a test's own, without services."""
    with new_cluster(stack, tmp_path) as cluster:
        yield cluster
