"""How values are compared: the order of section 10.3, and its equality."""

from typing import Any, Final, TypeAlias

from tests.support.model.world import UNKNOWN, Data, Unseen, is_array, is_object

Rank: TypeAlias = tuple[Any, ...]


class _Missing:
    """A field that an object lacks; greater than every value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


def rank(value: Any) -> Rank:
    """`null` < strings < numbers < booleans < arrays < objects < missing."""
    if value is None:
        return (0,)
    if isinstance(value, str):
        return (1, value)
    if isinstance(value, bool):
        return (3, value)
    if isinstance(value, int | float):
        return (2, value)
    if is_array(value):
        return (4, len(value), [rank(element) for element in value])
    if is_object(value):
        return (5, len(value), [(name, rank(value[name])) for name in sorted(value)])
    return (6,)


def field_of(data: Data, path: str) -> Any:
    """The value at `a.b.c` (QV-6), or `MISSING`."""
    value: Any = data
    for name in path.split("."):
        if not is_object(value) or name not in value:
            return MISSING
        value = value[name]
    return value


def same(wanted: Any, got: Any) -> bool:
    """Equal as JSON, where `true` is not `1`; what is unknown equals everything."""
    if isinstance(wanted, str) and wanted == UNKNOWN:
        return True
    if isinstance(wanted, Unseen):
        return isinstance(got, int) and got > wanted
    if is_object(wanted) and is_object(got):
        return wanted.keys() == got.keys() and all(same(wanted[key], got[key]) for key in wanted)
    if is_array(wanted) and is_array(got):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    return wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
