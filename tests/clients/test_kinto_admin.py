"""npm `kinto-admin` in Chromium against a running server, from another origin (sections 4 and 22).

The steps and their rules' ids stand in `admin/journey.js` and, for the long form, in
`admin/workday.js`. A step that fails leaves a picture of the page in `build/browser`.
"""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from tests.support.node import ADMIN_FOLDER, Outcomes, cases, install, run_cases
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name

JOURNEY: Final = ADMIN_FOLDER / "journey.js"
WORKDAY: Final = ADMIN_FOLDER / "workday.js"
STEPS: Final = cases(JOURNEY)
LONG_STEPS: Final = cases(WORKDAY, pytest.mark.long)

PICTURES: Final = Path(__file__).parents[2] / "build" / "browser"
TIMEOUT_S: Final = 400.0
"""No step takes longer than 20 s, and so no script longer than this."""

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")

SETTINGS: Final = {
    "auth_policies": "account basicauth",
    "account_create_principals": "system.Everyone",
}


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's program; without it there is nothing to test here."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(PROGRAMS)} is on the PATH")
    install(ADMIN_FOLDER)
    return found


@pytest.fixture(scope="module")
def server(
    chromium: str, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """A server with accounts and basic authentication."""
    with new_server(stack, tmp_path_factory.mktemp("server"), SETTINGS) as server:
        yield server


@pytest.fixture(scope="module")
def outcomes(
    chromium: str, server: MunimentServer, tmp_path_factory: pytest.TempPathFactory
) -> Outcomes:
    return play(JOURNEY, chromium, server, tmp_path_factory)


@pytest.fixture(scope="module")
def long_outcomes(
    chromium: str, server: MunimentServer, tmp_path_factory: pytest.TempPathFactory
) -> Outcomes:
    return play(WORKDAY, chromium, server, tmp_path_factory)


@pytest.mark.parametrize(("script", "step"), STEPS)
def test_step(outcomes: Outcomes, script: str, step: str) -> None:
    """Sections 4, 22: the rules' ids stand at the step in `admin/journey.js`."""
    assert outcomes[step] is None, outcomes[step]


@pytest.mark.parametrize(("script", "step"), LONG_STEPS)
def test_step_of_the_workday(long_outcomes: Outcomes, script: str, step: str) -> None:
    """Sections 4, 22: the rules' ids stand at the step in `admin/workday.js`."""
    assert long_outcomes[step] is None, long_outcomes[step]


def test_every_step_has_a_test(outcomes: Outcomes) -> None:
    """The names are read from the script's text: none may be missed."""
    assert list(outcomes) == [each.id for each in STEPS]


@pytest.mark.long
def test_every_step_of_the_workday_has_a_test(long_outcomes: Outcomes) -> None:
    """The names are read from the script's text: none may be missed."""
    assert list(long_outcomes) == [each.id for each in LONG_STEPS]


def play(
    script: Path, chromium: str, server: MunimentServer, folders: pytest.TempPathFactory
) -> Outcomes:
    """Run a script's steps in a browser of its own, on a bucket of its own."""
    site = str(folders.mktemp("site"))
    return run_cases(
        script, server.url, new_name(), chromium, site, str(PICTURES), timeout_s=TIMEOUT_S
    )
