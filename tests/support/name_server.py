"""A name server on loopback: answers over UDP what a test says, or nothing."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

Zone = Callable[[str, int], Sequence[str] | None]
"""The addresses of a name that is asked for the n-th time; `None` for silence."""

NAME_ERROR = 3
TYPE_A, TYPE_AAAA = 1, 28


@dataclass(slots=True)
class NameServer:
    """Where it listens, and how often each name was asked for."""

    address: str
    asked: dict[str, int] = field(default_factory=dict[str, int])


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncGenerator[NameServer]:
    """A name server for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    found = NameServer("")
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Serving(found, zone), local_addr=("127.0.0.1", 0)
    )
    host, port = transport.get_extra_info("sockname")
    found.address = f"{host}:{port}"
    try:
        yield found
    finally:
        transport.close()


class _Serving(asyncio.DatagramProtocol):
    def __init__(self, found: NameServer, zone: Zone) -> None:
        self._found = found
        self._zone = zone
        self._answers: dict[str, Sequence[str] | None] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        name, kind, end = _question(data)
        if kind == TYPE_A:
            self._found.asked[name] = self._found.asked.get(name, 0) + 1
        addresses = self._zone(name, self._found.asked.get(name, 0))
        if addresses is not None:
            self._transport.sendto(_answer(data, end, kind, addresses), addr)


def _question(data: bytes) -> tuple[str, int, int]:
    """Name, type, and where the question ends."""
    at, labels = 12, list[str]()
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode())
        at += 1 + length
    (kind,) = struct.unpack_from("!H", data, at + 1)
    return ".".join(labels).lower(), kind, at + 5


def _answer(data: bytes, end: int, kind: int, addresses: Sequence[str]) -> bytes:
    """RFC 1035: the question again, and a record without a time to live for each address."""
    version = 4 if kind == TYPE_A else 6
    packed = [ipaddress.ip_address(each) for each in addresses]
    records = [
        struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(each.packed)) + each.packed
        for each in packed
        if each.version == version
    ]
    flags = 0x8180 | (0 if addresses else NAME_ERROR)
    return (
        data[:2]
        + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        + data[12:end]
        + b"".join(records)
    )
