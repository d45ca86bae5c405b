"""List deletions through two instances: pages that outlive an owner, and lists of any size."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.support.batching import Pair, batch, statuses
from tests.support.cluster import Client, Cluster, client_of, wait_until_ready
from tests.support.stack import new_name

LARGE = {"data": {"text": "x" * 3_000_000}}


@pytest.fixture
async def both(pair: Pair) -> AsyncGenerator[tuple[Client, Client]]:
    """Nadia, at either instance."""
    async with client_of(pair[1]) as at_one, client_of(pair[2]) as at_two:
        await wait_until_ready(at_one, at_two)
        yield at_one, at_two


async def filled(client: Client, count: int) -> str:
    """A list of so many records, numbered by `n`."""
    bucket = f"/buckets/{new_name()}"
    records = f"{bucket}/collections/c/records"
    for path in (bucket, f"{bucket}/collections/c"):
        await client.sure("PUT", path)
    for number in range(count):
        await client.sure("PUT", f"{records}/r{number}", {"data": {"n": number}})
    return records


def following(next_page: str) -> str:
    return next_page.partition("/v1")[2]


async def test_a_token_is_taken_by_any_instance_and_by_one(both: tuple[Client, Client]) -> None:
    """DELL-4: pages through whichever instance; each token once, wherever it is sent again."""
    records = await filled(both[0], 6)
    ids: list[str] = []
    path, tokens = f"{records}?_limit=2&_sort=n", list[str]()

    for client in (both[0], both[1], both[0]):
        page = await client("DELETE", path)
        ids += [each["id"] for each in page.data]
        if "Next-Page" in page.headers:
            path = following(page.headers["Next-Page"])
            tokens.append(path)

    assert ids == [f"r{number}" for number in range(6)]
    again = [await client("DELETE", token) for client in both for token in tokens]
    assert [reply.status for reply in again] == [400] * 4
    assert "used" in again[0].body["message"]


async def test_pages_of_buckets_are_taken_by_any_instance(both: tuple[Client, Client]) -> None:
    """DELL-4 for the list of buckets, which no owner has in its memory."""
    name = new_name()
    for number in range(3):
        await both[0].sure("PUT", f"/buckets/{name}-{number}")

    first = await both[0]("DELETE", f"/buckets?_limit=2&_sort=id&like_id={name}")
    last = await both[1]("DELETE", following(first.headers["Next-Page"]))

    assert [each["id"] for each in (*first.data, *last.data)] == [f"{name}-{n}" for n in range(3)]


async def test_a_token_outlives_the_owner_that_gave_it(lone: Cluster) -> None:
    """DELL-4: and one that was used stays used."""
    lone.start("projector", "projector")
    one = lone.start("api", "one")
    async with client_of(one) as client:
        await wait_until_ready(client)
        records = await filled(client, 5)
        first = await client("DELETE", f"{records}?_limit=2&_sort=n")
        second = await client("DELETE", following(first.headers["Next-Page"]))
    assert await asyncio.to_thread(one.stop) == 0

    async with client_of(lone.start("api", "two")) as client:
        await wait_until_ready(client)
        used = await client("DELETE", following(first.headers["Next-Page"]))
        last = await client("DELETE", following(second.headers["Next-Page"]))

    assert (used.status, used.body["errno"]) == (400, 107)
    assert [each["id"] for each in last.data] == ["r4"]


async def test_a_list_that_no_batch_of_the_log_holds_is_deleted(
    both: tuple[Client, Client],
) -> None:
    """DELL-1: one answer, all tombstones, and nobody sees a list that is half of it for long."""
    client = both[0]
    records = await filled(client, 0)
    for number in range(8):
        assert (await client("PUT", f"{records}/r{number}", LARGE)).status == 201

    deleted = await client("DELETE", records)

    assert {each["id"] for each in deleted.data} == {f"r{number}" for number in range(8)}
    times = [each["last_modified"] for each in deleted.data]
    assert times == sorted(set(times))
    assert deleted.revision == times[-1]
    listed = await both[1]("GET", f"{records}?_since=0")
    assert sorted(listed.data, key=lambda each: each["id"]) == sorted(
        deleted.data, key=lambda each: each["id"]
    )


async def test_within_a_batch_a_list_that_large_stays(both: tuple[Client, Client]) -> None:
    """BAT-18: the changes of one bucket happen as one, or not at all."""
    client = both[0]
    records = await filled(client, 0)
    for number in range(8):
        assert (await client("PUT", f"{records}/r{number}", LARGE)).status == 201

    refused = await batch(
        client,
        {"method": "PUT", "path": f"{records}/more"},
        {"method": "DELETE", "path": records},
    )
    assert statuses(refused) == [413, 413]
    assert (await client("HEAD", records)).headers["Total-Records"] == "8"

    [alone] = await batch(client, {"method": "DELETE", "path": records})
    assert (alone["status"], len(alone["body"]["data"])) == (200, 8)
