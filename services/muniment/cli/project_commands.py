"""`muniment projects`: the commands with their flags; what they need is imported when they run."""

from typing import Annotated, Final

import typer

from muniment.cli.operator_options import EPILOG, Console, Label, New, at_console, in_path

projects: Final = typer.Typer(
    name="projects",
    help="Make projects and the keys with which their applications come.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Project = Annotated[str, typer.Argument(help="Id of the project.", callback=in_path)]
Key = Annotated[
    str,
    typer.Argument(help="Id of the key, as `muniment projects keys` shows it.", callback=in_path),
]


@projects.command("create")
@at_console
def create(
    console: Console,
    name: Annotated[str, typer.Argument(help="What the project is called.")],
    *,
    label: Label = "",
) -> None:
    """Make a project, and print its key: the only time that it can be seen."""
    made = console.ask("POST", "/v1/__projects__", {"name": name, "label": label})
    console.show_with_key("project", made)


@projects.command("list")
@at_console
def list_projects(console: Console) -> None:
    """Print the projects."""
    console.show(console.ask("GET", "/v1/__projects__"), "id", "name")


@projects.command("keys")
@at_console
def keys(
    console: Console,
    project: Project,
    *,
    new: New = False,
    label: Label = "",
) -> None:
    """Print the keys of a project, without their texts; with --new, make one more."""
    console.show_keys(f"/v1/__projects__/{project}/keys", label, is_new=new)


@projects.command("rotate")
@at_console
def rotate(
    console: Console,
    key: Key,
    *,
    overlap_s: Annotated[
        float, typer.Option("--overlap", help="Seconds for which the old one is good as well.")
    ] = 86_400,
) -> None:
    """Make a key in place of an old one, and print it."""
    path = f"/v1/__keys__/{key}/rotation"
    console.show_one(console.ask("POST", path, {"overlap_s": overlap_s}))


@projects.command("revoke")
@at_console
def revoke(
    console: Console,
    key: Key,
) -> None:
    """End a key: within two seconds nothing takes it any more."""
    console.show_one(console.ask("DELETE", f"/v1/__keys__/{key}"))


@projects.command("delete")
@at_console
def delete(
    console: Console,
    project: Project,
) -> None:
    """Delete a project with all that is in it, and end its keys."""
    console.show_one(console.ask("DELETE", f"/v1/__projects__/{project}"))
