"""`muniment up` as a process: what it prints, how it ends, and that it leaves nobody behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from tests.support.server import (
    PATIENCE_S,
    STOP_TIMEOUT_S,
    MunimentServer,
    environment,
    living,
    running_server,
    wait_until,
)
from tests.support.stack import Stack
from tests.support.stub_services import PROGRAM

SERVICES = ("api", "projector", "webhooks")


@pytest.fixture
def server(stack: Stack, data_dir: Path) -> Generator[MunimentServer]:
    """Stub services on the session's servers: up in a second."""
    with running_server(data_dir, stack=stack, program=PROGRAM) as running:
        yield running


def family(server: MunimentServer) -> list[int]:
    """The pids of everything it has started, guard included."""
    return [child.pid for child in psutil.Process(server.process.pid).children(recursive=True)]


def settings_of(server: MunimentServer, path: str = "") -> dict[str, str]:
    """What its services were given."""
    with urllib.request.urlopen(f"{server.url}/{path}") as answer:  # noqa: S310 - our own address
        given: dict[str, str] = json.load(answer)
        return given


def run_up(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start it where it must fail."""
    return subprocess.run(
        [*PROGRAM, "up"],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=STOP_TIMEOUT_S,
        check=False,
    )


def test_it_prints_curl_lines_that_carry_its_address(server: MunimentServer) -> None:
    """The first thing a newcomer does is to copy them."""
    wait_until(lambda: "Try it:" in server.console, what="the curl lines")

    lines = [line.strip() for line in server.console.splitlines() if "curl" in line]

    bucket = f"{server.url}/buckets/demo"
    as_json = """-H 'Content-Type: application/json' -d '{"data": {"title": "Hello"}}'"""
    assert lines == [
        f"curl -u user:password -X PUT {bucket}",
        f"curl -u user:password -X PUT {bucket}/collections/notes",
        f"curl -u user:password {as_json} {bucket}/collections/notes/records",
    ]


def test_services_get_the_settings_that_it_read(server: MunimentServer, stack: Stack) -> None:
    """From whatever flag or file: all services work by the same ones."""
    given = settings_of(server)

    assert given["MUNIMENT_KAFKA_URL"] == stack.kafka_url
    assert given["MUNIMENT_POSTGRES_URL"] == stack.postgres_url
    assert given["MUNIMENT_AUTH_POLICIES"] == "basicauth"


def test_warnings_of_services_are_shown(server: MunimentServer) -> None:
    """The logs are in files; what goes wrong must not stay there, save what is over by now."""
    wait_until(lambda: "Try it:" in server.console, what="the curl lines")

    settings_of(server, "warn")

    wait_until(lambda: "api: warning: stub.asked by=test" in server.console, what="the warning")
    # The api had started before it was ready; the others may still be starting.
    assert "api: warning: stub.started" not in server.console


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_child(server: MunimentServer, number: signal.Signals) -> None:
    """Ctrl-C is how everybody stops it; the next start must find ports and folder free."""
    pids = family(server)

    status = server.stop(number)

    assert status == 0
    assert living(pids) == []
    assert list((server.data_dir / "run").glob("children-*")) == []


def test_a_signal_during_the_start_ends_it(data_dir: Path) -> None:
    """Whoever sees a mistake in the first lines does not wait for the last."""
    with running_server(data_dir, stack=None, program=PROGRAM, waits=False) as server:
        wait_until(lambda: bool(server.entries()), what="the first child")
        pids = family(server)

        status = server.stop(signal.SIGINT)

    assert status == 0
    assert living(pids) == []


def test_a_killed_supervisor_leaves_nobody_behind(server: MunimentServer) -> None:
    """Nobody is left to end the children but the guard."""
    pids = family(server)

    server.process.kill()

    server.process.wait(STOP_TIMEOUT_S)
    wait_until(lambda: living(pids) == [], what="the end of all children")


def test_children_are_out_of_reach_of_the_terminal(server: MunimentServer) -> None:
    """A Ctrl-C goes to the whole foreground group: children end in our order, not all at once."""
    sessions = {os.getsid(pid) for pid in family(server)}

    assert os.getsid(server.process.pid) not in sessions
    assert len(sessions) == len(SERVICES) + 1


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_is_replaced_while_the_others_go_on(
    server: MunimentServer, name: str
) -> None:
    """One service's death is not the others'."""
    others = {e.name: e.pid for e in server.entries() if e.name != name}

    killed = server.kill(name)

    server.wait_for_restart(name, of_pid=killed)
    assert {e.name: e.pid for e in server.entries() if e.name != name} == others
    assert f"{name} was ended by SIGKILL" in server.console


def test_a_killed_guard_is_replaced(server: MunimentServer) -> None:
    """Without one, a supervisor killed later would leave orphans."""
    own = {entry.pid for entry in server.entries()}
    [guard] = set(family(server)) - own

    os.kill(guard, signal.SIGKILL)

    wait_until(
        lambda: len(living(family(server))) == len(own) + 1 and guard not in living([guard]),
        what="another guard",
    )


def test_a_taken_port_is_named_with_who_has_it(data_dir: Path) -> None:
    """The HTTP port is not swapped silently: clients know it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run_up({"http_port": str(port), "data_dir": os.fspath(data_dir)})

    assert done.returncode == 4
    assert f"Port {port} is taken by" in done.stderr
    assert f"pid {os.getpid()}" in done.stderr
    assert "MUNIMENT_HTTP_PORT" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_second_instance_is_told_who_has_the_folder(server: MunimentServer) -> None:
    """And the first one is not disturbed."""
    done = run_up({"http_port": "18999", "data_dir": os.fspath(server.data_dir)})

    assert done.returncode == 4
    assert f"pid {server.process.pid}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert server.is_ready()


def test_data_survive_kill_9_of_everything(data_dir: Path) -> None:
    """Supervisor, guard, Kafka, Postgres and services at once, as the power of `kill -9` goes."""
    with running_server(data_dir, stack=None, program=PROGRAM) as server:
        given = settings_of(server)
        asyncio.run(_write(given["MUNIMENT_KAFKA_URL"], given["MUNIMENT_POSTGRES_URL"]))
        pids = [server.process.pid, *family(server)]
        for pid in pids:
            # Some end by themselves as soon as those are gone that they belong to.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait(STOP_TIMEOUT_S)

    with running_server(data_dir, stack=None, program=PROGRAM) as server:
        given = settings_of(server)
        found = asyncio.run(_read(given["MUNIMENT_KAFKA_URL"], given["MUNIMENT_POSTGRES_URL"]))

    assert found == (b"kept", "kept")
    assert living(pids) == []


def test_orphans_of_a_killed_guard_are_ended_by_the_next_start(data_dir: Path) -> None:
    """With supervisor and guard gone, Kafka and Postgres run on: the next start must end them."""
    with running_server(data_dir, stack=None, program=PROGRAM) as server:
        orphans = [entry.pid for entry in server.entries()]
        guards = set(family(server)) - set(orphans)
        for pid in (server.process.pid, *guards):
            # Of a child that was just starting another process took the place.
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        server.process.wait(STOP_TIMEOUT_S)

    with running_server(data_dir, stack=None, program=PROGRAM):
        left = living(orphans)

    assert left == []


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_killed_server_comes_back_at_its_address(data_dir: Path, name: str) -> None:
    """Services know one address, and wait there."""
    with running_server(data_dir, stack=None, program=PROGRAM) as server:
        given = settings_of(server)
        asyncio.run(_write(given["MUNIMENT_KAFKA_URL"], given["MUNIMENT_POSTGRES_URL"]))

        server.wait_for_restart(name, of_pid=server.kill(name))

        found = asyncio.run(_read(given["MUNIMENT_KAFKA_URL"], given["MUNIMENT_POSTGRES_URL"]))
    assert found == (b"kept", "kept")


async def _write(kafka_url: str, postgres_url: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka_url, acks="all")
    await producer.start()
    await producer.send_and_wait("kept", b"kept")
    await producer.stop()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE kept (value text)")
    await connection.execute("INSERT INTO kept VALUES ('kept')")
    await connection.close()


async def _read(kafka_url: str, postgres_url: str) -> tuple[bytes | None, str]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await _read_once(kafka_url, postgres_url)
            except (OSError, KafkaError, asyncpg.PostgresError):
                await asyncio.sleep(0.2)


async def _read_once(kafka_url: str, postgres_url: str) -> tuple[bytes | None, str]:
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    try:
        await consumer.start()
        consumer.assign([TopicPartition("kept", 0)])
        message = await consumer.getone()
    finally:
        await consumer.stop()
    connection = await asyncpg.connect(postgres_url)
    value: str = await connection.fetchval("SELECT value FROM kept")
    await connection.close()
    return message.value, value
