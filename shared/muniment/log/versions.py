"""Versions of the events' values: what an older program wrote is lifted to what this one reads.

A value changes its form by a new version: raise its number here, register the upcast from the one
before, and keep the old bytes as golden files. `ce_dataschema` says which version a record has.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Fields: TypeAlias = dict[str, Any]
"""A record's value as JSON, not yet looked at."""
Upcast: TypeAlias = Callable[[Fields], Fields]

CURRENT_VERSION: Final = 1

UPCASTS: Final[Mapping[tuple[str, int], Upcast]] = {}
"""Event type and version to the step that makes the next version of it. None is needed yet."""


class UnknownVersion(Exception):
    """The value has a version that this program does not know: a later program wrote it."""


def dataschema(type_: str, version: int = CURRENT_VERSION) -> str:
    """The URN of the JSON Schema that a value of this type and version satisfies."""
    return f"urn:muniment:event:{type_.removeprefix('muniment.')}:{version}"


def upcast(
    type_: str,
    schema: str,
    fields: Fields,
    *,
    upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS,
    current: int = CURRENT_VERSION,
) -> Fields:
    """The value in its current version. Raises `UnknownVersion` where no steps lead there."""
    for version in range(_version_of(type_, schema, current), current):
        step = upcasts.get((type_, version))
        if step is None:
            raise UnknownVersion(f"{schema} cannot be read any more")
        fields = step(fields)
    return fields


def _version_of(type_: str, schema: str, current: int) -> int:
    for version in range(1, current + 1):
        if schema == dataschema(type_, version):
            return version
    raise UnknownVersion(schema)
