"""Which URLs can be called, and where each leads: taken apart here once, and nowhere else.

What is judged, connected to, verified and sent is all from a `Destination`, so no two parsers can
disagree on what a URL means.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, TypeAlias

from yarl import URL

from muniment.domain.values import JsonValue

IPAddress: TypeAlias = IPv4Address | IPv6Address

URL_CHARS_MAX: Final = 2_048

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_CHARS_MAX: Final = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a URL leads."""

    is_tls: bool
    host: str
    """A name in lower case and A-labels, without a trailing dot, or an address."""
    lookup: str
    """The name as it is looked up: with the trailing dot, if it had one."""
    address: IPAddress | None
    """The host, if it is an address in any of its notations."""
    port: int
    path: str
    """All from the path on, byte for byte, without the fragment."""
    credentials: tuple[str, str] | None
    """User and password."""

    @property
    def authority(self) -> str:
        """Host and, unless it is the usual one, port."""
        bracketed = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == (443 if self.is_tls else 80)
        return bracketed if is_usual else f"{bracketed}:{self.port}"

    @property
    def origin(self) -> str:
        """The URL for logs: path, query and credentials may be secrets."""
        return f"{'https' if self.is_tls else 'http'}://{self.authority}"


def parse_url(value: JsonValue) -> str | None:
    """The value if deliveries can go there: absolute, http or https, with a host; else `None`."""
    return value if isinstance(value, str) and destination_of(value) is not None else None


@lru_cache(maxsize=4_096)
def destination_of(text: str) -> Destination | None:
    """Where the URL leads, exactly as it was given; only what is not ASCII is quoted.

    `None` for what can't be called, a host that no name or address can be among it.
    """
    if len(text) > URL_CHARS_MAX or any(c <= " " or c == "\x7f" for c in text):
        return None
    try:
        url = to_call(text)
        port = url.port
        has_credentials = url.raw_user is not None or url.raw_password is not None
        credentials = (url.user or "", url.password or "") if has_credentials else None
    except (ValueError, IndexError):  # yarl raises the latter for `http://[]@`.
        return None
    host = _host(url.raw_host or "")
    if url.scheme not in {"http", "https"} or not port or host is None:
        return None
    name, address = host
    return Destination(
        is_tls=url.scheme == "https",
        host=name,
        lookup=f"{name}." if (url.raw_host or "").endswith(".") else name,
        address=address,
        port=port,
        path=_path(text if text.isascii() else str(url)),
        credentials=credentials,
    )


@lru_cache(maxsize=4_096)
def to_call(text: str) -> URL:
    """The URL exactly as it was given; only what is not ASCII is quoted."""
    return URL(text, encoded=text.isascii())


def _host(raw: str) -> tuple[str, IPAddress | None] | None:
    """The host as a name or an address; `None` where it is neither."""
    if ":" in raw:
        # A scope (`%eth0`) is for neighbours on the local link.
        ipv6 = None if "%" in raw else _ipv6(raw)
        return None if ipv6 is None else (str(ipv6), ipv6)
    name = raw.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        ipv4 = _ipv4(labels)
        return None if ipv4 is None else (str(ipv4), ipv4)
    is_name = len(name) <= _NAME_CHARS_MAX and all(_LABEL.fullmatch(label) for label in labels)
    return (name, None) if is_name else None


def _ipv4(parts: list[str]) -> IPv4Address | None:
    """In any notation that resolvers take: 127.1, 0x7f000001, 017700000001, 2130706433."""
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *first, last = [_number(part) for part in parts]
    except ValueError:
        return None
    bits_of_last = 8 * (4 - len(first))
    if any(number > 0xFF for number in first) or last >= 1 << bits_of_last:
        return None
    return IPv4Address(int.from_bytes(bytes(first)) << bits_of_last | last)


def _number(text: str) -> int:
    """Hexadecimal after `0x`, octal after `0`; raises `ValueError` where the digits are others."""
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _ipv6(text: str) -> IPv6Address | None:
    try:
        return IPv6Address(text)
    except AddressValueError:
        return None


def _path(url: str) -> str:
    _, _, rest = url.partition("://")
    rest = rest.partition("#")[0]
    start = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    path = rest[start:]
    return path if path.startswith("/") else f"/{path}"
