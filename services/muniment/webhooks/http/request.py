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

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


class UnfitHeader(ValueError):
    """A header that may not be sent; the message says why, without its value."""


def check_header(name: str, value: str) -> None:
    """Raise `UnfitHeader` unless name and value can be sent as one header and nothing else.

    A value is printable ASCII and tabs, so that there is no CR, LF or NUL in it.
    """
    _check_name(name)
    is_printable = value.isprintable() or value.replace("\t", " ").isprintable()
    if not (is_printable and value.isascii()):
        raise UnfitHeader(f"the value of {name} has characters other than printable ASCII")
    if len(value) > HEADER_VALUE_CHARS_MAX:
        raise UnfitHeader(f"the value of {name} is too long")


def request_bytes(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole POST; raises `UnfitHeader`. `Host` and `Content-Length` are set here."""
    for name, value in headers.items():
        check_header(name, value)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (
        target.head,
        lines.encode("ascii"),
        len(body),
        body,
    )


@lru_cache(maxsize=1_024)
def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise UnfitHeader(f"{name[:128]!r} is no name of a header")
    if name.lower() in OWN_HEADERS:
        raise UnfitHeader(f"{name} can't be set")
