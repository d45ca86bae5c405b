"""A webhook's filter: the query language of lists, asked of an object's new and previous state.

`status=paid&previous.status=pending&min_amount=5`: fields are those of the object as it became;
below `previous.` lie those of the object as it was.
"""

from dataclasses import dataclass
from typing import Final

from muniment.domain.queries.filters import FieldFilter, read_filter
from muniment.domain.queries.parameters import (
    FILTERS_MAX,
    Given,
    gather,
    parse_query,
    split_name,
)
from muniment.domain.queries.predicates import Predicate, predicate
from muniment.domain.queries.selection import ID, Operator
from muniment.domain.refusals import Fault
from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import JsonObject
from muniment.domain.webhooks.values import Wrong

PREVIOUS: Final = "previous"
NOTHING: Final[JsonObject] = {}


@dataclass(frozen=True, slots=True)
class _Condition:
    is_on_previous: bool
    holds: Predicate


@dataclass(frozen=True, slots=True)
class StateFilter:
    """Conditions that must all hold."""

    text: str
    """As it was given; two filters of the same text are the same."""
    _conditions: tuple[_Condition, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateFilter) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def passes(self, after: JsonObject, before: JsonObject | None) -> bool:
        """Whether the change is told; where nothing was before, all previous fields are missing."""
        return all(
            condition.holds((before or NOTHING) if condition.is_on_previous else after)
            for condition in self._conditions
        )


def parse_filter(text: str) -> StateFilter | Wrong:
    """The filter that the query string stands for, or the first thing that is wrong with it."""
    try:
        given = gather(parse_query(text.removeprefix("?")))
    except ValueError as error:
        return Wrong(f"this is no query string: {error}")
    if len(given) > FILTERS_MAX:
        return Wrong(f"More than {FILTERS_MAX} filters")
    conditions: list[_Condition] = []
    for name, value in given.items():
        condition = _condition(name, value)
        if isinstance(condition, Wrong):
            return condition
        if condition is not None:
            conditions.append(condition)
    return StateFilter(text, tuple(conditions))


def _condition(name: str, value: Given) -> _Condition | Wrong | None:
    """One parameter; nothing when it is one that all objects pass."""
    if name.startswith("_"):
        return Wrong(f"{name} belongs to lists: it chooses no events")
    operator, path = split_name(name)
    if path == (PREVIOUS,):
        if operator is not Operator.HAS:
            return Wrong(f"{name}: only the fields of the state before can be compared")
        path = (PREVIOUS, *ID)  # What there was had an id.
    is_on_previous = path[0] == PREVIOUS
    if is_on_previous:
        path = path[1:]
    found = read_filter(FieldFilter(name=name, given=value, now=LAST_DATE), operator, path)
    if isinstance(found, Fault):
        return Wrong(f"{name}: {found.description}")
    if found is None:
        return None
    return _Condition(is_on_previous=is_on_previous, holds=predicate(found))
