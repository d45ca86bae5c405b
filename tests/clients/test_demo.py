"""`muniment demo` (step 1, "Shown" 2): its short form against a server that runs already."""

import re
import subprocess
from collections.abc import Generator, Mapping
from itertools import chain
from typing import Final

import pytest

from tests.support.server import MUNIMENT, MunimentServer, environment, running_server
from tests.support.stack import Stack, new_database, new_name

TIMEOUT_S: Final = 120.0


@pytest.fixture(scope="module")
def prefix() -> str:
    return new_name()


@pytest.fixture(scope="module")
def server(
    stack: Stack, prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """One whose topic the test knows."""
    data_dir = tmp_path_factory.mktemp("demo") / "data"
    with (
        new_database(stack) as postgres_url,
        running_server(
            data_dir,
            stack=Stack(stack.kafka_url, postgres_url),
            settings={"topic_prefix": prefix},
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def flags(server: MunimentServer, stack: Stack, prefix: str) -> Mapping[str, str]:
    """What leads the demo to the server."""
    return {
        "--url": server.url,
        "--kafka": stack.kafka_url,
        "--data-dir": str(server.data_dir),
        "--set": f"topic_prefix={prefix}",
    }


def demo(flags: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MUNIMENT, "demo", *chain.from_iterable(flags.items())],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_everything_is_as_promised(flags: Mapping[str, str]) -> None:
    """Answers, sorted lists, events on the topic and notifications: all compared, none differs."""
    done = demo({**flags, "--limit": "50"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"exactly one event on the topic +154 +154 +ok", done.stdout)
    assert re.search(r"signature verified +153 +153 +ok", done.stdout)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        pytest.param({"--limit": "0"}, "nothing to load", id="nothing"),
        pytest.param(
            {"--set": "topic_prefix=elsewhere"}, "has no topic elsewhere.events", id="topic"
        ),
        pytest.param({"--url": "http://127.0.0.1:9/v1"}, "did not do as it was asked", id="server"),
    ],
)
def test_what_cannot_be_shown_fails_it(
    flags: Mapping[str, str], wrong: Mapping[str, str], sentence: str
) -> None:
    """Exit code 1, and a sentence that says why."""
    done = demo({**flags, "--limit": "5", **wrong})

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_whole_data_set_on_a_stack_of_its_own() -> None:
    """As `make demo` runs it."""
    done = demo({})

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"exactly one event on the topic +13,222 +13,222 +ok", done.stdout)
