"""Why an object does not match its schema: the words of `jsonschema`, as Kinto's clients know them.

`jsonschema` is slow, and runs regular expressions in an engine that may never come back: here it
runs on a budget, and matches them with `jsonschema_rs`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import jsonschema
import jsonschema_rs
from jsonschema import exceptions, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

from muniment.domain.schema_graph import objects_in
from muniment.domain.schema_patterns import read_pattern, regex_engine
from muniment.domain.values import JsonObject, JsonValue

KEYWORDS_MAX: Final = 20_000
"""Most keywords that are looked at to word one fault: each takes 5 to 10 µs."""
_PATTERN_UNITS_A_KEYWORD: Final = 200
DESCRIPTION_CHARS_MAX: Final = 4_000
"""Longest description; the library's words hold the whole value that is wrong."""

_Validator: TypeAlias = Any  # jsonschema's classes are made at run time.
_Keyword: TypeAlias = Callable[
    [_Validator, Any, Any, Any], "Iterator[exceptions.ValidationError] | None"
]


@dataclass(frozen=True, slots=True)
class Wording:
    """A validator's words for the first fault, and the name of what is wrong."""

    name: str | int
    description: str


_NOTHING_TO_FETCH: Final[Registry[Any]] = Registry()
_SEARCHING: Final = frozenset({"unevaluatedProperties", "patternProperties"})


class Words:
    """The faults of one schema, in words."""

    def __init__(self, schema: JsonObject, draft: str) -> None:
        self._validator: _Validator = _CLASSES[draft](schema, registry=_NOTHING_TO_FETCH)
        # For `unevaluatedProperties` the library itself runs the patterns that stand beside it.
        names = {name for each in objects_in(schema) for name in each}
        self._is_safe = not names >= _SEARCHING

    def first(self, instance: JsonValue) -> Wording | None:
        """The first fault in the library's order; `None` if it finds none, or not soon enough."""
        if not self._is_safe:
            return None
        _left.set(KEYWORDS_MAX)
        try:
            error = next(self._validator.iter_errors(instance), None)
        except _STUMBLES:
            return None
        if error is None:
            return None
        return Wording(_name(error), shortened(error.message))


def refused(engine: jsonschema_rs.Validator, instance: JsonValue) -> Wording | None:
    """The first fault in the words of `jsonschema_rs`, which take time without bound."""
    error = next(engine.iter_errors(instance), None)
    if error is None:
        return None
    path = error.instance_path or error.schema_path or ["schema"]
    return Wording(path[-1], shortened(error.message))


def shortened(description: str) -> str:
    """The description, cut where it gets too long to be read."""
    if len(description) <= DESCRIPTION_CHARS_MAX:
        return description
    return description[:DESCRIPTION_CHARS_MAX] + "…"


def _name(error: exceptions.ValidationError) -> str | int:
    """By SCH-8: what is wrong in the object, else what the schema's keyword says last."""
    if error.absolute_path:
        return error.absolute_path[-1]
    value = error.validator_value
    if isinstance(value, list) and value and isinstance(value[-1], str | int):
        return value[-1]
    return error.absolute_schema_path[-1] if error.absolute_schema_path else "schema"


class _TooLong(Exception):
    """The budget is used up."""


_STUMBLES: Final = (
    _TooLong,
    # jsonschema meets these where a schema is by no draft one, or recurses, or numbers are huge.
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    exceptions.UnknownType,
    exceptions.SchemaError,
    re.error,
    Unresolvable,
)

_left: ContextVar[int] = ContextVar("keywords_left")


def _spend(keywords: int) -> None:
    left = _left.get() - keywords
    if left < 0:
        raise _TooLong
    _left.set(left)


def _budgeted(keyword: _Keyword) -> _Keyword:
    def limited(
        validator: _Validator, value: Any, instance: Any, schema: Any
    ) -> Iterator[exceptions.ValidationError]:
        _spend(1 + _effort(value, instance))
        for error in keyword(validator, value, instance, schema) or ():
            # The message holds the instance: a thousand alternatives would hold it as often.
            _spend(1 + len(error.message) // 1_000)
            yield error

    return limited


def _effort(value: JsonValue, instance: JsonValue) -> int:
    listed = len(value) // 16 if isinstance(value, list) else 0
    # Comparing all with all is what `uniqueItems` does with objects; no other keyword is `true`.
    pairs = len(instance) ** 2 // 16 if value is True and isinstance(instance, list) else 0
    return listed + pairs


def _pattern(
    validator: _Validator, pattern: str, instance: Any, _schema: Any
) -> Iterator[exceptions.ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield exceptions.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: _Validator, by_pattern: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[exceptions.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in by_pattern.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: _Validator, additional: Any, instance: Any, schema: Any
) -> Iterator[exceptions.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    extras = [
        name
        for name in instance
        if name not in schema.get("properties", {})
        and not any(_matches(pattern, name) for pattern in patterns)
    ]
    if validator.is_type(additional, "object"):
        for extra in extras:
            yield from validator.descend(instance[extra], additional, path=extra)
    elif not additional and extras:
        yield exceptions.ValidationError(_unexpected(extras, schema.get("patternProperties")))


def _unexpected(extras: list[str], patterns: Mapping[str, Any] | None) -> str:
    listed = ", ".join(repr(extra) for extra in sorted(extras))
    if patterns is not None:
        verb = "does" if len(extras) == 1 else "do"
        known = ", ".join(repr(pattern) for pattern in sorted(patterns))
        return f"{listed} {verb} not match any of the regexes: {known}"
    verb = "was" if len(extras) == 1 else "were"
    return f"Additional properties are not allowed ({listed} {verb} unexpected)"


def _matches(pattern: str, text: str) -> bool:
    known = read_pattern(pattern)
    _spend(known.cost(len(text)) // _PATTERN_UNITS_A_KEYWORD if known else KEYWORDS_MAX)
    return _matcher(pattern).is_valid(text)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> jsonschema_rs.Validator:
    known = read_pattern(pattern)
    return jsonschema_rs.Draft7Validator(
        {"pattern": pattern},
        pattern_options=regex_engine(is_backtracking=known is not None and known.is_backtracking),
        offline=True,
    )


def _evolve(self: _Validator, **changes: Any) -> _Validator:
    """As the library's own, but a `$schema` inside does not bring the unsafe class back."""
    changes.setdefault("schema", self.schema)
    changes.setdefault("_resolver", self._resolver)
    return type(self)(registry=self._registry, **changes)


def _safe(library: _Validator) -> _Validator:
    keywords: dict[str, _Keyword] = dict(library.VALIDATORS)
    keywords["pattern"] = _pattern
    keywords["additionalProperties"] = _additional_properties
    keywords["patternProperties"] = _pattern_properties
    limited = {name: _budgeted(keyword) for name, keyword in keywords.items()}
    extend: Callable[..., _Validator] = validators.extend  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # Half typed.
    made = extend(library, validators=limited)
    made.evolve = _evolve
    return made


_CLASSES: Final[Mapping[str, _Validator]] = {
    "http://json-schema.org/draft-04/schema": _safe(jsonschema.Draft4Validator),
    "http://json-schema.org/draft-06/schema": _safe(jsonschema.Draft6Validator),
    "http://json-schema.org/draft-07/schema": _safe(jsonschema.Draft7Validator),
    "https://json-schema.org/draft/2019-09/schema": _safe(jsonschema.Draft201909Validator),
    "https://json-schema.org/draft/2020-12/schema": _safe(jsonschema.Draft202012Validator),
}
