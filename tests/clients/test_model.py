"""Random requests of several users against a running Muniment, each answer held against a model.

The model (`tests/support/model`) is the contract in plain Python: sections 2.3, 5, 7 to 17, 19 and
20. It predicts every answer: status, errno, data, permissions, ETag, counts, pages.
`MODEL_SEED=7 make clients` plays another sequence.
"""

import os
import random
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.model.machine import Server, machine_on, open_server
from tests.support.server import running_server
from tests.support.stack import Stack, new_database, new_name

SETTINGS: Final = {
    "auth_policies": "account basicauth",
    "account_create_principals": "system.Everyone",
}


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """All services, with accounts beside the users who need none."""
    folder: Path = tmp_path_factory.mktemp("model")
    with (
        new_database(stack) as postgres_url,
        running_server(
            folder / "data",
            stack=Stack(stack.kafka_url, postgres_url),
            settings={**SETTINGS, "topic_prefix": new_name()},
        ) as muniment,
        open_server(muniment.port) as opened,
    ):
        yield opened


def test_answers_are_those_of_the_model(server: Server) -> None:
    """The short form: the same requests on every run."""
    play(server, int(os.environ.get("MODEL_SEED", "1")), examples=10, steps=40)


@pytest.mark.long
@pytest.mark.parametrize("number", range(8))
def test_answers_are_those_of_the_model_for_long(server: Server, number: int) -> None:
    """The long form: other requests on every run, from seeds that are printed."""
    given = os.environ.get("MODEL_SEED")
    chosen = number + int(given) if given else random.SystemRandom().randrange(10**9)
    play(server, chosen, examples=15, steps=60)


def play(server: Server, number: int, *, examples: int, steps: int) -> None:
    """Play so many sequences from one seed; a failing one is shrunk and told."""
    print(f"MODEL_SEED={number}")
    run_state_machine_as_test(
        seed(number)(machine_on(server)),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
        ),
    )
