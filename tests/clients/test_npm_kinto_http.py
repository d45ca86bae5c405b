"""The seed's statements (contract, section 27) through npm `kinto-http`.

The statements and their rules' ids stand in `node/statements.js`; one run of it serves all tests.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.support.node import BROWSER_FOLDER, FOLDER, Outcomes, cases, run_cases
from tests.support.server import MunimentServer
from tests.support.stack import new_name

STATEMENTS: Final = FOLDER / "statements.js"


@pytest.fixture(scope="module")
def outcomes(muniment_server: MunimentServer, packages: None) -> Outcomes:
    return run_cases(STATEMENTS, muniment_server.url, new_name())


@pytest.mark.parametrize(("script", "statement"), cases(STATEMENTS))
def test_statement_holds(outcomes: Outcomes, script: str, statement: str) -> None:
    """Section 27: the rules' ids stand at the statement in `node/statements.js`."""
    assert outcomes[statement] is None, outcomes[statement]


@pytest.mark.parametrize("folder", [FOLDER, BROWSER_FOLDER], ids=lambda folder: folder.name)
def test_lock_file_names_no_registry(folder: Path) -> None:
    """Whoever installs uses the registry that is configured there."""
    assert "resolved" not in (folder / "package-lock.json").read_text(encoding="utf-8")
