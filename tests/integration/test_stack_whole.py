"""The whole product under `muniment up`: its curl lines work, and it survives its parts' deaths."""

import shlex
import subprocess

from tests.support.server import MunimentServer, wait_until


def test_the_curl_lines_work_as_they_stand(muniment_server: MunimentServer) -> None:
    """They are the first three requests of everybody."""
    wait_until(lambda: "Try it:" in muniment_server.console, what="the curl lines")
    lines = [line.strip() for line in muniment_server.console.splitlines() if "curl" in line]

    answers = [
        subprocess.run(
            [*shlex.split(line), "--silent", "--write-out", "%{http_code}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for line in lines
    ]

    assert [answer[-3:] for answer in answers] == ["201", "201", "201"]


def test_it_is_ready_again_after_each_service_died(muniment_server: MunimentServer) -> None:
    """Ready means that a write succeeds and is read back: every part must have come back."""
    for name in ("projector", "webhooks", "api"):
        muniment_server.wait_for_restart(name, of_pid=muniment_server.kill(name))

    muniment_server.wait_until_ready()
