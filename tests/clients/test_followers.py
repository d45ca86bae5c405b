"""Followers: copies of a list that is written to without pause, kept by ETags alone (9, 10, 16)."""

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from tests.support.batching import Pair
from tests.support.cluster import client_of, wait_until_ready
from tests.support.following import Follower, Journal, Writer, stored_in
from tests.support.stack import new_name

WRITERS: Final = 3
PAGES: Final[Sequence[Mapping[str, str]]] = (
    {},
    {"_limit": "3"},
    {"_limit": "40"},
    {"_limit": "7", "_sort": "last_modified"},
)
"""Newest first, in pages of several sizes, and oldest first."""


async def follow(pair: Pair, steps: int, pages: Sequence[Mapping[str, str]], *, seed: int) -> None:
    """Three writers, and who reads such pages through each of two instances."""
    print(f"seed {seed}")
    _, one, two = pair
    async with client_of(one) as at_one, client_of(two) as at_two:
        clients = [at_one, at_two]
        await wait_until_ready(*clients)
        bucket = f"/buckets/{new_name()}"
        records = f"{bucket}/collections/c/records"
        for path in (bucket, f"{bucket}/collections/c"):
            await at_one.sure("PUT", path)
        journal, stopping = Journal(), asyncio.Event()
        followers = [
            Follower(client, records, page) for client, page in itertools.product(clients, pages)
        ]
        following = [asyncio.create_task(follower.follow(stopping)) for follower in followers]
        await asyncio.gather(
            *(
                Writer(f"w{number}", clients, records, journal, random.Random(seed + number)).write(
                    steps
                )
                for number in range(WRITERS)
            )
        )
        stopping.set()
        await asyncio.gather(*following)
        stored = await stored_in(at_one, records)

    judge(journal, followers, stored)


def judge(journal: Journal, followers: Sequence[Follower], stored: Mapping[str, Any]) -> None:
    """What was told is stored, and every follower has exactly that."""
    # A machine that is busy with other things may say "not now": then nothing is stored.
    assert set(journal.refused) <= {(404, 110), (503, 201)}
    assert {change.id for change in journal.changes} == stored.keys()
    assert journal.newest() == {id_: each["last_modified"] for id_, each in stored.items()}
    journal.judge_order()
    for follower in followers:
        follower.judge(journal, stored)
    created = [change for change in journal.changes if change.status == 201]
    deleted = [each for each in stored.values() if "deleted" in each]
    assert len(created) > len(stored) / 2
    assert deleted
    assert max(len(follower.held) for follower in followers) > 1, "nobody read while others wrote"


async def test_followers_end_with_exactly_what_is_stored(pair: Pair) -> None:
    """TS-2, TS-3, LIST-6, QP-4, BAT-12: creates, updates and tombstones, of batches as well."""
    await follow(pair, 15, [PAGES[0], PAGES[-1]], seed=1)


@pytest.mark.long
async def test_followers_keep_up_for_long(pair: Pair) -> None:
    """The same with some ten thousand changes."""
    await follow(pair, 300, PAGES, seed=random.SystemRandom().randrange(10**9))
