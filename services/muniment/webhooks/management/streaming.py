"""A webhook's events as they happen (server-sent events), beside the cursor to pull them by.

What lies before is pulled page by page; from there on the one reading of the log tells, which all
streams and watchers of this process share. Whoever does not keep up with that is back at the
pages, so that a slow reader costs time and no memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from muniment.domain.addresses import Kind
from muniment.domain.commands import Requester
from muniment.domain.events import ObjectChanged
from muniment.domain.values import Uid
from muniment.log.envelope import Malformed
from muniment.log.protocol import LogUnavailable, Offset, Position, PositionLost
from muniment.readmodel.connection import UNREACHABLE
from muniment.readmodel.feed import Seen, Watching, WatchLost
from muniment.runtime.logs import get_logger
from muniment.web.http import Headers, Request, Response
from muniment.web.pipeline import Unavailable
from muniment.web.streams import Send
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.management.pulling import Pulling
from muniment.webhooks.management.store import EndpointStatus
from muniment.webhooks.message import body_of, message_id

log = get_logger(__name__)

STREAM_TYPE: Final = "text/event-stream"
PAGE: Final = 500
PAGE_BYTES: Final = 1024 * 1024
"""A reader that takes nothing holds a page, and there may be many of them."""
HEARTBEAT_S: Final = 15.0
LOOK_AGAIN_S: Final = 30.0
"""Who lost the right to write the webhook is told of its events so long."""
RETRY_MS: Final = 3_000
"""So long a client is to wait before it connects again."""

_ENDS: Final = (
    *UNREACHABLE,
    asyncpg.PostgresError,
    Unavailable,
    WatchLost,
    LogUnavailable,
    PositionLost,
    Malformed,
)
"""What ends a stream; its reader comes back and is told more, or that it must wait."""

Authorize: TypeAlias = Callable[[Request], Awaitable[Response | None]]
"""Refuses who may not write the webhook that a request is about."""
Identify: TypeAlias = Callable[[Headers], Awaitable[Requester]]
Watch: TypeAlias = Callable[[str, Uid], AbstractAsyncContextManager[Watching]]
"""What is written to a bucket from now on. Raises `Unavailable` and `WatchLost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How many there are, and how often they are looked after."""

    open_max: int
    heartbeat_s: float = HEARTBEAT_S
    look_again_s: float = LOOK_AGAIN_S


def wants_stream(headers: Headers) -> bool:
    """Whether events are wanted as a stream: by the first media type in `Accept`."""
    first = headers.get("Accept", "").partition(",")[0]
    return first.partition(";")[0].strip().lower() == STREAM_TYPE


class Streaming:
    """See the module."""

    def __init__(
        self,
        pulling: Pulling,
        *,
        watch: Watch,
        authorize: Authorize,
        identify: Identify,
        limits: StreamLimits,
    ) -> None:
        self.pulling = pulling
        self.watch = watch
        self.limits = limits
        self._authorize = authorize
        self._identify = identify
        self._open = 0

    async def answer(self, request: Request, status: EndpointStatus, first: Offset) -> Response:
        """All events from there on. Raises `Unavailable`, also where too many read here."""
        if self._open >= self.limits.open_max:
            message = f"{self._open} streams of events are open, as many as there may be"
            raise Unavailable(message)
        endpoint = await self.pulling.endpoint(request, status)
        await self.pulling.end_of(status.partition)

        async def stream(send: Send) -> None:
            # Of those who came at the same moment some are too many only now: they come back.
            if self._open >= self.limits.open_max:
                return
            self._open += 1
            try:
                telling = _Telling(self, send, request=request, status=status, endpoint=endpoint)
                await telling.run(first)
            except _ENDS as reason:
                log.info("stream.ended", reason=repr(reason), request_id=request.id)
            finally:
                self._open -= 1

        # Whatever stands between must hand on each event as it comes (nginx knows the last one).
        headers = {
            "Content-Type": STREAM_TYPE,
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
        return Response(headers=headers, stream=stream)

    async def endpoint(self, request: Request, status: EndpointStatus) -> Endpoint:
        """The webhook as it is now. Raises `_Revoked` when it is not for who asks any more."""
        request.requester = await self._identify(request.headers)
        if await self._authorize(request) is not None:
            raise _Revoked
        return await self.pulling.endpoint(request, status)


class _Revoked(Exception):
    """The webhook is gone, or who reads may not write it any more."""


class _Telling:
    """One stream, from its first event to its end."""

    def __init__(
        self,
        streaming: Streaming,
        send: Send,
        *,
        request: Request,
        status: EndpointStatus,
        endpoint: Endpoint,
    ) -> None:
        self._streaming = streaming
        self._pulling = streaming.pulling
        self._limits = streaming.limits
        self._request = request
        self._status = status
        self._endpoint = endpoint
        self._looked_at = self._sent_at = _now()
        self._at = Offset(0)
        """All before it is told, or is not for this webhook."""
        self._write = send

    async def run(self, first: Offset) -> None:
        """Tell until the reader may not read any more; raises what else ends it."""
        self._at = first
        await self._send(b"retry: %d\n\n" % RETRY_MS)
        try:
            while True:
                await self._catch_up(None)
                await self._follow()
        except _Revoked:
            return

    async def _catch_up(self, end: Offset | None) -> None:
        """Tell what the log has up to there, or up to its end."""
        has_more = True
        while has_more:
            page = await self._pulling.page(
                self._endpoint, self._at, PAGE, end=end, bytes_enough=PAGE_BYTES
            )
            for offset, body, id_, type_ in page.events:
                await self._send(_message(offset, type_, id_, body))
            self._at, has_more = page.next, page.has_more
            await self._live()

    async def _follow(self) -> None:
        """Tell what is written from now on, as long as the reader keeps up."""
        endpoint = self._endpoint
        async with self._streaming.watch(endpoint.bucket_id, endpoint.bucket_uid) as watching:
            await self._look()
            await self._catch_up(watching.since)
            while (seen := await self._next(watching)) is not None:
                if self._is_about_webhook(seen.event):
                    await self._look()
                if seen.position.offset >= self._at:
                    await self._tell(seen.event, seen.position)
                if _now() - self._sent_at >= self._limits.heartbeat_s:
                    await self._live()
                await self._look_again()

    async def _next(self, watching: Watching) -> Seen | None:
        """The next change in the bucket; `None` if what came could not be held."""
        while True:
            try:
                async with asyncio.timeout(self._limits.heartbeat_s):
                    return await watching.next()
            except TimeoutError:
                await self._live()
            except WatchLost as reason:
                log.info("stream.fell_behind", reason=str(reason), request_id=self._request.id)
                return None

    async def _tell(self, event: ObjectChanged, position: Position) -> None:
        self._at = Offset(position.offset + 1)
        if self._endpoint.wants(event):
            body = body_of(event, position, self._endpoint.spec.form)
            await self._send(_message(position.offset, event.type, message_id(event.id), body))

    async def _live(self) -> None:
        """Show that the connection lives, and the place to come back to, and look after it."""
        at = b"" if self._at == 0 else b"id: %d\n" % (self._at - 1)
        await self._send(b": so far\n%b\n" % at)
        await self._look_again()

    async def _look_again(self) -> None:
        if _now() - self._looked_at >= self._limits.look_again_s:
            await self._look()

    async def _look(self) -> None:
        """Have the webhook as it is now. Raises `_Revoked`."""
        self._endpoint = await self._streaming.endpoint(self._request, self._status)
        self._looked_at = _now()

    async def _send(self, part: bytes) -> None:
        await self._write(part)
        self._sent_at = _now()

    def _is_about_webhook(self, event: ObjectChanged) -> bool:
        address = event.address
        is_webhook = address.kind is Kind.WEBHOOK and address.id == self._request.target.id
        return is_webhook or address.kind is Kind.BUCKET


def _now() -> float:
    return asyncio.get_running_loop().time()


def _message(offset: Offset, type_: str, id_: str, body: bytes) -> bytes:
    """One event; readers leave out the field that only this server has."""
    return b"id: %d\nevent: %b\nwebhook-id: %b\ndata: %b\n\n" % (
        offset,
        type_.encode(),
        id_.encode(),
        body,
    )
