"""`muniment demo` (step 1, "Shown" 2): its short form against a server that runs already."""

import re
import subprocess
from collections.abc import Generator

import pytest

from tests.support.server import MUNIMENT, MunimentServer, environment, running_server
from tests.support.stack import Stack, new_database, new_name

TIMEOUT_S = 120.0


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


def demo(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MUNIMENT, "demo", *flags],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_everything_is_as_promised(server: MunimentServer, stack: Stack, prefix: str) -> None:
    """Answers, sorted lists, events on the topic and notifications: all compared, none differs."""
    done = demo(
        *("--url", server.url, "--kafka", stack.kafka_url, "--data-dir", str(server.data_dir)),
        *("--set", f"topic_prefix={prefix}", "--limit", "50"),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"exactly one event on the topic +154 +154 +ok", done.stdout)
    assert re.search(r"signature verified +153 +153 +ok", done.stdout)


def test_topic_that_is_not_there(server: MunimentServer, stack: Stack) -> None:
    """Where no event can be read, none is found: exit code 1, and a sentence."""
    done = demo(
        *("--url", server.url, "--kafka", stack.kafka_url, "--data-dir", str(server.data_dir)),
        *("--set", "topic_prefix=elsewhere", "--limit", "5"),
    )

    assert done.returncode == 1
    assert "has no topic elsewhere.events" in done.stderr


def test_server_that_is_not_there(stack: Stack) -> None:
    """No traceback, but a sentence."""
    done = demo("--url", "http://127.0.0.1:9/v1", "--kafka", stack.kafka_url, "--limit", "5")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_nothing_loaded_fails_it() -> None:
    """Comparing nothing shows nothing."""
    done = demo("--limit", "0")

    assert done.returncode == 1
    assert "nothing to load" in done.stderr


@pytest.mark.long
def test_whole_data_set_on_a_stack_of_its_own() -> None:
    """As `make demo` runs it."""
    done = demo()

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"exactly one event on the topic +13,222 +13,222 +ok", done.stdout)
