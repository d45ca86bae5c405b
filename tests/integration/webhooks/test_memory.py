"""Memory under receivers that send without end: flat, whatever they send."""

import asyncio
import gc
import multiprocessing
import socket
import threading
from collections.abc import Generator
from multiprocessing.connection import Connection as Pipe

import psutil
import pytest

from tests.support.peers import HEADERS, new_client

MB = 1024 * 1024
GROWTH_MAX = 24 * MB
"""One answer that is kept would be 400 MB; a hundred buffers of 256 KiB are 25."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n"


def flood(pipe: Pipe) -> None:
    """Answer each connection with 400 MB as fast as they are taken."""

    def serve(connection: socket.socket) -> None:
        try:
            connection.recv(65_536)
            connection.sendall(HEAD)
            chunk = b"." * MB
            for _ in range(400):
                connection.sendall(chunk)
        except OSError:
            connection.close()

    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        pipe.send(server.getsockname()[1])
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


@pytest.fixture
def flooding() -> Generator[str]:
    """The URL of a receiver in a process of its own: its memory is not counted."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=flood, args=(theirs,), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/"
    finally:
        process.kill()
        process.join()


async def test_memory_is_flat_under_answers_of_400_mb(flooding: str) -> None:
    async with new_client(timeout_s=30) as client:

        async def round_of(count: int) -> None:
            answers = await asyncio.gather(
                *(client.post(flooding, HEADERS, b"{}") for _ in range(count))
            )
            assert all(answer.is_delivered for answer in answers)

        await round_of(100)
        gc.collect()
        before = psutil.Process().memory_info().rss
        for _ in range(4):
            await round_of(100)
        grown = psutil.Process().memory_info().rss - before

    assert grown < GROWTH_MAX
