"""Contract section 10 in plain Python: what SQL must agree with."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from muniment.domain.values import JsonObject, JsonValue
from muniment.readmodel.lists.selection import (
    Filter,
    Operator,
    Path,
    Selection,
    Sort,
)


class Missing:
    """The field is not there."""


MISSING: Final = Missing()

MaybeValue: TypeAlias = "JsonValue | Missing"

Key = tuple[Any, ...]


def expected(objects: Sequence[JsonObject], selection: Selection) -> Sequence[JsonObject]:
    """All objects that match, in order, on one endless page."""
    found = [one for one in objects if all(matches(one, each) for each in selection.filters)]
    if not selection.shows_tombstones:
        found = [one for one in found if not is_tombstone(one)]
    for sort in reversed(selection.order):
        found.sort(key=partial(sort_key, sort=sort), reverse=sort.is_descending)
    return found


def is_tombstone(one: JsonObject) -> bool:
    return one.get("deleted") is True


def sort_key(one: JsonObject, sort: Sort) -> Key:
    return order_key(field(one, sort.path))


def field(one: JsonObject, path: Path) -> MaybeValue:
    """QV-6."""
    value: JsonValue = one
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def order_key(value: MaybeValue) -> Key:
    """10.3; two values are equal when their keys are."""
    match value:
        case Missing():
            return (6,)
        case None:
            return (0,)
        case str():
            return (1, value.encode())
        case bool():
            return (3, value)
        case int() | float():
            return (2, value)
        case Mapping():
            by_size = sorted(value.items(), key=lambda pair: (len(pair[0].encode()), pair[0]))
            return (5, len(value), [(name.encode(), order_key(one)) for name, one in by_size])
        case _:
            return (4, len(value), [order_key(one) for one in value])


def matches(one: JsonObject, condition: Filter) -> bool:
    """10.2."""
    value, wanted = field(one, condition.path), condition.value
    if condition.operator in COMPARISONS:
        return COMPARISONS[condition.operator](order_key(value), order_key(wanted))
    match condition.operator:
        case Operator.HAS:
            return isinstance(value, Missing) is not bool(wanted)
        case Operator.LIKE:
            return _is_like(value, str(wanted))
        case Operator.CONTAINS:
            return isinstance(value, list) and all(_holds(value, each) for each in _list(wanted))
        case Operator.CONTAINS_ANY:
            return isinstance(value, list) and any(_holds(value, each) for each in _list(wanted))
        case _:
            is_among = order_key(value) in [order_key(each) for each in _list(wanted)]
            return is_among is (condition.operator is Operator.IN)


COMPARISONS: Final[Mapping[Operator, Callable[[Key, Key], bool]]] = {
    Operator.EQ: operator.eq,
    Operator.NOT: operator.ne,
    Operator.GT: operator.gt,
    Operator.MIN: operator.ge,
    Operator.LT: operator.lt,
    Operator.MAX: operator.le,
}


def _is_like(value: MaybeValue, wanted: str) -> bool:
    """Texts only: how numbers are written is Postgres's affair."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return False
    pattern = wanted if "*" in wanted else f"*{wanted}*"
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), str(value), re.IGNORECASE | re.DOTALL) is not None


def _holds(array: Sequence[JsonValue], wanted: JsonValue) -> bool:
    """QO-4: equal, or a container that holds what the wanted one has."""
    return any(_covers(each, wanted) for each in array)


def _covers(value: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(value, Mapping) and isinstance(wanted, Mapping):
        return all(name in value and _covers(value[name], wanted[name]) for name in wanted)
    if isinstance(value, list) and isinstance(wanted, list):
        return all(_holds(value, each) for each in wanted)
    return order_key(value) == order_key(wanted)


def _list(value: JsonValue) -> Sequence[JsonValue]:
    assert isinstance(value, list)
    return value
