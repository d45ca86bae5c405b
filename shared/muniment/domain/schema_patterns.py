"""Regular expressions of users' JSON Schemas: which engine runs them, and what a match can cost.

Costs are in units of about 50 ns, measured with jsonschema-rs 0.60 on patterns made to be slow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import jsonschema_rs

from muniment.domain.values import JsonObject

BACKTRACKS_MAX: Final = 10_000
"""Where matching a regular expression with look-around or back-references gives up."""
PATTERN_BYTES_MAX: Final = 1 << 20
"""Largest compiled regular expression."""
_PATTERN_UNITS: Final[Mapping[int, int]] = {1 << 14: 28, 1 << 16: 60, 1 << 18: 280}
"""Size of a compiled regular expression to the worst units a character, measured."""
PATTERN_UNITS_MAX: Final = 1_120
SCHEMA_PATTERN_UNITS_MAX: Final = 20_000
"""Most units of all regular expressions in a schema: making the largest takes 60 ms."""

_LINEAR: Final = jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES_MAX)
_BACKTRACKING: Final = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=BACKTRACKS_MAX, size_limit=PATTERN_BYTES_MAX
)

RegexEngine: TypeAlias = "jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that can be run, with what it costs."""

    is_backtracking: bool
    units: int
    """Of one character, at worst."""

    def cost(self, chars: int) -> int:
        """Of matching a text of so many characters."""
        if self.is_backtracking:
            return self.units * chars + chars * min(chars, BACKTRACKS_MAX) // 32
        return self.units * chars


@lru_cache(maxsize=1024)
def read_pattern(text: str) -> Pattern | None:
    """The regular expression, or `None` when no engine with bounded cost can run it."""
    for size, units in _PATTERN_UNITS.items():
        if _compiles(text, jsonschema_rs.RegexOptions(size_limit=size)):
            return Pattern(is_backtracking=False, units=units)
    if _compiles(text, _LINEAR):
        return Pattern(is_backtracking=False, units=PATTERN_UNITS_MAX)
    if _compiles(text, _BACKTRACKING):
        return Pattern(is_backtracking=True, units=PATTERN_UNITS_MAX // 4)
    return None


def regex_engine(*, is_backtracking: bool) -> RegexEngine:
    """The engine without backtracking, or with it where only that can run a pattern: bounded."""
    return _BACKTRACKING if is_backtracking else _LINEAR


def _compiles(pattern: str, engine: RegexEngine) -> bool:
    try:
        jsonschema_rs.Draft7Validator({"pattern": pattern}, pattern_options=engine, offline=True)
    except ValueError:
        return False
    return True


def patterns_of(schema: JsonObject) -> Iterator[str]:
    """The regular expressions that the subschema itself has."""
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        yield pattern
    by_pattern = schema.get("patternProperties")
    if isinstance(by_pattern, Mapping):
        yield from by_pattern
