"""The projector as a process of its own, on a real Kafka and a real Postgres, and how it dies."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from muniment.log.connection import parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import Claim, Entry, Offset, Start
from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import migrate
from tests.support.projecting import checkpoints, until
from tests.support.read_model import view_of_log, view_of_postgres
from tests.support.stack import Stack
from tests.support.story import ADDRESSES, PARTITIONS, Story

EXIT_TIMEOUT_S = 60.0
ROUNDS = 40


@pytest.fixture
async def connection(database: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]", None]:
    async with open_connection(database, application="test") as made:
        await migrate(made)
        yield made


@pytest.fixture
async def log(stack: Stack, topic_prefix: str) -> AsyncGenerator[KafkaLog, None]:
    options = LogOptions(topic_prefix=topic_prefix, partitions=len(PARTITIONS))
    async with KafkaLog.open(parse_kafka_url(stack.kafka_url), options) as opened:
        yield opened


@pytest.fixture
def environment(stack: Stack, database: str, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "MUNIMENT_KAFKA_URL": stack.kafka_url,
        "MUNIMENT_POSTGRES_URL": database,
        "MUNIMENT_TOPIC_PREFIX": topic_prefix,
        "MUNIMENT_EVENTS_PARTITIONS": str(len(PARTITIONS)),
        "MUNIMENT_DATA_DIR": str(tmp_path),
    }


async def test_a_projector_killed_under_load_loses_nothing(
    log: KafkaLog,
    connection: "asyncpg.Connection[asyncpg.Record]",
    environment: dict[str, str],
) -> None:
    """`kill -9` while batches are on their way; the next one goes on at the checkpoint."""
    story = Story(partition=log.partition_of)
    writing = asyncio.create_task(_write(log, story))
    while not writing.done():
        before = await checkpoints(connection)
        async with running(environment) as projector:
            await until(partial(_is_past, connection, before, writing))
            projector.kill()
    await writing

    async with running(environment):
        await until(lambda: _is_caught_up(log, connection))

    assert await view_of_postgres(connection) == view_of_log(await _read_all(log))


async def test_a_second_projector_stands_by_and_takes_over(
    log: KafkaLog,
    connection: "asyncpg.Connection[asyncpg.Record]",
    environment: dict[str, str],
) -> None:
    """Two may be started; one writes."""
    async with running(environment | {"MUNIMENT_INSTANCE_ID": "first"}) as first:
        await until(lambda: _beats_as(connection, "first"))
        async with running(environment | {"MUNIMENT_INSTANCE_ID": "second"}):
            first.kill()
            await until(lambda: _beats_as(connection, "second"))
            await _write(log, Story(partition=log.partition_of), rounds=2)
            await until(lambda: _is_caught_up(log, connection))


async def test_a_projector_that_is_told_to_stop_ends_well(
    connection: "asyncpg.Connection[asyncpg.Record]", environment: dict[str, str]
) -> None:
    """What it has in hand is finished, and the exit says so."""
    async with running(environment | {"MUNIMENT_INSTANCE_ID": "only"}) as projector:
        await until(lambda: _beats_as(connection, "only"))

        projector.send_signal(signal.SIGTERM)

        async with asyncio.timeout(EXIT_TIMEOUT_S):
            assert await projector.wait() == 0


@asynccontextmanager
async def running(environment: dict[str, str]) -> AsyncGenerator[Process, None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muniment", "serve", "projector"), env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _write(log: KafkaLog, story: Story, *, rounds: int = ROUNDS) -> None:
    writers = {
        partition: await log.claim(partition, instance_id="test", url="http://test")
        for partition in log.partitions
    }
    for number in range(rounds):
        told = len(story.entries)
        story.play(
            [
                ("delete" if (number + at) % 7 == 6 else "write", address)
                for at, address in enumerate(ADDRESSES)
            ]
        )
        for entry in story.entries[told:]:
            if not isinstance(entry.content, Claim):
                await writers[entry.position.partition].append([entry.content])
        await asyncio.sleep(0.1)
    for writer in writers.values():
        await writer.close()


async def _read_all(log: KafkaLog) -> Sequence[Entry]:
    start = Start(offset=Offset(0), claim=None)
    reader = await log.reader(dict.fromkeys(log.partitions, start))
    ends = await log.end_offsets()
    entries: list[Entry] = []
    try:
        while {at: place.offset for at, place in reader.positions().items()} != ends:
            entries.extend(await reader.read(wait_s=0.1, entries_max=1_000))
    finally:
        await reader.close()
    return entries


async def _is_caught_up(log: KafkaLog, connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return await checkpoints(connection) == await log.end_offsets()


async def _is_past(
    connection: "asyncpg.Connection[asyncpg.Record]",
    before: Mapping[int, int],
    writing: "asyncio.Task[None]",
) -> bool:
    return writing.done() or sum((await checkpoints(connection)).values()) > sum(before.values())


async def _beats_as(connection: "asyncpg.Connection[asyncpg.Record]", instance_id: str) -> bool:
    beating: object = await connection.fetchval("SELECT instance_id FROM projector_beat")
    return beating == instance_id
