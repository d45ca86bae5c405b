"""Filters as predicates on objects in memory: they say what the same filters say in SQL (10.2).

How values are ordered and when they are equal is contract section 10.3, which is `jsonb`'s order; a
contract test runs both on the same objects.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import orjson

from muniment.domain.queries.selection import Filter, Operator, Path
from muniment.domain.values import JsonObject, JsonValue


class Missing:
    """The field is not there."""


MISSING: Final = Missing()

MaybeValue: TypeAlias = JsonValue | Missing

Key: TypeAlias = tuple[Any, ...]
"""Keys of values compare as the values do; equal values have equal keys."""

Predicate: TypeAlias = Callable[[JsonObject], bool]

_EXACT: Final = 2**53
"""Below it a float is what its shortest text says; Postgres goes by the text."""


def predicate(condition: Filter) -> Predicate:
    """The filter as a function on an object's data; of nothing, `{}`, all fields are missing."""
    path, matches = condition.path, _matcher(condition)
    return lambda data: matches(field(data, path))


def field(data: JsonObject, path: Path) -> MaybeValue:
    """What lies at the path; it reaches into objects only (QV-6)."""
    value: JsonValue = data
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def order_key(value: MaybeValue) -> Key:
    """The value's place in the order of 10.3."""
    match value:
        case Missing():
            return (6,)
        case None:
            return (0,)
        case str():
            return (1, value)
        case bool():
            return (3, value)
        case int():
            return (2, value)
        case float():
            return (2, value if abs(value) < _EXACT else Decimal(repr(value)))
        case Mapping():
            pairs = [(name, order_key(each)) for name, each in _as_stored(value)]
            return (5, len(value), pairs)
        case _:
            return (4, len(value), [order_key(each) for each in value])


def _matcher(condition: Filter) -> Callable[[MaybeValue], bool]:
    wanted = condition.value
    if compare := _COMPARISONS.get(condition.operator):
        key = order_key(wanted)
        return lambda value: compare(order_key(value), key)
    match condition.operator:
        case Operator.HAS:
            return lambda value: (value is not MISSING) is bool(wanted)
        case Operator.LIKE:
            return _like(str(wanted))
        case Operator.CONTAINS:
            return lambda value: isinstance(value, list) and _holds_all(value, _many(wanted))
        case Operator.CONTAINS_ANY:
            return lambda value: (
                isinstance(value, list) and any(_holds(value, one) for one in _many(wanted))
            )
        case _:
            keys = [order_key(one) for one in _many(wanted)]
            is_among = condition.operator is Operator.IN
            return lambda value: (order_key(value) in keys) is is_among


_COMPARISONS: Final[Mapping[Operator, Callable[[Key, Key], bool]]] = {
    Operator.EQ: lambda key, wanted: key == wanted,
    Operator.NOT: lambda key, wanted: key != wanted,
    Operator.GT: lambda key, wanted: key > wanted,
    Operator.MIN: lambda key, wanted: key >= wanted,
    Operator.LT: lambda key, wanted: key < wanted,
    Operator.MAX: lambda key, wanted: key <= wanted,
}


def _many(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else [value]


def _holds_all(array: Sequence[JsonValue], wanted: Sequence[JsonValue]) -> bool:
    return all(_holds(array, one) for one in wanted)


def _holds(array: Sequence[JsonValue], wanted: JsonValue) -> bool:
    """QO-4: an element that is equal, or a container that holds what the wanted one has."""
    return any(_covers(each, wanted) for each in array)


def _covers(value: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(value, Mapping) and isinstance(wanted, Mapping):
        return all(name in value and _covers(value[name], wanted[name]) for name in wanted)
    if isinstance(value, list) and isinstance(wanted, list):
        return _holds_all(value, wanted)
    return order_key(value) == order_key(wanted)


def _like(wanted: str) -> Callable[[MaybeValue], bool]:
    """QO-3: `*` is any run; without one the text may be anywhere. Case does not count."""
    first, *others = (wanted if "*" in wanted else f"*{wanted}*").split("*")
    # A piece is taken where it is first found, for good: so no pattern costs more than its length.
    middle = "".join(f"(?>.*?{re.escape(_lower(piece))})" for piece in others[:-1])
    last = re.escape(_lower(others[-1]))
    pattern = re.compile(f"{re.escape(_lower(first))}{middle}.*{last}", re.DOTALL)

    def matches(value: MaybeValue) -> bool:
        if value is None or isinstance(value, Missing):
            return False
        text = value if isinstance(value, str) else _text(value)
        return pattern.fullmatch(_lower(text)) is not None

    return matches


def _lower(text: str) -> str:
    """Each character by itself, as Postgres does it: none becomes two, none looks at another."""
    if text.isascii():
        return text.lower()
    return "".join(one.lower() for one in text.replace("İ", "i"))


def _text(value: JsonValue) -> str:
    """The value's JSON text as Postgres writes it."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int():
            return str(value)
        case float():
            return _without_exponent(value)
        case str():
            return orjson.dumps(value).decode()
        case Mapping():
            parts = (f"{_text(name)}: {_text(each)}" for name, each in _as_stored(value))
            return f"{{{', '.join(parts)}}}"
        case _:
            return f"[{', '.join(map(_text, value))}]"


def _without_exponent(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.removeprefix("-") if value == 0 else text


def _as_stored(value: JsonObject) -> Sequence[tuple[str, JsonValue]]:
    """An object's fields in the order in which `jsonb` keeps them."""
    return sorted(value.items(), key=_shortest_first)


def _shortest_first(pair: tuple[str, JsonValue]) -> tuple[int, str]:
    return len(pair[0].encode()), pair[0]
