"""Connections of the outside: HTTP/1.1 by aiohttp's low-level server, without its application.

The answer is written to the transport in one piece; the measurement that speaks for it is in
`docs/decisions/0010-answers-written-in-one-piece.md`.
"""

import asyncio
import errno
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict, CIMultiDictProxy

from muniment.runtime.errors import AlreadyTaken, ConfigurationError
from muniment.runtime.logs import get_logger
from muniment.web.conditions import http_date
from muniment.web.errors import Errors, bad_request, error, too_large
from muniment.web.http import Handler, Headers, Request, Response
from muniment.web.identifiers import request_id
from muniment.web.sockets import Sockets, Talk, is_upgrade
from muniment.web.streams import Streams
from muniment.web.tracebacks import forget_calls

log: Final = get_logger(__name__)

Complete = Callable[[Request, Response], None]
TalkOf = Callable[[Request], Talk | None]
"""What is said over a WebSocket that the request asks for; `None` where there is none to be had."""

_HOST: Final = re.compile(
    r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?"
)

_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus
}
_BODILESS: Final = frozenset({204, 304})
_JSON_LINE: Final = "Content-Type: application/json\r\n"

_CLIENTS_DOING: Final = (HttpProcessingError, web.RequestPayloadError, ConnectionResetError)
"""What is no HTTP, and clients that are gone before they have sent all."""

_LISTS: Final = ("Accept", "If-Match", "If-None-Match")
"""Headers that are read as lists: their lines are to be one (RFC 9110, 5.3)."""

_WRITTEN_AT_ONCE_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a connection may ask of the server."""

    body_bytes_max: int = 10 * 1024 * 1024
    header_bytes_max: int = 16 * 1024
    """Of the request line, and of one header."""
    header_count_max: int = 100
    body_timeout_s: float = 30
    keepalive_s: float = 75
    """Longer than the gateway's own, so that it is never the server that hangs up first."""
    drain_s: float = 10
    """How long requests in hand may take after the end was asked for."""
    linger_s: float = 2
    """How long the rest of a refused body is read on, so that its sender gets the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicUrl:
    """Scheme and host as the outside sees them; `None`: as the request says (BASE-7)."""

    scheme: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the server can be reached."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def listen(
    handler: Handler,
    *,
    host: str,
    port: int,
    port_setting: str = "http_port",
    errors: Errors,
    complete: Complete | None = None,
    talk: TalkOf | None = None,
    limits: Limits | None = None,
    public_url: PublicUrl | None = None,
) -> AsyncGenerator[Listening, None]:
    """Serve until the block ends; then take no more, and finish what is in hand.

    Raises `AlreadyTaken` or `ConfigurationError` where it cannot listen. `complete` adds what all
    answers carry to those that the server gives by itself. `talk` says who talks over a WebSocket
    that is asked for; without it nobody does.
    """
    limits = limits or Limits()
    connections = _Connections(
        handler,
        complete=complete or _leave_alone,
        talk=talk or _is_silent,
        errors=errors,
        limits=limits,
        public_url=public_url or PublicUrl(),
    )
    runner = web.ServerRunner(connections.server, shutdown_timeout=limits.drain_s)
    await runner.setup()
    try:
        yield await _bind(runner, host, port, port_setting)
    finally:
        # First of all: who comes while the last ones are served must find another instance.
        for site in tuple(runner.sites):
            await site.stop()
        await asyncio.gather(connections.sockets.close(), connections.streams.close())
        await runner.cleanup()


async def _bind(runner: web.ServerRunner, host: str, port: int, setting: str) -> Listening:
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise AlreadyTaken(
                f"Port {port} of {host} is taken: stop what listens there, or set {setting}."
            ) from problem
        raise ConfigurationError(
            f"Cannot listen on port {port} of {host} ({problem.strerror or problem}): "
            f"set http_bind_host or {setting}."
        ) from problem
    bound: int = runner.addresses[0][1]
    return Listening(host=host, port=bound)


def _leave_alone(request: Request, response: Response) -> None:
    """For servers without a pipeline."""


def _is_silent(_: Request) -> Talk | None:
    """For servers without WebSockets."""
    return None


class _Connections:
    """Makes requests of what comes in, and writes the answers."""

    def __init__(
        self,
        handler: Handler,
        *,
        complete: Complete,
        talk: TalkOf,
        errors: Errors,
        limits: Limits,
        public_url: PublicUrl,
    ) -> None:
        self._handler = handler
        self._complete = complete
        self._talk = talk
        self.sockets = Sockets()
        self.streams = Streams()
        self._errors = errors
        self._limits = limits
        self._public_url = public_url
        self._base_url = lru_cache(maxsize=256)(self._make_base_url)
        self.server = _Server(self)

    @property
    def limits(self) -> Limits:
        return self._limits

    async def answer(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """The way of one request; never raises but for a client that is gone."""
        request = self._request(incoming)
        structlog.contextvars.bind_contextvars(request_id=request.id)
        if is_upgrade(incoming) and (talk := self._talk(request)) is not None:
            return await self.sockets.serve(incoming, talk)
        refused = None
        if incoming.body_exists:
            refused = await self._read_body(incoming, request)
        response = await self._handler(request) if refused is None else refused
        if refused is not None:
            self._complete(request, response)
        # What is left of a refused body would be read as the next request.
        keep_alive = refused is None and incoming.keep_alive
        is_http_1_0 = incoming.version.minor == 0
        if response.stream is not None:
            head = _head(response, request, is_http_1_0=is_http_1_0)
            await self.streams.serve(incoming, head, response.stream, in_chunks=not is_http_1_0)
            return _Answer(b"", None, keep_alive=False)
        return _answer(response, request, keep_alive=keep_alive, is_http_1_0=is_http_1_0)

    def refuse(self, status: int) -> web.StreamResponse:
        """The answer to what is no HTTP, or to a failure of the server itself."""
        request = Request(method="GET", raw_path="/", headers=CIMultiDict(), base_url="", id="")
        request.id = request_id(request.headers)
        is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        response = self._errors.internal() if is_ours else bad_request("Invalid HTTP request.")
        self._complete(request, response)
        return _answer(response, request, keep_alive=False)

    def _request(self, incoming: web.BaseRequest) -> Request:
        headers = _with_whole_lists(incoming.headers)
        target = incoming.raw_path
        if not target.startswith("/"):  # The absolute form, as proxies send it.
            target = incoming.rel_url.raw_path_qs
        raw_path, _, raw_query = target.partition("#")[0].partition("?")
        return Request(
            method=incoming.method,
            raw_path=raw_path,
            raw_query=raw_query,
            headers=headers,
            base_url=self._base_url(headers.get("Host", "")),
            id=request_id(headers),
        )

    def _make_base_url(self, host: str) -> str:
        known = host if _HOST.fullmatch(host) else "localhost"
        return f"{self._public_url.scheme or 'http'}://{self._public_url.host or known}"

    async def _read_body(self, incoming: web.BaseRequest, request: Request) -> Response | None:
        """Put the body into the request, or answer why that cannot be."""
        limit = self._limits.body_bytes_max
        if (incoming.content_length or 0) > limit:
            return too_large(limit)
        content = incoming.content
        if content.is_eof():  # It came along with the headers: nothing to wait for.
            request.body = content.read_nowait(-1)
            return too_large(limit) if len(request.body) > limit else None
        if incoming.headers.get("Expect", "").lower() == "100-continue" and incoming.transport:
            incoming.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                body = await _read(content, limit)
        except (OSError, web.RequestPayloadError) as problem:
            forget_calls(problem)
            if isinstance(problem, TimeoutError):
                return error(408, 107, "The body of the request did not arrive in time.")
            return bad_request("Invalid HTTP request body.")
        if body is None:
            return too_large(limit)
        request.body = body
        return None


def _with_whole_lists(headers: CIMultiDictProxy[str]) -> Headers:
    repeated = [name for name in _LISTS if len(headers.getall(name, ())) > 1]
    if not repeated:
        return headers
    whole = headers.copy()
    for name in repeated:
        whole[name] = ", ".join(headers.getall(name))
    return whole


async def _read(content: StreamReader, limit: int) -> bytes | None:
    """The whole of it, or `None` as soon as it is over the limit."""
    body = bytearray()
    while chunk := await content.readany():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


class _Answer(web.StreamResponse):
    """Bytes that are written in one piece; aiohttp calls `prepare`, then `write_eof`."""

    def __init__(self, head: bytes, body: bytes | None, *, keep_alive: bool) -> None:
        # Not `super().__init__`: it makes headers and cookies that are not used (see the top).
        self._head = head
        self._rest = body
        self._keep_alive = keep_alive

    @property
    def keep_alive(self) -> bool:
        return bool(self._keep_alive)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        if self._rest is None:
            transport.write(self._head)
        elif len(self._rest) <= _WRITTEN_AT_ONCE_BYTES_MAX:
            transport.write(self._head + self._rest)
        else:
            transport.write(self._head)
            transport.write(self._rest)
        # A client that sends and does not read would fill the memory.
        if transport.get_write_buffer_size() > _WRITTEN_AT_ONCE_BYTES_MAX:
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """All is written."""


def _answer(
    response: Response,
    request: Request,
    *,
    keep_alive: bool,
    is_http_1_0: bool = False,
) -> _Answer:
    """Raises `ValueError` for a header that would break the answer."""
    is_head = request.method == "HEAD"
    head = _head(response, request, keep_alive=keep_alive, is_http_1_0=is_http_1_0)
    return _Answer(head, None if is_head else response.body, keep_alive=keep_alive)


def _head(
    response: Response, request: Request, *, keep_alive: bool = False, is_http_1_0: bool = False
) -> bytes:
    fields = "\r\n".join([f"{name}: {value}" for name, value in response.headers.items()])
    breaks_due = max(len(response.headers) - 1, 0)
    if fields.count("\n") != breaks_due or fields.count("\r") != breaks_due:
        message = f"a header holds a line break: {response.headers!r}"
        raise ValueError(message)
    lines = [_STATUS_LINES[response.status], fields, "\r\n" if fields else ""]
    lines.append(_length_lines(response, is_head=request.method == "HEAD", is_http_1_0=is_http_1_0))
    lines.append(f"Date: {http_date(int(time.time()))}\r\nX-Request-Id: {request.id}\r\n")
    if not keep_alive:
        lines.append("Connection: close\r\n")
    elif is_http_1_0:
        lines.append("Connection: keep-alive\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


def _length_lines(response: Response, *, is_head: bool, is_http_1_0: bool) -> str:
    if response.status in _BODILESS:
        return ""
    if response.stream is not None:
        return "" if is_http_1_0 else "Transfer-Encoding: chunked\r\n"
    if response.body is None and is_head:
        # A list's HEAD counts: the body that GET would send is not made (BASE-6).
        return _JSON_LINE if response.status == HTTPStatus.OK else ""
    if response.body is None:
        return "Content-Length: 0\r\n"
    length = f"Content-Length: {len(response.body)}\r\n"
    return length if "Content-Type" in response.headers else f"{_JSON_LINE}{length}"


class _Server(web.Server):
    """Makes a connection's protocol with our limits and our form of errors."""

    def __init__(self, connections: _Connections) -> None:
        super().__init__(connections.answer)
        self._owner = connections

    def __call__(self) -> RequestHandler:
        return _Protocol(self._owner, self)


class _Protocol(RequestHandler):
    """One connection."""

    __slots__ = ("_owner",)

    def __init__(self, owner: _Connections, server: web.Server) -> None:
        limits = owner.limits
        options: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": limits.keepalive_s,
            "lingering_time": limits.linger_s,
            "max_line_size": limits.header_bytes_max,
            "max_field_size": limits.header_bytes_max,
            "max_headers": limits.header_count_max,
        }
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._owner = owner

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        # A WebSocket's method, of which aiohttp keeps hold: the one would keep the other in memory.
        self._data_received_cb = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP is the client's doing and not worth a line; all else is a bug."""
        if not isinstance(exc, _CLIENTS_DOING):
            log.error("server.failed", exc_info=exc)
        forget_calls(exc)
        return self._owner.refuse(status)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """The same for what aiohttp meets when it reads on to the end of a refused body."""
        problem = kw.get("exc_info")
        if not isinstance(problem, _CLIENTS_DOING):
            super().log_exception(*args, **kw)
        forget_calls(problem)
