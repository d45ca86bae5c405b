"""Parameters of a query as a filter; whatever they say, it is one (contract section 6)."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from muniment.cocobase.filters.conditions import AllOf, AnyOf, Condition, FieldTest, Operator

_GROUPED: Final = re.compile(r"\[or(?::(?P<name>[^\]]*))?\](?P<key>.*)", re.DOTALL)

_OPERATORS: Final = frozenset(Operator)
_OR, _AND = "__or__", "__and__"

_TRUE_WORDS: Final = frozenset({"true", "1"})
"""What says yes to `isnull`."""


def parse_filter(query: Iterable[tuple[str, str]], *, not_filters: Collection[str]) -> AllOf:
    """The conditions of all parameters that have not one of the names `not_filters`."""
    single: list[Condition] = []
    groups: dict[str, list[Condition]] = {}
    for raw_name, text in query:
        name = parameter_name(raw_name)
        if not name or name in not_filters:
            continue
        if found := _GROUPED.fullmatch(name):
            groups.setdefault(found["name"] or "", []).append(_condition(found["key"], text))
        else:
            single.append(_condition(name, text))
    return AllOf((*single, *map(AnyOf, groups.values())))


def parameter_name(raw_name: str) -> str:
    """A parameter's name without the question mark that old clients put before the first."""
    return raw_name.removeprefix("?")


def wanted_texts(text: str) -> list[str]:
    """The items of `in` and `notin`."""
    return [item.strip() for item in text.split(",")]


def is_absence(test: FieldTest) -> bool:
    """Whether the test holds where the field is missing or null, and only there."""
    return test.operator is Operator.ISNULL and test.text.lower() in _TRUE_WORDS


def _condition(key: str, text: str) -> Condition:
    """One key: several fields joined by `__or__` or `__and__`, or one."""
    _, default = _split(key)
    return _joined(key, default or Operator.EQ, text)


def _joined(key: str, default: Operator, text: str) -> Condition:
    """`__and__` binds its fields closer than `__or__`."""
    for word, join in ((_OR, AnyOf), (_AND, AllOf)):
        if word in key:
            return join(tuple(_joined(part, default, text) for part in key.split(word)))
    field, operator = _split(key)
    return FieldTest(field, operator or default, text)


def _split(key: str) -> tuple[str, Operator | None]:
    """The field, and the operator behind it if there is one."""
    for field, tail in _tails(key):
        if tail in _OPERATORS:
            return field, Operator(tail)
    return key, None


def _tails(key: str) -> Iterator[tuple[str, str]]:
    for separator in ("__", "_"):
        field, found, tail = key.rpartition(separator)
        if found:
            yield field, tail
