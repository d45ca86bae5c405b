"""A load generator that costs little: closed loops over kept-alive connections, no client library.

Each connection sends its next request when the answer to the last has come. Answers are counted
and timed; one with an unexpected status ends the run, so no figure counts failures.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

CONNECT_TIMEOUT_S: Final = 10.0

MakeRequest = Callable[[int], bytes]
"""From the number of a request to its bytes on the wire."""


class UnexpectedAnswer(Exception):
    """An answer was not what the scenario is about; its figures would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of one scenario."""

    per_s: float
    p50_ms: float
    p99_ms: float
    requests: int


@dataclass(slots=True)
class _Run:
    make_request: MakeRequest
    status: bytes
    ends_at: float
    sent: int = 0
    latencies_s: list[float] = field(default_factory=list[float])
    failure: Exception | None = None


class _Loop(asyncio.Protocol):
    """One connection's closed loop."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._asked_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        length = _content_length(head)
        if len(self._buffer) < end + 4 + length:
            return
        if not head.startswith(self._run.status):
            self._fail(UnexpectedAnswer(self._buffer[:600].decode("utf-8", "replace")))
            return
        self._buffer = self._buffer[end + 4 + length :]
        now = time.perf_counter()
        self._run.latencies_s.append(now - self._asked_at)
        if now < self._run.ends_at and self._run.failure is None:
            self._ask()
        else:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._fail(exc or UnexpectedAnswer("the server hung up"))

    def _ask(self) -> None:
        assert self._transport is not None
        request = self._run.make_request(self._run.sent)
        self._run.sent += 1
        self._asked_at = time.perf_counter()
        self._transport.write(request)

    def _fail(self, error: Exception) -> None:
        self._run.failure = self._run.failure or error
        self._close()

    def _close(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def measure(
    make_request: MakeRequest, *, port: int, connections: int, seconds: float, status: int
) -> Measured:
    """Load the server for so long. Raises `UnexpectedAnswer` for any other status."""
    loop = asyncio.get_running_loop()
    started_at = time.perf_counter()
    run = _Run(make_request, f"HTTP/1.1 {status} ".encode(), started_at + seconds)
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        made = [
            await loop.create_connection(lambda: _Loop(run), "127.0.0.1", port)
            for _ in range(connections)
        ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    if run.failure is not None:
        raise run.failure
    took_s = time.perf_counter() - started_at
    ordered = sorted(run.latencies_s)
    return Measured(
        per_s=len(ordered) / took_s,
        p50_ms=_quantile(ordered, 0.50) * 1000,
        p99_ms=_quantile(ordered, 0.99) * 1000,
        requests=len(ordered),
    )


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        return 0
    return int(head[at + 15 :].split(b"\r\n", 1)[0])
