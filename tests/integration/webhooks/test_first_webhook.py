"""The tutorial `docs/first-webhook.md`: its commands do what it says, as they stand there."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.integration.webhooks.test_example_receivers import EXAMPLES, ROOT, running
from tests.support.server import MunimentServer, wait_until
from tests.support.stack import new_name

PAGE: Final = ROOT / "docs" / "first-webhook.md"
RECEIVER: Final = (sys.executable, EXAMPLES / "python" / "receiver.py")


def commands() -> Iterator[Sequence[str]]:
    """The commands of each step, those that begin in the receiver's terminal left out."""
    for step in PAGE.read_text().split("\n## ")[1:]:
        text = "\n".join(line[4:] for line in step.splitlines() if line.startswith("    "))
        lines = text.replace("\\\n", "").splitlines()
        yield [line for line in lines if "receiver.py" not in line]


class Reader:
    """Somebody who does as the page says, with another server, bucket and port for the receiver."""

    def __init__(self, server: MunimentServer, port: int) -> None:
        self._origin = server.origin
        self._port = port
        self._bucket = f"shop-{new_name()}"

    def does(self, command: str) -> str:
        """What it prints; it must end well."""
        command = (
            command.replace("http://127.0.0.1:8888", self._origin)
            .replace("127.0.0.1:9000", f"127.0.0.1:{self._port}")
            .replace("buckets/shop", f"buckets/{self._bucket}")
            .replace(" shop ", f" {self._bucket} ")
            .replace("--user nadia", f"--user nadia --server {self._origin}")
            .replace("curl ", "curl --fail-with-body --silent --show-error ")
            .replace("muniment webhooks", f"{sys.executable} -m muniment webhooks")
        )
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=ROOT,
            env={**os.environ, "MUNIMENT_PASSWORD": "secret"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def does_all(self, lines: Sequence[str]) -> str:
        return "\n".join(map(self.does, lines))


def test_the_first_webhook_comes_about_as_it_is_told(
    muniment_server: MunimentServer, tmp_path: Path
) -> None:
    something, webhook, way, order, filtered, away, _ = commands()
    with running(RECEIVER, tmp_path, secret="whsec_" + "A" * 32) as free:
        port = int(free.url.split(":")[2].partition("/")[0])
    reader = Reader(muniment_server, port)

    reader.does_all(something)
    secret = reader.does_all(webhook).split()[-1]
    with running(RECEIVER, tmp_path, secret=secret, port=port) as receiver:
        assert '"delivered":true' in reader.does_all(way)
        assert "record.created" in reader.does_all(order)
        wait_until(lambda: len(receiver.lines) == 2, what="the order")
        reader.does_all(filtered)
        wait_until(lambda: len(receiver.lines) == 3, what="that it is paid")
        first_lines = [line.split()[0] for line in receiver.lines]
        [paid] = [each for each in receiver.taken.values() if each["type"] == "record.updated"]
    *writing, replay = away
    reader.does_all(writing)
    with running(RECEIVER, tmp_path, secret=secret, port=port) as receiver:
        reader.does(replay)
        wait_until(lambda: len(receiver.lines) == 1, what="the second order")

        assert first_lines == ["webhook.ping", "record.created", "record.updated"]
        assert paid["data"]["data"]["status"] == "paid"
        assert len(receiver.taken) == 4
