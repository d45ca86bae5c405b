"""One parameter of a query string as a filter, with the rules of its field (QO-1 to QO-10)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from muniment.domain.queries.selection import (
    COLUMNS,
    ID,
    LAST_MODIFIED,
    Filter,
    Operator,
    Path,
)
from muniment.domain.queries.values import (
    DEPTH_MAX,
    NEVER_EQUAL,
    dump_value,
    has_nul,
    is_too_deep,
    read_timestamp,
    read_value,
)
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonValue, Timestamp

PATH_PARTS_MAX: Final = 64

_DAY_MS: Final = 24 * 60 * 60 * 1000

_LISTS: Final = (Operator.IN, Operator.EXCLUDE)
_CONTAINS: Final = (Operator.CONTAINS, Operator.CONTAINS_ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFilter:
    """A parameter that filters: its name, its text or texts, and the moment it came."""

    name: str
    given: str | Sequence[str]
    now: Timestamp
    texts: frozenset[str] = frozenset()
    """Fields whose values are text, also where they look like numbers."""

    @property
    def value(self) -> JsonValue:
        """The value by QV-1; given more than once, the list of the texts (QV-5)."""
        return read_value(self.given) if isinstance(self.given, str) else list(self.given)

    @property
    def pieces(self) -> Sequence[str]:
        """The text split at commas, without empty pieces (QO-1)."""
        texts = self.given.split(",") if isinstance(self.given, str) else self.given
        return [text for text in texts if text]

    def fault(self, description: str) -> Fault:
        return Fault(location="querystring", name=self.name, description=description)


def read_time_filter(parameter: FieldFilter, operator: Operator) -> Filter | Fault | None:
    """`_since`, `_before` or `_to` (QO-8); nothing when it is `null`."""
    if parameter.value is None:
        return None
    return _on_last_modified(parameter, operator)


def read_filter(parameter: FieldFilter, operator: Operator, path: Path) -> Filter | Fault | None:
    """A filter on a field; nothing when it is one that all objects pass."""
    if len(path) > PATH_PARTS_MAX:
        return parameter.fault(f"More than {PATH_PARTS_MAX} parts in a field")
    if fault := _unstorable(parameter):
        return fault
    if path in COLUMNS and operator in _CONTAINS:
        return parameter.fault(f"Field '{path[0]}' is not an array")
    if path == LAST_MODIFIED:
        return _on_last_modified(parameter, operator)
    if path == ID:
        return _on_id(parameter, operator)
    return _on_field(parameter, operator, path)


def _unstorable(parameter: FieldFilter) -> Fault | None:
    read = [parameter.value, *(read_value(piece) for piece in parameter.pieces)]
    if is_too_deep(read):
        return parameter.fault(f"Nested deeper than {DEPTH_MAX}")
    texts = [parameter.given] if isinstance(parameter.given, str) else parameter.given
    if has_nul([parameter.name, *texts, *read]):
        return parameter.fault("Invalid character 0x00")
    return None


def _on_last_modified(parameter: FieldFilter, operator: Operator) -> Filter | Fault:
    """QO-7: whole numbers only, up to a day from now."""
    is_list = operator in _LISTS
    values = [read_value(piece) for piece in parameter.pieces] if is_list else [parameter.value]
    times = [_time(value, parameter.now) for value in values]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return parameter.fault(f"Invalid value for {parameter.name}")
    if operator is Operator.LIKE:
        return _like(parameter, LAST_MODIFIED)
    value: JsonValue = known if is_list else known[0]
    if operator is Operator.HAS:
        value = bool(value)
    return Filter(path=LAST_MODIFIED, operator=operator, value=value)


def _time(value: JsonValue, now: Timestamp) -> int | None:
    time = read_timestamp(value)
    return time if time is not None and time < now + _DAY_MS else None


def _on_id(parameter: FieldFilter, operator: Operator) -> Filter | Fault:
    """QO-6: strings only."""
    if operator is Operator.HAS:
        return Filter(path=ID, operator=operator, value=bool(parameter.value))
    if operator not in _LISTS:
        value = parameter.value
        if not isinstance(value, str):
            return parameter.fault(f"{value} is not a string")
        return Filter(path=ID, operator=operator, value=value)
    pieces = [read_value(piece) for piece in parameter.pieces]
    for piece in pieces:
        if not isinstance(piece, str):
            return parameter.fault(f"{piece} is not a string")
    return Filter(path=ID, operator=operator, value=pieces)


def _on_field(parameter: FieldFilter, operator: Operator, path: Path) -> Filter | Fault | None:
    if path[0] in parameter.texts:
        parameter = replace(parameter, given=_as_texts(parameter.given, is_list=operator in _LISTS))
    match operator:
        case Operator.LIKE:
            return _like(parameter, path)
        case Operator.HAS:
            return Filter(path=path, operator=operator, value=bool(parameter.value))
        case Operator.IN | Operator.EXCLUDE:
            return Filter(path=path, operator=operator, value=_members(parameter))
        case _ if isinstance(parameter.given, str) and parameter.given in NEVER_EQUAL:
            # Not equal to anything: so is everything to it.
            matches_nothing = Filter(path=path, operator=Operator.IN, value=[])
            return None if operator is Operator.NOT else matches_nothing
        case Operator.CONTAINS | Operator.CONTAINS_ANY:
            value = parameter.value
            values = value if isinstance(value, list) else [value]
            return Filter(path=path, operator=operator, value=values)
        case _:
            return Filter(path=path, operator=operator, value=parameter.value)


def _as_texts(given: str | Sequence[str], *, is_list: bool) -> str | Sequence[str]:
    """Numbers in quotes, so that they are read as the text that they are written with."""
    if not isinstance(given, str):
        return given
    return ",".join(map(_as_text, given.split(","))) if is_list else _as_text(given)


def _as_text(given: str) -> str:
    value = read_value(given)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return dump_value(given.strip()) if is_number else given


def _like(parameter: FieldFilter, path: Path) -> Filter | Fault:
    """QO-3: a JSON number, `true` or `null` must be quoted."""
    value = parameter.value
    if not isinstance(value, str):
        return parameter.fault(f"Invalid value for {parameter.name}")
    return Filter(path=path, operator=Operator.LIKE, value=value)


def _members(parameter: FieldFilter) -> Sequence[JsonValue]:
    """The pieces of `in_` and `exclude_`; texts that were given one by one stay texts (QV-5)."""
    if not isinstance(parameter.given, str):
        return list(parameter.given)
    return [read_value(piece) for piece in parameter.pieces if piece not in NEVER_EQUAL]
