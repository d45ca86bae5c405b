"""Offline-first devices with npm `kinto` against a running server (contract, section 22).

The cases and their rules' ids stand in `node/offline_*.js`.
"""

import asyncio
import random
from collections.abc import Generator, Mapping
from typing import Final

import pytest

from tests.support.cluster import Cluster, Service, client_of, wait_until_ready
from tests.support.node import FOLDER, Outcomes, cases, run_cases, run_script
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name

SCRIPTS: Final = ("offline_changes.js", "offline_conflicts.js", "offline_flushes.js")
CASES: Final = [each for script in SCRIPTS for each in cases(FOLDER / script)]


@pytest.fixture(scope="module")
def outcomes(muniment_server: MunimentServer, packages: None) -> Mapping[str, Outcomes]:
    """By script, what came of its cases."""
    url = muniment_server.url
    return {script: run_cases(FOLDER / script, url, new_name()) for script in SCRIPTS}


@pytest.mark.parametrize(("script", "case"), CASES)
def test_devices_agree(outcomes: Mapping[str, Outcomes], script: str, case: str) -> None:
    """Section 22: the rules' ids stand at the case in the script."""
    assert outcomes[script][case] is None, outcomes[script][case]


@pytest.mark.parametrize("rounds", [5, pytest.param(20, marks=pytest.mark.long)])
def test_devices_that_sync_at_once_hold_all_records(
    muniment_server: MunimentServer, packages: None, rounds: int
) -> None:
    """C-3, C-6, PRE-5: two devices change and sync at the same moment; none loses a record.

    After each round both have had one more plain sync, no more: it shows what the other pushed
    after one's own last pull.
    """
    play(muniment_server.url, rounds=rounds, seed=rounds)


@pytest.mark.long
async def test_devices_at_two_instances_hold_all_records(
    pair: tuple[Cluster, Service, Service], packages: None
) -> None:
    """C-3, C-6, PRE-5: as above, each device at an instance of its own, one of which forwards."""
    _, one, other = pair
    async with client_of(one) as at_one, client_of(other) as at_other:
        await wait_until_ready(at_one, at_other)
    urls = ",".join(f"{service.origin}/v1" for service in (one, other))

    await asyncio.to_thread(play, urls, rounds=20)


@pytest.fixture(scope="module")
def paging_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """A server whose lists come in pages of three."""
    with new_server(stack, tmp_path_factory.mktemp("paging"), {"paginate_by": "3"}) as server:
        yield server


@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS)
def test_devices_that_read_pages_agree(
    paging_server: MunimentServer, packages: None, script: str
) -> None:
    """C-4, QP-2: the same cases, where the devices have to follow `Next-Page`."""
    outcomes = run_cases(FOLDER / script, paging_server.url, new_name())

    assert outcomes == dict.fromkeys(outcomes)


@pytest.mark.long
def test_devices_that_read_pages_at_once_hold_all_records(
    paging_server: MunimentServer, packages: None
) -> None:
    """C-4, C-6, QP-4: what is pushed between two pages of the other's pull is not lost to it."""
    play(paging_server.url, rounds=20)


def play(url: str, *, rounds: int, seed: int | None = None) -> None:
    """Play the rounds, if no seed is given from one by chance; it is printed when one fails."""
    seed = random.randrange(2**31) if seed is None else seed
    print(f"seed {seed}")
    script = FOLDER / "offline_rounds.js"
    outcomes = run_script(script, url, new_name(), str(rounds), str(seed))

    expected = ["begin", *(f"round {n + 1}" for n in range(rounds)), "started anew"]
    assert outcomes == dict.fromkeys(expected)
