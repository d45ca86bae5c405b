"""Schemathesis over the document at `/v1/__api__`, against a server with real Kafka and Postgres.

Single requests, chains in which operations hand on what they have made, and requests with
something odd about them. Each in a short form from a fixed seed, and in a long form from a seed
of its own, which is printed; `FUZZING_SEED` gives it again.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.clients.fuzzing.fuzzer import ALWAYS, Fuzzer
from tests.support.server import MunimentServer

REACHED: Final = {
    *("GET /buckets", "GET /buckets/{bucket_id}", "GET /permissions", "POST /batch"),
    *("GET /buckets/{bucket_id}/collections", "GET /buckets/{bucket_id}/groups"),
    "GET /buckets/{bucket_id}/collections/{collection_id}/records",
    "POST /buckets/{bucket_id}/collections/{collection_id}/records",
}
"""What succeeds however few requests there are; others need ids that only a chain knows."""

ONE_OF_EACH_KIND: Final = r"^/batch$|/records|^/accounts/|^/permissions$"
"""Paths of a list, an object with ids and one with a name, a fixed list, and a batch."""


@pytest.fixture
def fuzzer(fuzzed: MunimentServer, tmp_path: Path) -> Fuzzer:
    return Fuzzer(fuzzed, tmp_path)


def test_what_the_document_allows_and_forbids_is_taken_and_refused(fuzzer: Fuzzer) -> None:
    """HB-4, D-7: every value that its words lead to, so the same requests each time."""
    outcome = fuzzer.run("coverage", examples_max=1, paths=ONE_OF_EACH_KIND)

    assert outcome.exit_code == 0, outcome.printed
    assert outcome.examples > 500


def test_chains_of_odd_requests_are_refused_or_taken(fuzzer: Fuzzer) -> None:
    """D-7: also on what others have just made, changed or deleted; never 500 for client input.

    What is asked depends on what was answered, so this differs from run to run: only what holds of
    every answer is judged here. Whether valid data are taken is judged above, and in the long form.
    """
    outcome = fuzzer.run("fuzzing", "stateful", examples_max=4, checks=ALWAYS, odd_share=0.3)

    assert outcome.exit_code == 0, outcome.printed
    assert outcome.phases["stateful"] > 5
    assert outcome.odd


@pytest.mark.long
def test_many_single_requests(fuzzer: Fuzzer, chance: int) -> None:
    """HB-4, D-7: of all operations, and those that need nothing of others do what they are for."""
    outcome = fuzzer.run("coverage", "fuzzing", examples_max=25, seed=chance)

    assert outcome.exit_code == 0, outcome.printed
    assert outcome.examples > 8_000
    assert not outcome.without_success() & REACHED


@pytest.mark.long
def test_20_000_requests_in_chains(fuzzer: Fuzzer, chance: int) -> None:
    """HB-4, D-7: no 5xx in 20,000 examples."""
    outcome = fuzzer.run_chains(requests_min=20_000, seed=chance)

    assert outcome.exit_code == 0, outcome.printed
    assert outcome.phases["stateful"] >= 20_000


@pytest.mark.long
def test_many_odd_requests(fuzzer: Fuzzer, chance: int) -> None:
    """D-7."""
    outcome = fuzzer.run(
        "fuzzing", "stateful", examples_max=25, checks=ALWAYS, odd_share=0.5, seed=chance
    )

    assert outcome.exit_code == 0, outcome.printed
    assert outcome.examples > 2_000
