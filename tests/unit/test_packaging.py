"""The pins are complete, hash-checked and tied to no index; the Makefile explains itself."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(package): version for package, version in PIN.findall(text)}


def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def asked_for(*, with_tools: bool) -> list[Requirement]:
    read = project()
    lists = [read["project"]["dependencies"], read["dependency-groups"]["build"]]
    if with_tools:
        lists += read["project"]["optional-dependencies"].values()
        lists += read["dependency-groups"].values()
    return [Requirement(line) for lines in lists for line in lines if isinstance(line, str)]


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_the_pins_are_those_of_the_project_file(name: str) -> None:
    """A range that was changed without `make lock` would be ignored by everyone's environment."""
    pinned = pins(name)

    stale = [
        str(requirement)
        for requirement in asked_for(with_tools=name == "dev")
        if pinned.get(canonicalize_name(requirement.name)) is None
        or pinned[canonicalize_name(requirement.name)] not in requirement.specifier
    ]
    assert stale == []


def test_both_files_agree_on_every_version() -> None:
    assert pins("runtime").items() <= pins("dev").items()


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_pin_has_a_hash_and_none_an_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=[A-Za-z0-9])", text) if PIN.match(block)]

    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index" not in text


def test_make_help_has_a_sentence_for_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert phony is not None
    targets = set(phony.group(1).replace("\\", " ").split())

    explained = set(re.findall(r"^([a-z-]+):.* ## .+\.", text, re.MULTILINE))

    assert targets == explained
