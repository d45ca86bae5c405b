"""64 clients at once in one bucket: nothing is lost, nothing collides, time goes forward (9)."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import pytest

from tests.support.cluster import Client, Cluster, Reply, client_of, wait_until_ready
from tests.support.following import Follower, Journal, stored_in
from tests.support.stack import new_name

CLIENTS: Final = 64
COUNTERS: Final = 8
PAUSE_S: Final = 0.02
UNKNOWN: Final = 503
"""Answered while a partition changes hands; whether the change was made is to be asked."""


@dataclass(slots=True)
class Crowd:
    """The clients, each at both instances: it goes to the other one when one does not answer."""

    clients: Sequence[Client]
    bucket: str
    chance: random.Random
    records: Journal = field(default_factory=Journal)
    collections: Journal = field(default_factory=Journal)
    groups: Journal = field(default_factory=Journal)
    added: set[str] = field(default_factory=set[str])
    """What was added to counters, and known to be."""
    done: int = 0

    @property
    def list(self) -> str:
        return f"{self.bucket}/collections/c/records"

    async def work(self, name: int, rounds: int) -> None:
        """Create, count, patch, delete, and all of that in batches."""
        for number in range(rounds):
            mine = f"{name}-{number}"
            await self._change("PUT", f"{self.list}/{mine}", {"data": {"by": name}})
            await self._add(f"{self.list}/counter-{(name + number) % COUNTERS}", mine)
            await self._change("PATCH", f"{self.list}/{mine}", {"data": {"n": number}})
            await self._change("PUT", f"{self.bucket}/groups/{mine}", {"data": {"members": []}})
            await self._change("PUT", f"{self.bucket}/collections/{mine}", {})
            await self._change("DELETE", f"{self.list}/{mine}")
            await self._batch(f"{mine}-b")
            self.done += 1

    async def _batch(self, mine: str) -> None:
        """Two records made and one of them gone, with a read that sees that between them."""
        requests: list[dict[str, Any]] = [
            {"method": "PUT", "path": f"{self.list}/{mine}-1", "body": {"data": {"n": 1}}},
            {"method": "PUT", "path": f"{self.list}/{mine}-2", "body": {"data": {"n": 2}}},
            {"method": "GET", "path": f"{self.list}?in_id={mine}-1,{mine}-2&_sort=n"},
            {"method": "DELETE", "path": f"{self.list}/{mine}-1"},
        ]
        asked_s = asyncio.get_running_loop().time()
        reply = await self._ask("POST", "/batch", {"requests": requests})
        if reply is None:
            return
        items = reply.body["responses"]
        assert [each["id"] for each in items[2]["body"]["data"]] == [f"{mine}-1", f"{mine}-2"]
        for request, item in zip(requests, items, strict=True):
            self.records.note(request["method"], item, asked_s=asked_s)

    async def _add(self, counter: str, operation: str) -> None:
        """Add one to what is there, conditionally, until it is certain that it was added once."""
        while True:
            found = await self._ask("GET", counter)
            if found is None:
                continue
            if operation in found.data["ops"]:
                break
            content = {"n": found.data["n"] + 1, "ops": [*found.data["ops"], operation]}
            reply = await self._change(
                "PUT", counter, {"data": content}, {"If-Match": found.headers["ETag"]}
            )
            if reply is not None and reply.status == 200:
                break
        self.added.add(operation)

    async def _change(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply | None:
        asked_s = asyncio.get_running_loop().time()
        reply = await self._ask(method, path, body, headers)
        if reply is not None:
            answer = {"status": reply.status, "body": reply.body}
            self._journal_of(path).note(method, answer, asked_s=asked_s)
        return reply

    def _journal_of(self, path: str) -> Journal:
        if path.startswith(self.list):
            return self.records
        return self.groups if "/groups/" in path else self.collections

    async def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply | None:
        """The answer; nothing where nobody can say what became of it."""
        try:
            reply = await self.chance.choice(self.clients)(method, path, body, headers=headers)
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(PAUSE_S)
            return None
        if reply.status == UNKNOWN:
            assert "Retry-After" in reply.headers
            await asyncio.sleep(PAUSE_S)
            return None
        return reply

    async def has_done(self, rounds: int) -> None:
        while self.done < rounds:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(PAUSE_S)


async def crowd(cluster: Cluster, rounds: int, *, seed: int) -> None:
    """Let the crowd work, take one of two instances away half way, and judge what is left."""
    print(f"seed {seed}")
    cluster.start("projector", "projector")
    one, two = cluster.start("api", "one"), cluster.start("api", "two")
    async with client_of(one) as at_one, client_of(two) as at_two:
        await wait_until_ready(at_one, at_two)
        clients = Crowd([at_one, at_two], f"/buckets/{new_name()}", random.Random(seed))
        for path in (clients.bucket, f"{clients.bucket}/collections/c"):
            await at_one.sure("PUT", path)
        for number in range(COUNTERS):
            path = f"{clients.list}/counter-{number}"
            await at_one.sure("PUT", path, {"data": {"n": 0, "ops": []}})
        stopping = asyncio.Event()
        followers = [
            Follower(at_one, clients.list, page) for page in ({}, {"_limit": "20"}, {"_sort": "id"})
        ]
        following = [asyncio.create_task(each.follow(stopping)) for each in followers]
        working = asyncio.gather(*(clients.work(name, rounds) for name in range(CLIENTS)))
        await clients.has_done(CLIENTS * rounds // 2)
        assert await asyncio.to_thread(two.stop) == 0
        clients.clients = [at_one]
        await working
        stopping.set()
        await asyncio.gather(*following)
        stored = await stored_in(at_one, clients.list)
    judge(clients, followers, stored, rounds=rounds)


def judge(
    clients: Crowd, followers: Sequence[Follower], stored: Mapping[str, Any], *, rounds: int
) -> None:
    """Nothing that was told is lost, and nobody met anybody else except at a counter."""
    counters = [stored[f"counter-{number}"] for number in range(COUNTERS)]
    added = [operation for counter in counters for operation in counter["ops"]]
    assert len(added) == len(set(added)) == sum(counter["n"] for counter in counters)
    assert set(added) == clients.added
    assert len(added) == CLIENTS * rounds
    for journal in (clients.records, clients.collections, clients.groups):
        assert set(journal.refused) <= {(412, 114), (404, 110)}, "somebody got in the way"
        journal.judge_order()
    for id_, at in clients.records.newest().items():
        assert stored[id_]["last_modified"] >= at
    for follower in followers:
        follower.judge(clients.records, stored)


async def test_64_clients_and_an_owner_that_goes(lone: Cluster) -> None:
    """PRE-5, TS-2, BAT-18: no 409, no lost update, strictly increasing timestamps."""
    await crowd(lone, 1, seed=1)


@pytest.mark.long
async def test_64_clients_for_long(lone: Cluster) -> None:
    """The same with some ten thousand changes."""
    await crowd(lone, 20, seed=random.SystemRandom().randrange(10**9))
