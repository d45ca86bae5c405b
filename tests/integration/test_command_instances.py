"""Two command instances: they share the partitions, and take them over from each other."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from muniment.domain.events import ObjectChanged
from muniment.log.protocol import Claim
from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    client_of,
    postgres_at,
    postgres_place,
    read_all,
    relayed,
    wait_until_ready,
)
from tests.support.new_ports import new_port
from tests.support.projecting import until
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

TAKE_OVER_S = 60.0


@pytest.fixture
async def both(pair: Pair) -> AsyncGenerator[tuple[Client, Client]]:
    """Nadia, at either instance."""
    async with client_of(pair[1]) as at_one, client_of(pair[2]) as at_two:
        await wait_until_ready(at_one, at_two)
        yield at_one, at_two


async def test_both_own_partitions(pair: Pair, both: tuple[Client, Client]) -> None:
    """Else the tests of forwarding would say nothing."""
    await until_owned_by(pair[0], {"one", "two"})


async def test_a_write_to_either_is_read_from_the_other(both: tuple[Client, Client]) -> None:
    """Read your writes through another instance, whoever owns the partition."""
    for number in range(12):
        writer, reader = both if number % 2 else both[::-1]
        bucket = f"/buckets/b{number}-{new_name()}"
        records = f"{bucket}/collections/stations/records"
        for path in (bucket, f"{bucket}/collections/stations", f"{records}/one"):
            made = await writer("PUT", path, {"data": {"by": number}})
            assert made.status == 201, made.body
            assert (await reader("GET", path)).body == made.body

        listed = await writer("DELETE", records)
        assert (await reader("GET", f"{records}?_since=0")).data == listed.data


async def test_a_forwarded_refusal_is_the_owners(both: tuple[Client, Client]) -> None:
    """Status, headers and body come back as the owner gave them."""
    bucket = f"/buckets/{new_name()}"
    made = await both[0]("PUT", bucket)

    refused = [await at("PUT", bucket, headers={"If-None-Match": "*"}) for at in both]

    assert [reply.status for reply in refused] == [412, 412]
    assert [reply.revision for reply in refused] == [made.revision, made.revision]
    assert refused[0].body == refused[1].body


async def test_bucket_timestamps_are_unique_and_increasing_over_all_instances(
    both: tuple[Client, Client],
) -> None:
    """E-4: and the list's ETag never jumps over a bucket that is not visible yet."""
    running = True

    async def watch(at: Client) -> list[tuple[int, set[int]]]:
        seen: list[tuple[int, set[int]]] = []
        while running:
            listed = await at("GET", "/buckets?_limit=1000")
            seen.append((listed.revision, {each["last_modified"] for each in listed.data}))
        return seen

    async def create(at: Client, times: int) -> list[int]:
        return [(await at("POST", "/buckets", {})).revision for _ in range(times)]

    watching = [asyncio.create_task(watch(at)) for at in both]
    made = await asyncio.gather(*(create(both[number % 2], 6) for number in range(8)))
    running = False

    revisions = [each for by_one in made for each in by_one]
    assert len(set(revisions)) == len(revisions) == 48
    assert all(by_one == sorted(by_one) for by_one in made)
    for seen in await asyncio.gather(*watching):
        for revision, visible in seen:
            assert {each for each in revisions if each <= revision} <= visible


# --- instances that die ---------------------------------------------------------------------------


@dataclass(slots=True)
class Load:
    """Clients that count, conditionally, through whichever instance answers."""

    acknowledged: set[str] = field(default_factory=set[str])
    revisions: dict[str, int] = field(default_factory=dict[str, int])
    is_over: bool = False

    async def count(self, name: str, clients: list[Client], path: str) -> None:
        """Add operations to the counter until told to stop; a failure is asked about again."""
        number = 0
        while not self.is_over:
            client = clients[number % len(clients)]
            operation = f"{name}.{number}"
            number += 1
            try:
                found = await client("GET", path)
                content = {"n": found.data["n"] + 1, "ops": [*found.data["ops"], operation]}
                reply = await client(
                    "PUT", path, {"data": content}, headers={"If-Match": found.headers["ETag"]}
                )
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.05)
                continue
            if reply.status == 200:
                self.acknowledged.add(operation)
                self.revisions[operation] = reply.revision
            else:
                assert reply.status in {412, 503}, (reply.status, reply.body)

    async def grows(self, by: int, *, timeout_s: float = TAKE_OVER_S) -> None:
        """Return when so many more were acknowledged."""
        wanted = len(self.acknowledged) + by
        deadline = time.monotonic() + timeout_s
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, "no write was acknowledged for too long"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def counting(cluster: Cluster, *services: Service) -> AsyncGenerator[tuple[Load, Client]]:
    """Load on a counter in each of several buckets; judged at the end."""
    load = Load()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client_of(each)) for each in services]
        await wait_until_ready(*clients)
        paths: list[str] = []
        for number in range(4):
            bucket = f"/buckets/counters-{number}"
            counter = f"{bucket}/collections/c/records/counter"
            for path in (bucket, f"{bucket}/collections/c"):
                await clients[0].sure("PUT", path)
            await clients[0].sure("PUT", counter, {"data": {"n": 0, "ops": []}})
            paths.append(counter)
        tasks = [
            asyncio.create_task(load.count(f"{at}.{client}", clients, path))
            for at, path in enumerate(paths)
            for client in range(2)
        ]
        yield load, clients[0]
        load.is_over = True
        await asyncio.gather(*tasks)
        await judge(load, cluster, clients[0], paths)


async def judge(load: Load, cluster: Cluster, client: Client, paths: list[str]) -> None:
    """Nothing acknowledged was lost, nothing was counted twice, the log says the same."""
    found: list[str] = []
    for path in paths:
        reply = await client.sure("GET", path)
        assert reply.data["n"] == len(reply.data["ops"])
        found += reply.data["ops"]
    assert len(found) == len(set(found))
    assert load.acknowledged <= set(found)
    async with cluster.log() as log:
        entries = await read_all(log)
    last: dict[str, ObjectChanged] = {}
    for entry in entries:
        if isinstance(entry.content, ObjectChanged):
            before = last.get(entry.content.address.uri)
            assert entry.content.before == (None if before is None else before.after)
            last[entry.content.address.uri] = entry.content


async def test_no_write_is_lost_when_an_instance_is_killed(lone: Cluster) -> None:
    """`kill -9`: the other takes its partitions over, and increments add up all the same."""
    lone.start("projector", "projector")
    one, two = lone.start("api", "one"), lone.start("api", "two")

    async with counting(lone, one, two) as (load, client):
        await load.grows(40)
        two.kill()
        await until_owned_by(lone, {"one"})
        await load.grows(40)
        lone.start("api", "three")
        await until_owned_by(lone, {"one", "three"})
        await load.grows(40)
        assert (await client("GET", "/__lbheartbeat__")).status == 200


async def test_an_instance_that_stops_hands_over_without_a_lost_write(lone: Cluster) -> None:
    """SIGTERM: what was accepted is finished, then it leaves."""
    lone.start("projector", "projector")
    one, two = lone.start("api", "one"), lone.start("api", "two")

    async with counting(lone, one, two) as (load, _):
        await load.grows(40)
        assert two.stop() == 0
        await until_owned_by(lone, {"one"})
        await load.grows(40)


async def test_a_stale_owner_is_refused_and_claims_again(lone: Cluster) -> None:
    """Somebody else claims every partition behind the owner's back, again and again."""
    lone.start("projector", "projector")
    one = lone.start("api", "one")

    async with counting(lone, one) as (load, _), lone.log() as log:
        for _ in range(3):
            await load.grows(20)
            for partition in log.partitions:
                writer = await log.claim(
                    partition, instance_id="intruder", url="http://127.0.0.1:9"
                )
                await writer.close()
        await load.grows(20)


async def until_owned_by(cluster: Cluster, names: set[str]) -> None:
    """Return when the last claims are these instances', between them."""

    async def are_owners() -> bool:
        async with cluster.log() as log:
            claims = {
                entry.position.partition: entry.content.instance_id
                for entry in await read_all(log)
                if isinstance(entry.content, Claim)
            }
        return set(claims.values()) == names

    async with asyncio.timeout(TAKE_OVER_S):
        while not await are_owners():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.5)


# --- servers that come up later -------------------------------------------------------------------


async def test_it_starts_before_kafka_and_postgres(lone: Cluster) -> None:
    """503 with `Retry-After` until both are up; then it serves, without a restart."""
    kafka_port, postgres_port = new_port(), new_port()
    later = {
        "kafka_url": f"127.0.0.1:{kafka_port}",
        "postgres_url": postgres_at(lone.stack.postgres_url, postgres_port),
    }
    place = postgres_place(lone.stack.postgres_url)
    lone.start("projector", "projector", settings=later)
    service = lone.start("api", "one", settings=later)

    async with client_of(service) as nadia:
        await until(lambda: answers(nadia))
        refused = await nadia("PUT", "/buckets/atlas")
        assert (refused.status, refused.body["errno"]) == (503, 201)
        assert "Retry-After" in refused.headers
        assert (await nadia("GET", "/__heartbeat__")).status == 503

        async with relayed(postgres_port, place), relayed(kafka_port, lone.stack.kafka_url):
            await wait_until_ready(nadia)
            assert (await nadia("PUT", "/buckets/atlas")).status == 201
            lone.close()


async def answers(client: Client) -> bool:
    try:
        return (await client("GET", "/__lbheartbeat__")).status == 200
    except aiohttp.ClientError:
        return False
