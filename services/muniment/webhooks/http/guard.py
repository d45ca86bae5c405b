"""Which addresses deliveries may go to: those of the public internet, and what settings add.

An address is judged when a connection is made to it, and it is that very address that is
connected to: a name that resolves differently a moment later gains nothing.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from muniment.domain.webhooks.urls import Destination, IPAddress

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> Sequence[Network]:
    return tuple(ipaddress.ip_network(text) for text in texts)


NOT_PUBLIC: Final = _networks(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
    *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    # Azure's own services have a public address inside its networks.
    "168.63.129.16/32",
    # Of IPv6 only 2000::/3 is given out; within it, what reaches elsewhere or nowhere.
    *("::/3", "4000::/2", "8000::/1"),
    *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
)
"""IANA's registries of special addresses, 6to4, NAT64 and Teredo among them."""

METADATA: Final = _networks(
    *("169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
    *("fe80::/10", "fd00:ec2::/32", "fd20:ce::/32"),
)
"""Where clouds tell their machines secrets: open to no host name, only to an allowed network."""

_NAT64: Final = _networks("64:ff9b::/96", "64:ff9b:1::/48")
_COMPATIBLE: Final = _networks("::/96")[0]


class Guard:
    """Judges by host, port and address; what is denied wins over what is allowed."""

    def __init__(
        self,
        *,
        allowed_networks: Iterable[Network] = (),
        denied_networks: Iterable[Network] = (),
        allowed_hosts: Iterable[str] = (),
        denied_hosts: Iterable[str] = (),
        denied_ports: Iterable[int] = (),
        https_only: bool = False,
    ) -> None:
        """Hosts are names, or `*.name` for all below it; they are compared without case."""
        self._allowed_networks = tuple(allowed_networks)
        self._denied_networks = tuple(denied_networks)
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._denied_hosts = frozenset(host.lower() for host in denied_hosts)
        self._denied_ports = frozenset(denied_ports)
        self._https_only = https_only

    def refusal_of(self, destination: Destination) -> str | None:
        """Why the URL may not be called, whatever its address is; `None` if it may."""
        if self._https_only and not destination.is_tls:
            return "only https is allowed"
        if destination.port in self._denied_ports:
            return f"port {destination.port} is not allowed"
        if self._denied_hosts and _is_among(destination.host, self._denied_hosts):
            return "the host is not allowed"
        return None

    def allows(self, host: str, address: IPAddress) -> bool:
        """Whether the address of the host may be connected to.

        Of an IPv6 address that leads to an IPv4 one, both are judged; an IPv4-mapped one is the
        same as what it maps.
        """
        judged = tuple(_meant_by(address))
        if any(_is_in(each, self._denied_networks) for each in judged):
            return False
        is_host_allowed = _is_among(host, self._allowed_hosts)
        return all(
            _is_in(each, self._allowed_networks)
            or is_public(each)
            or (is_host_allowed and not _is_in(each, METADATA))
            for each in judged
        )


@lru_cache(maxsize=4_096)
def is_public(address: IPAddress) -> bool:
    """Whether the address belongs to the public internet."""
    return not _is_in(address, NOT_PUBLIC)


def _is_in(address: IPAddress, networks: Sequence[Network]) -> bool:
    # An address is never in a network of the other version.
    return any(address in network for network in networks)


def _meant_by(address: IPAddress) -> Iterator[IPAddress]:
    """The address, and those that packets to it would reach."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if _is_in(address, _NAT64) or (address in _COMPATIBLE and int(address) > 0xFFFF):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_among(host: str, patterns: frozenset[str]) -> bool:
    labels = host.split(".")
    above = (f"*.{'.'.join(labels[at:])}" for at in range(1, len(labels)))
    return host in patterns or any(each in patterns for each in above)
