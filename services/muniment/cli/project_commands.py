"""`muniment projects`: the commands with their flags; what they need is imported when they run."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from muniment.cli import options

if TYPE_CHECKING:
    from muniment.cli.operating import Operator

projects: Final = typer.Typer(
    name="projects",
    help="Make projects and the keys with which their applications come.",
    epilog="They ask the running server, as its operator: with the secret key of --data-dir or "
    "MUNIMENT_SECRET_KEY. With --user, as that administrator instead; the password comes from "
    "MUNIMENT_PASSWORD, or is asked for.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Project = Annotated[str, typer.Argument(help="Id of the project.")]
Key = Annotated[str, typer.Argument(help="Id of the key, as `muniment projects keys` shows it.")]
Label = Annotated[str, typer.Option("--label", help="What the key is for.")]
Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Where Muniment is, without `/v1`; this machine."),
]
User = Annotated[str | None, typer.Option("--user", help="Ask as this administrator.")]

KEY_COLUMNS: Final = ("id", "prefix", "label", "created_at", "expires_at", "revoked_at", "used_at")


@projects.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the project is called.")],
    *,
    label: Label = "",
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Make a project, and print its key: the only time that it can be seen."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = _operator(server, user, data_dir=data_dir, config=config, assignments=assignments)
    made = _ask(operator, "POST", "/v1/__projects__", {"name": name, "label": label})
    row = {"project": made["id"], "name": made["name"], "key": made["key"]["key"]}
    show_one(made if output == "json" else row, output)


@projects.command("list")
def list_projects(
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print the projects."""
    from muniment.cli.operating import show  # noqa: PLC0415 - slow

    operator = _operator(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show(_ask(operator, "GET", "/v1/__projects__"), ("id", "name"), output)


@projects.command("keys")
def keys(
    project: Project,
    *,
    new: Annotated[bool, typer.Option("--new", help="Make one more, and print it.")] = False,
    label: Label = "",
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print the keys of a project, without their texts; with --new, make one more."""
    from muniment.cli.operating import show, show_one  # noqa: PLC0415 - slow

    operator = _operator(server, user, data_dir=data_dir, config=config, assignments=assignments)
    path = f"/v1/__projects__/{project}/keys"
    if new:
        show_one(_ask(operator, "POST", path, {"label": label}), output)
    else:
        show(_ask(operator, "GET", path), KEY_COLUMNS, output)


@projects.command("rotate")
def rotate(
    key: Key,
    *,
    overlap_s: Annotated[
        float, typer.Option("--overlap", help="Seconds for which the old one is good as well.")
    ] = 86_400,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Make a key in place of an old one, and print it."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = _operator(server, user, data_dir=data_dir, config=config, assignments=assignments)
    path = f"/v1/__keys__/{key}/rotation"
    show_one(_ask(operator, "POST", path, {"overlap_s": overlap_s}), output)


@projects.command("revoke")
def revoke(
    key: Key,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """End a key: within two seconds nothing takes it any more."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = _operator(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show_one(_ask(operator, "DELETE", f"/v1/__keys__/{key}"), output)


def _operator(server: str | None, user: str | None, **given: Any) -> "Operator":
    from muniment.cli.operating import Operator  # noqa: PLC0415 - slow

    assignments = given.pop("assignments")
    settings = options.read_settings(assignments, **given)
    return Operator(settings=settings, server=server, user=user)


def _ask(operator: "Operator", method: str, path: str, body: Any = None) -> Any:
    return asyncio.run(operator.ask(method, path, body))
