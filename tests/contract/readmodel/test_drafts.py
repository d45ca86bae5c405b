"""A draft against a real Postgres: what would be projected, seen by one and left by none."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence

import asyncpg
import pytest

from muniment.command.loading import ReadModel
from muniment.command.tokens import UnusedTokens
from muniment.domain.addresses import Address, bucket, collection, record
from muniment.domain.events import Event
from muniment.log.protocol import Claim, Entry
from muniment.query.store import Store
from muniment.readmodel.connection import Pool, lent, open_pool
from muniment.readmodel.drafts import GIVEN_UP, open_draft, reads_go_over
from muniment.readmodel.projection.recording import Recording
from tests.support.projecting import (
    append,
    checkpoints,
    log_of,
    project_all,
    projecting,
    until,
)
from tests.support.read_model import view_of_log, view_of_postgres
from tests.support.story import ADDRESSES, PARTITIONS, Step, Story, Verb

ATLAS = bucket("atlas")
ONE = record("atlas", "stations", "one")
BEGINNING: list[Step] = [
    ("write", ATLAS),
    ("write", collection("atlas", "stations")),
    ("write", ONE),
]
HERE = PARTITIONS[0]
VERBS: Sequence[Verb] = ("write", "write", "write", "delete", "trim")
ALL = Recording()


@pytest.fixture
async def pool(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncGenerator[Pool]:
    """One connection, so that whatever a draft leaves on it is found."""
    async with open_pool(database, application="test", size_max=1) as made:
        yield made


async def test_drafts_leave_connections_to_those_who_have_one(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """With the smallest pool: a turn, a draft, and a token that is given out meanwhile."""
    await project_all(log_of(Story().play(BEGINNING).entries), database)
    async with open_pool(database, application="test", size_max=3) as made:
        model = ReadModel(made, recording=ALL)
        second_is_open = asyncio.Event()

        async def open_another() -> None:
            async with model.draft(PARTITIONS[1], floor=None):
                second_is_open.set()

        async with model.acquire(), model.draft(HERE, floor=None):
            another = asyncio.create_task(open_another())
            await UnusedTokens(model, validity_s=60).give_out("mark")
            assert not second_is_open.is_set()
        await another

    assert second_is_open.is_set()


def events_of(entries: Sequence[Entry]) -> list[Event]:
    return [entry.content for entry in entries if not isinstance(entry.content, Claim)]


@pytest.mark.parametrize("seed", range(6))
async def test_a_draft_shows_what_will_be_projected(
    seed: int, database: str, pool: Pool, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Whatever the events are, a few at a time; and nobody else ever sees any of it."""
    chance = random.Random(seed)
    here = [address for address in ADDRESSES if address.bucket_id == "atlas"]
    story = Story().play(BEGINNING)
    steps: list[Step] = [(chance.choice(VERBS), chance.choice(here)) for _ in range(40)]
    begun = story.play(steps[:15]).entries.copy()
    await project_all(log_of(begun), database)
    told = story.play(steps[15:]).entries

    async with lent(pool) as mine, open_draft(mine, HERE, recording=ALL) as draft:
        for event in events_of(told[len(begun) :]):
            draft.add(event)
            if chance.random() < 0.3:
                await draft.connection()
        assert await view_of_postgres(await draft.connection()) == view_of_log(told)
        assert await view_of_postgres(connection) == view_of_log(begun)

    async with lent(pool) as mine:
        assert await view_of_postgres(mine) == view_of_log(begun)
        assert await checkpoints(connection) == {HERE: len(begun), PARTITIONS[1]: 0}


async def test_the_projector_goes_on_elsewhere_and_waits_here(
    database: str, pool: Pool, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """What is drafted on stays as it is; nothing of it meets what is projected afterwards."""
    story = Story().play(BEGINNING)
    log = log_of(story.entries)
    drafted = Story().play([*BEGINNING, ("delete", ONE)]).entries[-1:]

    async def tell(address: Address) -> None:
        told = len(story.entries)
        story.write(address, title="new")
        append(log, story.entries[told:])

    async def is_projected() -> bool:
        return await checkpoints(connection) == await log.end_offsets()

    async with projecting(log, database):
        await until(is_projected)
        async with lent(pool) as mine, open_draft(mine, HERE, recording=ALL) as draft:
            draft.add(*events_of(drafted))
            await draft.connection()
            await tell(bucket("birds"))
            await until(is_projected)
            await tell(ONE)
            await asyncio.sleep(0.2)
            assert not await is_projected()
            assert ONE.uri in (await view_of_postgres(connection)).living
        await until(is_projected)

    assert await view_of_postgres(connection) == view_of_log(story.entries)


async def test_a_draft_gives_way(
    database: str, pool: Pool, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Who holds the checkpoint is not waited for: a projector must never lose to a draft."""
    await project_all(log_of(Story().play(BEGINNING).entries), database)
    async with connection.transaction():
        await connection.execute("UPDATE checkpoint SET moved_at = now()")

        with pytest.raises(GIVEN_UP):
            async with lent(pool) as mine, open_draft(mine, HERE, recording=ALL):
                raise AssertionError("opened")

    async with lent(pool) as mine, open_draft(mine, HERE, recording=ALL) as draft:
        assert await (await draft.connection()).fetchval("SELECT count(*) FROM record") == 1


async def test_reads_go_over_the_draft_only_within(database: str, pool: Pool) -> None:
    """The query service's statements see it there, and the read model everywhere else."""
    story = Story().play(BEGINNING)
    await project_all(log_of(story.entries), database)
    store = Store()
    count = "SELECT count(*) FROM record WHERE deleted"
    story.delete(ONE)

    async with open_pool(database, application="reads", size_max=1) as plain:
        store.use(objects=plain, lists=plain)
        async with lent(pool) as mine, open_draft(mine, HERE, recording=ALL) as draft:
            draft.add(*events_of(story.entries[-1:]))
            with reads_go_over(await draft.connection()):
                assert (await store.read_list(count, ()))["count"] == 1
            assert (await store.read_list(count, ()))["count"] == 0
