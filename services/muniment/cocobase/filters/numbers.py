"""Which texts are numbers, and what they are worth: the same in Python and in Postgres."""

import re
from decimal import Decimal
from typing import Final

PATTERN: Final = r"[+-]?([0-9]{1,100}(\.[0-9]{0,100})?|\.[0-9]{1,100})([eE][+-]?[0-9]{1,3})?"
"""Bounded, so that every such text is a `numeric` of Postgres."""

_NUMBER: Final = re.compile(PATTERN)


def number_of(text: str) -> Decimal | None:
    """The number that the text is; `None` for any other text."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def decimal_of(value: float) -> Decimal:
    """A number of a document, as it is written in JSON."""
    return Decimal(repr(value))
