"""Who writes into a list without pause, who follows it by ETags, and what both must agree on."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from tests.support.cluster import Client, Reply

JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}
BATCH_REQUESTS_MAX: Final = 25
PAUSE_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a client was told of, and when it asked and heard."""

    id: str
    at: int
    status: int
    asked_s: float
    heard_s: float


@dataclass(slots=True)
class Journal:
    """What clients were told of the changes in one list."""

    changes: list[Change] = field(default_factory=list[Change])
    refused: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Status and errno."""

    def note(self, method: str, answer: Mapping[str, Any], *, asked_s: float) -> None:
        """An answer with `status` and `body`, as an item of a batch has them."""
        status, body, heard_s = answer["status"], answer["body"], _clock_s()
        if status in (200, 201) and method != "GET":
            changed = body["data"] if isinstance(body["data"], list) else [body["data"]]
            self.changes += [
                Change(each["id"], each["last_modified"], status, asked_s, heard_s)
                for each in changed
            ]
        elif status >= 400:
            self.refused.append((status, body["errno"]))

    def newest(self) -> dict[str, int]:
        """Id to its last timestamp that somebody was told of."""
        newest: dict[str, int] = {}
        for change in self.changes:
            newest[change.id] = max(change.at, newest.get(change.id, 0))
        return newest

    def judge_order(self) -> None:
        """Timestamps are unique, and greater than those of all changes that were told before."""
        times = [change.at for change in self.changes]
        assert len(times) == len(set(times)), "two changes have one timestamp"
        by_asking = sorted(self.changes, key=lambda change: change.asked_s)
        by_hearing = iter(sorted(self.changes, key=lambda change: change.heard_s))
        told = next(by_hearing)
        newest = 0
        for change in by_asking:
            while told.heard_s < change.asked_s:
                newest = max(newest, told.at)
                told = next(by_hearing)
            assert change.at > newest, "a change is older than one that was told before it"


@dataclass(slots=True)
class Writer:
    """Writes single records and batches of any size, through each of its clients in turn."""

    name: str
    clients: Sequence[Client]
    records: str
    """The path of the list."""
    journal: Journal
    chance: random.Random
    ids: int = 40
    """Of so many ids all writers write."""

    async def write(self, steps: int) -> None:
        for step in range(steps):
            client = self.clients[step % len(self.clients)]
            asked_s = _clock_s()
            if self.chance.random() < 0.5:
                request = self._change()
                reply = await client(
                    request["method"],
                    request["path"],
                    request.get("body"),
                    headers=request.get("headers"),
                )
                answer = {"status": reply.status, "body": reply.body}
                self.journal.note(request["method"], answer, asked_s=asked_s)
            else:
                await self._write_batch(client, asked_s)

    async def _write_batch(self, client: Client, asked_s: float) -> None:
        size = self.chance.randint(1, BATCH_REQUESTS_MAX)
        requests = [self._request() for _ in range(size)]
        reply = await client("POST", "/batch", {"requests": requests})
        if reply.status == 503:
            # "Not now": nothing of it is stored.
            self.journal.refused.append((reply.status, reply.body["errno"]))
            return
        assert reply.status == 200, reply.body
        for request, answer in zip(requests, reply.body["responses"], strict=True):
            self.journal.note(request["method"], answer, asked_s=asked_s)

    def _request(self) -> dict[str, Any]:
        if self.chance.random() < 0.1:
            return {"method": "GET", "path": self.chance.choice([self.records, self._path()])}
        return self._change()

    def _change(self) -> dict[str, Any]:
        data = {"data": {"by": self.name, "n": self.chance.randrange(1_000)}}
        match self.chance.randrange(10):
            case 0 | 1 | 2:
                return {"method": "POST", "path": self.records, "body": data}
            case 3 | 4 | 5:
                return {"method": "PUT", "path": self._path(), "body": data}
            case 6:
                return {"method": "PATCH", "path": self._path(), "body": data}
            case 7:
                patch = [{"op": "add", "path": "/data/m", "value": self.chance.random()}]
                return {
                    "method": "PATCH",
                    "path": self._path(),
                    "body": patch,
                    "headers": JSON_PATCH,
                }
            case 8:
                return {"method": "DELETE", "path": self._path()}
            case _:
                query = urlencode({"by": self.name, "_limit": self.chance.randint(1, 4)})
                return {"method": "DELETE", "path": f"{self.records}?{query}"}

    def _path(self) -> str:
        return f"{self.records}/r{self.chance.randrange(self.ids)}"


@dataclass(slots=True)
class Follower:
    """Keeps a copy of a list by asking for what is new since the last ETag, and nothing else."""

    client: Client
    records: str
    page: Mapping[str, str]
    """`_limit` and `_sort`, if any."""
    copy: dict[str, Any] = field(default_factory=dict[str, Any])
    """Id to object or tombstone."""
    etag: str = '"0"'
    held: list[tuple[int, dict[str, int]]] = field(default_factory=list[tuple[int, dict[str, int]]])
    """For each ETag that was taken over, what the copy held then: id to timestamp."""

    async def follow(self, stopping: asyncio.Event) -> None:
        """Poll until told to stop, and then until nothing is new."""
        while await self._catch_up() or not stopping.is_set():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(PAUSE_S)

    async def _catch_up(self) -> bool:
        """Take what is new, page by page; the first page's ETag is where the next poll begins."""
        query = urlencode({"_since": self.etag, **self.page})
        first = await self._get(f"{self.records}?{query}", {"If-None-Match": self.etag})
        if first.status == 304:
            assert first.headers["ETag"] == self.etag
            return False
        self._judge_page(first)
        self._take(first)
        page = first
        while following := page.headers.get("Next-Page"):
            page = await self._get(following.partition("/v1")[2], {})
            self._take(page)
        self.etag = first.headers["ETag"]
        times = {id_: each["last_modified"] for id_, each in self.copy.items()}
        self.held.append((first.revision, times))
        return True

    async def _get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Again where nobody answers, or nobody can: instances come and go."""
        while True:
            try:
                reply = await self.client("GET", path, headers=headers)
            except aiohttp.ClientError:
                await asyncio.sleep(PAUSE_S)
                continue
            if reply.status != 503:
                assert reply.status in (200, 304), reply.body
                return reply

    def _judge_page(self, first: Reply) -> None:
        """C-6: rows and ETag are of one moment, so the newest row has the list's timestamp."""
        rows = first.data
        assert first.revision > int(self.etag.strip('"'))
        assert rows or not self.held, "the ETag is ahead of the rows"
        if rows and "_sort" not in self.page:
            assert rows[0]["last_modified"] == first.revision, "the ETag is not the newest row's"
        assert all(each["last_modified"] <= first.revision for each in rows)

    def _take(self, page: Reply) -> None:
        for each in page.data:
            had = self.copy.get(each["id"])
            if had is None or had["last_modified"] <= each["last_modified"]:
                self.copy[each["id"]] = each

    def judge(self, journal: Journal, stored: Mapping[str, Any]) -> None:
        """The copy is what is stored, and no ETag promised what the copy did not hold then."""
        assert self.copy == stored
        newest = journal.newest()
        for revision, times in self.held:
            missed = [
                change
                for change in journal.changes
                if times.get(change.id, 0) < change.at <= revision
                # QP-4: what changes between two pages moves to its new place, before them.
                and not ("_limit" in self.page and newest[change.id] > revision)
            ]
            assert missed == [], f"not told by the ETag {revision}"


async def stored_in(client: Client, records: str) -> dict[str, Any]:
    """All that is in the list, tombstones as well."""
    listed = await client.sure("GET", f"{records}?_since=0&_limit=10000")
    assert "Next-Page" not in listed.headers
    return {each["id"]: each for each in listed.data}


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
