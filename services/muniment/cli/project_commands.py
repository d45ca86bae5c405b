"""`muniment projects`: the commands with their flags; what they need is imported when they run."""

from typing import Annotated, Final

import typer

from muniment.cli import options
from muniment.cli.operator_options import (
    EPILOG,
    Label,
    New,
    Server,
    User,
    ask,
    operator_of,
    print_keys,
)

projects: Final = typer.Typer(
    name="projects",
    help="Make projects and the keys with which their applications come.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Project = Annotated[str, typer.Argument(help="Id of the project.")]
Key = Annotated[str, typer.Argument(help="Id of the key, as `muniment projects keys` shows it.")]


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

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    made = ask(operator, "POST", "/v1/__projects__", {"name": name, "label": label})
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

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show(ask(operator, "GET", "/v1/__projects__"), ("id", "name"), output)


@projects.command("keys")
def keys(
    project: Project,
    *,
    new: New = False,
    label: Label = "",
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print the keys of a project, without their texts; with --new, make one more."""
    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    print_keys(operator, f"/v1/__projects__/{project}/keys", label, output, is_new=new)


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

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    path = f"/v1/__keys__/{key}/rotation"
    show_one(ask(operator, "POST", path, {"overlap_s": overlap_s}), output)


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

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show_one(ask(operator, "DELETE", f"/v1/__keys__/{key}"), output)


@projects.command("delete")
def delete(
    project: Project,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Delete a project with all that is in it, and end its keys."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show_one(ask(operator, "DELETE", f"/v1/__projects__/{project}"), output)
