"""Host names to addresses, many at a time: a slow name server holds up only who asked for it."""

import ipaddress
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self, cast

import aiodns

from muniment.domain.webhooks.urls import IPAddress

TRY_TIMEOUT_S: Final = 1.5
TRIES: Final = 3


class NotResolved(Exception):
    """The name has no address, or nobody could tell."""


class Resolver(Protocol):
    """What knows the addresses of a name."""

    async def addresses(self, name: str) -> Sequence[IPAddress]:
        """All of them, the preferred ones first; raises `NotResolved` where there is none."""
        ...


class CaresResolver:
    """Asks the name servers of the system (and its hosts file) without a thread for each question.

    `getaddrinfo` in a pool of threads would let one subscriber's dead name server take all of them.
    """

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        """`nameservers` are addresses, `192.0.2.53` or `192.0.2.53:5353`; none: the system's."""
        self._nameservers = nameservers
        self._channel: aiodns.DNSResolver | None = None

    async def __aenter__(self) -> Self:
        self._channel = aiodns.DNSResolver(
            nameservers=self._nameservers or None, timeout=TRY_TIMEOUT_S, tries=TRIES
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def addresses(self, name: str) -> Sequence[IPAddress]:
        if self._channel is None:
            message = "the resolver is not open"
            raise RuntimeError(message)
        if f".{name}".endswith(".localhost."):
            # RFC 6761; c-ares knows it without the dot only.
            name = name.removesuffix(".")
        try:
            found = await self._channel.getaddrinfo(name, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            raise NotResolved(str(error.args[-1])) from error
        nodes = cast("Sequence[Any]", found.nodes)
        addresses = [ipaddress.ip_address(node.addr[0].decode("ascii")) for node in nodes]
        if not addresses:
            raise NotResolved("the name has no address")
        return tuple(dict.fromkeys(addresses))
