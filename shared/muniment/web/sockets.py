"""WebSockets: what is said over them, and the connections by aiohttp beneath it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from aiohttp import ClientConnectionResetError, WSMsgType, web

from muniment.runtime.logs import get_logger
from muniment.web.tracebacks import forget_calls

log = get_logger(__name__)

REFUSED: Final = 1008
"""The close code for what breaks the server's rules (RFC 6455, 7.4.1)."""
GOING_AWAY: Final = 1001
BROKEN: Final = 1011
TRY_AGAIN_LATER: Final = 1013


class HungUp(Exception):
    """The other side is gone."""


class Socket(Protocol):
    """One accepted WebSocket."""

    async def receive(self) -> str:
        """The next message. Raises `HungUp`."""
        ...

    async def send(self, message: bytes) -> None:
        """Send a text message, UTF-8; waits for a slow reader. Raises `HungUp`."""
        ...

    async def close(self, code: int, reason: str = "") -> None:
        """End it."""
        ...


Talk: TypeAlias = Callable[[Socket], Awaitable[None]]
"""All that is said over one WebSocket; it is closed afterwards."""


MESSAGE_BYTES_MAX: Final = 64 * 1024
"""Of what a client sends."""
HEARTBEAT_S: Final = 60.0
"""Whoever answers no ping of ours, sent so often, counts as gone."""
CLOSE_TIMEOUT_S: Final = 2.0


def is_upgrade(incoming: web.BaseRequest) -> bool:
    """Whether the request asks for a WebSocket."""
    upgrade = incoming.headers.get("Upgrade")
    return upgrade is not None and upgrade.strip().lower() == "websocket"


class Sockets:
    """The open WebSockets of one server."""

    def __init__(self) -> None:
        self._open: set[web.WebSocketResponse] = set()

    async def serve(self, incoming: web.BaseRequest, talk: Talk) -> web.StreamResponse:
        """Accept, talk and close; the answer to a broken handshake is aiohttp's."""
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            heartbeat=HEARTBEAT_S,
            compress=False,
            max_msg_size=MESSAGE_BYTES_MAX,
        )
        try:
            await socket.prepare(incoming)
        except web.HTTPException as refused:
            forget_calls(refused)
            return web.Response(status=refused.status, text=refused.text)
        self._open.add(socket)
        try:
            await talk(_Accepted(socket))
        except HungUp:
            return socket
        # The supervisor of a conversation: whatever broke, the other side is told that it is over.
        except Exception:
            log.exception("socket.failed")
            await socket.close(code=BROKEN, message=b"Something broke.")
        finally:
            self._open.discard(socket)
            await socket.close()
            forget_calls(socket.exception())
        return socket

    async def close(self) -> None:
        """Tell all who are connected that the server ends."""
        text = b"The server ends."
        await asyncio.gather(
            *(socket.close(code=GOING_AWAY, message=text) for socket in self._open)
        )


class _Accepted:
    """A `Socket` by aiohttp."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> str:
        message = await self._socket.receive()
        match message.type:
            case WSMsgType.TEXT:
                return str(message.data)
            case WSMsgType.BINARY:
                return bytes(message.data).decode(errors="replace")
            case _:
                raise HungUp

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_frame(message, WSMsgType.TEXT)
        except (ClientConnectionResetError, ConnectionResetError) as error:
            raise HungUp from error

    async def close(self, code: int, reason: str = "") -> None:
        await self._socket.close(code=code, message=reason.encode())
