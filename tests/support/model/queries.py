"""The query language of lists (section 10): filters, order, pages, fields."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from tests.support.model.messages import Where
from tests.support.model.order import MISSING, Rank, field_of, rank
from tests.support.model.world import Data, is_array, is_object

OPERATOR: Final = re.compile(
    r"(lt|min|max|not|eq|gt|in|exclude|like|has|contains_any|contains)_([\w.]+)"
)
COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": eq, "not": ne, "gt": gt, "min": ge, "lt": lt, "max": le,
}  # fmt: skip
TIMES: Final = {"_since": "gt", "_before": "lt", "_to": "lt"}


@dataclass(slots=True)
class Filter:
    operator: str
    field: str
    value: Any


@dataclass(slots=True)
class Query:
    """A query string, read; `faults` is what is wrong with it."""

    filters: list[Filter] = field(default_factory=list[Filter])
    sort: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    """Fields, and whether they are descending."""
    limit: int | None = None
    fields: list[str] = field(default_factory=list[str])
    faults: list[Where] = field(default_factory=list[Where])

    @property
    def shows_tombstones(self) -> bool:
        """LIST-6."""
        return any(one.field == "last_modified" for one in self.filters)

    def select(self, objects: Sequence[Data]) -> list[Data]:
        """The objects that match, in order."""
        found = [data for data in objects if all(_holds(one, data) for one in self.filters)]
        self._sort(found)
        return found

    def after(self, found: list[Data], last: Data) -> list[Data]:
        """Those of the sorted objects that come after one that may be gone by now (QP-4)."""
        both = [*found, last]
        self._sort(both)
        start = next(index for index, data in enumerate(both) if data is last)
        return [data for data in both[start + 1 :] if self._key(data) != self._key(last)]

    def _sort(self, objects: list[Data]) -> None:
        for name, is_descending in reversed(self.sort):
            objects.sort(key=partial(_rank_of, name), reverse=is_descending)

    def _key(self, data: Data) -> list[Rank]:
        return [_rank_of(name, data) for name, _ in self.sort]


def _rank_of(name: str, data: Data) -> Rank:
    return rank(field_of(data, name))


def read_query(query: Sequence[tuple[str, str]], *, default: str = "-last_modified") -> Query:
    """Section 10.1: filters, and what begins with `_`."""
    read = Query()
    sort = default
    for name, text in query:
        match name:
            case "_sort":
                sort = text
            case "_limit":
                read.limit = _limit(text, read)
            case "_fields":
                read.fields = [each for each in text.split(",") if each]
            case "_since" | "_before" | "_to":
                _read_time(read, name, TIMES[name], "last_modified", text)
            case _ if not name.startswith("_"):
                _read_filter(read, name, text)
            case _:
                pass  # QV-4; `_token` is looked up by its page.
    pieces = [piece.strip() for piece in sort.split(",")]
    read.sort = [
        (piece.lstrip("+-"), piece.startswith("-"))
        for piece in pieces
        if re.fullmatch(r"[+-]?[A-Za-z0-9_.]+", piece)
    ]
    if "last_modified" not in [name for name, _ in read.sort]:  # QS-2
        read.sort.append(("last_modified", True))
    return read


def read_fields(query: Sequence[tuple[str, str]]) -> list[str]:
    return read_query(query).fields


def picked(data: Data, paths: Sequence[str]) -> Data:
    """QF-1 to QF-3."""
    result: Data = {}
    for path in ["id", "last_modified", *paths]:
        _pick(data, path.split("."), result)
    return result


def read_value(text: str) -> Any:
    """QV-1: JSON, or the raw string."""

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return text


def _pick(data: Data, path: list[str], into: Data) -> None:
    name, rest = path[0], path[1:]
    if name not in data:
        return
    if rest and is_object(data[name]):
        _pick(data[name], rest, into.setdefault(name, {}))
    else:
        into[name] = data[name]


def _limit(text: str, read: Query) -> int | None:
    """QP-1, ERR-24, ERR-25."""
    value = read_value(text)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        read.faults.append(("querystring", "_limit"))
        return None
    return int(value) or None


def _read_filter(read: Query, name: str, text: str) -> None:
    found = OPERATOR.fullmatch(name)
    operator, path = (found[1], found[2]) if found else ("eq", name)
    if path == "last_modified":
        _read_time(read, name, operator, path, text)
        return
    value: Any = read_value(text)
    if operator in ("in", "exclude"):  # QO-1
        value = [read_value(piece) for piece in text.split(",") if piece]
    if path == "id":
        pieces: list[Any] = value if operator in ("in", "exclude") else [value]
        if operator.startswith("contains") or not all(isinstance(one, str) for one in pieces):
            read.faults.append(("querystring", name))  # QO-5, QO-6
            return
    if operator == "like" and not isinstance(value, str):  # QO-3
        read.faults.append(("querystring", name))
        return
    read.filters.append(Filter(operator, path, value))


def _read_time(read: Query, name: str, operator: str, path: str, text: str) -> None:
    """QO-7, QO-8."""
    value = read_value(text)
    if name in TIMES and value is None:  # D-17
        return
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        read.faults.append(("querystring", name))
        return
    read.filters.append(Filter(operator, path, value))


def _holds(one: Filter, data: Data) -> bool:
    """The table of section 10.2."""
    value = field_of(data, one.field)
    is_missing = value is MISSING
    match one.operator:
        case "in":
            return not is_missing and rank(value) in map(rank, one.value)
        case "exclude":
            return is_missing or rank(value) not in map(rank, one.value)
        case "has":
            return is_missing != bool(one.value)
        case "like":
            return not is_missing and value is not None and _is_like(one.value, value)
        case "contains" | "contains_any":
            return is_array(value) and _contains(one, value)
        case operator:
            return COMPARISONS[operator](rank(value), rank(one.value))


def _is_like(pattern: str, value: Any) -> bool:
    text = value if isinstance(value, str) else json.dumps(value)
    parts = pattern if "*" in pattern else f"*{pattern}*"
    expression = ".*".join(re.escape(part) for part in parts.split("*"))
    return re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL) is not None


def _contains(one: Filter, elements: list[Any]) -> bool:
    wanted: list[Any] = one.value if is_array(one.value) else [one.value]
    held = [rank(element) in map(rank, elements) for element in wanted]
    return any(held) if one.operator == "contains_any" else all(held)
