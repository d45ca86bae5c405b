"""All suites: those of the clients and some others beside the rest, as most of them wait.

    python -m tests.support.side_by_side [OPTIONS OF PYTEST]

Two runs of pytest, each with a Kafka and a Postgres of its own. What the second says is shown when
both have ended.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

import pytest

BESIDE: Final = ("tests/clients", "tests/contract", "tests/faults", "tests/simulation")
"""These take about as long as all others."""


def main() -> int:
    """Run both; an exit code of pytest, of the one that failed if one did."""
    options = sys.argv[1:]
    with tempfile.TemporaryFile() as told:
        runs = (
            _pytest(["tests", *(f"--ignore={suite}" for suite in BESIDE), *options]),
            _pytest([*BESIDE, *options], told=told.fileno()),
        )
        # An interrupt comes to them as well, and they are to end what they have started.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        codes = {run.wait() for run in runs}
        told.seek(0)
        shutil.copyfileobj(told, sys.stdout.buffer)
    # Options may choose tests of one of them alone.
    failed = codes - {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    return failed.pop() if failed else min(codes)


def _pytest(arguments: Sequence[str], *, told: int | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "pytest", *arguments], stdout=told, stderr=told)


if __name__ == "__main__":
    sys.exit(main())
