"""`kill -9` of one service after another under load: nothing acknowledged may be lost.

The product runs as its users start it, so its own supervisor brings back what was killed. Then
the log, the read model and what a webhook receiver got must tell the same story.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from pydantic import SecretStr

from muniment.domain.events import ObjectChanged
from muniment.log.connection import parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import Entry
from muniment.readmodel.connection import open_connection
from muniment.runtime.sealing import master_secret
from muniment.runtime.settings import Settings
from muniment.webhooks.signing import secret_for
from tests.support.cluster import Client, basic, read_all
from tests.support.projecting import checkpoints
from tests.support.read_model import view_of_log, view_of_postgres
from tests.support.receiver import Received, Receiver, Reply
from tests.support.server import MunimentServer, running_server
from tests.support.stack import Stack, new_database, new_name
from tests.support.writing import Load, lay_out

PARTITIONS: Final = 4
WRITERS: Final = 6
SECRET: Final = "of the faults"

RESTART_TIMEOUT_S: Final = 60.0
"""The supervisor waits longer and longer for a service that dies again and again."""
CAUGHT_UP_TIMEOUT_S: Final = 60.0

Kills = Sequence[str]


@dataclass(slots=True)
class Faulty:
    """The product, its receiver, and where its parts are."""

    server: MunimentServer
    stack: Stack
    topic_prefix: str
    receiver: Receiver

    async def kill(self, name: str) -> None:
        """`kill -9`, and wait for the one that replaces it."""
        pid = self.server.kill(name)
        await asyncio.to_thread(
            self.server.wait_for_restart, name, of_pid=pid, timeout_s=RESTART_TIMEOUT_S
        )

    async def entries(self) -> list[Entry]:
        async with self.log() as log:
            return await read_all(log)

    @asynccontextmanager
    async def log(self) -> AsyncGenerator[KafkaLog]:
        options = LogOptions(topic_prefix=self.topic_prefix, partitions=PARTITIONS)
        async with KafkaLog.open(parse_kafka_url(self.stack.kafka_url), options) as log:
            yield log


@pytest.fixture
async def faulty(stack: Stack, data_dir: Path) -> AsyncGenerator[Faulty]:
    """The whole product on the session's stack, with collections that have webhooks."""
    async with AsyncExitStack() as opened:
        postgres_url = opened.enter_context(new_database(stack))
        prefix = new_name()
        settings = {
            "topic_prefix": prefix,
            "events_partitions": str(PARTITIONS),
            "secret_key": SECRET,
            "userid_hmac_secret": SECRET,
            "webhooks_retry_schedule_s": "0 0.2 0.5 1 2 4 8",
        }
        own = Stack(stack.kafka_url, postgres_url)
        receiver = await opened.enter_async_context(Receiver(secret_at))
        running = running_server(data_dir, stack=own, settings=settings)
        server = await asyncio.to_thread(running.__enter__)
        try:
            yield Faulty(server, own, prefix, receiver)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


def secret_at(path: str) -> str:
    """The secret of the endpoint at `/bucket/collection`."""
    bucket_id, _, collection_id = path.strip("/").partition("/")
    master = master_secret(Settings(secret_key=SecretStr(SECRET)))
    return str(secret_for(master, bucket_id, collection_id))


@pytest.mark.parametrize("name", ["projector", "webhooks", "api"])
async def test_a_service_killed_under_load_loses_nothing(faulty: Faulty, name: str) -> None:
    """The short form: one kill of each."""
    await suffer(faulty, [name], writes_between=150)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
async def test_services_killed_again_and_again_lose_nothing(faulty: Faulty, seed: int) -> None:
    """The long form: all of them, in random order, while the receiver fails now and then."""
    chance = random.Random(seed)
    faulty.receiver.behave(partial(_moody, random.Random(seed)))
    kills = [chance.choice(["projector", "webhooks", "api"]) for _ in range(12)]
    await suffer(faulty, kills, writes_between=400)


async def suffer(faulty: Faulty, kills: Kills, *, writes_between: int) -> None:
    """Write, kill, write on; then hold all against each other."""
    load = Load()
    headers = {"Authorization": basic("nadia")}
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        client = Client(faulty.server.origin, session)
        await lay_out(client, faulty.receiver.at)
        writers = [
            asyncio.create_task(load.write(client, random.Random(number)))
            for number in range(WRITERS)
        ]
        for name in kills:
            await load.grows(writes_between)
            await faulty.kill(name)
        await load.grows(writes_between)
        load.is_over = True
        await asyncio.gather(*writers)
    await judge(faulty, load)


async def judge(faulty: Faulty, load: Load) -> None:
    """Every acknowledged write is on the log once, in the read model, and at the receiver."""
    await asyncio.to_thread(faulty.server.wait_until_ready)
    entries = await faulty.entries()
    events = [entry.content for entry in entries if isinstance(entry.content, ObjectChanged)]

    written = [(event.address.uri, event.last_modified) for event in events]
    assert len(written) == len(set(written))
    assert load.acknowledged <= set(written)

    async with open_connection(faulty.stack.postgres_url, application="test") as connection:
        async with asyncio.timeout(CAUGHT_UP_TIMEOUT_S), faulty.log() as log:
            while await checkpoints(connection) != await log.end_offsets():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        entries = await faulty.entries()
        assert await view_of_postgres(connection) == view_of_log(entries)

    told = {f"evt_{event.id}" for event in events if event.address.kind != "bucket"}
    await faulty.receiver.until(
        lambda: told <= {received.id for received in faulty.receiver.accepted},
        timeout_s=CAUGHT_UP_TIMEOUT_S,
    )
    assert faulty.receiver.forged == []
    assert {received.id for received in faulty.receiver.received} == told
    _judge_order(faulty.receiver.accepted)


def _judge_order(accepted: Sequence[Received]) -> None:
    """In order per record: the first acceptance of each event comes after those before it."""
    latest: dict[str, int] = {}
    seen: set[str] = set()
    for received in accepted:
        if received.id not in seen:
            seen.add(received.id)
            assert received.offset > latest.get(received.uri, -1), received.uri
            latest[received.uri] = received.offset


def _moody(chance: random.Random, _: Any) -> Reply:
    return Reply(status=500 if chance.random() < 0.1 else 204)
