"""Makes connections: looks the name up, has every address judged, connects to what was judged."""

import asyncio
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from muniment.domain.webhooks.urls import Destination, IPAddress
from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.connection import Connection
from muniment.webhooks.http.guard import Guard
from muniment.webhooks.http.names import NotResolved, Resolver
from muniment.webhooks.http.outbox import Outbox
from muniment.webhooks.http.tls import Context, Contexts, TlsIdentity, UnfitIdentity

ADDRESSES_MAX: Final = 6
"""So many of a name's addresses are tried."""
STAGGER_S: Final = 0.25
"""After so long without success the next address is tried beside (RFC 8305)."""
SHUTDOWN_S: Final = 1.0
HANDSHAKE_S_MAX: Final = 60.0
"""Never reached: what connects has a deadline of its own, which is shorter."""


class NotConnected(Exception):
    """No connection came about."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


@dataclass(slots=True, kw_only=True)
class Steps:
    """How long each step to a connection has taken, in milliseconds; `None` where it was not."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    address: str | None = None


class Connector:
    """Opens connections for which there is a deadline over all steps."""

    def __init__(
        self, *, guard: Guard, resolver: Resolver, contexts: Contexts, idle_s_max: float
    ) -> None:
        self._guard = guard
        self._resolver = resolver
        self._contexts = contexts
        self._idle_s_max = idle_s_max
        self._outbox = Outbox()

    async def open(
        self,
        destination: Destination,
        identity: TlsIdentity | None,
        *,
        steps: Steps,
        deadline: float,
    ) -> Connection:
        """Connect within the deadline (monotonic, seconds), noting the steps.

        Raises `NotConnected`.
        """
        late = Failure.DNS, "the name servers did not answer in time"
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                context = await self._context(identity) if destination.is_tls else None
                addresses = await self._addresses(destination, steps)
                late = Failure.CONNECT_TIMEOUT, "the address did not answer in time"
                sock = await self._connect(addresses, destination.port, steps)
                if context is None:
                    return await self._adopt(sock, steps)
                late = Failure.TLS, "the handshake was not over in time"
                return await self._secure(sock, destination.host, context, steps)
        except TimeoutError as error:
            raise NotConnected(*late) from error

    async def _context(self, identity: TlsIdentity | None) -> Context:
        try:
            return await self._contexts.of(identity)
        except UnfitIdentity as error:
            raise NotConnected(Failure.TLS, str(error)) from error

    async def _addresses(self, destination: Destination, steps: Steps) -> Sequence[IPAddress]:
        found: Sequence[IPAddress]
        if destination.address is not None:
            found = (destination.address,)
        else:
            elapsed_ms = _stopwatch()
            try:
                found = await self._resolver.addresses(destination.lookup)
            except NotResolved as error:
                raise NotConnected(Failure.DNS, str(error)) from error
            finally:
                steps.dns_ms = elapsed_ms()
        allowed = [each for each in found if self._guard.allows(destination.host, each)]
        if not allowed:
            # Not a word of what it is: that would map our network.
            raise NotConnected(Failure.BLOCKED, "the address is not a public one")
        return _families_in_turn(allowed)[:ADDRESSES_MAX]

    async def _connect(
        self, addresses: Sequence[IPAddress], port: int, steps: Steps
    ) -> socket.socket:
        elapsed_ms = _stopwatch()
        try:
            sock = await _connect_to_first(addresses, port)
            host, port, *_ = sock.getpeername()
        except OSError as error:
            raise _why_not(error) from error
        finally:
            steps.connect_ms = elapsed_ms()
        steps.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return sock

    async def _adopt(self, sock: socket.socket, steps: Steps) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(self._new_connection, sock=sock)
        except OSError as error:
            raise _why_not(error) from error
        connection.address = steps.address or ""
        return connection

    async def _secure(
        self, sock: socket.socket, host: str, context: Context, steps: Steps
    ) -> Connection:
        loop = asyncio.get_running_loop()
        elapsed_ms = _stopwatch()
        try:
            _, connection = await loop.create_connection(
                self._new_connection,
                sock=sock,
                ssl=context,
                server_hostname=host,
                ssl_handshake_timeout=HANDSHAKE_S_MAX,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except ssl.SSLCertVerificationError as error:
            raise NotConnected(Failure.TLS, error.verify_message) from error
        except ssl.SSLError as error:
            raise NotConnected(Failure.TLS, error.reason or "the handshake failed") from error
        except OSError as error:
            raise NotConnected(Failure.TLS, "the connection broke in the handshake") from error
        finally:
            steps.tls_ms = elapsed_ms()
        connection.address = steps.address or ""
        return connection

    def _new_connection(self) -> Connection:
        return Connection(outbox=self._outbox, idle_s_max=self._idle_s_max)


async def _connect_to_first(addresses: Sequence[IPAddress], port: int) -> socket.socket:
    """A socket connected to the first that lets us; raises the first's `OSError` if none does."""
    if len(addresses) == 1:
        return await _connect_to(addresses[0], port)
    waiting = list(reversed(addresses))
    trying: set[asyncio.Task[socket.socket]] = set()
    failed: list[OSError] = []
    connected: list[socket.socket] = []
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.create_task(_connect_to(waiting.pop(), port)))
            done, trying = await asyncio.wait(
                trying,
                timeout=STAGGER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                try:
                    connected.append(task.result())
                except OSError as error:
                    failed.append(error)
            if connected:
                return connected.pop(0)
    finally:
        await _abandon(trying, connected)
    raise failed[0]


async def _abandon(
    trying: set[asyncio.Task[socket.socket]], connected: list[socket.socket]
) -> None:
    for task in trying:
        task.cancel()
    for result in await asyncio.gather(*trying, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()
    for sock in connected:
        sock.close()


async def _connect_to(address: IPAddress, port: int) -> socket.socket:
    sock = socket.socket(
        socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM
    )
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def _families_in_turn(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """One family may be broken as a whole: begin with the preferred, then take turns."""
    first = addresses[0].version
    same = [each for each in addresses if each.version == first]
    other = [each for each in addresses if each.version != first]
    return [each for pair in zip_longest(same, other) for each in pair if each is not None]


def _why_not(error: OSError) -> NotConnected:
    detail = os.strerror(error.errno) if error.errno else str(error)
    match error.errno:
        case errno.ECONNREFUSED:
            return NotConnected(Failure.REFUSED, detail)
        case errno.ETIMEDOUT:
            return NotConnected(Failure.CONNECT_TIMEOUT, detail)
        case _:
            return NotConnected(Failure.CONNECT, detail)


def _stopwatch() -> Callable[[], float]:
    began = time.perf_counter()
    return lambda: (time.perf_counter() - began) * 1000
