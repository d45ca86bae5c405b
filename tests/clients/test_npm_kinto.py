"""Offline-first devices with npm `kinto` against a running server (contract, section 22).

The cases and their rules' ids stand in `node/offline_*.js`.
"""

import asyncio
import random
from collections.abc import Generator, Mapping
from typing import Final

import pytest

from tests.support.batching import Pair
from tests.support.cluster import client_of, wait_until_ready
from tests.support.node import FOLDER, Outcomes, cases, run_cases, run_script
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack, new_name

CHANGES_MAX: Final = 40
"""Instances that come and go while devices sync, at most."""

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
async def test_devices_at_two_instances_hold_all_records(pair: Pair, packages: None) -> None:
    """C-3, C-6, PRE-5: as above, each device at an instance of its own, one of which forwards."""
    await asyncio.to_thread(play, await origins(pair), rounds=20)


@pytest.mark.long
async def test_devices_hold_all_records_while_owners_change(pair: Pair, packages: None) -> None:
    """C-6, C-13, E-13: what is told 503 is sent again, and still nothing is lost or made twice."""
    playing = asyncio.create_task(asyncio.to_thread(play, await origins(pair), rounds=60))
    for number in range(CHANGES_MAX):
        if playing.done():
            break
        third = pair[0].start("api", f"three-{number}")
        async with client_of(third) as at_third:
            await wait_until_ready(at_third)
        assert await asyncio.to_thread(third.stop) == 0
    await playing


async def origins(pair: Pair) -> str:
    """Where two instances are that both work."""
    _, one, other = pair
    async with client_of(one) as at_one, client_of(other) as at_other:
        await wait_until_ready(at_one, at_other)
    return ",".join(f"{service.origin}/v1" for service in (one, other))


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
    for name, error in outcomes.items():
        if error is not None:
            print(name, error)

    expected = ["begin", *(f"round {n + 1}" for n in range(rounds)), "started anew"]
    assert outcomes == dict.fromkeys(expected)
