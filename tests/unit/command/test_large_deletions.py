"""List deletions that one batch of the log cannot hold: several, and what is told of them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from muniment.command import bulk
from muniment.command.waiting import Answer, Atomic, Deleted, TooLargeToAppend, Unavailable
from muniment.domain.addresses import CollectionId, Kind, record
from muniment.domain.commands import DeleteMany
from muniment.domain.events import Action, Cause, ObjectChanged
from muniment.domain.states import Present
from muniment.log.envelope import Message
from muniment.log.memory import Fault
from muniment.log.protocol import Offset, Partition
from muniment.readmodel.lists.deletion import Found, Selected
from tests.support.deciding import BUCKET, COLLECTION, NADIA, ask
from tests.support.instances import ONLY, Instance, Universe, universe, until

RECORDS = [record("atlas", "stations", f"r{number:02}") for number in range(24)]
TEXT = "x" * 1_000
ALL = DeleteMany(
    kind=Kind.RECORD,
    bucket_id=BUCKET.bucket_id,
    collection_id=CollectionId("stations"),
    requester=NADIA,
    cause=Cause(actor=NADIA.user_id, request_id="all"),
)


@dataclass(slots=True)
class Full:
    """A collection of records of a kilobyte each, on a log whose batches hold some of them."""

    world: Universe
    instance: Instance
    known_bytes: int = 1_100
    """What the read model says that each takes."""
    batches: list[int] = field(default_factory=list[int])
    """How many entries each batch of the log held since."""
    fault: Fault | None = None
    """What becomes of the batch after the next."""

    async def select(self, _: object, **asked: Any) -> Selected:
        left = [each for each in RECORDS if self.is_there(each.id)]
        found = [Found(id=each.id, size_bytes=self.known_bytes) for each in left]
        return Selected(found=found[: asked["selection"].limit], next_token=None)

    def is_there(self, id_: str) -> bool:
        address = record("atlas", "stations", id_)
        return isinstance(self.world.read_model.state(address), Present)

    @property
    def left(self) -> list[str]:
        return [each.id for each in RECORDS if self.is_there(each.id)]


@pytest.fixture
async def full(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Full]:
    async with universe(batch_bytes_max=20_000) as world:
        instance = world.instance("one")
        owner = instance.own()
        await until(lambda: owner.is_open)
        for address in (BUCKET, COLLECTION):
            await instance.submit(ask(address=address).put({}))
        await asyncio.gather(
            *(instance.submit(ask(address=each).put({"text": TEXT})) for each in RECORDS)
        )
        made = Full(world, instance)
        monkeypatch.setattr(bulk, "select_for_delete", made.select)
        monkeypatch.setattr(type(world.read_model), "acquire", nothing)
        land = world.log.land

        def counted(partition: Partition, messages: Sequence[Message], **writer: int) -> Offset:
            made.batches.append(len(messages))
            if made.fault is not None:
                world.log.fail_next_append(ONLY, made.fault)
                made.fault = None
            return land(partition, messages, **writer)

        monkeypatch.setattr(world.log, "land", counted)
        yield made


@asynccontextmanager
async def nothing(_: object) -> AsyncGenerator[None]:
    yield


def deleted_by(answer: Answer) -> Deleted:
    assert isinstance(answer.outcome, Deleted), answer.outcome
    return answer.outcome


@pytest.mark.parametrize("known_bytes", [1_100, 1], ids=["foreseen", "found-out"])
async def test_a_large_list_goes_in_several_batches(full: Full, known_bytes: int) -> None:
    """DELL-1, DELL-3: one answer with all tombstones, whose timestamps increase."""
    full.known_bytes = known_bytes

    answer = await full.instance.submit(ALL)

    deleted = deleted_by(answer)
    assert answer.order == ALL
    assert full.left == []
    assert [each["id"] for each in deleted.tombstones] == [each.id for each in RECORDS]
    times = [each["last_modified"] for each in deleted.tombstones]
    assert times == list(range(int(str(times[0])), int(str(times[0])) + len(RECORDS)))
    assert deleted.list_at == times[-1]
    assert len(full.batches) > 1
    assert sum(full.batches) == len(RECORDS)


async def test_nothing_comes_between_its_batches(full: Full) -> None:
    """What is asked meanwhile finds the list as it is afterwards."""
    answers = await asyncio.gather(
        full.instance.submit(ALL), full.instance.submit(ask(address=RECORDS[-1]).put({"n": 1}))
    )

    last = deleted_by(answers[0]).tombstones[-1]["last_modified"]
    written = answers[1].outcome
    assert isinstance(written, ObjectChanged)
    assert written.action is Action.CREATED
    assert isinstance(last, int)
    assert written.last_modified > last


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.ACK_LOST], ids=["not-landed", "landed"])
async def test_a_deletion_that_is_cut_short_is_told_so_and_can_be_repeated(
    full: Full, fault: Fault
) -> None:
    """E-13: 503 though a part is gone; asked again, the rest goes."""
    full.fault = fault

    with pytest.raises(Unavailable):
        await full.instance.submit(ALL)
    await full.instance.submit(ask(address=COLLECTION).patch({}))
    left = full.left
    again = deleted_by(await full.instance.submit(ALL))

    assert 0 < len(left) < len(RECORDS)
    assert [each["id"] for each in again.tombstones] == left
    assert full.left == []


async def test_within_a_batch_it_is_all_or_nothing(full: Full) -> None:
    """BAT-18: 413, and neither the deletion nor what stands beside it happens."""
    beside = record("atlas", "stations", "beside")

    with pytest.raises(TooLargeToAppend):
        await full.instance.submit(Atomic(steps=[ask(address=beside).put({}), ALL]))

    assert len(full.left) == len(RECORDS)
    made = await full.instance.submit(ask(address=beside, if_none_match="*").put({}))
    assert isinstance(made.outcome, ObjectChanged)
    assert full.world.log.end(ONLY) == Offset(len(RECORDS) + 4)


async def test_one_large_object_does_not_make_all_batches_small(full: Full) -> None:
    """What a batch held of large ones says nothing of the rest."""
    large = ask(address=RECORDS[0]).put({"text": "x" * 15_000})
    await full.instance.submit(large)
    full.known_bytes = 1
    full.batches.clear()

    await full.instance.submit(ALL)

    assert full.left == []
    assert full.batches[0] < min(full.batches[1:-1], default=full.batches[-1])
