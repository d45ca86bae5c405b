"""JSON values as the texts that Postgres makes of `jsonb`, and its lower case."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from muniment.cocobase.filters.numbers import decimal_of
from muniment.domain.values import JsonValue

_DOTTED_CAPITAL_I: Final = "\u0130"


def text_of(value: JsonValue) -> str:
    """What `#>> '{}'` gives: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else _json_of(value)


def lowered(text: str) -> str:
    """Each character for itself, as Postgres' builtin locale does it."""
    return text.lower() if text.isascii() else "".join(map(_lowered_character, text))


def _lowered_character(character: str) -> str:
    return "i" if character == _DOTTED_CAPITAL_I else character.lower()


def _json_of(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            # Keys of jsonb are in the order of their length, then of their bytes.
            names = sorted(value, key=lambda name: (len(name.encode()), name.encode()))
            members = (f"{_json_of(name)}: {_json_of(value[name])}" for name in names)
            return f"{{{', '.join(members)}}}"
        case Sequence():
            return f"[{', '.join(map(_json_of, value))}]"


def _number(value: float) -> str:
    number = decimal_of(value)
    text = format(-number if number.is_zero() and number.is_signed() else number, "f")
    # As `readmodel.jsonb` gives it to Postgres.
    return f"{text}.0" if "e+" in repr(value) else text
