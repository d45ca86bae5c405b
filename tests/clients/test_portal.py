"""The page for those who operate webhooks: what comes over HTTP, and how it is in a browser."""

from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.requester import Requester
from tests.support.node import BROWSER_FOLDER, install, run_script
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name
from tests.support.tools import CHROMIUM, program_of

PAGE: Final = "/v1/__portal__"
PICTURES: Final = Path(__file__).parents[2] / "build" / "browser"
JOURNEY: Final = BROWSER_FOLDER / "portal_journey.js"
TIMEOUT_S: Final = 600.0


@pytest.fixture(scope="module")
def nobody(muniment_server: MunimentServer) -> Generator[Requester]:
    with Requester(muniment_server.origin, None) as requester:
        yield requester


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        (PAGE, "text/html; charset=utf-8"),
        (f"{PAGE}/portal.css", "text/css; charset=utf-8"),
        (f"{PAGE}/portal.js", "text/javascript; charset=utf-8"),
    ],
)
def test_its_files_are_for_everybody_and_asked_for_anew(
    nobody: Requester, path: str, type_: str
) -> None:
    """They hold no data; a browser keeps them as long as they are the same."""
    answer = nobody("GET", path)
    again = nobody("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
    other = nobody("GET", path, headers={"If-None-Match": '"other"'})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, type_)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert other.content == answer.content


def test_it_runs_its_own_script_only_and_asks_this_server_only(nobody: Requester) -> None:
    """Receivers' answers are shown: none of them may become markup, whatever the script does."""
    headers = nobody("GET", PAGE).headers
    page = nobody("GET", PAGE).text
    parts = [part.split() for part in headers["Content-Security-Policy"].split(";")]

    policy = {name: " ".join(values) for name, *values in parts}
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["connect-src"]) == ("'self'", "'self'")
    assert policy["require-trusted-types-for"] == "'script'"
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert page.count("<script") == 1
    assert "://" not in page
    assert " style=" not in page


def test_what_is_no_part_of_it_is_not_found(nobody: Requester) -> None:
    assert nobody("GET", f"{PAGE}/index.html").status_code == 404
    assert nobody("GET", f"{PAGE}/..%2Fpages.py").status_code == 404
    assert nobody("POST", PAGE).status_code == 405
    assert nobody("GET", f"{PAGE}/").headers["Location"].endswith(PAGE)


@pytest.mark.long
def test_the_page_is_operated_in_a_browser(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A receiver answers with a script: it stays text. The steps stand in `browser/`."""
    chromium = str(program_of(CHROMIUM))
    install(BROWSER_FOLDER)
    folders = [str(tmp_path_factory.mktemp("site")), str(PICTURES)]
    with new_server(stack, tmp_path_factory.mktemp("server")) as server:
        outcomes = run_script(
            JOURNEY, server.url, new_name(), chromium, *folders, timeout_s=TIMEOUT_S
        )

    assert {name: error for name, error in outcomes.items() if error} == {}
    assert len(outcomes) == JOURNEY.read_text(encoding="utf-8").count("\n  async ")
