"""Forgetting a principal: partition by partition, some objects at a time."""

from typing import Any

import orjson
import pytest

from muniment.command.everywhere import DONE_IN, Everywhere
from muniment.command.user_data import OBJECTS_AT_ONCE_MAX, UserData
from muniment.command.waiting import Answer, Forget, Forgotten, TooLargeToAppend, Unavailable
from muniment.domain.commands import ANONYMOUS, Requester
from muniment.log.protocol import Partition
from muniment.web.errors import Errors
from muniment.web.forwarding import FORWARDED
from muniment.web.http import Request, Response, headers_of
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target
from tests.support.deciding import NADIA, OMAR
from tests.support.memory_read_model import MemoryReadModel

ROUTES = Routes(Features(user_data=True))


class Owned:
    """Owners of two partitions: so many objects in each, of which so many fit into a batch."""

    assigned = (Partition(0), Partition(1))

    def __init__(self, objects: int, *, fitting: int = 1_000) -> None:
        self.left = dict.fromkeys(self.assigned, objects)
        self.fitting = fitting
        self.orders: list[Forget] = []

    async def submit(self, partition: Partition, order: Forget) -> Answer:
        self.orders.append(order)
        taken = min(order.objects_max, self.left[partition])
        if taken > self.fitting:
            raise TooLargeToAppend
        self.left[partition] -= taken
        outcome = Forgotten(events=(), is_done=taken < order.objects_max)
        return Answer(outcome=outcome, order=order, position=None, is_projected=True)


class Elsewhere:
    """Other instances, which answer with this status, and own these partitions between them."""

    def __init__(self, status: int = 200, owned: str = "2") -> None:
        self.status = status
        self.owned = owned
        self.asked: list[str] = []

    async def forward(self, request: Request, url: str) -> Response:
        self.asked.append(url)
        return Response(status=self.status, headers={DONE_IN: self.owned})


class PostgresAway(MemoryReadModel):
    """A read model that nobody reaches."""

    async def owner_urls(self) -> frozenset[str]:
        raise ConnectionRefusedError


async def forget(
    owned: Owned,
    *,
    by: Requester = NADIA,
    elsewhere: Elsewhere | None = None,
    headers: dict[str, str] | None = None,
    principal: str = "account:omar",
    read_model: MemoryReadModel | None = None,
) -> Response:
    read_model = read_model or MemoryReadModel()
    read_model.owners = {Partition(0): "http://one", Partition(2): "http://two"}
    owners: Any = owned
    forwarder: Any = elsewhere or Elsewhere()
    user_data = UserData(
        owners=owners,
        read_model=read_model,
        everywhere=Everywhere(
            partitions=[Partition(0), Partition(1), Partition(2)],
            owners=owners,
            read_model=read_model,
            forwarder=forwarder,
            instance_url="http://one",
        ),
        errors=Errors(),
        allowed=frozenset({"account:nadia"}),
    )
    path = f"/v1/__user_data__/{principal}"
    target = ROUTES.match(path.rstrip("/"))
    assert isinstance(target, Target)
    return await user_data.handle(
        Request(
            method="DELETE",
            raw_path=path,
            headers=headers_of(headers or {}),
            base_url="http://one",
            id="r1",
            target=target,
            requester=by,
        )
    )


async def test_every_partition_is_done_to_its_end() -> None:
    """UD-1: however many objects there are."""
    owned = Owned(OBJECTS_AT_ONCE_MAX * 2 + 1)

    response = await forget(owned)

    assert (response.status, orjson.loads(response.body or b"")) == (
        200,
        {"data": {"principal": "account:omar"}},
    )
    assert set(owned.left.values()) == {0}
    assert len(owned.orders) == 6


async def test_fewer_are_changed_at_once_where_they_are_large() -> None:
    """A batch of the log has an end; none is lost over it."""
    owned = Owned(90, fitting=20)

    await forget(owned)

    assert set(owned.left.values()) == {0}


async def test_an_object_that_does_not_fit_is_told() -> None:
    """Not for ever: the operator must know."""
    with pytest.raises(Unavailable, match="too large"):
        await forget(Owned(1, fitting=0))


async def test_other_instances_do_their_part_once() -> None:
    """Who was asked by another instance asks no further."""
    asking, asked = Elsewhere(), Elsewhere()

    await forget(Owned(0), elsewhere=asking)
    part = await forget(Owned(0), elsewhere=asked, headers={FORWARDED: "two"})

    assert asking.asked == ["http://two"]
    assert asked.asked == []
    assert part.headers[DONE_IN] == "0,1"


async def test_a_partition_between_two_owners_is_not_left_out() -> None:
    """UD-1: one has given it up, the other has not been given it; 200 would say it was done."""
    with pytest.raises(Unavailable, match=r"\[2\]"):
        await forget(Owned(0), elsewhere=Elsewhere(owned=""))


async def test_it_is_503_while_postgres_is_away() -> None:
    with pytest.raises(Unavailable):
        await forget(Owned(0), read_model=PostgresAway())


async def test_what_fails_elsewhere_fails_as_a_whole() -> None:
    """The caller must repeat it."""
    with pytest.raises(Unavailable):
        await forget(Owned(0), elsewhere=Elsewhere(503))


@pytest.mark.parametrize(("by", "status"), [(OMAR, 403), (ANONYMOUS, 401)])
async def test_it_takes_a_right_from_the_settings(by: Requester, status: int) -> None:
    """UD-1."""
    owned = Owned(1)

    assert (await forget(owned, by=by)).status == status
    assert owned.orders == []


async def test_nobody_is_no_principal() -> None:
    """UD-2."""
    assert (await forget(Owned(1), principal="")).status == 404
