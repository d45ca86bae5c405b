"""The parameters of a query string: their texts, and the operator and field in their names."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from muniment.domain.queries.selection import Operator, Path

PARAMETERS_MAX: Final = 1_000
FILTERS_MAX: Final = 200

Query: TypeAlias = Iterable[tuple[str, str]]
"""The parameters of a query string, decoded, in their order."""

Given: TypeAlias = str | Sequence[str]
"""A parameter's text, or all texts of one that was given more than once (QV-5)."""

_FILTER_NAME: Final = re.compile(
    r"(?P<operator>lt|min|max|not|eq|gt|in|exclude|like|has|contains_any|contains)"
    r"_(?P<field>[\w.]+)"
)


def parse_query(text: str) -> tuple[tuple[str, str], ...]:
    """The parameters, empty values included. Raises `ValueError` for too many, or no UTF-8."""
    return tuple(
        parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    )


def gather(query: Query) -> dict[str, Given]:
    """Name to text, names without blanks around them; what is repeated becomes a list."""
    gathered: dict[str, Given] = {}
    for raw_name, text in query:
        name = raw_name.strip()
        match gathered.get(name):
            case None:
                gathered[name] = text
            case str(first):
                gathered[name] = [first, text]
            case texts:
                gathered[name] = [*texts, text]
    return gathered


def split_name(name: str) -> tuple[Operator, Path]:
    """The operator and the field that a parameter's name means (QV-2, QV-3)."""
    match = _FILTER_NAME.fullmatch(name)
    if match is None:
        return Operator.EQ, tuple(name.split("."))
    return Operator(match["operator"]), tuple(match["field"].split("."))
