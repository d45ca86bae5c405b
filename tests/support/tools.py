"""Programs that some tests need and `make setup` cannot install: found, or the test is skipped.

The end of a run tells which were missing, how many tests that cost and how to get them. With
`--require-tools` such tests fail instead.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Never

import pytest
from _pytest.terminal import TerminalReporter

OPTION: Final = "--require-tools"
NEWER_BY: Final = 4
"""So many minor versions of Python are looked for, from the oldest that will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program, and how to get it where it is missing."""

    name: str
    how_to: str
    find: Callable[[], Path | None]

    @property
    def missing(self) -> str:
        return f"{self.name} is missing: {self.how_to}"


def _on_path(*names: str, also: str = "") -> Callable[[], Path | None]:
    """Finds the first of the names; `also` is a folder that is not on the path."""

    def find() -> Path | None:
        path = f"{os.environ.get('PATH', '')}{os.pathsep}{also}"
        found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
        return Path(found) if found else None

    return find


def newer_python(*version: int) -> Path | None:
    """A Python of that version or a newer one that runs and has pip: on the path, or pyenv's."""
    check = f"import pip, sys; sys.exit(sys.version_info < {version})"
    names = [f"python{version[0]}.{version[1] + more}" for more in range(NEWER_BY)]
    for program in (program for name in names for program in _pythons(name)):
        if not subprocess.run([program, "-c", check], capture_output=True, check=False).returncode:
            return program
    return None


def _pythons(name: str) -> Iterator[Path]:
    found = shutil.which(name)
    if found is None:
        return
    yield Path(found)
    # A shim of pyenv only says that another version is chosen; the versions lie beside it.
    folder = Path(found).parent
    if folder.name == "shims":
        yield from sorted(folder.parent.glob(f"versions/*/bin/{name}"))


NGINX: Final = Tool(
    name="nginx",
    how_to="on Debian and Ubuntu `apt-get install nginx-light`",
    # Debian has it where only root looks.
    find=_on_path("nginx", also="/usr/sbin"),
)
CHROMIUM: Final = Tool(
    name="Chromium",
    how_to="on Debian `apt-get install chromium`, or put google-chrome on the PATH",
    find=_on_path("chromium", "chromium-browser", "google-chrome"),
)
GO: Final = Tool(
    name="Go",
    how_to="on Debian and Ubuntu `apt-get install golang-go`",
    find=_on_path("go"),
)
PYTHON_3_12: Final = Tool(
    name="Python 3.12 or newer",
    how_to="put a python3.12 with pip on the PATH, or `pyenv install 3.12`",
    find=lambda: newer_python(3, 12),
)
TOOLS: Final = (NGINX, CHROMIUM, GO, PYTHON_3_12)


class _Run:
    """What was chosen for the run."""

    requires_tools = False


def program_of(tool: Tool) -> Path:
    """Where the tool is; where it is nowhere the test ends, skipped or failed."""
    return tool.find() or _end(tool)


def _end(tool: Tool) -> Never:
    # `make test` has to pass where nothing but Python and make was installed by hand, and none of
    # the tools is needed to run Muniment: so a test that needs one is skipped there, and told of.
    if _Run.requires_tools:
        pytest.fail(tool.missing, pytrace=False)
    pytest.skip(tool.missing)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("muniment")
    group.addoption(OPTION, action="store_true", help="A test whose tool is missing fails.")


def pytest_configure(config: pytest.Config) -> None:
    _Run.requires_tools = bool(config.getoption(OPTION))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reasons = {
        category: [str(report.longrepr) for report in terminalreporter.stats.get(category, [])]
        for category in ("skipped", "failed", "error")
    }
    lines = list(told(reasons["skipped"], [*reasons["failed"], *reasons["error"]]))
    if lines:
        terminalreporter.section("missing tools")
    for line in lines:
        terminalreporter.write_line(line)


def told(skipped: Sequence[str], failed: Sequence[str]) -> Iterable[str]:
    """A line for each tool that tests ended for, from the reasons that they gave."""
    for tool in TOOLS:
        counts = {
            what: sum(tool.missing in reason for reason in reasons)
            for what, reasons in (("skipped", skipped), ("failed", failed))
        }
        ended = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        if ended:
            yield f"{tool.missing} ({ended})"
