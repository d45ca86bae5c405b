"""Kafka and Postgres for tests: one of each a session, a topic prefix and a database a test.

`--stack=embedded` (the default) starts the product's own embedded stack in a temporary folder,
`--stack=containers` the official images by testcontainers, `--stack=external` uses the servers of
`--kafka-url` and `--postgres-url` (or MUNIMENT_KAFKA_URL and MUNIMENT_POSTGRES_URL).
"""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from muniment.stack.embedded import EmbeddedStack, StackOptions

T = TypeVar("T")

DROPS_MAX: Final = 200
DROP_PAUSE_S: Final = 0.25

KINDS: Final = ("embedded", "containers", "external")


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the servers are; the user of the Postgres URL may create databases."""

    kafka_url: str
    postgres_url: str


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("muniment", "the servers that tests run on")
    group.addoption("--stack", choices=KINDS, default="embedded", help="Which Kafka and Postgres.")
    group.addoption("--kafka-url", default=None, help="With --stack=external: host:port.")
    group.addoption("--postgres-url", default=None, help="With --stack=external: postgresql://…")


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> Generator[Stack]:
    """Kafka and Postgres, the same for the whole session."""
    kind = str(pytestconfig.getoption("--stack"))
    starts = {"embedded": _embedded, "containers": _containers}
    if kind == "external":
        yield _external(pytestconfig)
        return
    with starts[kind]() as servers:
        yield servers


@pytest.fixture
def topic_prefix(stack: Stack) -> Generator[str]:
    """A prefix for topics, groups and transactional ids that no other test has."""
    prefix = new_name()
    yield prefix
    in_thread(_delete_topics(stack.kafka_url, prefix))


@pytest.fixture
def database(stack: Stack) -> Generator[str]:
    """The URL of an empty database that no other test has; it is gone after the test."""
    with new_database(stack) as url:
        yield url


@contextmanager
def new_database(stack: Stack) -> Generator[str]:
    """An empty database, for fixtures that keep one longer than a test."""
    name = new_name()
    in_thread(_execute(stack.postgres_url, f"CREATE DATABASE {name}"))
    try:
        yield urlsplit(stack.postgres_url)._replace(path=f"/{name}").geturl()
    finally:
        in_thread(_drop(stack.postgres_url, name))


def new_name() -> str:
    """A name that is good for a topic prefix, a database or a schema."""
    return f"t{uuid.uuid4().hex[:12]}"


def in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a loop of its own, also where a test's loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@contextmanager
def _embedded() -> Generator[Stack]:
    # Not pytest's folder, which it shuts to other users: as root, Postgres runs as another one.
    folder = Path(tempfile.mkdtemp(prefix="muniment-test-"))
    embedded = EmbeddedStack(folder, StackOptions(is_durable=False))
    try:
        in_thread(embedded.start())
        yield Stack(embedded.kafka_url, embedded.postgres_url)
    finally:
        in_thread(embedded.stop())
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _containers() -> Generator[Stack]:
    from tests.support import containers  # noqa: PLC0415 - needs Docker's client only here

    with containers.kafka() as kafka_url, containers.postgres() as postgres_url:
        yield Stack(kafka_url, postgres_url)


def _external(config: pytest.Config) -> Stack:
    kafka_url = config.getoption("--kafka-url") or os.environ.get("MUNIMENT_KAFKA_URL")
    postgres_url = config.getoption("--postgres-url") or os.environ.get("MUNIMENT_POSTGRES_URL")
    if not (kafka_url and postgres_url):
        pytest.exit("--stack=external needs --kafka-url and --postgres-url.", returncode=4)
    return Stack(kafka_url, postgres_url)


async def _drop(url: str, name: str) -> None:
    """Drop a database whoever is in it; a superuser's autovacuum can only be waited for."""
    for _ in range(DROPS_MAX - 1):
        try:
            return await _execute(url, f"DROP DATABASE {name} WITH (FORCE)")
        except asyncpg.InsufficientPrivilegeError:
            await asyncio.sleep(DROP_PAUSE_S)
    return await _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _delete_topics(kafka_url: str, prefix: str) -> None:
    """Many partitions of tests that are over would slow down the later ones."""
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - slow

    admin: Any = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    try:
        topics = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        if topics:
            await admin.delete_topics(topics)
    finally:
        await admin.close()
