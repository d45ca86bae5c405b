"""Steps that happen as one: reads between changes, and what is left when one of them breaks."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from muniment.command.waiting import Atomic, Outcomes, Read, Unavailable
from muniment.domain.addresses import record
from muniment.domain.commands import Command
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.states import Present
from muniment.log.memory import Fault
from muniment.web.http import Response
from tests.support.deciding import BUCKET, COLLECTION, RECORD, ask
from tests.support.instances import ONLY, Instance, Universe, universe, until


@pytest.fixture
async def world() -> AsyncGenerator[Universe]:
    async with universe() as made:
        yield made


@pytest.fixture
async def instance(world: Universe) -> Instance:
    """An instance with a bucket and a collection."""
    made = world.instance("one")
    owner = made.own()
    await until(lambda: owner.is_open)
    for address in (BUCKET, COLLECTION):
        await made.submit(ask(address=address).put({}))
    return made


@dataclass(slots=True)
class Reader:
    """Notes what a reader of the record would find in the draft."""

    world: Universe
    found: list[object] = field(default_factory=list[object])
    breaks_with: Exception | None = None

    async def answer(self) -> Response:
        if self.breaks_with is not None:
            raise self.breaks_with
        assert self.world.read_model.drafted is not None
        state = self.world.read_model.drafted.state(RECORD)
        self.found.append(state.data["n"] if isinstance(state, Present) else None)
        return Response(body=b"{}")

    @property
    def step(self) -> Read:
        return Read(answer=self.answer)


def write(n: int) -> Command:
    return ask(address=RECORD).put({"n": n})


def changes_on_log(world: Universe) -> list[ObjectChanged]:
    contents = [entry.content for entry in world.projector.projected]
    return [each for each in contents if isinstance(each, ObjectChanged)][2:]


async def test_a_read_sees_what_was_before_it(world: Universe, instance: Instance) -> None:
    """BAT-12: and the changes around it are one batch."""
    reader = Reader(world)
    delete = ask(address=RECORD).delete()
    steps = [reader.step, write(1), reader.step, write(2), reader.step, delete, reader.step]

    answer = await instance.submit(Atomic(steps=[*steps, write(3)]))

    assert isinstance(answer.outcome, Outcomes)
    assert reader.found == [None, 1, 2, None]
    assert [isinstance(each, Response) for each in answer.outcome.each] == [
        *([True, False] * 3),
        *(True, False),
    ]
    assert [each.action for each in changes_on_log(world)] == [
        *(Action.CREATED, Action.UPDATED, Action.DELETED, Action.CREATED)
    ]


async def test_what_has_not_landed_is_read_again(world: Universe, instance: Instance) -> None:
    """Decided anew, its reads are answered anew: the last answer is told."""
    reader = Reader(world)
    world.log.fail_next_append(ONLY, Fault.LOST)

    await instance.submit(Atomic(steps=[write(1), reader.step, write(2)]))

    assert reader.found == [1, 1]
    assert [each.after.data["n"] for each in changes_on_log(world)] == [1, 2]


@pytest.mark.parametrize(
    "error", [Unavailable("took too long"), ValueError("a mistake of ours")], ids=["slow", "broken"]
)
async def test_a_read_that_breaks_undoes_the_changes_before_it(
    world: Universe, instance: Instance, error: Exception
) -> None:
    """BAT-15: and those of others, decided together with them, happen as if it had never been."""
    reader = Reader(world, breaks_with=error)
    others = [record("atlas", "stations", f"r{number}") for number in range(3)]

    told = await asyncio.gather(
        instance.submit(ask(address=others[0]).put({})),
        instance.submit(ask(address=others[1]).put({})),
        instance.submit(Atomic(steps=[write(1), reader.step, write(2)])),
        instance.submit(ask(address=others[2]).put({})),
        return_exceptions=True,
    )

    assert [told.index(each) for each in told if isinstance(each, BaseException)] == [2]
    assert told[2] is error
    made = await instance.submit(ask(address=RECORD, if_none_match="*").put({"n": 3}))
    assert isinstance(made.outcome, ObjectChanged)
    assert [each.address for each in changes_on_log(world)] == [*others, RECORD]


async def test_a_command_that_breaks_leaves_nothing_behind(
    world: Universe, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was decided just before it in the same order must not be taken for known."""
    broken = ask(address=RECORD).patch({"n": 7})
    sound = ask(address=record("atlas", "stations", "sound")).put({})
    real = ObjectChanged.__init__

    def breaking(self: ObjectChanged, **fields: object) -> None:
        after = fields.get("after")
        if getattr(after, "data", {}).get("n") == 7:
            raise ArithmeticError
        real(self, **fields)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(ObjectChanged, "__init__", breaking)

    told = await asyncio.gather(
        instance.submit(sound),
        instance.submit(Atomic(steps=[write(1), broken])),
        instance.submit(ask(address=RECORD, if_none_match="*").put({"n": 2})),
        return_exceptions=True,
    )

    assert isinstance(told[1], ArithmeticError)
    assert [each.after.data.get("n") for each in changes_on_log(world)] == [None, 2]


async def test_a_timestamp_that_an_earlier_step_gave_up_is_free(instance: Instance) -> None:
    """TS-8: the read model still says that another object has it."""
    first = (await instance.submit(write(1))).outcome
    assert isinstance(first, ObjectChanged)
    other = ask(address=record("atlas", "stations", "other"))
    claim = other.put({"last_modified": first.last_modified})

    answer = await instance.submit(Atomic(steps=[write(2), claim]))

    assert isinstance(answer.outcome, Outcomes)
    claimed = answer.outcome.each[1]
    assert isinstance(claimed, ObjectChanged)
    assert claimed.last_modified == first.last_modified
