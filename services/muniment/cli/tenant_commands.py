"""`muniment users`, `organizations` and `orbits`: who works with DataForce's clients, and where."""

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
UserId = Annotated[str, typer.Argument(help="Id of the user.")]
Organization = Annotated[str, typer.Argument(help="Id of the organization.")]
Orbit = Annotated[str, typer.Argument(help="Id of the orbit.")]

NONE: Final = "none"
"""The role of who is no member any more."""


@users.command("create")
def create_user(
    name: Name,
    *,
    label: Label = "",
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Make a user, and print their key: the only time that it can be seen."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    made = ask(operator, "POST", "/v1/__users__", {"name": name, "label": label})
    row = {"user": made["id"], "name": made["name"], "key": made["key"]["key"]}
    show_one(made if output == "json" else row, output)


@users.command("list")
def list_users(
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print the users."""
    from muniment.cli.operating import show  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show(ask(operator, "GET", "/v1/__users__"), ("id", "name", "created_at"), output)


@users.command("keys")
def keys(
    user_id: UserId,
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
    """Print the keys of a user, without their texts; with --new, make one more."""
    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    print_keys(operator, f"/v1/__users__/{user_id}/keys", label, output, is_new=new)


@organizations.command("create")
def create_organization(
    name: Name,
    *,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Id of the user who owns it.")
    ] = None,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Make an organization."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    body = {"name": name, **({} if owner is None else {"owner": owner})}
    show_one(ask(operator, "POST", "/v1/__organizations__", body), output)


@organizations.command("list")
def list_organizations(
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print the organizations."""
    from muniment.cli.operating import show  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show(ask(operator, "GET", "/v1/__organizations__"), ("id", "name"), output)


@organizations.command("members")
def organization_members(
    organization: Organization,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print who is what in an organization."""
    from muniment.cli.operating import show  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    found = ask(operator, "GET", f"/v1/__organizations__/{organization}")
    show(found["members"], ("user_id", "role"), output)


@organizations.command("role")
def organization_role(
    organization: Organization,
    user_id: UserId,
    role: Annotated[str, typer.Argument(help="owner, admin, member or none.")],
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Give a user a role in an organization, and no other."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    path = f"/v1/__organizations__/{organization}/members/{user_id}"
    method, body = ("DELETE", None) if role == NONE else ("PUT", {"role": role})
    show_one(ask(operator, method, path, body), output)


@orbits.command("create")
def create_orbit(
    organization: Organization,
    name: Name,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Make an orbit of an organization."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    path = f"/v1/__organizations__/{organization}/orbits"
    show_one(ask(operator, "POST", path, {"name": name}), output)


@orbits.command("list")
def list_orbits(
    organization: Organization,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print the orbits of an organization."""
    from muniment.cli.operating import show  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    found = ask(operator, "GET", f"/v1/__organizations__/{organization}/orbits")
    show(found, ("id", "name"), output)


@orbits.command("members")
def orbit_members(
    orbit: Orbit,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print who is what in an orbit."""
    from muniment.cli.operating import show  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    found = ask(operator, "GET", f"/v1/__orbits__/{orbit}")
    show(found["members"], ("user_id", "role"), output)


@orbits.command("role")
def orbit_role(
    orbit: Orbit,
    user_id: UserId,
    role: Annotated[str, typer.Argument(help="admin, member or none.")],
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Give a user a role in an orbit, and no other."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    path = f"/v1/__orbits__/{orbit}/members/{user_id}"
    method, body = ("DELETE", None) if role == NONE else ("PUT", {"role": role})
    show_one(ask(operator, method, path, body), output)


@organizations.command("delete")
def delete_organization(
    organization: Organization,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Delete an organization that has no orbits."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show_one(ask(operator, "DELETE", f"/v1/__organizations__/{organization}"), output)


@orbits.command("delete")
def delete_orbit(
    orbit: Orbit,
    *,
    output: options.Output = "table",
    server: Server = None,
    user: User = None,
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Delete an orbit with all that is in it."""
    from muniment.cli.operating import show_one  # noqa: PLC0415 - slow

    operator = operator_of(server, user, data_dir=data_dir, config=config, assignments=assignments)
    show_one(ask(operator, "DELETE", f"/v1/__orbits__/{orbit}"), output)
