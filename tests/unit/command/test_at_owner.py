"""Orders find the owner of their partition, also while it changes."""

import asyncio
from typing import Any

import pytest

from muniment.command import at_owner
from muniment.command.at_owner import AtOwner
from muniment.command.waiting import Answer, NotOwner, Unavailable
from muniment.log.protocol import Offset, Partition
from muniment.web.forwarding import NotTaken
from muniment.web.http import Request, Response, headers_of
from tests.support.memory_read_model import MemoryReadModel

HERE, OTHER, THIRD = "http://one", "http://two", "http://three"
PLACE = Partition(0)

ORDER: Any = "an order"
ANSWER: Any = "an answer"


class Owned:
    """Owners of this process: none of the partition until it is given one."""

    is_owner = False

    async def submit(self, _partition: Partition, order: Any, **_: Any) -> Answer:
        assert order is ORDER
        if not self.is_owner:
            raise NotOwner
        answer: Answer = ANSWER
        return answer

    def takes_orders(self, _partition: Partition) -> bool:
        return self.is_owner


class Elsewhere:
    """The other instances, of which one is the owner."""

    def __init__(self, owner_url: str) -> None:
        self.owner_url = owner_url
        self.asked: list[str] = []

    async def forward(self, _request: Request, url: str) -> Response:
        self.asked.append(url)
        if url != self.owner_url:
            raise NotTaken(url)
        return Response(status=201)


class World:
    """One instance among three, with what it knows."""

    def __init__(self, handover_s_max: float = 30, waiting_max: int = 100) -> None:
        self.owned = Owned()
        self.elsewhere = Elsewhere(OTHER)
        self.read_model = MemoryReadModel()
        owners: Any = self.owned
        forwarder: Any = self.elsewhere
        self.at_owner = AtOwner(
            owners=owners,
            read_model=self.read_model,
            forwarder=forwarder,
            instance_url=HERE,
            waiting_max=waiting_max,
            handover_s_max=handover_s_max,
        )

    async def submit(self) -> Answer | Response:
        """Bring the order before the owner."""
        request = Request(
            method="PUT", raw_path="/v1/buckets/a", headers=headers_of({}), base_url=HERE, id="r1"
        )
        return await self.at_owner.submit(PLACE, ORDER, lambda: request, size_bytes=0)


async def test_who_owns_the_partition_is_asked_here() -> None:
    world = World()
    world.owned.is_owner = True

    assert await world.submit() is ANSWER
    assert world.elsewhere.asked == []


async def test_the_request_goes_to_another_owner() -> None:
    world = World()
    world.read_model.owners = {PLACE: OTHER}

    answer = await world.submit()

    assert isinstance(answer, Response)
    assert (answer.status, world.elsewhere.asked) == (201, [OTHER])


@pytest.mark.parametrize("known", [None, HERE, THIRD])
async def test_an_order_waits_while_the_partition_changes_hands(known: str | None) -> None:
    """Nobody is known, or who has just given it up: here, or an instance that says so."""
    world = World()
    world.read_model.owners = {} if known is None else {PLACE: known}
    submitted = asyncio.create_task(world.submit())
    await asyncio.sleep(0.1)
    assert not submitted.done()

    world.read_model.owners = {PLACE: OTHER}

    answer = await submitted
    assert isinstance(answer, Response)
    assert answer.status == 201


async def test_the_partition_may_come_here_meanwhile() -> None:
    world = World()
    submitted = asyncio.create_task(world.submit())
    await asyncio.sleep(0.1)

    world.owned.is_owner = True

    assert await submitted is ANSWER


@pytest.mark.parametrize("known", [None, HERE, THIRD])
async def test_an_order_does_not_wait_for_ever(known: str | None) -> None:
    world = World(handover_s_max=0.1)
    world.read_model.owners = {} if known is None else {PLACE: known}

    with pytest.raises(Unavailable):
        await world.submit()


async def test_no_more_than_so_many_orders_wait() -> None:
    world = World(waiting_max=2)
    waiting = [asyncio.create_task(world.submit()) for _ in range(2)]
    await asyncio.sleep(0.02)

    with pytest.raises(Unavailable):
        await world.submit()

    world.owned.is_owner = True
    assert await asyncio.gather(*waiting) == [ANSWER, ANSWER]


async def test_orders_at_the_same_time_look_for_the_owner_together() -> None:
    """Else each of those that wait would ask Postgres twenty times a second."""
    world = World()
    world.read_model.owners = {PLACE: OTHER}

    await asyncio.gather(*(world.submit() for _ in range(50)))

    assert world.read_model.owners_asked == 1
    assert world.elsewhere.asked == [OTHER] * 50


async def test_orders_that_wait_ask_when_there_is_another_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hundreds that each tried all the time would take the time that a new owner needs."""
    monkeypatch.setattr(at_owner, "ASK_AGAIN_S", 60)
    world = World()
    world.read_model.owners = {PLACE: THIRD}
    waiting = [asyncio.create_task(world.submit()) for _ in range(50)]
    await asyncio.sleep(0.2)

    world.read_model.owners = {PLACE: OTHER}

    await asyncio.gather(*waiting)
    assert world.elsewhere.asked == [THIRD] * 50 + [OTHER] * 50


async def test_who_claims_again_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that was started again has the address of before."""
    monkeypatch.setattr(at_owner, "ASK_AGAIN_S", 60)
    world = World()
    world.read_model.owners = {PLACE: THIRD}
    submitted = asyncio.create_task(world.submit())
    await asyncio.sleep(0.1)

    world.elsewhere.owner_url = THIRD
    world.read_model.claims = {PLACE: Offset(7)}

    await submitted
    assert world.elsewhere.asked == [THIRD, THIRD]


async def test_an_owner_that_was_not_reached_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be the owner all the same, and claims nothing anew."""
    monkeypatch.setattr(at_owner, "ASK_AGAIN_S", 0.1)
    world = World()
    world.read_model.owners = {PLACE: THIRD}
    submitted = asyncio.create_task(world.submit())
    await asyncio.sleep(0.05)

    world.elsewhere.owner_url = THIRD

    assert isinstance(await submitted, Response)


async def test_orders_in_hand_go_to_the_next_owner_at_the_end() -> None:
    world = World()
    world.read_model.owners = {PLACE: HERE}
    submitted = asyncio.create_task(world.submit())
    await asyncio.sleep(0.02)
    world.at_owner.close()

    world.read_model.owners = {PLACE: OTHER}

    assert isinstance(await submitted, Response)


async def test_an_instance_that_stops_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was the only one, no other owner comes."""
    monkeypatch.setattr(at_owner, "LAST_ORDERS_S_MAX", 0.1)
    world = World()
    submitted = asyncio.create_task(world.submit())
    await asyncio.sleep(0.02)

    world.at_owner.close()

    with pytest.raises(Unavailable):
        await submitted
