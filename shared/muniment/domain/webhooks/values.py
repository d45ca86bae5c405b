"""One value of a webhook's data as a type, or what is wrong with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import TypeAlias, TypeVar

from muniment.domain.values import JsonObject, JsonValue

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong; `name` is the part of the value that it is about, `.max_events` or `.0`."""

    description: str
    name: str = ""


Read: TypeAlias = Callable[[JsonValue], T | Wrong]


def boolean(value: JsonValue) -> bool | Wrong:
    return value if isinstance(value, bool) else Wrong(f"{shown(value)} is not a boolean")


def text(chars_max: int) -> Read[str]:
    """Any text up to the length."""

    def read(value: JsonValue) -> str | Wrong:
        if not isinstance(value, str):
            return Wrong(f"{shown(value)} is not a string")
        if len(value) > chars_max:
            return Wrong(f"Longer than maximum length of {chars_max}")
        return value

    return read


def number(least: float, most: float) -> Read[float]:
    """A number within bounds, both included."""

    def read(value: JsonValue) -> float | Wrong:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return Wrong(f"{shown(value)} is not a number")
        if not least <= value <= most:
            return Wrong(f"{value} is not between {least:g} and {most:g}")
        return float(value)

    return read


def whole_number(least: int, most: int) -> Read[int]:
    """A whole number within bounds, both included; `2.0` is one."""

    def read(value: JsonValue) -> int | Wrong:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return Wrong(f"{shown(value)} is not a whole number")
        if not least <= value <= most:
            return Wrong(f"{value} is not between {least} and {most}")
        return value

    return read


def choice(of: type[E]) -> Read[E]:
    """One of the names of the enumeration."""

    def read(value: JsonValue) -> E | Wrong:
        if isinstance(value, str) and value in list(of):
            return of(value)
        return Wrong(f"{shown(value)} is not one of {', '.join(of)}")

    return read


def several(read_one: Read[T], *, least: int = 0, most: int) -> Read[tuple[T, ...]]:
    """A list of so many."""

    def read(value: JsonValue) -> tuple[T, ...] | Wrong:
        if isinstance(value, str) or not isinstance(value, Sequence):
            return Wrong(f"{shown(value)} is not a list")
        if not least <= len(value) <= most:
            return Wrong(f"{len(value)} entries: there must be {least} to {most}")
        found: list[T] = []
        for place, each in enumerate(value):
            one = read_one(each)
            if isinstance(one, Wrong):
                return Wrong(one.description, f".{place}{one.name}")
            found.append(one)
        return tuple(found)

    return read


def unknown_part(value: JsonObject, names: Sequence[str]) -> Wrong | None:
    """The first part that an object of these parts cannot have."""
    for name in value:
        if name not in names:
            return Wrong(f"there is no such part, only {', '.join(names)}", f".{name}")
    return None


def shown(value: JsonValue) -> str:
    """A value in a message, cut short."""
    found = f'"{value}"' if isinstance(value, str) else str(value)
    return found if len(found) <= _SHOWN_CHARS_MAX else f"{found[:_SHOWN_CHARS_MAX]}…"


_SHOWN_CHARS_MAX = 100
