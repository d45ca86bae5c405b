"""`muniment users`, `organizations` and `orbits`: who works with DataForce's clients, and where."""

from typing import Annotated, Final

import typer

from muniment.cli.operator_options import EPILOG, Console, Label, New, at_console, in_path

users: Final = typer.Typer(
    name="users",
    help="Make users of organizations, and the keys that they come with.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)
organizations: Final = typer.Typer(
    name="organizations",
    help="Make organizations, and say who is what in them.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)
orbits: Final = typer.Typer(
    name="orbits",
    help="Make the orbits of organizations, and say who is what in them.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="What it is called.")]
UserId = Annotated[str, typer.Argument(help="Id of the user.", callback=in_path)]
Organization = Annotated[str, typer.Argument(help="Id of the organization.", callback=in_path)]
Orbit = Annotated[str, typer.Argument(help="Id of the orbit.", callback=in_path)]

NONE: Final = "none"
"""The role of who is no member any more."""


@users.command("create")
@at_console
def create_user(
    console: Console,
    name: Name,
    *,
    label: Label = "",
) -> None:
    """Make a user, and print their key: the only time that it can be seen."""
    made = console.ask("POST", "/v1/__users__", {"name": name, "label": label})
    console.show_with_key("user", made)


@users.command("list")
@at_console
def list_users(console: Console) -> None:
    """Print the users."""
    console.show(console.ask("GET", "/v1/__users__"), "id", "name", "created_at")


@users.command("keys")
@at_console
def keys(
    console: Console,
    user_id: UserId,
    *,
    new: New = False,
    label: Label = "",
) -> None:
    """Print the keys of a user, without their texts; with --new, make one more."""
    console.show_keys(f"/v1/__users__/{user_id}/keys", label, is_new=new)


@organizations.command("create")
@at_console
def create_organization(
    console: Console,
    name: Name,
    *,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Id of the user who owns it.")
    ] = None,
) -> None:
    """Make an organization."""
    body = {"name": name, **({} if owner is None else {"owner": owner})}
    console.show_one(console.ask("POST", "/v1/__organizations__", body))


@organizations.command("list")
@at_console
def list_organizations(console: Console) -> None:
    """Print the organizations."""
    console.show(console.ask("GET", "/v1/__organizations__"), "id", "name")


@organizations.command("members")
@at_console
def organization_members(
    console: Console,
    organization: Organization,
) -> None:
    """Print who is what in an organization."""
    found = console.ask("GET", f"/v1/__organizations__/{organization}")
    console.show(found["members"], "user_id", "role")


@organizations.command("role")
@at_console
def organization_role(
    console: Console,
    organization: Organization,
    user_id: UserId,
    role: Annotated[str, typer.Argument(help="owner, admin, member or none.")],
) -> None:
    """Give a user a role in an organization, and no other."""
    path = f"/v1/__organizations__/{organization}/members/{user_id}"
    method, body = ("DELETE", None) if role == NONE else ("PUT", {"role": role})
    console.show_one(console.ask(method, path, body))


@orbits.command("create")
@at_console
def create_orbit(
    console: Console,
    organization: Organization,
    name: Name,
) -> None:
    """Make an orbit of an organization."""
    path = f"/v1/__organizations__/{organization}/orbits"
    console.show_one(console.ask("POST", path, {"name": name}))


@orbits.command("list")
@at_console
def list_orbits(
    console: Console,
    organization: Organization,
) -> None:
    """Print the orbits of an organization."""
    found = console.ask("GET", f"/v1/__organizations__/{organization}/orbits")
    console.show(found, "id", "name")


@orbits.command("members")
@at_console
def orbit_members(
    console: Console,
    orbit: Orbit,
) -> None:
    """Print who is what in an orbit."""
    found = console.ask("GET", f"/v1/__orbits__/{orbit}")
    console.show(found["members"], "user_id", "role")


@orbits.command("role")
@at_console
def orbit_role(
    console: Console,
    orbit: Orbit,
    user_id: UserId,
    role: Annotated[str, typer.Argument(help="admin, member or none.")],
) -> None:
    """Give a user a role in an orbit, and no other."""
    path = f"/v1/__orbits__/{orbit}/members/{user_id}"
    method, body = ("DELETE", None) if role == NONE else ("PUT", {"role": role})
    console.show_one(console.ask(method, path, body))


@organizations.command("delete")
@at_console
def delete_organization(
    console: Console,
    organization: Organization,
) -> None:
    """Delete an organization that has no orbits."""
    console.show_one(console.ask("DELETE", f"/v1/__organizations__/{organization}"))


@orbits.command("delete")
@at_console
def delete_orbit(
    console: Console,
    orbit: Orbit,
) -> None:
    """Delete an orbit with all that is in it."""
    console.show_one(console.ask("DELETE", f"/v1/__orbits__/{orbit}"))
