"""The client: one POST, one deadline, one answer, whatever the receiver does."""

import time
from collections.abc import Hashable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from muniment.runtime import metrics
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.http.connecting import Connector, NotConnected, Steps
from muniment.webhooks.http.connection import Connection
from muniment.webhooks.http.guard import Guard
from muniment.webhooks.http.names import CaresResolver, Resolver
from muniment.webhooks.http.pool import Pool
from muniment.webhooks.http.request import UnfitHeader, request_bytes, shown_headers
from muniment.webhooks.http.target import Target, target_of
from muniment.webhooks.http.tls import Contexts, TlsIdentity, keep_session

IDLE_S_MAX: Final = 30.0
CONNECTIONS_MAX: Final = 2_000

_OPENED: Final = metrics.WEBHOOK_CONNECTIONS.labels("opened")
_RESUMED: Final = metrics.WEBHOOK_CONNECTIONS.labels("resumed")
_REUSED: Final = metrics.WEBHOOK_CONNECTIONS.labels("reused")

_NO_STEPS: Final = Steps()


class _Post(NamedTuple):
    """One attempt under way; times are on the monotonic clock, in seconds."""

    target: Target
    identity: TlsIdentity | None
    key: Hashable
    """What connections are kept by: all that share one call the same place as the same."""
    request: bytes
    began: float
    deadline: float


class Client:
    """Posts to endpoints over connections that stay open; never follows a redirect."""

    def __init__(
        self,
        *,
        guard: Guard,
        timeout_s: float,
        connect_timeout_s: float,
        connections_max: int = CONNECTIONS_MAX,
        ca_file: Path | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`resolver` is for who knows names otherwise than the system does; it stays open."""
        self._guard = guard
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._pool = Pool(connections_max=connections_max)
        self._contexts = Contexts(ca_file=ca_file)
        self._resolver = resolver
        self._connector: Connector | None = None
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._contexts.of(None)
        resolver = self._resolver
        if resolver is None:
            resolver = await self._closing.enter_async_context(CaresResolver())
        self._closing.push_async_callback(self._pool.close)
        self._connector = Connector(
            guard=self._guard, resolver=resolver, contexts=self._contexts, idle_s_max=IDLE_S_MAX
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._closing.aclose()

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_s: float | None = None,
        identity: TlsIdentity | None = None,
    ) -> Answer:
        """One attempt, over within the timeout; what goes wrong is told by the answer.

        It may send the same twice: a connection that had been kept open may be closed from the
        other side at the moment of its use, which says nothing about the request.
        """
        target = target_of(url)
        if target is None:
            return Answer(failure=Failure.URL, detail="the URL can't be called")
        if (refusal := self._guard.refusal_of(target.destination)) is not None:
            return Answer(failure=Failure.BLOCKED, detail=refusal)
        try:
            request = request_bytes(target, headers, body)
        except UnfitHeader as error:
            return Answer(failure=Failure.HEADER, detail=str(error))
        key = target.origin, identity
        began = time.monotonic()
        deadline = began + (self._timeout_s if timeout_s is None else timeout_s)
        post = _Post(target, identity, key, request, began, deadline)
        connection = self._pool.take(key)
        if connection is not None:
            _REUSED.inc()
            answer = await self._exchange(connection, post, _NO_STEPS)
            if not _is_stale(answer, connection):
                return answer
        return await self._post_anew(post)

    async def _post_anew(self, post: _Post) -> Answer:
        """The exchange over a new connection; waiting for room to open one is not counted."""
        asked = time.monotonic()
        await self._pool.room()
        waited_s = time.monotonic() - asked
        post = post._replace(began=post.began + waited_s, deadline=post.deadline + waited_s)
        steps = Steps()
        try:
            connection = await self._open(post, steps)
        except NotConnected as error:
            return Answer(
                failure=error.failure,
                detail=error.detail,
                address=steps.address,
                dns_ms=steps.dns_ms,
                connect_ms=steps.connect_ms,
                tls_ms=steps.tls_ms,
                total_ms=_ms_since(post.began),
            )
        return await self._exchange(connection, post, steps)

    async def _open(self, post: _Post, steps: Steps) -> Connection:
        try:
            if self._connector is None:
                message = "the client is not open"
                raise RuntimeError(message)
            connection = await self._connector.open(
                post.target.destination,
                post.identity,
                steps=steps,
                deadline=min(time.monotonic() + self._connect_timeout_s, post.deadline),
            )
        except BaseException:
            self._pool.no_use()
            raise
        self._pool.add(connection)
        is_resumed = connection.tls is not None and bool(connection.tls.session_reused)
        (_RESUMED if is_resumed else _OPENED).inc()
        return connection

    async def _exchange(self, connection: Connection, post: _Post, steps: Steps) -> Answer:
        try:
            await connection.exchange(post.request, deadline=post.deadline)
        except BaseException:
            connection.drop()
            raise
        reader = connection.reader
        answer = Answer(
            failure=reader.failure,
            status=reader.status,
            detail=reader.detail,
            retry_after=reader.header(b"retry-after"),
            delivery_control=reader.header(b"webhook-delivery"),
            location=reader.header(b"location"),
            body=reader.body,
            address=connection.address,
            is_reused=connection.exchanges > 1,
            dns_ms=steps.dns_ms,
            connect_ms=steps.connect_ms,
            tls_ms=steps.tls_ms,
            first_byte_ms=(
                (connection.first_byte_at - connection.sent_at) * 1000
                if connection.first_byte_at
                else None
            ),
            total_ms=_ms_since(post.began),
            request_headers=shown_headers(post.request),
        )
        if connection.exchanges == 1:
            keep_session(connection.tls, post.target.destination.host)
        self._pool.give_back(post.key, connection)
        return answer


def _is_stale(answer: Answer, connection: Connection) -> bool:
    """Whether the connection had been closed before the request came to the other side."""
    return answer.failure is Failure.CLOSED and connection.reader.bytes_read == 0


def _ms_since(began: float) -> float:
    return (time.monotonic() - began) * 1000
