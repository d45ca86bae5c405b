"""`muniment`: every command with its flags; what a command needs is imported when it runs.

Exit codes: 0 done, 1 a fault of ours, 2 wrong settings or flags, 3 Kafka or Postgres can't be
reached, 4 port or data folder taken by another process, 5 data folder broken, 6 no room on the
disk or no download, 130 interrupted.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from typer.exceptions import Abort, TyperException

from muniment.cli import options
from muniment.cli.flags import with_flags
from muniment.cli.operator_options import operator_of
from muniment.cli.project_commands import projects
from muniment.cli.tenant_commands import orbits, organizations, users
from muniment.cli.webhook_commands import webhooks

if TYPE_CHECKING:
    from muniment.cli.operating import Operator
    from muniment.runtime.settings import Settings

Part = Literal["command", "query", "projector", "webhooks", "api"]

EPILOG: Final = (
    "Exit codes: 0 done · 1 a fault of Muniment · 2 wrong settings or flags · 3 Kafka or Postgres "
    "can't be reached · 4 port or data folder taken · 5 data folder broken · 6 no room or no "
    "download · 130 interrupted. With --debug anywhere, an error shows its traceback."
)

app = typer.Typer(
    name="muniment",
    help="Muniment keeps JSON collections whose every change is on record.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config = typer.Typer(
    name="config",
    help="Show, check and write settings.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(config)
app.add_typer(webhooks)
app.add_typer(projects)
app.add_typer(users)
app.add_typer(organizations)
app.add_typer(orbits)
accounts = typer.Typer(
    name="accounts",
    help="Make accounts and give them passwords, which are typed or come on standard input.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(accounts)

Username = Annotated[str, typer.Argument(help="Name of the account, without `account:`.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: an error is one sentence on standard error, and a code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debugging = "--debug" in given
    sys.exit(_run([argument for argument in given if argument != "--debug"], is_debugging))


def _run(arguments: list[str], is_debugging: bool) -> int:
    try:
        return app(arguments, standalone_mode=False, prog_name="muniment") or 0
    except (KeyboardInterrupt, Abort):
        return 130
    except BrokenPipeError:  # As in `muniment config show | head`.
        sys.stderr.close()
        return 0
    except TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except Exception as error:
        if is_debugging:
            raise
        code = getattr(error, "exit_code", None)
        if isinstance(code, int):
            return _fail(str(error), code)
        return _fail(
            f"Something broke inside Muniment ({type(error).__name__}: {error}); "
            "run it again with --debug to see where.",
            1,
        )


def _fail(sentence: str, code: int) -> int:
    print(f"muniment: {sentence}", file=sys.stderr)
    return code


@app.command()
@with_flags(options.settings_of_services)
def up(
    settings: "Settings",
    *,
    seeds_demo: Annotated[
        bool, typer.Option("--seed-demo", help="When it serves, do as `muniment seed-demo`.")
    ] = False,
) -> None:
    """Serve everything in one process, with an embedded Kafka and Postgres where none is named."""
    from muniment.cli.seeding import seed_demo as seed  # noqa: PLC0415 - slow
    from muniment.cli.up import up as run  # noqa: PLC0415 - slow

    run(
        settings,
        when_ready=seed if seeds_demo else None,
    )


@app.command()
@with_flags(options.settings_of_services)
def serve(
    settings: "Settings",
    part: Annotated[
        Part, typer.Argument(help="The service; `api` is command and query on one port.")
    ],
) -> None:
    """Serve one part on a Kafka and a Postgres that run already."""
    from muniment.cli.serve import serve as run  # noqa: PLC0415 - slow

    run(
        part,
        settings,
    )


@app.command()
def demo(
    *,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Use the server there (…/v1), not a new one."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="Load so many of each kind, not all.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="With --url: leave the data there afterwards.")
    ] = False,
    data_dir: options.DataDir = None,
    kafka: options.Kafka = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Load 13,000 real records through PyPI kinto-http and compare all that can be seen of them."""
    from muniment.cli.demo import demo as run  # noqa: PLC0415 - slow

    settings = options.read_settings(assignments, data_dir=data_dir, kafka=kafka, config=config)
    run(settings, url=url, limit=limit, is_kept=keep)


@app.command("seed-demo")
@with_flags(operator_of)
def seed_demo(operator: "Operator") -> None:
    """Make two projects, and an organization with two orbits and three users; print their keys.

    What is there already stays as it is, and is said to be there.
    """
    from muniment.cli.seeding import print_demo  # noqa: PLC0415 - slow

    print_demo(operator)


@app.command()
def version(output: options.Output = "table") -> None:
    """Print the version."""
    from muniment.cli.show import print_version  # noqa: PLC0415 - slow

    print_version(output)


@config.command("show")
@with_flags(options.settings_alone)
def config_show(settings: "Settings", *, output: options.Output = "table") -> None:
    """Print each setting: effective value (secrets masked), where it came from, what it means."""
    from muniment.cli.show import print_settings  # noqa: PLC0415 - slow

    print_settings(settings, output)


@config.command("check")
@with_flags(options.settings_alone)
def config_check(settings: "Settings") -> None:
    """Say whether the settings can be used, and what is risky about them."""
    from muniment.cli.show import print_doubts  # noqa: PLC0415 - slow

    print_doubts(settings)


@config.command("example")
def config_example() -> None:
    """Print a configuration file with every setting explained, all commented out."""
    from muniment.runtime.settings import example_toml  # noqa: PLC0415 - slow

    print(example_toml())


@accounts.command("create")
@with_flags(options.settings_at_database)
def accounts_create(
    settings: "Settings",
    username: Username,
) -> None:
    """Make an account, also where nobody may sign up: the first administrator's."""
    from muniment.cli.accounts import create  # noqa: PLC0415 - slow

    create(
        settings,
        username,
    )


@accounts.command("set-password")
@with_flags(options.settings_at_database)
def accounts_set_password(
    settings: "Settings",
    username: Username,
) -> None:
    """Give an account another password; the old one stops at once."""
    from muniment.cli.accounts import set_password  # noqa: PLC0415 - slow

    set_password(
        settings,
        username,
    )


@accounts.command("list")
@with_flags(options.settings_at_database)
def accounts_list(
    settings: "Settings",
    *,
    output: options.Output = "table",
) -> None:
    """Print the accounts, and which of them `account_write_principals` makes administrators."""
    from muniment.cli.accounts import print_accounts  # noqa: PLC0415 - slow

    print_accounts(
        settings,
        output,
    )
