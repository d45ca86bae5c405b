"""The server that is fuzzed, and what it must be like afterwards."""

import os
import random
from collections.abc import Generator
from typing import Final

import pytest

from tests.clients.fuzzing.asking import PROVIDER
from tests.support.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer
from tests.support.server import MunimentServer, running_server
from tests.support.stack import Stack, new_database, new_name

SEED: Final = 20_000
"""Of the short forms, so that they are the same each time."""

SETTINGS: Final = {
    "auth_policies": "account basicauth openid",
    "account_create_principals": "system.Everyone",
    "account_write_principals": "system.Authenticated",
    "user_data_delete_principals": "system.Authenticated",
    "counters_enabled": "true",
    "metrics_enabled": "true",
    # It would undo what chains of operations rest on.
    "flush_enabled": "false",
}


@pytest.fixture(scope="session")
def fuzzed_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """A server with all that it can do switched on."""
    data_dir = tmp_path_factory.mktemp("fuzzed") / "data"
    with (
        running_issuer() as issuer,
        new_database(stack) as postgres_url,
        running_server(
            data_dir,
            stack=Stack(stack.kafka_url, postgres_url),
            settings={"topic_prefix": new_name(), **SETTINGS, **_openid(issuer)},
        ) as server,
    ):
        yield server


@pytest.fixture
def fuzzed(fuzzed_server: MunimentServer) -> Generator[MunimentServer]:
    """Afterwards it must be as well as it was before, and its logs must know of no bug."""
    before = _pids(fuzzed_server)
    yield fuzzed_server
    fuzzed_server.wait_until_ready()
    assert _pids(fuzzed_server) == before
    assert _tracebacks(fuzzed_server) == []


@pytest.fixture(scope="session")
def chance() -> int:
    """The seed of the long forms: another one each time, unless it is given."""
    return int(os.environ.get("FUZZING_SEED") or random.SystemRandom().randrange(10**9))


def _openid(issuer: Issuer) -> dict[str, str]:
    return {
        "openid_issuer": issuer.url,
        "openid_client_id": CLIENT_ID,
        "openid_client_secret": CLIENT_SECRET,
        "openid_provider": PROVIDER,
        "openid_callback_origins": "https://app.example.org",
    }


def _pids(server: MunimentServer) -> dict[str, int]:
    return {entry.name: entry.pid for entry in server.entries()}


def _tracebacks(server: MunimentServer) -> list[str]:
    logs = [server.data_dir / "logs" / f"{name}.log" for name in ("api", "projector", "webhooks")]
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return [line[:5_000] for line in lines if "Traceback" in line]
