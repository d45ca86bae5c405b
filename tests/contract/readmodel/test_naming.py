"""Collections by name, in a real Postgres."""

import asyncpg
import pytest

from muniment.command.loading import ReadModel
from muniment.command.waiting import Unavailable
from muniment.domain.addresses import BucketId, bucket, collection
from muniment.domain.values import JsonValue
from muniment.log.protocol import Offset, Partition, Position
from muniment.readmodel.connection import open_pool
from muniment.readmodel.naming import find_by_name
from muniment.readmodel.projection.recording import Recording
from tests.support.projecting import log_of, project_all
from tests.support.story import Story

ATLAS = BucketId("atlas")


@pytest.fixture
async def named(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> "asyncpg.Connection[asyncpg.Record]":
    """A bucket with collections that have names, and one that has none."""
    story = Story().play([("write", bucket("atlas")), ("write", bucket("birds"))])
    collections: dict[str, dict[str, JsonValue]] = {
        "c1": {"name": "users"},
        "c2": {"name": "orders"},
        "c3": {"name": "users"},
        "c4": {"name": 7},
        "c5": {"name": "n" * 5000},
        "gone": {"name": "old"},
        "users2": {},
    }
    for id_, fields in collections.items():
        story.write(collection("atlas", id_), **fields)
    story.write(collection("birds", "b1"), name="nests")
    story.write(collection("atlas", "c2"), name="c4")
    story.delete(collection("atlas", "gone"))
    await project_all(log_of(story.entries), database)
    return connection


FOUND: dict[str, str | None] = {
    "users": "c1",
    "users2": "users2",
    "c1": "c1",
    "c4": "c4",
    "n" * 5000: "c5",
    "7": None,
    "orders": None,
    "old": None,
    "gone": None,
    "nests": None,
    "Users": None,
    "": None,
    "nul\x00": None,
}


async def test_a_name_stands_for_one_collection(
    named: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """CocoBase section 2 and 13: the id first, then the name, that of the oldest."""
    assert {name: await find_by_name(named, ATLAS, name) for name in FOUND} == FOUND


async def test_one_can_be_left_out(named: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A collection does not take its own name away from itself."""
    assert await find_by_name(named, ATLAS, "users", but="c1") == "c3"
    assert await find_by_name(named, ATLAS, "c4", but="c4") == "c2"


async def test_names_are_not_looked_up_where_the_last_moments_are_lost(
    named: "asyncpg.Connection[asyncpg.Record]", database: str
) -> None:
    """A name would be free that is not."""
    lost = Position(Partition(0), Offset(1_000_000))
    async with open_pool(database, application="test", size_max=1) as pool:
        with pytest.raises(Unavailable, match="behind"):
            await ReadModel(pool, recording=Recording()).name_holder(
                "users", collection("atlas", "c9"), floor=lost
            )
