"""What is sent: the bytes of one request, and headers that can't be more than headers."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from muniment.webhooks.http.target import Target

HEADER_VALUE_CHARS_MAX: Final = 8 * 1024

OWN_HEADERS: Final = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade"),
        *("te", "trailer", "expect", "proxy-authorization", "proxy-connection", "http2-settings"),
    }
)
"""In lower case: what says where a request goes and ends is ours to say."""

MASK: Final = "***"
_OPEN: Final = (
    *("Host", "Content-Type", "Content-Length", "User-Agent"),
    *("webhook-id", "webhook-timestamp", "traceparent"),
)
"""What says no secret, as we write it; an endpoint's own headers can't be called so."""
_SECRET: Final = re.compile(rf"\n(?!(?:{'|'.join(_OPEN)}): )([^:]+): ([^\n]*)")
_SIGNED: Final = re.compile(r",[^ ]*")

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


class UnfitHeader(ValueError):
    """A header that may not be sent; the message says why, without its value."""


def check_header(name: str, value: str) -> None:
    """Raise `UnfitHeader` unless name and value can be sent as one header and nothing else.

    A value is printable ASCII and tabs, so that there is no CR, LF or NUL in it.
    """
    if not _TOKEN.fullmatch(name):
        raise UnfitHeader(f"{name[:128]!r} is no name of a header")
    if name.lower() in OWN_HEADERS:
        raise UnfitHeader(f"{name} can't be set")
    if not _is_printable(value):
        raise UnfitHeader(f"the value of {name} has characters other than printable ASCII")
    if len(value) > HEADER_VALUE_CHARS_MAX:
        raise UnfitHeader(f"the value of {name} is too long")


def request_bytes(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole POST; raises `UnfitHeader`. `Host` and `Content-Length` are set here."""
    values = "".join(headers.values())
    # Nearly all are good, and all together are checked in the time of one.
    if not (
        _are_names(tuple(headers))
        and _is_printable(values)
        and len(values) <= HEADER_VALUE_CHARS_MAX
    ):
        for name, value in headers.items():
            check_header(name, value)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (
        target.head,
        lines.encode("ascii"),
        len(body),
        body,
    )


def shown_headers(request: bytes) -> str:
    """The headers of a whole request, one a line, with all values masked that may be secrets.

    Of signatures the kind is left: `v1,*** v1a,***`.
    """
    head = request[request.index(b"\n") : request.index(b"\r\n\r\n")]
    return _SECRET.sub(_masked, head.decode("ascii").replace("\r", ""))[1:]


def _masked(header: re.Match[str]) -> str:
    name, value = header.groups()
    shown = _SIGNED.sub(f",{MASK}", value) if name == "webhook-signature" else MASK
    return f"\n{name}: {shown}"


@lru_cache(maxsize=1_024)
def _are_names(names: tuple[str, ...]) -> bool:
    return all(_TOKEN.fullmatch(name) and name.lower() not in OWN_HEADERS for name in names)


def _is_printable(value: str) -> bool:
    return value.isascii() and (value.isprintable() or value.replace("\t", " ").isprintable())
