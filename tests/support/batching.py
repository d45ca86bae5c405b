"""Batches through two instances that share the work, and what the log has of them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from muniment.domain.events import HistoryTrimmed, ObjectChanged
from muniment.log.protocol import Claim, Entry, Partition
from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    client_of,
    read_all,
    wait_until_ready,
)
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

TAKE_OVER_S: Final = 60.0


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
        buckets = [f"/buckets/{name}" for name in await one_name_of_each_partition(cluster)]
        paths = [path for bucket in buckets for path in (bucket, f"{bucket}/collections/c")]
        await batch(nadia, *map(put, paths))
        owners = await owners_of(cluster, buckets)
        assert set(owners) == {"one", "two"}
        yield Two(nadia, nobody, buckets[owners.index("one")], buckets[owners.index("two")])


async def one_name_of_each_partition(cluster: Cluster) -> list[str]:
    """New names of buckets: whoever owns a partition owns one of them."""
    found: dict[Partition, str] = {}
    async with cluster.log() as log:
        while len(found) < len(log.partitions):
            name = f"b{new_name()}"
            found[log.partition_of(name)] = name
    return list(found.values())


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
    return [entry for entry in entries if f"{_uri(entry)}/".startswith(f"{bucket}/")]


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


def _uri(entry: Entry) -> str:
    """What the entry changes, if anything."""
    match entry.content:
        case ObjectChanged(address=address):
            return address.uri
        case HistoryTrimmed(bucket_id=bucket_id):
            return f"/buckets/{bucket_id}/history"
        case _:
            return ""
