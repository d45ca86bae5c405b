"""The settings told to people: a row for each, and an example file made from the class itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import orjson
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from muniment.runtime.settings.fields import Subject
from muniment.runtime.settings.model import SUBJECTS, Settings
from muniment.runtime.urls import MASK, masked

_Scalar = None | bool | int | float | str | Path | date | SecretStr | IPv4Network | IPv6Network
_Value = _Scalar | tuple[_Scalar, ...] | Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One setting: what it is called, worth, from where, and for what."""

    name: str
    value: str
    source: str
    meaning: str
    subject: str


def describe(settings: Settings) -> tuple[Description, ...]:
    """Each setting with its effective value (secrets masked), its source and its meaning."""
    return tuple(
        Description(
            name=name,
            value=_shown(getattr(settings, name)),
            source=settings.origin(name),
            meaning=meaning,
            subject=subject.title,
        )
        for subject, name, meaning in _fields()
    )


def defaults() -> tuple[Description, ...]:
    """Each setting with its default, as it stands in the documentation."""
    return tuple(
        Description(
            name=name,
            value=_shown(_default(subject, name)),
            source="default",
            meaning=meaning,
            subject=subject.title,
        )
        for subject, name, meaning in _fields()
    )


def example_toml() -> str:
    """A configuration file with every setting at its default, all commented out."""
    lines = ["# Settings of Muniment. What is not said here keeps the value that is shown.", ""]
    heading: type[Subject] | None = None
    for subject, name, meaning in _fields():
        if subject is not heading:
            heading = subject
            lines += [f"# --- {subject.title} ".ljust(100, "-"), ""]
        lines += [f"# {meaning}", f"#{name} = {_toml(_default(subject, name))}", ""]
    return "\n".join(lines)


def _fields() -> Iterator[tuple[type[Subject], str, str]]:
    for subject in SUBJECTS:
        for name, field in subject.model_fields.items():
            yield subject, name, field.description or ""


def _default(subject: type[Subject], name: str) -> _Value:
    default = subject.model_fields[name].default
    return None if default is PydanticUndefined else default


def _shown(value: _Value) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case bool():
            return str(value).lower()
        case tuple():
            return " ".join(_shown(item) for item in value)
        case float():
            return f"{value:g}"
        case str():
            return masked(value)
        case Mapping():
            return orjson.dumps(dict(value)).decode() if value else ""
        case _:
            return str(value)


def _toml(value: _Value) -> str:
    match value:
        case None:
            return '""'
        case SecretStr() | str() | Path() | date():
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            return orjson.dumps(text).decode()
        case tuple():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case Mapping():
            return "{}"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)
