"""What an owner loads from a real Postgres, and that it is not older than what it has let go of."""

import asyncpg
import pytest

from muniment.command.known import Known
from muniment.command.loading import ReadModel
from muniment.command.waiting import Unavailable
from muniment.domain.addresses import Address, bucket, collection, record
from muniment.domain.events import Event, ObjectChanged
from muniment.domain.states import Present, snapshot
from muniment.log.protocol import Claim, Offset, Partition, Position
from muniment.readmodel.connection import open_pool
from muniment.readmodel.projection.recording import Recording
from tests.support.projecting import log_of, project_all
from tests.support.story import Story

ATLAS = bucket("atlas")
STATIONS = collection("atlas", "stations")
ONE = record("atlas", "stations", "one")
STORY = Story().play([("write", ATLAS), ("write", STATIONS), ("write", ONE)])
LAST = STORY.entries[-1].position


async def loaded(database: str, floor: Position | None, address: Address = ONE) -> Known:
    known = Known(nodes_max=100)
    known.floor = floor
    async with open_pool(database, application="test", size_max=1) as pool:
        await ReadModel(pool, recording=Recording()).load(known.lacking([address]), known)
    return known


@pytest.mark.parametrize("floor", [None, LAST], ids=["none", "reached"])
async def test_states_are_loaded_with_all_above_them(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]", floor: Position | None
) -> None:
    """One query, whatever is lacking."""
    await project_all(log_of(STORY.entries), database)

    known = await loaded(database, floor)

    scene = known.scene(ONE)
    assert isinstance(scene.target, Present)
    assert scene.collection is not None
    assert scene.timeline.at == scene.target.last_modified
    assert not known.lacking([STATIONS])


async def test_what_is_hidden_is_loaded_with_its_record(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """CocoBase section 13: a write that does not name it must find it, to keep it."""
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("write", ONE)])
    while not _has_hidden(event := story.entries[-1].content):
        story.write(ONE)
    await project_all(log_of(story.entries), database)

    target = (await loaded(database, None)).scene(ONE).target

    assert isinstance(event, ObjectChanged)
    assert isinstance(target, Present)
    assert snapshot(target) == event.after


def _has_hidden(content: Event | Claim) -> bool:
    return isinstance(content, ObjectChanged) and content.after.hidden is not None


@pytest.mark.parametrize(
    "floor",
    [
        Position(LAST.partition, Offset(LAST.offset + 1)),
        Position(Partition(7), Offset(0)),
    ],
    ids=["behind", "unheard-of"],
)
async def test_a_read_model_that_has_lost_its_last_moments_is_not_believed(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]", floor: Position
) -> None:
    """Commits do not wait for the disk: what the owner let go of would be decided on as it was."""
    await project_all(log_of(STORY.entries), database)

    with pytest.raises(Unavailable, match="behind"):
        await loaded(database, floor)
