"""Sends a request on, as it came and once, to the instance that owns its partition."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from muniment.runtime.metrics import COMMANDS_FORWARDED
from muniment.runtime.settings import Settings
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable

FORWARDED: Final = "Muniment-Forwarded-By"
"""Names the instance that sent the request on: it is not sent on again."""

MISDIRECTED: Final = 421
"""What an instance answers to another that takes it for the owner when it is not (RFC 9110)."""

CONNECTIONS_MAX: Final = 100
CONNECT_TIMEOUT_S: Final = 2.0
"""After which an instance whose machine says nothing at all counts as not there."""

HEADER_BYTES_MAX: Final = 64 * 1024
"""As at the gateway: a `Next-Page` repeats the request's URL, and its token holds sort values."""

_OF_THE_CONNECTION: Final = frozenset(
    name.lower()
    for name in (
        "Connection",
        "Content-Length",
        "Expect",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    )
)


class NotTaken(Unavailable):
    """The instance that was asked is not the owner, or is not there: nothing has happened."""


class Forwarder:
    """Speaks to the other instances."""

    def __init__(self, session: aiohttp.ClientSession, *, instance_id: str) -> None:
        self._session = session
        self._instance_id = instance_id

    async def forward(self, request: Request, owner_url: str) -> Response:
        """The owner's answer. Raises `Unavailable` when it gives none, `NotTaken` if it is none.

        A request that was sent on once is not sent on again: two instances that each take the
        other for the owner must not play ball with it. Who sent it looks again.
        """
        if FORWARDED in request.headers:
            COMMANDS_FORWARDED.labels("refused").inc()
            return Response(status=MISDIRECTED)
        query = f"?{request.raw_query}" if request.raw_query else ""
        url = URL(f"{owner_url}{request.raw_path}{query}", encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=self._headers(request),
                data=request.body,
                allow_redirects=False,
            ) as answer:
                if answer.status == MISDIRECTED:
                    COMMANDS_FORWARDED.labels("misdirected").inc()
                    raise NotTaken(f"the instance at {owner_url} does not own the partition")
                body = await answer.read()
                COMMANDS_FORWARDED.labels("answered").inc()
                return Response(status=answer.status, headers=_kept(answer.headers), body=body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            COMMANDS_FORWARDED.labels("unreached").inc()
            raise NotTaken(f"the owner at {owner_url} is not there: {error!r}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            COMMANDS_FORWARDED.labels("failed").inc()
            raise Unavailable(f"the owner at {owner_url} does not answer: {error!r}") from error

    async def is_alive(self, instance_url: str) -> bool:
        """Whether an instance answers at all."""
        try:
            async with self._session.get(f"{instance_url}/v1/__lbheartbeat__") as answer:
                return answer.status == HTTPStatus.OK
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _headers(self, request: Request) -> Mapping[str, str]:
        headers = CIMultiDict(
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _OF_THE_CONNECTION
        )
        headers.popall("Content-Encoding", None)  # The server has decoded the body.
        headers[FORWARDED] = self._instance_id
        headers["X-Request-Id"] = request.id
        return headers


@asynccontextmanager
async def open_forwarder(*, instance_id: str, timeout_s: float) -> AsyncGenerator[Forwarder]:
    """A forwarder with connections of its own, each exchange within the deadline.

    That must be longer than the other instance may take: when it ends, what became of the request
    is not known.
    """
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        auto_decompress=False,
        max_field_size=HEADER_BYTES_MAX,
        skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
    )
    async with session:
        yield Forwarder(session, instance_id=instance_id)


def answer_timeout_s(settings: Settings) -> float:
    """How long a writer waits at most: for one append and for one projection, and some more."""
    return settings.append_timeout_s + 2 * settings.projection_wait_timeout_s + 5


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    # Names come as a kind of text that JSON can't be made of, as the answer to a batch needs.
    return {
        str(name): value
        for name, value in headers.items()
        if name.lower() not in _OF_THE_CONNECTION
    }
