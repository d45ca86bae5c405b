"""Kinto's clients in Chromium against a running server, from another origin (sections 4 and 22).

npm `kinto-admin` as a person uses it, and npm `kinto` on the browser's IndexedDB. The steps and
their rules' ids stand in `browser/*.js`. One that fails leaves a picture in `build/browser`.
"""

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.node import BROWSER_FOLDER, Outcomes, cases, install, run_cases
from tests.support.server import new_server
from tests.support.stack import Stack, new_name
from tests.support.tools import CHROMIUM, program_of

JOURNEY: Final = "admin_journey.js"
WORKDAY: Final = "admin_workday.js"
OFFLINE: Final = "offline.js"

STEPS: Final = [
    *cases(BROWSER_FOLDER / JOURNEY),
    *cases(BROWSER_FOLDER / WORKDAY, pytest.mark.long),
    *cases(BROWSER_FOLDER / OFFLINE, pytest.mark.long),
]

ACCOUNTS: Final = {
    "auth_policies": "account basicauth",
    "account_create_principals": "system.Everyone",
}
SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    JOURNEY: ACCOUNTS,
    WORKDAY: ACCOUNTS,
    OFFLINE: {"paginate_by": "3", "backoff": "600", "eos": "2099-12-31"},
}

PICTURES: Final = Path(__file__).parents[2] / "build" / "browser"
TIMEOUT_S: Final = 600.0


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's program; without it there is nothing to test here."""
    found = program_of(CHROMIUM)
    install(BROWSER_FOLDER)
    return str(found)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    chromium: str,
    stack: Stack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Outcomes]:
    """What came of a script's steps, in a browser and on a server of its own."""
    script = str(request.param)
    folders = [str(tmp_path_factory.mktemp("site")), str(PICTURES)]
    with new_server(stack, tmp_path_factory.mktemp("server"), SETTINGS[script]) as server:
        yield run_cases(
            BROWSER_FOLDER / script,
            server.url,
            new_name(),
            chromium,
            *folders,
            timeout_s=TIMEOUT_S,
        )


@pytest.mark.parametrize(("outcomes", "step"), STEPS, indirect=["outcomes"], scope="module")
def test_step(outcomes: Outcomes, step: str) -> None:
    """Sections 4, 22: the rules' ids stand at the step in its script."""
    assert outcomes[step] is None, outcomes[step]
