"""Tells the gates at the end of the run, whatever was captured."""

import os

import pytest

from tests.support import gates


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if gates.TOLD:
        terminalreporter.section(f"gates; load average {os.getloadavg()[0]:.1f}")
    for gate in gates.TOLD:
        terminalreporter.line(" | ".join(gate.cells))
