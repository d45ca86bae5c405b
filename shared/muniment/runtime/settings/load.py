"""Flags over environment over TOML file over defaults; what nobody knows is an error."""

import difflib
import os
import tomllib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource
from typing_extensions import override

from muniment.runtime.errors import ConfigurationError
from muniment.runtime.settings.fields import has_meaning_when_empty
from muniment.runtime.settings.model import SWITCH, Settings

ENV_PREFIX: Final = "MUNIMENT_"
CONFIG_VARIABLE: Final = "MUNIMENT_CONFIG"
CONFIG_FILE: Final = "muniment.toml"

_SWITCHES: Final = "method_switches"


class SettingsError(ConfigurationError):
    """A setting is not known or does not fit; the message is one sentence for the user."""


class _Source(PydanticBaseSettingsSource):
    """Raw values by setting, from one place that can name each of them in its own words."""

    origin: str

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(Settings)
        for name in given:
            if not is_known(name):
                raise SettingsError(self.unknown(name))
        # Compose files and unit files leave an empty variable where nothing is meant.
        self.given = {n: v for n, v in given.items() if v != "" or _has_meaning_when_empty(n)}

    @override
    def __call__(self) -> dict[str, Any]:
        switches = {name: value for name, value in self.given.items() if SWITCH.fullmatch(name)}
        values = {name: value for name, value in self.given.items() if name not in switches}
        return values | ({_SWITCHES: switches} if switches else {})

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self.given.get(field_name), field_name, False

    @abstractmethod
    def label(self, name: str) -> str:
        """The setting with its place, as the subject of a sentence."""

    def spelled(self, name: str) -> str:
        """The setting as one writes it there."""
        return f'"{name}"'

    def unknown(self, name: str) -> str:
        near = difflib.get_close_matches(
            name.removeprefix(ENV_PREFIX).lower(), known_names(), n=1, cutoff=0.6
        )
        hint = f"; did you mean {self.spelled(near[0])}?" if near else "."
        return f"{self.label(name)} is no setting of Muniment{hint}"


class _Flags(_Source):
    origin = "flag"

    @override
    def label(self, name: str) -> str:
        return f'"{name}" (given by a flag)'


class _Environment(_Source):
    origin = "environment"

    @override
    def label(self, name: str) -> str:
        return self.spelled(name)

    @override
    def spelled(self, name: str) -> str:
        return f"{ENV_PREFIX}{name.upper()}" if name.islower() else name


class _File(_Source):
    origin = "file"

    def __init__(self, given: Mapping[str, Any], path: Path) -> None:
        self.path = path
        super().__init__(given)

    @override
    def label(self, name: str) -> str:
        return f'"{name}" in {self.path}'


def load_settings(
    overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The effective settings, `overrides` being the flags.

    Raises `SettingsError`, whose message is the sentence to show, when a name is not known, a value
    does not fit or the file cannot be read.
    """
    flags = dict(overrides or {})
    environ = os.environ if environ is None else environ
    path = _config_path(flags.pop("config", None) or environ.get(CONFIG_VARIABLE))
    sources = (
        _Flags(flags),
        _Environment(_from_environment(environ)),
        *([] if path is None else [_File(_read_toml(path), path)]),
    )
    try:
        return Settings.from_sources(sources, origins=_origins(sources))
    except ValidationError as error:
        raise SettingsError(_sentence(error, sources)) from error


def _has_meaning_when_empty(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and has_meaning_when_empty(field.annotation)


def is_known(name: str) -> bool:
    return name in Settings.model_fields or SWITCH.fullmatch(name) is not None


def known_names() -> list[str]:
    kinds = ("plural", "object")
    types = ("bucket", "group", "collection", "record", "account")
    methods = ("get", "post", "put", "patch", "delete")
    switches = [f"{k}_{t}_{m}_enabled" for k in kinds for t in types for m in methods]
    return [*Settings.model_fields, *switches]


def _config_path(given: str | None) -> Path | None:
    if given:
        return Path(given)
    here = Path(CONFIG_FILE)
    return here if here.is_file() else None


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable, value in environ.items():
        if variable.startswith(ENV_PREFIX) and variable != CONFIG_VARIABLE:
            name = variable.removeprefix(ENV_PREFIX)
            # One that is not in capitals is no setting: under its full name it will be unknown.
            found[name.lower() if name.isupper() else variable] = value
    return found


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"The configuration file {path} does not exist.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"The configuration file {path} can't be read: {reason}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration file {path} is not valid TOML: {error}.") from error


def _sentence(error: ValidationError, sources: Sequence[_Source]) -> str:
    """Say the first thing that is wrong, in the words of the place it was given in."""
    first = error.errors(include_url=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    reason = f"{reason[:1].lower()}{reason[1:]}"
    if not first["loc"]:
        return f"The settings do not fit together: {reason}."
    name = str(first["loc"][0])
    if name == _SWITCHES and len(first["loc"]) > 1:
        name = str(first["loc"][1])
    labels = [source.label(name) for source in sources if name in source.given]
    return f"{labels[0] if labels else name} does not fit: {reason}."


def _origins(sources: Sequence[_Source]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for source in reversed(sources):
        for name in source():
            origins[name] = source.origin
    return origins
