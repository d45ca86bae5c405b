"""The flags of commands that ask a running server as its operator, and how they ask."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from muniment.cli import options

if TYPE_CHECKING:
    from muniment.cli.operating import Operator

EPILOG: Final = (
    "They ask the running server, as its operator: with the secret key of --data-dir or "
    "MUNIMENT_SECRET_KEY. With --user, as that administrator instead; the password comes from "
    "MUNIMENT_PASSWORD, or is asked for."
)

Label = Annotated[str, typer.Option("--label", help="What the key is for.")]
New = Annotated[bool, typer.Option("--new", help="Make one more, and print it.")]
Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Where Muniment is, without `/v1`; this machine."),
]
User = Annotated[str | None, typer.Option("--user", help="Ask as this administrator.")]

KEY_COLUMNS: Final = ("id", "prefix", "label", "created_at", "expires_at", "revoked_at", "used_at")


def operator_of(
    server: str | None,
    user: str | None,
    *,
    data_dir: Path | None,
    config: Path | None,
    assignments: list[str] | None,
) -> "Operator":
    """Who asks, and whom, as the flags say."""
    from muniment.cli.operating import Operator  # noqa: PLC0415 - slow

    settings = options.read_settings(assignments, data_dir=data_dir, config=config)
    return Operator(settings=settings, server=server, user=user)


def ask(operator: "Operator", method: str, path: str, body: Any = None) -> Any:
    """The `data` of the answer."""
    return asyncio.run(operator.ask(method, path, body))


def print_keys(operator: "Operator", path: str, label: str, output: str, *, is_new: bool) -> None:
    """Print the keys at a path, without their texts, or one more of them with its text."""
    from muniment.cli.operating import show, show_one  # noqa: PLC0415 - slow

    if is_new:
        show_one(ask(operator, "POST", path, {"label": label}), output)
    else:
        show(ask(operator, "GET", path), KEY_COLUMNS, output)
