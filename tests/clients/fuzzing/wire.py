"""HTTP as bytes: what is given is sent as it is, and what comes back must be answers of HTTP."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import httptools

DEADLINE_S: Final = 30.0
QUIET_S: Final = 0.5
"""How long it must have been quiet before the sending side is hung up."""


@dataclass(slots=True)
class Heard:
    """All that came back until the server closed the connection."""

    statuses: list[int] = field(default_factory=list[int])
    bodies: list[bytes] = field(default_factory=list[bytes])


def hear(port: int, *conversations: Sequence[bytes], hangs_up: bool = False) -> list[Heard]:
    """Send each conversation's pieces one by one, all conversations at once; listen to the end.

    `hangs_up` ends the sending side once it has been quiet for a while: then the server closes
    a connection on which it waits for more.

    Raises `TimeoutError` when the server does not close, `httptools.HttpParserError` when what
    it says is no HTTP.
    """

    async def all_of_them() -> list[Heard]:
        return await asyncio.gather(
            *(_talk(port, pieces, hangs_up=hangs_up) for pieces in conversations)
        )

    return asyncio.run(all_of_them())


async def _talk(port: int, pieces: Sequence[bytes], *, hangs_up: bool) -> Heard:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with closing(writer):
            await _send(writer, pieces)
            return _parsed(await _listen(reader, writer, hangs_up=hangs_up))


async def _send(writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass  # Refused already; what was said of it is still to be read.


async def _listen(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, hangs_up: bool
) -> bytes:
    heard = bytearray()
    while True:
        try:
            async with asyncio.timeout(QUIET_S if hangs_up else None):
                got = await reader.read(1 << 20)
        except TimeoutError:
            hangs_up = False
            writer.write_eof()
            continue
        except ConnectionError:
            return bytes(heard)
        if not got:
            return bytes(heard)
        heard += got


class _Listener:
    """What `httptools` calls back; the names are its own."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, body: bytes) -> None:
        self.heard.bodies[-1] += body

    def on_headers_complete(self) -> None:
        self.heard.statuses.append(self.parser.get_status_code())
        self.heard.bodies.append(b"")


def _parsed(stream: bytes) -> Heard:
    listener = _Listener()
    listener.parser.feed_data(stream)
    return listener.heard
