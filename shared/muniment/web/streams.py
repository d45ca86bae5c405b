"""Answers that are written part by part and have no end of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import ClientConnectionResetError, web

from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import STREAMS

log = get_logger(__name__)

SEND_TIMEOUT_S: Final = 60.0
"""Whoever takes nothing for so long counts as gone."""

Send: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Writes some bytes; waits for a slow reader. Raises `ReaderGone`."""

Stream: TypeAlias = Callable[[Send], Awaitable[None]]
"""Writes all of an answer's body; it is cancelled when the server ends."""


class ReaderGone(Exception):
    """The other side has hung up, or takes nothing any more."""


class Streams:
    """The open streams of one server."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def serve(
        self, incoming: web.BaseRequest, head: bytes, stream: Stream, *, in_chunks: bool
    ) -> None:
        """Write the head, then what the stream writes, and end it.

        Without chunks its end is that of the connection.

        Raises `ConnectionResetError` where the other side is gone from the start.
        """
        if incoming.transport is None:
            raise ConnectionResetError
        incoming.transport.write(head)
        if in_chunks:
            incoming.writer.enable_chunking()
        telling = asyncio.create_task(
            self._tell(incoming, stream, in_chunks=in_chunks), name="stream"
        )
        self._open.add(telling)
        STREAMS.set(len(self._open))
        if self._is_closed:
            telling.cancel()
        try:
            await asyncio.wait([telling])
        finally:
            telling.cancel()
            self._open.discard(telling)
            STREAMS.set(len(self._open))

    async def close(self) -> None:
        """End all streams that are open, and those to come."""
        self._is_closed = True
        for telling in self._open:
            telling.cancel()
        if self._open:
            await asyncio.wait(set(self._open))

    async def _tell(self, incoming: web.BaseRequest, stream: Stream, *, in_chunks: bool) -> None:
        async def send(part: bytes) -> None:
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await incoming.writer.write(part)
            except (TimeoutError, ClientConnectionResetError, ConnectionResetError) as error:
                raise ReaderGone from error

        try:
            await stream(send)
        except ReaderGone:
            if incoming.transport is not None:
                incoming.transport.abort()
            return
        except asyncio.CancelledError:
            if not self._is_closed:
                raise
        # The supervisor of a stream: whatever broke, the other side sees that it was cut off.
        except Exception:
            log.exception("stream.failed")
            if incoming.transport is not None:
                incoming.transport.abort()
            return
        if in_chunks and incoming.transport is not None:
            incoming.transport.write(b"0\r\n\r\n")
