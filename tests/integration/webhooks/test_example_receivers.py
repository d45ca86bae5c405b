"""The receivers of `examples/` take real deliveries, each once, and refuse what is forged."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import requests

from tests.clients.requester import Requester
from tests.support import node
from tests.support.hooks import attempts_of, data, write
from tests.support.receiver import Received, running_receiver
from tests.support.server import wait_until
from tests.support.stack import new_name
from tests.support.tools import GO, program_of

ROOT: Final = Path(__file__).parents[3]
EXAMPLES: Final = ROOT / "examples" / "receivers"
BUILD_TIMEOUT_S: Final = 600.0
FIRST, SECOND, THIRD = (
    f"whsec_{b64encode(text.ljust(32, b'.')).decode()}" for text in (b"first", b"second", b"third")
)


def python(_: Path) -> Sequence[str | Path]:
    return sys.executable, EXAMPLES / "python" / "receiver.py"


def javascript(_: Path) -> Sequence[str | Path]:
    node.install(EXAMPLES / "node")
    return node.NODE, EXAMPLES / "node" / "receiver.js"


def go(folder: Path) -> Sequence[str | Path]:
    program = folder / "receiver"
    done = subprocess.run(
        [program_of(GO), "build", "-o", program, "."],
        cwd=EXAMPLES / "go",
        env={**os.environ, "GOFLAGS": "-buildvcs=false -mod=readonly"},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (program,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One of the programs, running."""

    url: str
    inbox: Path
    output: Path

    @property
    def taken(self) -> dict[str, Any]:
        """Messages by their ids."""
        return {path.stem: orjson.loads(path.read_bytes()) for path in self.inbox.glob("*.json")}

    @property
    def lines(self) -> Sequence[str]:
        """One for each message that it took, after that with its URL."""
        return self.output.read_text().splitlines()[1:]


@contextmanager
def running(
    program: Sequence[str | Path], folder: Path, *, secret: str, port: int = 0
) -> Generator[Example]:
    inbox, output = folder / "inbox", folder / f"output-{new_name()}"
    environment = {
        **os.environ,
        "WEBHOOK_SECRET": secret,
        "INBOX": str(inbox),
        "PORT": str(port),
    }
    with (
        output.open("wb") as out,
        subprocess.Popen(program, env=environment, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            wait_until(
                lambda: "\n" in output.read_text() or process.poll() is not None,
                what="its first line",
            )
            url = output.read_text().partition("\n")[0]
            assert url.startswith("http://127.0.0.1:"), output.read_text()
            yield Example(url=url, inbox=inbox, output=output)
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(python, id="python"),
        pytest.param(javascript, id="node"),
        # Go compiles its own HTTP first.
        pytest.param(go, id="go", marks=pytest.mark.long),
    ],
)
def test_a_receiver_takes_each_message_once_refuses_forgeries_and_follows_a_rotation(
    nadia: Requester, bucket: str, tmp_path: Path, build: Callable[[Path], Sequence[str | Path]]
) -> None:
    program = build(tmp_path)

    with running(program, tmp_path, secret=FIRST) as example:
        hook = {"url": example.url, "secret": FIRST, "retry_schedule_s": [0, *([1.5] * 19)]}
        path = f"{bucket}/webhooks/hook"
        data(nadia("PUT", path, {"data": hook}))
        genuine = a_delivery_elsewhere(nadia, bucket)
        wait_until(lambda: genuine.id in example.taken, what="the message")
        attempts_of(nadia, path, 1)

        again = data(nadia("POST", f"{path}/messages", {"message_id": genuine.id}))
        assert again["status"] == 204
        assert again_by_hand(example, genuine, genuine.body) == 204
        assert again_by_hand(example, genuine, genuine.body.replace(b"Brest", b"Quimper")) == 401
        assert again_by_hand(example, genuine, b"") == 401
        assert example.taken == {genuine.id: genuine.message}
        assert example.lines == [f"record.created {genuine.id}"]

        turn(nadia, path, SECOND, overlap_s=3600)
        write(nadia, bucket, "of-two-keys")
        wait_until(lambda: len(example.taken) == 2, what="a message of two keys")
        turn(nadia, path, THIRD, overlap_s=0)
        write(nadia, bucket, "of-the-third")
        [refused, *_] = attempts_of(nadia, path, 1, "outcome=status")
        port = int(example.url.split(":")[2].partition("/")[0])

    with running(program, tmp_path, secret=f"{THIRD} {SECOND}", port=port) as example:
        wait_until(lambda: len(example.taken) == 3, what="the third message")

        assert refused["status"] == 401
        assert refused["message_id"] in example.taken


def a_delivery_elsewhere(nadia: Requester, bucket: str) -> Received:
    """The first record's message as another endpoint with the same secret gets it."""
    with running_receiver(FIRST) as other:
        hook = {"url": other.url, "secret": FIRST}
        data(nadia("PUT", f"{bucket}/webhooks/other", {"data": hook}))
        write(nadia, bucket, "brest", title="Brest")
        wait_until(lambda: len(other.accepted) == 1, what="a delivery")
        assert nadia("DELETE", f"{bucket}/webhooks/other").status_code == 200
        return other.accepted[0]


def again_by_hand(example: Example, received: Received, body: bytes) -> int:
    """The status of a request with its headers, and this body."""
    headers = {name: text for name, text in received.headers.items() if "webhook-" in name.lower()}
    return requests.post(example.url, data=body, headers=headers, timeout=20).status_code


def turn(nadia: Requester, path: str, secret: str, *, overlap_s: int) -> None:
    data(nadia("POST", f"{path}/secrets", {"secret": secret, "overlap_s": overlap_s}))


def test_its_pins_are_those_of_the_product() -> None:
    """And no lock file names the registry that it was made with."""
    pins = (EXAMPLES / "python" / "requirements.txt").read_text().partition("\n")[2]

    assert pins in (ROOT / "requirements" / "runtime.txt").read_text()
    assert '"resolved"' not in (EXAMPLES / "node" / "package-lock.json").read_text()
