"""The HTTP client of deliveries: one POST, one deadline, at most 16 KiB of the answer."""

import asyncio
import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

import aiohttp

from muniment.domain.webhooks.urls import to_call
from muniment.webhooks.targets import AddressGuard, ForbiddenAddress

ANSWER_BYTES_MAX: Final = 16 * 1024
KEEP_ALIVE_S: Final = 30.0
RETRY_AFTER_S_MAX: Final = 24 * 3600.0
SECOND_TRY_WITHIN_S: Final = 1.0


class Failure(StrEnum):
    """Why an attempt did not succeed."""

    STATUS = "status"
    TIMEOUT = "timeout"
    CONNECT = "connect"
    TLS = "tls"
    FORBIDDEN = "forbidden_address"
    BROKEN = "broken_answer"
    URL = "invalid_url"
    LOST = "not_on_the_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one attempt; `status` is `None` where no answer came."""

    failure: Failure | None
    status: int | None = None
    retry_after_s: float | None = None

    @property
    def is_delivered(self) -> bool:
        return self.failure is None

    @property
    def is_gone(self) -> bool:
        """The receiver says that it will never take anything again."""
        return self.status == 410

    @property
    def reason(self) -> str:
        """For logs and the parked delivery: `status 500`, `timeout` and so on."""
        return f"{self.failure} {self.status}" if self.status is not None else f"{self.failure}"


class Client:
    """Posts to endpoints over connections that stay open; never follows a redirect."""

    def __init__(self, *, guard: AddressGuard, timeout_s: float, connect_timeout_s: float) -> None:
        self._guard = guard
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # No limits here: each lane bounds its own, and one endpoint must not wait for another's.
        connector = aiohttp.TCPConnector(
            limit=0,
            limit_per_host=0,
            keepalive_timeout=KEEP_ALIVE_S,
            socket_factory=self._guard.open_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_s),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt, over within the timeout whatever the receiver does."""
        try:
            # aiohttp rounds its own timeouts up to whole seconds: the deadline is ours.
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(url, headers, body)
        except TimeoutError:
            return Answer(failure=Failure.TIMEOUT)
        except (aiohttp.ClientError, ValueError, OSError) as error:
            return Answer(failure=_kind_of(error))

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        started = time.monotonic()
        try:
            return await self._post(url, headers, body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            # A kept-alive connection may have been closed from the other side just now: try once
            # more, the id says that it is the same message.
            is_old_connection = not isinstance(error, aiohttp.ClientConnectorError)
            if not is_old_connection or time.monotonic() - started > SECOND_TRY_WITHIN_S:
                raise
        return await self._post(url, headers, body)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._session is None:
            message = "the client is not open"
            raise RuntimeError(message)
        async with self._session.post(
            to_call(url), data=body, headers=headers, allow_redirects=False
        ) as response:
            await _read_little(response)
            is_delivered = 200 <= response.status < 300
            return Answer(
                failure=None if is_delivered else Failure.STATUS,
                status=response.status,
                retry_after_s=None if is_delivered else retry_after_s(response.headers),
            )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in both its forms as seconds from now, at most a day; `None` for nonsense."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), RETRY_AFTER_S_MAX)
    try:
        wait_s = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), RETRY_AFTER_S_MAX)


async def _read_little(response: aiohttp.ClientResponse) -> None:
    """Read the answer so that its connection can be used again; drop both if there is too much."""
    left = ANSWER_BYTES_MAX
    while chunk := await response.content.read(left):
        left -= len(chunk)
        if left <= 0:
            response.close()
            return


def _kind_of(error: Exception) -> Failure:
    match error:
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ForbiddenAddress):
            return Failure.FORBIDDEN
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return Failure.TLS
        case aiohttp.ClientConnectorError():
            return Failure.CONNECT
        case aiohttp.InvalidURL():
            return Failure.URL
        case _:
            return Failure.BROKEN
