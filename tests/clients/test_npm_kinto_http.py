"""The seed's statements (contract, section 27) through npm `kinto-http`.

The statements and their rules' ids stand in `node/statements.js`; one run of it serves all tests.
"""

from typing import Final

import pytest

from tests.support.node import FOLDER, Outcomes, cases, run_cases
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


def test_every_statement_has_a_test(outcomes: Outcomes) -> None:
    """The names are read from the script's text: none may be missed."""
    assert list(outcomes) == [each.id for each in cases(STATEMENTS)]


def test_lock_file_names_no_registry() -> None:
    """Whoever installs uses the registry that is configured there."""
    assert "resolved" not in (FOLDER / "package-lock.json").read_text(encoding="utf-8")
