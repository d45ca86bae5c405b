"""What the settings classes are made of: lists parted by blanks, mappings, empty means none."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from muniment.domain.webhooks.urls import destination_of

_ONLY_A_HOST = re.compile(r"[^@/?#:\\\[\]]+|\[[0-9A-Fa-f:.]+\]")


def _split_words(value: object) -> object:
    return value.split() if isinstance(value, str) else value


def _read_mapping(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value) if value.strip() else {}
    except orjson.JSONDecodeError as error:
        raise ValueError("it is not a JSON object") from error


def _read_host(value: str) -> str:
    name = value.removeprefix("*.")
    found = destination_of(f"http://{name}/") if _ONLY_A_HOST.fullmatch(name) else None
    if found is None:
        raise ValueError("it is no name of a host, and no *.name")
    return found.host if name == value else f"*.{found.host}"


Words = Annotated[tuple[str, ...], BeforeValidator(_split_words)]
"""A list; in the environment and on the command line its items are parted by blanks."""

Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split_words)]

Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_split_words)]

Seconds = Annotated[tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_split_words)]

SecondsByParent = Annotated[
    Mapping[str, Annotated[int, Field(ge=0)]], BeforeValidator(_read_mapping)
]

Switches = Annotated[Mapping[str, bool], BeforeValidator(_read_mapping)]

Port = Annotated[int, Field(ge=1, le=65_535)]
FreePort = Annotated[int, Field(ge=0, le=65_535)]
"""A port, or 0, whose meaning the setting tells: any that is free, or none."""


Host = Annotated[str, AfterValidator(_read_host)]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(_split_words)]
"""Names as they are called, or `*.name` for all below one; addresses of IPv6 in brackets."""

Ports = Annotated[tuple[Port, ...], BeforeValidator(_split_words)]


class Subject(BaseSettings):
    """The settings of one subject: frozen, each field with its unit in its name and a meaning."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=False, hide_input_in_errors=True
    )

    title: ClassVar[str]

    @field_validator("*", mode="before")
    @classmethod
    def _empty_means_none(cls, value: object, info: ValidationInfo) -> object:
        if value != "" or info.field_name is None:
            return value
        return None if is_optional(cls.model_fields[info.field_name].annotation) else value


def has_meaning_when_empty(annotation: Any) -> bool:
    """Whether an empty text is a value of its own: the empty list, the empty mapping, or none."""
    return is_optional(annotation) or get_origin(annotation) in {tuple, Mapping}


def is_optional(annotation: Any) -> bool:
    is_union = get_origin(annotation) in {Union, UnionType}
    return is_union and type(None) in get_args(annotation)
