"""What the commands about the settings print."""

import sys
from dataclasses import asdict
from importlib.metadata import version
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from muniment.runtime.settings import Settings, describe, doubts

# Where the output is no terminal, nothing is cut off for the sake of its width.
_FILE_WIDTH: Final = 240


def print_version(output: str) -> None:
    found = version("muniment")
    if output == "json":
        _print_json({"name": "muniment", "version": found})
    else:
        print(f"muniment {found}")


def print_settings(settings: Settings, output: str) -> None:
    rows = describe(settings)
    if output == "json":
        _print_json([asdict(row) for row in rows])
        return
    table = Table("setting", "value", "source", "meaning", box=None, pad_edge=False)
    subject = ""
    for row in rows:
        if row.subject != subject:
            subject = row.subject
            table.add_row()
            table.add_row(f"[bold]{subject}[/bold]")
        style = "" if row.source == "default" else "green"
        table.add_row(row.name, _plain(row.value), row.source, _plain(row.meaning), style=style)
    console = Console()
    console = console if console.is_terminal else Console(width=_FILE_WIDTH)
    console.print(table)


def print_doubts(settings: Settings) -> None:
    found = doubts(settings)
    for doubt in found:
        print(f"warning: {doubt}")
    print("The settings can be used." if not found else "The settings can be used, with care.")


def _plain(text: str) -> str:
    """Brackets in values are no markup."""
    return text.replace("[", r"\[")


def _print_json(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
