"""JSON as it is given to Postgres: `jsonb` keeps digits, and forgets exponents.

`1e+16` would come back as `10000000000000000`, a whole number to those who read it, and one that
many of them cannot hold exactly. With a fraction it comes back as the number that it was.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from muniment.domain.values import JsonObject, JsonValue


def jsonb_text(value: JsonObject) -> bytes:
    """The object as JSON in which all floating-point numbers have a fraction or a `e-`."""
    text = orjson.dumps(value, default=dict)
    # A look at the text costs a hundredth of a look at each value.
    return orjson.dumps(_with_fractions(value)) if b"e+" in text else text


def _with_fractions(value: JsonValue) -> Any:
    match value:
        case float() if "e+" in repr(value):
            return orjson.Fragment(f"{Decimal(repr(value)):f}.0")
        case Mapping():
            return {name: _with_fractions(each) for name, each in value.items()}
        case list() | tuple():
            return [_with_fractions(each) for each in value]
        case _:
            return value
