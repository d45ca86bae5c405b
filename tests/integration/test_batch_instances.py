"""Batches on the log, and through an instance that does not own what they change."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from muniment.domain.events import ObjectChanged
from muniment.log.protocol import Claim, Entry
from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    basic,
    client_of,
    read_all,
    wait_until_ready,
)
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

TAKE_OVER_S: Final = 30.0

IF_NONE: Final = {"If-None-Match": "*"}


@dataclass(frozen=True, slots=True)
class Two:
    """Nadia and nobody at the first instance, and buckets of which each instance owns some."""

    nadia: Client
    nobody: Client
    own: str
    """A bucket whose partition the first instance owns."""
    far: str
    """One that the second owns."""


@pytest.fixture
async def two(pair: Pair) -> AsyncGenerator[Two]:
    cluster, one, other = pair
    async with (
        client_of(one) as nadia,
        client_of(one, user=None) as nobody,
        client_of(other) as at_other,
    ):
        await wait_until_ready(nadia, at_other)
        async with asyncio.timeout(TAKE_OVER_S):
            while not await both_own(cluster):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
        await wait_until_ready(nadia, at_other)
        buckets = [f"/buckets/b{new_name()}" for _ in range(12)]
        paths = [path for bucket in buckets for path in (bucket, f"{bucket}/collections/c")]
        await batch(nadia, *map(put, paths))
        owners = await owners_of(cluster, buckets)
        assert set(owners) == {"one", "two"}
        yield Two(nadia, nobody, buckets[owners.index("one")], buckets[owners.index("two")])


def put(path: str, body: Any = None, headers: Any = None) -> dict[str, Any]:
    return {"method": "PUT", "path": path, "body": body or {}, "headers": headers or {}}


async def batch(client: Client, *requests: Any, **envelope: Any) -> list[Any]:
    reply = await client("POST", "/batch", {"requests": list(requests), **envelope})
    assert reply.status == 200, reply.body
    items: list[Any] = reply.body["responses"]
    return items


def statuses(items: Sequence[Any]) -> list[int]:
    return [item["status"] for item in items]


async def both_own(cluster: Cluster) -> bool:
    async with cluster.log() as log:
        entries = await read_all(log)
    last = {
        entry.position.partition: entry.content.instance_id
        for entry in entries
        if isinstance(entry.content, Claim)
    }
    return set(last.values()) == {"one", "two"}


async def changes_of(cluster: Cluster, bucket: str) -> list[Entry]:
    """What the log has of a bucket, in its order."""
    async with cluster.log() as log:
        entries = await read_all(log)
    return [
        entry
        for entry in entries
        if isinstance(entry.content, ObjectChanged)
        and f"{entry.content.address.uri}/".startswith(f"{bucket}/")
    ]


async def owners_of(cluster: Cluster, buckets: Sequence[str]) -> list[str]:
    """The instances that have made the buckets."""
    async with cluster.log() as log:
        entries = await read_all(log)
    claims = {
        (entry.position.partition, entry.position.offset): entry.content.instance_id
        for entry in entries
        if isinstance(entry.content, Claim)
    }
    makers = {
        entry.content.address.uri: claims[entry.position.partition, entry.claim]
        for entry in entries
        if isinstance(entry.content, ObjectChanged) and entry.claim is not None
    }
    return [makers[bucket] for bucket in buckets]


def uris(entries: Sequence[Entry]) -> list[str]:
    return [
        entry.content.address.uri for entry in entries if isinstance(entry.content, ObjectChanged)
    ]


def are_one(entries: Sequence[Entry]) -> bool:
    """Whether they follow each other without a gap, under one claim."""
    first = entries[0]
    offsets = [entry.position.offset for entry in entries]
    return offsets == list(range(offsets[0], offsets[0] + len(entries))) and all(
        entry.claim == first.claim for entry in entries
    )


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_changes_of_one_bucket_are_one_batch_of_the_log(
    pair: Pair, two: Two, whose: str
) -> None:
    """BAT-18: also those that are sent on; every answer rests on all of them."""
    bucket = getattr(two, whose)
    records = [f"{bucket}/collections/c/records/r{number}" for number in range(20)]

    items = await batch(two.nadia, *map(put, records), put(f"{bucket}/collections/c"))

    assert statuses(items) == [201] * 20 + [200]
    changes = (await changes_of(pair[0], bucket))[2:]
    assert uris(changes) == [*records, f"{bucket}/collections/c"]
    assert are_one(changes)
    last = changes[-1].position
    assert {item["headers"]["Muniment-Position"] for item in items} == {
        f"{last.partition}:{last.offset}"
    }
    assert set(await owners_of(pair[0], records)) == {"one" if whose == "own" else "two"}


async def test_several_buckets_are_a_batch_each(pair: Pair, two: Two) -> None:
    """BAT-18, E-6: in turn in the request, together on the log."""
    paths = [
        f"{bucket}/collections/c/records/r{number}"
        for number in range(10)
        for bucket in (two.own, two.far)
    ]

    items = await batch(two.nadia, *map(put, paths))

    assert statuses(items) == [201] * 20
    assert [item["path"] for item in items] == [f"/v1{path}" for path in paths]
    for bucket in (two.own, two.far):
        changes = (await changes_of(pair[0], bucket))[2:]
        assert uris(changes) == [path for path in paths if path.startswith(f"{bucket}/")]
        assert are_one(changes)


async def test_reads_and_list_deletions_between(two: Two) -> None:
    """BAT-12: of a bucket of another instance, as of one's own."""
    for bucket in (two.own, two.far):
        records = f"{bucket}/collections/c/records"

        items = await batch(
            two.nadia,
            put(f"{records}/a"),
            {"path": records},
            {"method": "DELETE", "path": records},
            {"path": records},
            put(f"{records}/b"),
            {"method": "DELETE", "path": f"{bucket}/collections/c"},
            put(f"{bucket}/collections/c"),
            put(f"{records}/c"),
            {"path": f"{records}?_since=0"},
        )

        assert statuses(items) == [201, 200, 200, 200, 201, 200, 201, 201, 200]
        listed = [[each["id"] for each in items[place]["body"]["data"]] for place in (1, 2, 3, 8)]
        assert listed == [["a"], ["a"], [], ["c"]]


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_headers_of_one_request_are_not_anothers(two: Two, whose: str) -> None:
    """BAT-10: neither preconditions nor types, nor who asks."""
    records = f"{getattr(two, whose)}/collections/c/records"
    patch = {"Content-Type": "application/json-patch+json", "Authorization": basic("nadia")}

    items = await batch(
        two.nobody,
        put(f"{records}/é?x=1", headers={"Authorization": basic("nadia"), **IF_NONE}),
        put(f"{records}/a", headers={"Authorization": basic("nadia"), **IF_NONE}),
        put(f"{records}/a", {"data": {"n": "ü"}}, {"Authorization": basic("nadia")}),
        put(f"{records}/b"),
        put(f"{records}/c", headers={"Authorization": basic("omar")}),
        {
            "method": "PATCH",
            "path": f"{records}/a",
            "headers": patch,
            "body": [{"op": "add", "path": "/data/m", "value": 1}],
        },
    )

    assert statuses(items) == [400, 201, 200, 401, 403, 200]
    assert items[5]["body"]["data"]["n"] == "ü"
    assert items[5]["body"]["data"]["m"] == 1


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_what_is_too_large_happens_not_at_all(pair: Pair, two: Two, whose: str) -> None:
    """BAT-18: 413 for each, and the log has nothing of it."""
    bucket = getattr(two, whose)
    paths = [f"{bucket}/collections/c/records/r{number}" for number in range(25)]

    items = await batch(
        two.nadia,
        *({"method": "PUT", "path": path} for path in paths),
        defaults={"body": {"data": {"text": "x" * 900_000}}},
    )

    assert statuses(items) == [413] * 25
    assert len(await changes_of(pair[0], bucket)) == 2


async def test_headers_that_are_not_ascii_are_sent_on(two: Two) -> None:
    """BAT-10: a name in a header stops nobody."""
    reply = await two.nadia(
        "POST",
        "/batch",
        {"requests": [put(f"{two.far}/collections/c/records/a")]},
        headers={"X-Name": "Ünal"},
    )

    assert statuses(reply.body["responses"]) == [201]
