"""The flags that every command takes which reads settings, and how they become settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

if TYPE_CHECKING:
    from muniment.runtime.settings import Settings

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Give any setting; see `muniment config show`."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Read settings from this TOML file."),
]
Port = Annotated[int | None, typer.Option("--port", help="Listen on this port for HTTP.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="FOLDER", help="Keep all data in this folder.")
]
Kafka = Annotated[
    str | None,
    typer.Option("--kafka", metavar="HOST:PORT,…", help="Use this Kafka, not the embedded one."),
]
Postgres = Annotated[
    str | None,
    typer.Option("--postgres", metavar="URL", help="Use this Postgres, not the embedded one."),
]
Output = Annotated[
    Literal["table", "json"],
    typer.Option("--output", "-o", metavar="table|json", help="Form of the output."),
]

_FLAGS: Final = {
    "config": "config",
    "port": "http_port",
    "data_dir": "data_dir",
    "kafka": "kafka_url",
    "postgres": "postgres_url",
}


def settings_alone(*, config: Config = None, assignments: Set = None) -> "Settings":
    """The settings for commands that need neither a server nor a database."""
    return read_settings(assignments, config=config)


def settings_at_database(
    *,
    data_dir: DataDir = None,
    postgres: Postgres = None,
    config: Config = None,
    assignments: Set = None,
) -> "Settings":
    """The settings for commands that work at the database."""
    return read_settings(assignments, data_dir=data_dir, postgres=postgres, config=config)


def settings_of_services(
    *,
    port: Port = None,
    data_dir: DataDir = None,
    kafka: Kafka = None,
    postgres: Postgres = None,
    config: Config = None,
    assignments: Set = None,
) -> "Settings":
    """The settings for commands that serve."""
    return read_settings(
        assignments, port=port, data_dir=data_dir, kafka=kafka, postgres=postgres, config=config
    )


def read_settings(
    assignments: list[str] | None = None, **flags: Path | str | int | None
) -> "Settings":
    """The effective settings; a flag of its own wins over the same setting given by `--set`."""
    from muniment.runtime.settings import SettingsError, load_settings  # noqa: PLC0415 - slow

    overrides: dict[str, str] = {}
    for assignment in assignments or ():
        name, equals, value = assignment.partition("=")
        if not equals:
            raise SettingsError(f'--set takes name=value, and "{assignment}" has no "=".')
        overrides[name.strip()] = value
    overrides |= {_FLAGS[name]: str(value) for name, value in flags.items() if value is not None}
    return load_settings(overrides)
