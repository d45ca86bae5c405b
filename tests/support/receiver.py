"""A webhook receiver on loopback: checks every signature, keeps what came, misbehaves on demand.

    async with Receiver(secret) as receiver:
        receiver.behave(fail_first(2))
        ...  # have events delivered to receiver.url
        await receiver.until(lambda: len(receiver.accepted) == 10)

`secret` is `whsec_…`, or a function from a request's path to it, for several endpoints at one
receiver. `running_receiver` has it run in a thread of its own, for tests and tools without a loop.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX: Final = 64 * 1024 * 1024
PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request; `is_verified` says whether its signature was right."""

    at: float
    path: str
    id: str
    timestamp: str
    headers: Mapping[str, str]
    body: bytes
    is_verified: bool
    tries: int
    """How often a request with this id has come to this path, this one included."""

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(self.body)
        return message

    @property
    def uri(self) -> str:
        return str(self.message["data"]["uri"])

    @property
    def offset(self) -> int:
        return int(self.message["data"]["position"]["offset"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer, and after how long; `wait_s=None` never answers."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    wait_s: float | None = 0.0


OK: Final = Reply()
HANG: Final = Reply(wait_s=None)

Behaviour = Callable[[Received], Reply]


def always(reply: Reply) -> Behaviour:
    """The same reply to each request."""
    return lambda _: reply


def fail_first(times: int, status: int = 500) -> Behaviour:
    """Each message is refused that many times, then taken."""
    return lambda received: Reply(status=status) if received.tries <= times else OK


class Receiver:
    """See the module. A request whose signature is wrong gets a 401, and is kept in `forged`."""

    def __init__(self, secret: str | Callable[[str], str], *, port: int = 0) -> None:
        self.received: list[Received] = []
        """All requests with a right signature, in the order in which they came."""
        self.accepted: list[Received] = []
        """Those of them that were answered with 2xx."""
        self.forged: list[Received] = []
        self.port = port
        self.secret = secret
        self._behaviour: Behaviour = always(OK)
        self._tries: dict[tuple[str, str], int] = {}
        self._verifiers: dict[str, Webhook] = {}
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def at(self, path: str) -> str:
        """The URL of another endpoint at this receiver."""
        return f"http://127.0.0.1:{self.port}/{path.lstrip('/')}"

    def behave(self, behaviour: Behaviour) -> None:
        """Answer so from now on."""
        self._behaviour = behaviour

    async def until(self, condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
        """Return when the condition holds; fail at the deadline."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                message = (
                    f"not so within {timeout_s} s: {len(self.received)} received, "
                    f"{len(self.accepted)} accepted, {len(self.forged)} forged"
                )
                raise AssertionError(message)
            await asyncio.sleep(0.01)

    async def start(self) -> None:
        """Listen; after a `stop` on the same port again."""
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None), shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close all connections and listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        received = self._note(request, await request.read())
        if not received.is_verified:
            self.forged.append(received)
            return web.Response(status=401)
        self.received.append(received)
        reply = self._behaviour(received)
        if reply.wait_s is None:
            await asyncio.Event().wait()
        elif reply.wait_s:
            await asyncio.sleep(reply.wait_s)
        if 200 <= reply.status < 300:
            self.accepted.append(received)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body or None)

    def _note(self, request: web.BaseRequest, body: bytes) -> Received:
        path, id_ = request.path, request.headers.get("webhook-id", "")
        tries = self._tries[path, id_] = self._tries.get((path, id_), 0) + 1
        return Received(
            at=time.time(),
            path=path,
            id=id_,
            timestamp=request.headers.get("webhook-timestamp", ""),
            headers=dict(request.headers),
            body=body,
            is_verified=self._is_verified(path, request.headers, body),
            tries=tries,
        )

    def _is_verified(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        secret = self.secret if isinstance(self.secret, str) else self.secret(path)
        verifier = self._verifiers.get(secret)
        if verifier is None:
            verifier = self._verifiers[secret] = Webhook(secret)
        try:
            verifier.verify(body, dict(headers), json_parse=False)
        except WebhookVerificationError:
            return False
        return True


@contextmanager
def running_receiver(
    secret: str | Callable[[str], str], *, port: int = 0
) -> Generator[Receiver, None, None]:
    """A receiver in a thread of its own; its lists may be read from this one."""
    receiver = Receiver(secret, port=port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="receiver", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(receiver.start(), loop).result(timeout=10)
        yield receiver
    finally:
        asyncio.run_coroutine_threadsafe(receiver.stop(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
