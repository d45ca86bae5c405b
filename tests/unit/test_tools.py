"""`tests/support/tools.py`: tools are found, and what was missing is told."""

import sys
from pathlib import Path

import pytest

from tests.support.tools import GO, NGINX, newer_python, told

VERSION = sys.version_info[:2]
NAME = f"python{VERSION[0]}.{VERSION[1]}"


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_python_behind_a_shim_that_chooses_another_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pyenv puts shims on the path that refuse to run what is installed beside them."""
    shim = script(tmp_path / "shims" / NAME, "exit 127")
    real = script(tmp_path / "versions" / "9" / "bin" / NAME, f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", str(shim.parent))

    assert newer_python(*VERSION) == real


def test_python_without_the_version_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = script(tmp_path / "shims" / NAME, "exit 127")
    monkeypatch.setenv("PATH", str(shim.parent))

    assert newer_python(*VERSION) is None


def test_each_missing_tool_is_told_with_what_it_cost() -> None:
    skipped = [f"Skipped: {NGINX.missing}", f"Skipped: {NGINX.missing}", "Skipped: another reason"]

    assert list(told(skipped, [GO.missing])) == [
        f"{NGINX.missing} (2 skipped)",
        f"{GO.missing} (1 failed)",
    ]
