"""Names of collections that a command claims: one holder in a bucket, decided by its owner."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest

from muniment.command.owner import OwnerLimits
from muniment.command.waiting import Answer, Atomic, Outcomes
from muniment.domain.addresses import Address, CollectionId, collection
from muniment.domain.commands import Body, Command, Create, Delete, FieldsPatch, Patch
from muniment.domain.events import ObjectChanged
from muniment.domain.refusals import NameTaken
from tests.support.deciding import BUCKET, NADIA, Asked, ask
from tests.support.instances import Instance, Universe, universe, until

CAUSE = ask().put().cause
IDS = count(1)


@pytest.fixture
async def world() -> AsyncGenerator[Universe]:
    async with universe(limits=OwnerLimits(projection_wait_timeout_s=5.0)) as made:
        yield made


@pytest.fixture
async def instance(world: Universe) -> Instance:
    """An instance with the project's bucket."""
    made = await opened(world, "one")
    await made.submit(ask(address=BUCKET).put({}))
    return made


async def opened(world: Universe, name: str) -> Instance:
    instance = world.instance(name)
    owner = instance.own()
    await until(lambda: owner.is_open)
    return instance


async def test_of_many_creations_of_one_name_one_wins(instance: Instance) -> None:
    """CocoBase section 4: the others learn who has it, so several first writes make one."""
    answers = await asyncio.gather(*(instance.submit(made("orders")) for _ in range(20)))

    [winner] = [each.outcome for each in answers if isinstance(each.outcome, ObjectChanged)]
    losers = [each.outcome for each in answers if not isinstance(each.outcome, ObjectChanged)]
    assert losers == [NameTaken(name="orders", collection_id=CollectionId(winner.address.id))] * 19


async def test_of_creations_and_renames_to_one_name_one_wins(instance: Instance) -> None:
    """A rename claims as a creation does."""
    users, items = await create(instance, "users"), await create(instance, "items")

    answers = await asyncio.gather(
        *(instance.submit(each) for each in (renamed(users, "x"), made("x"), renamed(items, "x")))
    )

    assert [type(each.outcome) for each in answers].count(ObjectChanged) == 1


async def test_names_are_told_apart_by_case(instance: Instance) -> None:
    """Section 4: compared exactly."""
    await create(instance, "users")

    assert isinstance(await outcome(instance, made("Users")), ObjectChanged)


async def test_a_collection_may_be_renamed_to_its_own_name(instance: Instance) -> None:
    """Section 4."""
    users = await create(instance, "users")

    assert isinstance(await outcome(instance, renamed(users, "users")), ObjectChanged)


async def test_a_name_is_free_after_a_deletion_and_after_a_rename(instance: Instance) -> None:
    """Section 4: at once."""
    users, items = await create(instance, "users"), await create(instance, "items")

    deletion = Delete(address=users, requester=NADIA, cause=CAUSE)
    answers = await asyncio.gather(
        *(
            instance.submit(each)
            for each in (deletion, made("users"), renamed(items, "things"), made("items"))
        )
    )

    assert [type(each.outcome) for each in answers] == [ObjectChanged] * 4


async def test_a_name_outlives_its_owner(world: Universe, instance: Instance) -> None:
    """What holds a name is on the log."""
    users = await create(instance, "users")

    other = await opened(world, "two")

    assert await outcome(other, made("users")) == NameTaken(
        name="users", collection_id=CollectionId(users.id)
    )


async def test_an_id_is_a_name_too(instance: Instance) -> None:
    """Section 13: a collection made through `/v1` has its id for a name; it claims nothing."""
    await instance.submit(ask(address=collection("atlas", "plants")).put({}))

    assert isinstance(await outcome(instance, made("plants")), NameTaken)
    plain = ask(address=collection("atlas", "other")).put({"name": "plants"})
    assert isinstance(await outcome(instance, plain), ObjectChanged)


async def test_names_claimed_in_one_batch_are_decided_one_after_another(
    instance: Instance,
) -> None:
    """What the steps before have made is not projected yet, and counts."""
    answer = await instance.submit(Atomic(steps=[made("a"), made("b"), made("a")]))

    assert isinstance(answer.outcome, Outcomes)
    kinds = [type(each) for each in answer.outcome.each]
    assert kinds == [ObjectChanged, ObjectChanged, NameTaken]


def made(name: str) -> Create:
    """The creation of a collection with an id that nobody else has."""
    return Create(
        address=collection("atlas", str(UUID(int=next(IDS)))),
        requester=NADIA,
        cause=CAUSE,
        id_from_client=False,
        body=Body(data={"name": name}),
        claimed_name=name,
    )


def renamed(address: Address, name: str) -> Patch:
    like = Asked(address=address).patch({"name": name})
    assert isinstance(like.change, FieldsPatch)
    return replace(like, claimed_name=name)


async def create(instance: Instance, name: str) -> Address:
    event = await outcome(instance, made(name))
    assert isinstance(event, ObjectChanged)
    return event.address


async def outcome(instance: Instance, command: Command) -> object:
    answer: Answer = await instance.submit(command)
    return answer.outcome
