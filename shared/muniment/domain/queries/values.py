"""Values in a query string: JSON where they are JSON, else the text as it stands (QV-1)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from muniment.domain.values import JsonValue

DEPTH_MAX: Final = 240
"""Deepest nesting of a value in a filter or token: orjson writes no deeper than 254."""

NEVER_EQUAL: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""What some JSON parsers take for numbers that equal nothing; they match nothing here either."""

_DIGITS: Final = re.compile(r"[0-9]{1,18}")


def read_value(text: str) -> JsonValue:
    """The value that the text means: `3` is a number, `"3"` a string, `a3` a string as well."""
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value


def dump_value(value: JsonValue) -> str:
    """The value as JSON text."""
    return orjson.dumps(value).decode()


def read_timestamp(value: JsonValue) -> int | None:
    """A whole number that is not negative, bare or in quotes; else `None`."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def has_nul(value: JsonValue) -> bool:
    """Whether U+0000, which Postgres cannot hold, is in one of the strings."""
    return any("\0" in text for text in _strings(value))


def is_too_deep(value: JsonValue) -> bool:
    """Whether the value is nested deeper than is taken."""
    level: list[JsonValue] = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return False
    return True


def _strings(value: JsonValue) -> Sequence[str]:
    found: list[str] = []
    waiting: list[JsonValue] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, Mapping):
            found.extend(one)
        waiting.extend(_inner(one))
    return found


def _inner(value: JsonValue) -> Sequence[JsonValue]:
    if isinstance(value, str):
        return ()
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, Sequence) else ()
