"""Flags that commands have in common are read once, and given to the command as one thing."""

import typer
from typer.testing import CliRunner

from muniment.cli.flags import with_flags


def _place(bucket: str, *, server: str = "here") -> str:
    return f"{bucket}@{server}"


app = typer.Typer()


@app.command()
@with_flags(_place)
def show(place: str, record: str, *, loud: bool = False) -> None:
    """Print what was given."""
    print(place, record, loud)


def test_shared_arguments_come_first_and_own_flags_stay() -> None:
    done = CliRunner().invoke(app, ["atlas", "r1", "--loud", "--server", "there"])

    assert done.output == "atlas@there r1 True\n"


def test_flags_that_are_not_given_have_their_defaults() -> None:
    done = CliRunner().invoke(app, ["atlas", "r1"])

    assert done.output == "atlas@here r1 False\n"


def test_a_shared_argument_that_lacks_is_a_wrong_command_line() -> None:
    done = CliRunner().invoke(app, [])

    assert done.exit_code == 2
    assert "BUCKET" in done.output.upper()


def test_help_names_shared_flags_and_the_command_s_own() -> None:
    done = CliRunner().invoke(app, ["--help"])

    assert "Print what was given." in done.output
    assert "--server" in done.output
    assert "--loud" in done.output
    assert "place" not in done.output
