"""From the query string of a list to a `Selection`, or to all that is wrong with it (10.1-10.6)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.queries.filters import (
    PATH_PARTS_MAX,
    FieldFilter,
    read_filter,
    read_time_filter,
)
from muniment.domain.queries.parameters import FILTERS_MAX, Given, Query, gather, split_name
from muniment.domain.queries.selection import (
    DEFAULT_ORDER,
    Filter,
    Limits,
    Operator,
    Path,
    Selection,
    Sort,
)
from muniment.domain.queries.values import read_value
from muniment.domain.refusals import Fault, Invalid
from muniment.domain.values import JsonValue, Timestamp
from muniment.readmodel.lists.pages import Place, read_token

SORTS_MAX: Final = 32

_SORT: Final = re.compile(r"(?P<sign>[+-]?)(?P<field>[A-Za-z0-9_.]+)")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_HUGE: Final = 10**18
_TIMES: Final = {"_since": Operator.GT, "_before": Operator.LT, "_to": Operator.LT}


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedFields:
    """The only fields that a list's objects have, by the part before the first dot (QV-7)."""

    names: frozenset[str]
    texts: frozenset[str] = frozenset()
    """Those whose values are text, also where they look like numbers (HIS-9)."""
    order: tuple[Sort, ...] = DEFAULT_ORDER
    """The list's own; it ends with a field in which no two objects are alike."""


def parse_selection(
    query: Query, *, now: Timestamp, limits: Limits, fixed: FixedFields | None = None
) -> Selection | Invalid:
    """What the query string selects, or every fault in it; any field is known if none are fixed."""
    return _Parser(now, limits, fixed).parse(gather(query))


def parse_fields(query: Query) -> tuple[Path, ...] | Invalid | None:
    """The `_fields` of an object's GET, where all other parameters are ignored."""
    given = gather(query).get("_fields")
    if isinstance(given, str | None):
        return _paths(given or "")
    return Invalid((_not_text("_fields", given),))


class _Parser:
    """Reads one query string, gathering faults as it goes."""

    def __init__(self, now: Timestamp, limits: Limits, fixed: FixedFields | None) -> None:
        self._now = now
        self._limits = limits
        self._fixed = fixed
        self._faults: list[Fault] = []
        self._filters: list[Filter] = []

    def parse(self, given: dict[str, Given]) -> Selection | Invalid:
        for name, text in given.items():
            self._read_filter(name, text)
        if len(self._filters) > FILTERS_MAX:
            self._fault(None, f"More than {FILTERS_MAX} filters")
        limit = self._limit(given.get("_limit", ""))
        order = self._order(self._text("_sort", given))
        place = self._place(given, order)
        fields = _paths(self._text("_fields", given))
        self._check_fields(fields or ())
        if self._faults:
            return Invalid(tuple(self._faults))
        return Selection(
            filters=tuple(self._filters),
            order=order,
            limit=self._limits.applied(limit),
            after=place.values if place else None,
            nonce=place.nonce if place else None,
            begun_at=place.begun_at if place else None,
            fields=fields,
        )

    def _read_filter(self, name: str, given: Given) -> None:
        read = self._reader(name)
        if read is None:
            return
        texts = self._fixed.texts if self._fixed else frozenset[str]()
        found = read(FieldFilter(name=name, given=given, now=self._now, texts=texts))
        if isinstance(found, Fault):
            self._faults.append(found)
        elif found is not None:
            self._filters.append(found)

    def _reader(self, name: str) -> Callable[[FieldFilter], Filter | Fault | None] | None:
        """What reads the parameter, if it is a filter at all (QV-4)."""
        if operator := _TIMES.get(name):
            return lambda parameter: read_time_filter(parameter, operator)
        if name.startswith("_"):
            return None
        field_operator, path = split_name(name)
        if not self._is_known(path):
            self._fault(name, f"Unknown filter field '{'.'.join(path)}'")
            return None
        return lambda parameter: read_filter(parameter, field_operator, path)

    def _limit(self, given: Given) -> int | None:
        """QP-1; `None` when there is none."""
        value = read_value(given) if isinstance(given, str) else list(given)
        if value is None or value == "":
            return None
        number = _whole_number(value)
        if number is None:
            self._fault("_limit", f'"{_shown(given)}" is not a number')
        elif number < 0:
            self._fault("_limit", f"{number} is less than minimum value 0")
        return number

    def _order(self, text: str) -> tuple[Sort, ...]:
        """QS-1 to QS-3. Ends with a field in which no two objects are alike."""
        default = self._fixed.order if self._fixed else DEFAULT_ORDER
        order: dict[Path, Sort] = {}
        for piece in text.split(","):
            if match := _SORT.fullmatch(piece.strip()):
                path = tuple(match["field"].split("."))
                order.setdefault(path, Sort(path=path, is_descending=match["sign"] == "-"))
        if len(order) > SORTS_MAX or any(len(path) > PATH_PARTS_MAX for path in order):
            self._fault("_sort", "Too many fields")
            return default
        for path in order:
            if not self._is_known(path):
                self._fault(None, f"Unknown sort field '{'.'.join(path)}'")
        for sort in default:
            order.setdefault(sort.path, sort)
        wanted = tuple(order.values())
        return wanted[: list(order).index(default[-1].path) + 1]

    def _place(self, given: dict[str, Given], order: Sequence[Sort]) -> Place | None:
        token = given.get("_token")
        if token is None:
            return None
        place = read_token(token, order) if isinstance(token, str) else None
        if place is None:
            self._fault(None, "_token has invalid content")
        return place

    def _is_known(self, path: Path) -> bool:
        return self._fixed is None or path[0] in self._fixed.names

    def _check_fields(self, fields: Sequence[Path]) -> None:
        """ERR-30, which names the body although there is none."""
        unknown = dict.fromkeys(path[0] for path in fields if not self._is_known(path))
        if unknown:
            description = f"Fields {','.join(unknown)} do not exist"
            name = "Invalid _fields parameter"
            self._faults.append(Fault(location="body", name=name, description=description))

    def _text(self, name: str, given: dict[str, Given]) -> str:
        text = given.get(name, "")
        if isinstance(text, str):
            return text
        self._faults.append(_not_text(name, text))
        return ""

    def _fault(self, name: str | None, description: str) -> None:
        self._faults.append(Fault(location="querystring", name=name, description=description))


def _paths(text: str) -> tuple[Path, ...] | None:
    """`_fields` (QF-1): blanks count, and what no object can hold is not asked for."""
    paths = (tuple(field.split(".")) for field in text.split(",") if field)
    return tuple(path for path in paths if len(path) <= PATH_PARTS_MAX) or None


def _whole_number(value: JsonValue) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return int(max(-_HUGE, min(_HUGE, value))) if isinstance(value, int | float) else None


def _not_text(name: str, given: Given) -> Fault:
    description = f'"{_shown(given)}" is not a string'
    return Fault(location="querystring", name=name, description=description)


def _shown(given: Given) -> str:
    return given if isinstance(given, str) else str(list(given))
