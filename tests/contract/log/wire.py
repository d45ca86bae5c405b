"""A TCP proxy between one instance and Kafka: holds back, drops, delivers late, or cuts."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiokafka.client
import pytest


class _Gate:
    """Lets bytes through, holds them, or throws away what it has held."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._generation = 0

    def hold(self) -> None:
        self._open.clear()

    def deliver(self) -> None:
        self._open.set()

    def forget(self) -> None:
        self._generation += 1
        self._open.set()

    async def passes(self) -> bool:
        generation = self._generation
        await self._open.wait()
        return generation == self._generation


class Wire:
    """All connections of one instance to one broker."""

    def __init__(self, host: str, port: int) -> None:
        self._broker = (host, port)
        self._requests = _Gate()
        self._answers = _Gate()
        self._answered = asyncio.Event()
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._late = 0
        self.port = 0

    def hold_answers(self) -> None:
        """Requests reach the broker, its answers get stuck."""
        self._answers.hold()

    def hold_requests(self) -> None:
        """Requests get stuck on the way."""
        self._requests.hold()

    def forget(self) -> None:
        """Let new bytes through; what was stuck is lost."""
        self._requests.forget()
        self._answers.forget()

    async def deliver(self) -> None:
        """Let through what was stuck, and wait until the broker has answered it."""
        self._answered.clear()
        self._requests.deliver()
        await self._answered.wait()

    def cut(self) -> None:
        """Break all connections and refuse new ones, until `join`."""
        self._is_cut = True
        for writer in self._open:
            writer.transport.abort()

    def join(self) -> None:
        self._is_cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client is gone and what it sent has arrived or was lost."""
        if self._is_cut:
            writer.transport.abort()
            return
        broker_reader, broker_writer = await asyncio.open_connection(*self._broker)
        self._open |= {writer, broker_writer}
        answers = asyncio.create_task(
            self._pump(broker_reader, writer, self._answers, self._answered.set)
        )
        try:
            await self._pump(reader, broker_writer, self._requests, lambda: None)
            # The broker may still be about to answer what it got at the very last.
            await asyncio.wait([answers], timeout=1.0)
        finally:
            answers.cancel()
            self._open -= {writer, broker_writer}
            broker_writer.close()
            writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gate: _Gate,
        on_bytes: Callable[[], None],
    ) -> None:
        with suppress(OSError):
            while received := await reader.read(65_536):
                on_bytes()
                if await gate.passes():
                    writer.write(received)


@asynccontextmanager
async def wire_to(
    servers: str, *, client_id: str, patch: pytest.MonkeyPatch
) -> AsyncGenerator[Wire]:
    """A wire that all clients with that id are led through, whatever address the broker tells."""
    host, _, port = servers.split(",", maxsplit=1)[0].rpartition(":")
    wire = Wire(host, int(port))
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    clients: Any = aiokafka.client
    connect: Callable[..., Awaitable[Any]] = clients.create_conn

    async def led(host: str, port: int, **options: Any) -> Any:
        if options["client_id"] == client_id:
            host, port = "127.0.0.1", wire.port
        return await connect(host, port, **options)

    patch.setattr(clients, "create_conn", led)
    try:
        yield wire
    finally:
        wire.forget()
        server.close()
