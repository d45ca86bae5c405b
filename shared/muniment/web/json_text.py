"""JSON texts of clients: parsed fast, refused with the words that clients compare."""

import re
from collections.abc import Iterator
from typing import Final

import orjson
import rapidjson

from muniment.domain.refusals import Fault
from muniment.domain.values import JsonValue

NUL: Final = "Invalid character 0x00"
"""What is told of JSON with U+0000 in a text: as good as any other, but Postgres keeps none."""

# Neither pattern can backtrack: a text that is not closed runs to the end, once.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(text: bytes, *, depth_max: int) -> "JsonValue | Fault":
    """The value, or what is wrong with the text (ERR-6, BASE-8, BASE-9)."""
    # The depth first: parsers and all that walks the value later may recurse.
    if text.count(b"[") + text.count(b"{") > depth_max and _depth(text) > depth_max:
        return body_fault("", f"Invalid JSON: nested deeper than {depth_max} levels")
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return body_fault("", f"Invalid JSON: {_words(text, error)}")
    if b"\\u0000" in text and _has_nul(value):
        return body_fault("", NUL)
    return value


def body_fault(name: str | int | None, description: str) -> Fault:
    """Something wrong in the body."""
    return Fault(location="body", name=name, description=description)


def _depth(text: bytes) -> int:
    deepest = depth = 0
    for bracket in _STRING.sub(b"", text).translate(None, _NOT_BRACKET):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _words(text: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        rapidjson.loads(text, number_mode=rapidjson.NM_NATIVE)
    except rapidjson.JSONDecodeError as worded:
        return str(worded)
    except UnicodeDecodeError as undecodable:
        return f"Parse error at offset {undecodable.start}: Invalid encoding in string."
    except (ValueError, OverflowError):
        pass
    return f"Parse error at offset {error.pos}: {error.msg.partition(':')[0]}."


def _has_nul(value: JsonValue) -> bool:
    return any("\0" in text for text in _texts(value))


def _texts(value: JsonValue) -> Iterator[str]:
    """Every key and every string in the value; its depth is bounded by now."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
