"""Versions of Python packages side by side, each in its own folder, from a hash-pinned file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(sys.executable)
"""The Python of the tests."""

INSTALL_TIMEOUT_S: Final = 300.0
RUN_TIMEOUT_S: Final = 300.0


def install(requirements: Path, *, python: Path = HERE) -> Path:
    """The folder with what the file names, made once and again when the file changes.

    Only what it names: a package finds its dependencies in the environment of the tests. Another
    Python has a folder of its own.
    """
    stem = requirements.stem if python == HERE else f"{requirements.stem}-{python.name}"
    folder = requirements.parent / ".installed" / stem
    marker, wanted = folder / ".installed.txt", requirements.read_bytes()
    if marker.exists() and marker.read_bytes() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run(
        [*command, "--no-deps", "--require-hashes", "--target", folder, "-r", requirements],
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    marker.write_bytes(wanted)
    return folder


def run(
    program: Path,
    *arguments: str,
    packages: Path,
    root: Path,
    python: Path = HERE,
    typed: str | None = None,
) -> str:
    """What a program prints that finds the packages before all others; it must end well."""
    done = subprocess.run(
        [python, program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(packages), str(root)))},
        input=typed,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout
