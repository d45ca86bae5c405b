"""Watching collections: a log in memory, the real projector and a real Postgres."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import asyncpg
import pytest

from muniment.domain.addresses import Address, bucket, collection, record
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.values import Uid
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Partition
from muniment.readmodel import feed as module
from muniment.readmodel.checkpoints import Checkpoints
from muniment.readmodel.connection import lent, open_pool
from muniment.readmodel.feed import Feed, Seen, Watching, WatchLost
from tests.support.projecting import append, log_of, projecting
from tests.support.story import Story, partition_of

DEADLINE_S = 30.0
ATLAS = bucket("atlas")
STATIONS = collection("atlas", "stations")
TIDES = collection("atlas", "tides")
PARTITION = partition_of("atlas")


@dataclass
class World:
    """A story that goes on, and who reads of it."""

    story: Story
    log: MemoryLog
    feed: Feed
    told: int = field(init=False)

    def __post_init__(self) -> None:
        self.told = len(self.story.entries)

    def life(self, address: Address) -> Uid:
        """Of a collection."""
        events = [entry.content for entry in self.story.entries]
        [*_, created] = [
            event
            for event in events
            if isinstance(event, ObjectChanged)
            and event.address == address
            and event.action is Action.CREATED
        ]
        assert created.collection_uid is not None
        return created.collection_uid

    def go_on(self) -> None:
        """Put on the log what the story has told since."""
        append(self.log, self.story.entries[self.told :])
        self.told = len(self.story.entries)

    def write(self, *record_ids: str, within: str = "stations") -> None:
        for record_id in record_ids:
            self.story.write(record("atlas", within, record_id))
        self.go_on()


@pytest.fixture
async def world(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncGenerator[World]:
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("write", TIDES)])
    story.write(record("atlas", "stations", "early"))
    log = log_of(story.entries)
    checkpoints = Checkpoints(database)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(projecting(log, database))
        pool = await opened.enter_async_context(open_pool(database, application="feed", size_max=2))
        following = asyncio.create_task(checkpoints.run())
        feed = Feed(log, checkpoints, lambda: lent(pool))
        world = World(story, log, feed)
        await until_projected(connection, world)
        try:
            yield world
        finally:
            await feed.close()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


async def until_projected(connection: "asyncpg.Connection[asyncpg.Record]", world: World) -> None:
    """Wait for all that is on the log."""
    async with asyncio.timeout(DEADLINE_S):
        ends = await world.log.end_offsets()
        query = "SELECT next_offset FROM checkpoint WHERE partition = $1"
        while await connection.fetchval(query, PARTITION) != ends[PARTITION]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def seen(watching: Watching, count: int) -> Sequence[Seen]:
    async with asyncio.timeout(DEADLINE_S):
        return [await watching.next() for _ in range(count)]


async def until_seen(watching: Watching, offset: int) -> list[int]:
    """All that is told up to that offset."""
    found: list[int] = []
    async with asyncio.timeout(DEADLINE_S):
        while offset not in found:
            found.append((await watching.next()).position.offset)
    return found


def names(found: Sequence[Seen]) -> list[str]:
    return [f"{each.event.action} {each.event.address.id}" for each in found]


async def test_what_is_written_later_is_told_and_can_be_read(
    world: World, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """CocoBase section 9: nothing from before, nothing of others, nothing twice."""
    async with world.feed.watch(world.life(STATIONS), PARTITION) as watching:
        world.write("one", "one")
        world.write("other", within="tides")
        world.story.delete(record("atlas", "stations", "one"))
        world.go_on()
        found = [await seen(watching, 1), await seen(watching, 1)]
        is_there = await connection.fetchval("SELECT count(*) FROM record WHERE id = 'one'")
        found.append(await seen(watching, 1))

    assert names([each for some in found for each in some]) == [
        "created one",
        "updated one",
        "deleted one",
    ]
    assert is_there == 1


async def test_it_is_told_when_the_object_was_created(world: World) -> None:
    """Events do not say so, and their readers want to know (section 5)."""
    early = world.story.entries[-1].content
    assert isinstance(early, ObjectChanged)

    async with world.feed.watch(world.life(STATIONS), PARTITION) as watching:
        world.write("early", "new")
        world.story.delete(record("atlas", "stations", "early"))
        world.go_on()
        updated, made, gone = await seen(watching, 3)

    assert [updated.created_at, gone.created_at] == [early.occurred_at] * 2
    assert made.created_at == made.event.occurred_at


async def test_changes_of_the_collection_itself_are_told(world: World) -> None:
    """Who watches shows its name, and ends with it."""
    async with world.feed.watch(world.life(STATIONS), PARTITION) as watching:
        world.story.write(STATIONS, name="renamed")
        world.story.delete(STATIONS)
        world.go_on()
        found = await seen(watching, 2)

    assert names(found) == ["updated stations", "deleted stations"]


async def test_who_watches_a_bucket_is_told_of_all_in_it(world: World) -> None:
    """Streams of a webhook choose by themselves (docs/webhooks.md)."""
    written = world.story.entries[-1].content
    assert isinstance(written, ObjectChanged)
    async with world.feed.watch(written.bucket_uid, PARTITION) as watching:
        world.write("one")
        world.write("other", within="tides")
        world.story.write(bucket("elsewhere"))
        world.story.write(ATLAS, name="renamed")
        world.go_on()
        found = await seen(watching, 3)

    assert names(found) == ["created one", "created other", "updated atlas"]


async def test_whoever_begins_in_the_middle_misses_nothing_later(world: World) -> None:
    """One reading for all: some come while others are told, and while it is on its way."""
    written = asyncio.Event()
    missed: list[set[int]] = []
    in_order: list[bool] = []

    async def watch(number: int) -> None:
        await asyncio.sleep(number / 200)
        async with world.feed.watch(world.life(STATIONS), PARTITION) as watching:
            first = len(world.story.entries)
            await written.wait()
            later = {int(each.position.offset) for each in world.story.entries[first:]}
            found = await until_seen(watching, world.story.entries[-1].position.offset)
            missed.append(later - set(found))
            in_order.append(found == sorted(set(found)))

    async def write() -> None:
        for number in range(40):
            world.write(f"r{number}")
            await asyncio.sleep(0.003)
        world.write("last")
        written.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        for number in range(10):
            group.create_task(watch(number))

    assert missed == [set()] * 10
    assert in_order == [True] * 10


async def test_the_log_is_read_only_while_somebody_watches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that nobody watches at costs Kafka nothing; the next one begins anew."""
    monkeypatch.setattr(module, "READ_WAIT_S", 0.01)
    for name in ("one", "two"):
        async with world.feed.watch(world.life(STATIONS), PARTITION) as watching:
            world.write(name)
            assert names(await seen(watching, 1)) == [f"created {name}"]
        async with asyncio.timeout(DEADLINE_S):
            while any(task.get_name() == "feed" for task in asyncio.all_tasks()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(("limit", "most"), [("HELD_EVENTS_MAX", 3), ("HELD_BYTES_MAX", 1)])
async def test_who_takes_nothing_is_lost_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    """A client that does not read must not fill the memory."""
    monkeypatch.setattr(module, limit, most)
    life = world.life(STATIONS)
    async with (
        world.feed.watch(life, PARTITION) as slow,
        world.feed.watch(life, PARTITION) as quick,
    ):
        for number in range(5):
            world.write(f"r{number}")
            assert names(await seen(quick, 1)) == [f"created r{number}"]

        with pytest.raises(WatchLost, match="too much"):
            await seen(slow, 1)


async def test_where_the_reading_ends_all_are_lost_and_can_come_again(world: World) -> None:
    """They connect anew, and list what they may have missed."""
    life = world.life(STATIONS)
    async with world.feed.watch(life, PARTITION) as watching:
        await world.feed.close()

        with pytest.raises(WatchLost):
            await seen(watching, 1)
    with pytest.raises(WatchLost):
        async with world.feed.watch(life, Partition(0)):
            pytest.fail("there is nothing to watch")
