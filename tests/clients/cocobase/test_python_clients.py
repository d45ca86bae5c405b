"""The seed's guide through the published Python packages, unmodified (contract sections 1, 10, 12).

The cases stand in `guide.py`; one run of it serves all tests of a version.
"""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.clients.cocobase.guide import CASES
from tests.clients.cocobase.project import new_project
from tests.clients.requester import Requester
from tests.support.python_packages import install, run

HERE: Final = Path(__file__).parent
OFTEN: Final = frozenset({"cocobase-0.3.0", "cocobase-0.3.3", "cocobase-1.5.0"})
"""One of each way on the wire; the others are tried where time does not matter."""
PACKAGES: Final = [
    pytest.param(path, id=path.stem, marks=() if path.stem in OFTEN else pytest.mark.long)
    for path in sorted((HERE / "packages").glob("*.txt"))
]

Outcomes = dict[str, str | None]


@pytest.fixture(scope="module", params=PACKAGES)
def outcomes(request: pytest.FixtureRequest, admin: Requester) -> Outcomes:
    """By name of the case, what was wrong, or nothing."""
    requirements: Path = request.param
    project = new_project(admin)
    lines = run(
        HERE / "guide.py",
        project.origin,
        project.key,
        requirements.stem.removeprefix("cocobase-"),
        packages=install(requirements),
        root=HERE.parents[2],
    )
    return {each["case"]: each["error"] for each in map(json.loads, lines.splitlines())}


@pytest.mark.parametrize("case", CASES)
def test_case_holds(outcomes: Outcomes, case: str) -> None:
    """Each as its function in `guide.py` says."""
    assert list(outcomes) == list(CASES)
    assert outcomes[case] is None, outcomes[case]
