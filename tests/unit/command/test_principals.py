"""Groups as principals of writes: exact for the owner's own streams, however late reads are."""

from collections.abc import AsyncGenerator, Collection

import pytest

from muniment.command.principals import Memberships
from muniment.command.waiting import Atomic, Outcomes
from muniment.domain.addresses import bucket, collection, group, record
from muniment.domain.commands import ANONYMOUS, Command, Create, Requester
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.refusals import NotAllowed
from muniment.domain.values import Principal
from muniment.log.protocol import Partition
from tests.support.deciding import BUCKET, COLLECTION, NADIA, OMAR, ask
from tests.support.instances import ONLY, Instance, Universe, universe, until
from tests.support.memory_read_model import MemoryReadModel

CREW = group("atlas", "crew")
BIRDS = bucket("birds")
OTHER = Partition(1)


@pytest.fixture
async def world() -> AsyncGenerator[Universe]:
    async with universe(partitions=2) as made:
        yield made


@pytest.fixture
async def instance(world: Universe) -> Instance:
    """Owner of two partitions: atlas is in the first, and gives its crew all; birds is empty."""
    instance = world.instance("one")
    owners = [instance.own(), instance.own(OTHER)]
    await until(lambda: all(owner.is_open for owner in owners))
    await instance.submit(ask(address=BUCKET).put({}, {"write": [CREW.uri]}))
    await instance.submit(ask(address=COLLECTION).put({}))
    await instance.submit(crew("account:omar"))
    return instance


def crew(*members: str, by: Requester = NADIA) -> Command:
    return ask(address=CREW, by=by).put({"members": members})


def write(name: str = "one", by: Requester = OMAR) -> Command:
    return ask(address=record("atlas", "stations", name), by=by).put({})


async def is_allowed(
    instance: Instance, command: Command, *, partition: Partition = ONLY, waits: bool = True
) -> bool:
    answer = await instance.submit(command, partition=partition, awaits_projection=waits)
    assert isinstance(answer.outcome, ObjectChanged | NotAllowed), answer.outcome
    return isinstance(answer.outcome, ObjectChanged)


async def test_a_member_may_what_the_group_may(instance: Instance) -> None:
    """AUTH-5, GRP-4."""
    assert await is_allowed(instance, write())
    assert not await is_allowed(instance, write(by=ANONYMOUS))


async def test_a_member_who_was_removed_a_moment_ago_may_not(
    world: Universe, instance: Instance
) -> None:
    """E-3, AUTH-8: though the read model has them in the group still."""
    await world.pause()

    assert await is_allowed(instance, crew(), waits=False)

    assert not await is_allowed(instance, write(), waits=False)
    assert await is_allowed(instance, crew("account:omar"), waits=False)
    assert await is_allowed(instance, write(), waits=False)


async def test_a_group_that_went_with_its_bucket_speaks_for_nobody(
    world: Universe, instance: Instance
) -> None:
    """PERM-11: neither while the read model has it still, nor for the bucket's next life."""
    await instance.submit(ask(address=BIRDS).put({}, {"write": [CREW.uri]}), partition=OTHER)
    await instance.submit(ask(address=collection("birds", "c")).put({}), partition=OTHER)

    def in_birds(name: str) -> Command:
        return ask(address=record("birds", "c", name), by=OMAR).put({})

    assert await is_allowed(instance, in_birds("a"), partition=OTHER)

    await instance.submit(ask(address=BUCKET).delete())
    assert not await is_allowed(instance, in_birds("b"), partition=OTHER)
    await instance.submit(ask(address=BUCKET).put({}, {"write": [CREW.uri]}))
    await instance.submit(ask(address=COLLECTION).put({}))
    assert not await is_allowed(instance, write())
    assert not await is_allowed(instance, in_birds("c"), partition=OTHER)
    await instance.submit(crew("account:omar"))
    assert await is_allowed(instance, write())
    assert await is_allowed(instance, in_birds("d"), partition=OTHER)


async def test_together_each_sees_the_group_as_the_one_before_left_it(instance: Instance) -> None:
    """BAT-12."""
    order = Atomic(steps=[write("a"), crew(by=OMAR), write("b"), crew("account:omar"), write("c")])

    answer = await instance.submit(order)

    assert isinstance(answer.outcome, Outcomes)
    kinds = [isinstance(each, ObjectChanged) for each in answer.outcome.each]
    assert kinds == [True, True, False, True, True]


async def test_a_group_that_is_named_in_between_counts(instance: Instance) -> None:
    """The ACEs that are asked are those that the command before has left."""
    path = record("atlas", "trips", "one")
    order = Atomic(
        steps=[
            ask(address=BUCKET).put({}, {"write": ["account:nadia"]}),
            ask(address=collection("atlas", "trips")).put({}, {"record:create": [CREW.uri]}),
            ask(address=path, by=OMAR).put({}),
            write(),
        ]
    )

    # The bucket is written by a turn of its own, so all are decided in that.
    answer = await instance.submit(order)

    assert isinstance(answer.outcome, Outcomes)
    *_, in_trips, in_stations = answer.outcome.each
    assert isinstance(in_trips, ObjectChanged)
    assert in_trips.action is Action.CREATED
    assert in_stations == NotAllowed()


async def test_an_answer_is_told_to_the_members_of_a_group(instance: Instance) -> None:
    """PERM-19: who may see all ACEs is who was in the group when it was decided."""
    answer = await instance.submit(ask(address=BUCKET, by=OMAR).create({}))

    assert isinstance(answer.order, Create)
    assert answer.order.requester.principals == OMAR.principals | {Principal(CREW.uri)}


async def test_groups_are_looked_up_only_where_an_ace_names_one(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most writes cost no query more."""
    looked_up: list[Collection[Principal]] = []
    find = MemoryReadModel.memberships

    async def counted(self: MemoryReadModel, users: Collection[Principal]) -> Memberships:
        looked_up.append(users)
        return await find(self, users)

    monkeypatch.setattr(MemoryReadModel, "memberships", counted)
    await instance.submit(ask(address=BIRDS).put({}), partition=OTHER)
    await instance.submit(ask(address=collection("birds", "c")).put({}), partition=OTHER)
    assert looked_up == []

    await instance.submit(Atomic(steps=[write("a"), write("b"), write("c", by=NADIA)]))

    assert looked_up == [frozenset({NADIA.user_id, OMAR.user_id})]
