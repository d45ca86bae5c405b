"""Which fields of a record's states a webhook's messages carry, and what they are called there.

A list chooses (`["status", "customer.name"]`), an object renames as well
(`{"client.name": "customer.name"}`). Paths are those of filters: they reach into objects only, and
what a state does not have is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from muniment.domain.queries.filters import PATH_PARTS_MAX
from muniment.domain.queries.predicates import Missing, field
from muniment.domain.queries.selection import Path
from muniment.domain.values import JsonObject, JsonValue
from muniment.domain.webhooks.values import Wrong, shown, text

FIELDS_MAX: Final = 100
PATH_CHARS_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Fields:
    """Pairs of where a field is put and where it is found; no place lies within another."""

    pairs: tuple[tuple[Path, Path], ...]

    def of(self, state: JsonObject) -> JsonObject:
        """Those of the state's fields, in the order of a list, or in that of an object's names."""
        found: dict[str, Any] = {}
        for place, path in self.pairs:
            value = field(state, path)
            if not isinstance(value, Missing):
                _put(found, place, value)
        return found


def parse_fields(value: JsonValue) -> Fields | Wrong:
    """A list of paths, or an object from new paths to those of the state."""
    if isinstance(value, Mapping):
        # Postgres keeps an object's members in an order of its own: so they are put in another.
        given: Iterable[tuple[str, JsonValue, JsonValue]] = (
            (f".{place}", place, path) for place, path in sorted(value.items())
        )
    elif isinstance(value, list | tuple):
        given = ((f".{number}", path, path) for number, path in enumerate(value))
    else:
        return Wrong(f"{shown(value)} is neither a list nor an object")
    if not 1 <= len(value) <= FIELDS_MAX:
        return Wrong(f"{len(value)} fields: there must be 1 to {FIELDS_MAX}")
    pairs: list[tuple[Path, Path]] = []
    for name, place_text, path_text in given:
        place, path = _path(place_text), _path(path_text)
        if isinstance(place, Wrong):
            return Wrong(place.description, name)
        if isinstance(path, Wrong):
            return Wrong(path.description, name)
        pairs.append((place, path))
    return _overlap(place for place, _ in pairs) or Fields(tuple(pairs))


def _path(value: JsonValue) -> Path | Wrong:
    name = text(PATH_CHARS_MAX)(value)
    if isinstance(name, Wrong):
        return name
    path = tuple(name.split("."))
    if not all(path):
        return Wrong(f"{shown(value)} is no field: names with dots between them")
    if len(path) > PATH_PARTS_MAX:
        return Wrong(f"More than {PATH_PARTS_MAX} parts in a field")
    return path


def _overlap(places: Iterable[Path]) -> Wrong | None:
    # In their order the places within one come right behind it.
    for one, next_one in pairwise(sorted(places)):
        if next_one[: len(one)] == one:
            lies = "is there twice" if one == next_one else f"lies within {'.'.join(one)}"
            return Wrong(f"{'.'.join(next_one)} {lies}")
    return None


def _put(found: dict[str, Any], place: Path, value: JsonValue) -> None:
    *outer, name = place
    for part in outer:
        found = found.setdefault(part, {})
    found[name] = value
