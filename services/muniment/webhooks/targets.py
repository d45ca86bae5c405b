"""Where deliveries may go: URLs that are whole, and addresses that belong to the public internet.

The address is judged when a socket is made for it, by the connector, so that what was judged is
what is connected to: a name that resolves differently a moment later gains nothing.
"""

import ipaddress
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from muniment.domain.webhooks.urls import to_call

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
AddrInfo: TypeAlias = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, Any]

NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Of IPv6 only 2000::/3 is given out; within it, what reaches elsewhere or nowhere.
        *("::/3", "4000::/2", "8000::/1"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
"""IANA's registries of special addresses, 6to4, NAT64 and Teredo among them."""


class ForbiddenAddress(OSError):
    """The endpoint's address is not a public one, and no setting allows it."""


class AddressGuard:
    """Makes sockets for public addresses and for the networks that the settings allow."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def open_socket(self, info: AddrInfo) -> socket.socket:
        """A socket for the address; raises `ForbiddenAddress`, without a word of what it is."""
        family, kind, protocol, _, address = info
        if not self.allows(address[0]):
            message = "the address is not public"
            raise ForbiddenAddress(message)
        return socket.socket(family, kind, protocol)

    def allows(self, address: str) -> bool:
        """Whether deliveries may go to the address; an IPv4-mapped one counts as what it maps."""
        found = _parsed(address)
        if any(found in network for network in self._allowed if network.version == found.version):
            return True
        return not any(
            found in network for network in NOT_PUBLIC if network.version == found.version
        )


def shown(url: str) -> str:
    """A URL for logs: path, query and credentials may be secrets."""
    parsed = to_call(url)
    return f"{parsed.scheme}://{parsed.host_port_subcomponent}"


@lru_cache(maxsize=4_096)
def _parsed(address: str) -> IPAddress:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
