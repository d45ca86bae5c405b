"""How watching ends: silence, keys that are revoked, a feed that is lost (CocoBase section 9)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from muniment.cocobase.errors import CocoBaseError, unauthorized
from muniment.cocobase.projects import Project, Projects
from muniment.cocobase.reading import Reading
from muniment.cocobase.realtime import Realtime
from muniment.cocobase.views import Action, Collection
from muniment.domain.commands import authenticated
from muniment.domain.values import Principal, Timestamp, Uid
from muniment.readmodel.feed import Watching, WatchLost
from muniment.web.http import Request
from muniment.web.pipeline import Unavailable
from muniment.web.sockets import HungUp

LIFE = Uid("0197c6de-0a50-7b5e-8f0a-000000000002")
NEVER_S = 600.0


class Keys(Projects):
    """Knows one key, until it is revoked."""

    def __init__(self) -> None:
        self.is_revoked = False

    async def of_key(self, key: str, *, origin: str | None) -> Project:
        if self.is_revoked:
            raise unauthorized("Invalid API key.")
        requester = authenticated(Principal("project:atlas"))
        return Project(bucket_id="atlas", requester=requester, origin=origin)


class OneCollection(Reading):
    """Finds the same collection under any name."""

    def __init__(self) -> None:
        self.error: CocoBaseError | Unavailable | None = None

    async def collection(
        self, project: Project, name: str, *, to: Action | None = None
    ) -> Collection:
        if self.error is not None:
            raise self.error
        return Collection(id="c1", uid=LIFE, data={}, created_at=Timestamp(0))


class Line:
    """A socket whose other side says what it is told to, and then nothing."""

    def __init__(self, *says: str) -> None:
        self._says = list(says)
        self.told: list[Any] = []
        self.closed: int | None = None

    async def receive(self) -> str:
        if not self._says:
            await asyncio.sleep(NEVER_S)
            raise HungUp
        return self._says.pop(0)

    async def send(self, message: bytes) -> None:
        self.told.append(orjson.loads(message))

    async def close(self, code: int, reason: str = "") -> None:
        self.closed = code


class World:
    """All that a conversation needs."""

    def __init__(self) -> None:
        self.keys, self.reading = Keys(), OneCollection()
        self.watching = Watching(LIFE)
        self.is_lost = False

    @asynccontextmanager
    async def watch(self, _bucket_id: str, _uid: Uid) -> AsyncGenerator[Watching]:
        if self.is_lost:
            raise WatchLost("away")
        yield self.watching

    async def talk(self, line: Line, *, look_again_s: float = NEVER_S) -> None:
        realtime = Realtime(
            projects=self.keys,
            reading=self.reading,
            watch=self.watch,
            greeting_timeout_s=0.05,
            look_again_s=look_again_s,
        )
        request = Request(
            method="GET", raw_path="/", headers=CIMultiDict(), base_url="", id="request-1"
        )
        async with asyncio.timeout(60):
            await realtime.talk(request, "books", line)


@pytest.fixture
def world() -> World:
    return World()


async def test_who_says_nothing_is_hung_up_on(world: World) -> None:
    line = Line()

    await world.talk(line)

    assert (len(line.told), line.closed) == (1, 1008)


async def test_a_key_that_is_revoked_ends_the_watching(world: World) -> None:
    """Whoever has lost a key must not go on listening with it."""
    line = Line('{"api_key": "k"}')

    async with asyncio.TaskGroup() as group:
        talking = group.create_task(world.talk(line, look_again_s=0.01))
        await _until(lambda: line.told)
        world.keys.is_revoked = True
        await talking

    assert [*line.told[0]] == ["event", "collection_id", "filters"]
    assert line.told[1:] == [{"error": "Invalid API key."}]
    assert line.closed == 1008


@pytest.mark.parametrize("is_lost_at_once", [True, False])
async def test_a_feed_that_is_lost_is_worth_another_try(
    world: World, *, is_lost_at_once: bool
) -> None:
    """The npm client connects again by itself."""
    line = Line('{"api_key": "k"}')
    world.is_lost = is_lost_at_once
    world.watching.lose("away")

    await world.talk(line)

    assert line.told[-1] == {"error": "Try again later."}
    assert line.closed == 1013


async def test_a_read_model_that_is_away_is_worth_another_try(world: World) -> None:
    line = Line('{"api_key": "k"}')
    world.reading.error = Unavailable("away")

    await world.talk(line)

    assert line.closed == 1013


async def _until(is_so: Any) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - of a list
            await asyncio.sleep(0.001)
