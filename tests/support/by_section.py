"""`--by-section`: what passed and failed, by the sections of the Kinto dialect's contract.

A test belongs to the sections whose rules it names: in its docstring, its name, the id of its
parameters or a marker `rules("BAT-18")`; one that names none belongs to those of its module's
docstring. So a test counts in each of its sections, and the last line tells how many there were.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import pytest
from _pytest.terminal import TerminalReporter

from tests.support.rules import SECTIONS, sections_named

OPTION: Final = "--by-section"
SECTIONS_KEY: Final = pytest.StashKey[dict[str, set[str]]]()

# From bad to good: a test is what the worst of its phases was.
OUTCOMES: Final = {
    "error": "failed",
    "failed": "failed",
    "xpassed": "failed",
    "skipped": "skipped",
    "xfailed": "skipped",
    "passed": "passed",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("muniment")
    group.addoption(OPTION, action="store_true", help="Outcomes by section of Kinto's contract.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[SECTIONS_KEY] = {item.nodeid: _sections_of(item) for item in items}


def pytest_terminal_summary(
    terminalreporter: TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    if not config.getoption(OPTION):
        return
    outcomes = {
        report.nodeid: outcome
        for category, outcome in reversed(OUTCOMES.items())
        for report in terminalreporter.stats.get(category, [])
    }
    sections = config.stash[SECTIONS_KEY]
    terminalreporter.section("by section of the contract")
    for line in table(outcomes, sections):
        terminalreporter.write_line(line)


def table(outcomes: Mapping[str, str], sections: Mapping[str, set[str]]) -> Iterable[str]:
    """A line a section, also where nothing was tried; `outcomes` are by node id."""
    counts = {number: Counter[str]() for number in SECTIONS if not _is_heading(number)}
    for nodeid, outcome in outcomes.items():
        for number in sections.get(nodeid) or {"–"}:
            counts.setdefault(number, Counter())[outcome] += 1
    yield _line("", "", "passed", "failed", "skipped")
    for number in sorted(counts, key=_place):
        section, count = SECTIONS.get(number), counts[number]
        title = section.title if section else "tests that name no rule"
        yield _line(number, title, count["passed"], count["failed"], count["skipped"])
    total = Counter(outcomes.values())
    yield _line("", "tests in all", total["passed"], total["failed"], total["skipped"])


def _sections_of(item: pytest.Item) -> set[str]:
    function = getattr(item, "function", None)
    marked = (str(rule) for marker in item.iter_markers("rules") for rule in marker.args)
    own = " ".join([item.name, function.__doc__ or "" if function else "", *marked])
    module = getattr(item, "module", None)
    return sections_named(own) or sections_named(getattr(module, "__doc__", None) or "")


def _is_heading(number: str) -> bool:
    """A section that only holds others."""
    parts = any(other.startswith(f"{number}.") for other in SECTIONS)
    return parts and not SECTIONS[number].rules


def _place(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".")) if number != "–" else (999,)


def _line(number: object, title: object, *counts: object) -> str:
    return f"{number:>5}  {title:<32}" + "".join(f"{count:>9}" for count in counts)
