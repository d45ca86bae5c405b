"""The flags of commands that ask a running server as its operator, and how they ask."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from muniment.cli import options
from muniment.cli.flags import with_flags

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


def in_path(id_: str) -> str:
    """An id of the command line as it stands in a path: what is signed is what is sent."""
    if not id_.strip("."):
        raise typer.BadParameter("this is no id")
    return quote(id_, safe="")


KEY_COLUMNS: Final = ("id", "prefix", "label", "created_at", "expires_at", "revoked_at", "used_at")


def operator_of(
    *,
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> "Operator":
    """Who asks, and whom, as the flags say."""
    from muniment.cli.operating import Operator  # noqa: PLC0415 - slow

    settings = options.read_settings(assignments, data_dir=data_dir, config=config)
    return Operator(settings=settings, server=server, user=user)


@dataclass(frozen=True, slots=True)
class Console:
    """A command's way to the server, and its way of printing the answer."""

    operator: "Operator"
    output: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The `data` of the answer."""
        return asyncio.run(self.operator.ask(method, path, body))

    def show(self, rows: Sequence[Mapping[str, Any]], *columns: str) -> None:
        """Print rows: as a table of the columns, or whole as JSON."""
        from muniment.cli.operating import show  # noqa: PLC0415 - slow

        show(rows, columns, self.output)

    def show_one(self, row: Mapping[str, Any]) -> None:
        """Print one thing."""
        from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

        show_one(row, self.output)

    def show_with_key(self, kind: str, made: Mapping[str, Any]) -> None:
        """Print what was made together with a key."""
        row = {kind: made["id"], "name": made["name"], "key": made["key"]["key"]}
        self.show_one(made if self.output == "json" else row)

    def show_keys(self, path: str, label: str, *, is_new: bool) -> None:
        """Print the keys at a path, without their texts, or one more of them with its text."""
        if is_new:
            self.show_one(self.ask("POST", path, {"label": label}))
        else:
            self.show(self.ask("GET", path), *KEY_COLUMNS)


@with_flags(operator_of)
def _console(operator: "Operator", *, output: options.Output = "table") -> Console:
    return Console(operator, output)


at_console: Final = with_flags(_console)
"""For commands that ask a running server, as its operator or as an administrator."""
