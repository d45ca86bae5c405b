"""PyPI luml-api, unmodified, in its versions: the synchronous client and the asynchronous one.

It needs a newer Python than Muniment does: where there is none on the path, this is skipped.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.dataforce.site import Site

FOLDER: Final = Path(__file__).parent
PROGRAM: Final = FOLDER / "luml_statements.py"
PACKAGES: Final = FOLDER / "packages"
PYTHONS: Final = ("python3.12", "python3.13", "python3.14", "python3")
TIMEOUT_S: Final = 300.0

CASES: Final = re.findall(r"^def (case_\w+)", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
VERSIONS: Final = [
    pytest.param("0.1.0", marks=pytest.mark.long),
    pytest.param("0.1.1", marks=pytest.mark.long),
    pytest.param("0.2.0", marks=pytest.mark.long),
    pytest.param("0.3.0"),
    pytest.param("0.4.0"),
]

Outcomes = Mapping[str, str | None]
"""By name of the case, what was wrong, or nothing."""


@lru_cache
def newer_python() -> str | None:
    """A Python of 3.12 or newer that runs: what a version manager puts there may not."""
    for name in PYTHONS:
        path = shutil.which(name)
        check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))"
        if (
            path
            and subprocess.run([path, "-c", check], capture_output=True, check=False).returncode
            == 0
        ):
            return path
    return None


def installed(python: str, requirements: Path) -> Path:
    """The folder with what the file names, made once and again when the file changes."""
    version = run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    folder = PACKAGES / ".installed" / f"{requirements.stem}-{version}"
    marker, wanted = folder / ".installed.txt", requirements.read_bytes()
    if not marker.exists() or marker.read_bytes() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        command = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        run(python, *command, "--require-hashes", "--target", f"{folder}", "-r", f"{requirements}")
        marker.write_bytes(wanted)
    return folder


def run(python: str, *arguments: str, path: str = "", told: Any = None) -> str:
    """What the program prints; it must end well."""
    done = subprocess.run(
        [python, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def outcomes(site: Site) -> "Runs":
    return Runs(site)


class Runs:
    """What came of all cases, by version and kind of client; each is run once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._done: dict[tuple[str, str], Outcomes] = {}

    def of(self, version: str, kind: str) -> Outcomes:
        if (version, kind) not in self._done:
            self._done[version, kind] = self._run(version, kind)
        return self._done[version, kind]

    def _run(self, version: str, kind: str) -> Outcomes:
        python = newer_python()
        if python is None:
            pytest.skip("luml-api needs Python 3.12 or newer, and none on the path runs")
        shared = installed(python, PACKAGES / "shared.txt")
        client = installed(python, PACKAGES / f"luml-api-{version}.txt")
        site = self._site
        told = {"url": site.origin, "organization": site.organization, "keys": site.keys}
        path = os.pathsep.join((f"{client}", f"{shared}"))
        lines = run(python, f"{PROGRAM}", kind, path=path, told=told).splitlines()
        found: list[dict[str, str | None]] = [json.loads(line) for line in lines]
        return {str(each["case"]): each["error"] for each in found}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_a_client_of_the_newest_generation(
    outcomes: Runs, version: str, kind: str, case: str
) -> None:
    """Each example of the guide, and what sections 2 to 7 of the contract add to it."""
    assert outcomes.of(version, kind)[case] is None
