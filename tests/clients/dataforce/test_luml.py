"""PyPI luml-api, unmodified, in its versions: the synchronous client and the asynchronous one.

It needs a newer Python than Muniment does.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.clients.dataforce.site import Site
from tests.support.python_packages import install, run
from tests.support.tools import PYTHON_3_12, program_of

FOLDER: Final = Path(__file__).parent
PROGRAM: Final = FOLDER / "luml_statements.py"
PACKAGES: Final = FOLDER / "packages"
CASES: Final = re.findall(r"^def (case_\w+)", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
VERSIONS: Final = [
    pytest.param("0.1.0", marks=pytest.mark.long),
    pytest.param("0.1.1", marks=pytest.mark.long),
    pytest.param("0.2.0", marks=pytest.mark.long),
    pytest.param("0.3.0", marks=pytest.mark.long),
    pytest.param("0.4.0"),
]

Outcomes = Mapping[str, str | None]
"""By name of the case, what was wrong, or nothing."""


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
        python = program_of(PYTHON_3_12)
        site = self._site
        told = {"url": site.origin, "organization": site.organization, "keys": site.keys}
        lines = run(
            PROGRAM,
            kind,
            python=python,
            packages=install(PACKAGES / f"luml-api-{version}.txt", python=python),
            root=install(PACKAGES / "shared.txt", python=python),
            typed=json.dumps(told),
        ).splitlines()
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
