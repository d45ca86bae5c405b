"""A webhook's own headers: which names and values an endpoint can be sent."""

import re
from collections.abc import Mapping
from typing import Final

from muniment.domain.values import JsonValue
from muniment.domain.webhooks.sealing import SEALED_PREFIX, is_sealed
from muniment.domain.webhooks.values import Wrong

HEADERS_MAX: Final = 32
NAME_CHARS_MAX: Final = 128
VALUE_CHARS_MAX: Final = 4_096

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_OURS: Final = frozenset(
    {
        *("connection", "content-encoding", "content-length", "content-type", "expect", "host"),
        *("keep-alive", "te", "traceparent", "tracestate", "trailer", "transfer-encoding"),
        *("upgrade", "user-agent"),
    }
)
_OUR_PREFIXES: Final = ("ce-", "proxy-", "webhook-")


def headers(value: JsonValue) -> Mapping[str, str] | Wrong:
    """The headers, each value plain or sealed."""
    if not isinstance(value, Mapping):
        return Wrong("this is not an object")
    if len(value) > HEADERS_MAX:
        return Wrong(f"More than {HEADERS_MAX} headers")
    found: dict[str, str] = {}
    for name, text in value.items():
        if wrong := _wrong_name(name) or _wrong_value(text):
            return Wrong(wrong, f".{name}")
        found[name] = str(text)
    if len({name.lower() for name in found}) < len(found):
        return Wrong("Two headers have the same name")
    return found


def _wrong_name(name: str) -> str | None:
    if len(name) > NAME_CHARS_MAX or not _NAME.fullmatch(name):
        return "this is no name of a header"
    if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIXES):
        return "this header is set by the sender"
    return None


def _wrong_value(value: JsonValue) -> str | None:
    """What is wrong, without a word of the value itself: it may be a secret."""
    if not isinstance(value, str):
        return "the value is not a string"
    if value.startswith(SEALED_PREFIX):
        return None if is_sealed(value) else "this is no sealed text"
    if len(value) > VALUE_CHARS_MAX:
        return f"Longer than maximum length of {VALUE_CHARS_MAX}"
    return None if _VALUE.fullmatch(value) else "the value is not printable ASCII"
