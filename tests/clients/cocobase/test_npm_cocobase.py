"""Documents and watchers through the published npm packages, unmodified (contract, 1 to 10).

The cases stand in `node/documents.js`; one run of it serves all tests of a version.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.clients.cocobase.project import new_project
from tests.clients.requester import Requester
from tests.support.node import Outcomes, cases, install, run_cases

FOLDER: Final = Path(__file__).with_name("node")
DOCUMENTS: Final = FOLDER / "documents.js"
VERSIONS: Final = [
    pytest.param("1.0.1", marks=pytest.mark.long),
    "1.3.2",
    pytest.param("1.5.2", marks=pytest.mark.long),
    "1.6.0",
]


@pytest.fixture(scope="module")
def packages() -> None:
    """All versions side by side."""
    install(FOLDER)


@pytest.fixture(scope="module", params=VERSIONS)
def outcomes(request: pytest.FixtureRequest, admin: Requester, packages: None) -> Outcomes:
    project = new_project(admin)
    return run_cases(DOCUMENTS, project.origin, project.key, request.param)


@pytest.mark.parametrize(("script", "case"), cases(DOCUMENTS))
def test_case_holds(outcomes: Outcomes, script: str, case: str) -> None:
    """Each as the comment at its function in the script says."""
    assert outcomes[case] is None, outcomes[case]


def test_lock_file_names_no_registry() -> None:
    """Whoever installs uses the registry that is configured there."""
    assert "resolved" not in (FOLDER / "package-lock.json").read_text(encoding="utf-8")
