"""How requests of lanes are taken to their endpoints, while these change."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from muniment.domain.webhooks.spec import Batch
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Offset, Partition, Position
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.carrier import Carrier
from muniment.webhooks.committing import Committing
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Directory, Endpoint, Opened
from muniment.webhooks.http.answer import Answer
from muniment.webhooks.ledger import Ledger
from muniment.webhooks.reports import Report, Reports
from muniment.webhooks.rereading import Rereading
from tests.unit.webhooks.building import MemoryPositions, webhook
from tests.unit.webhooks.test_dispatcher import OK, ONE
from tests.unit.webhooks.test_lane import NOW
from tests.unit.webhooks.test_lane_terms import TERMS, new_lane, take


class Noting:
    """A courier that notes how many events it was given, and whether the endpoint wants several."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, bool]] = []

    async def attempt(
        self, endpoint: Endpoint, request: Sequence[Delivery], *, at: float
    ) -> Answer:
        await asyncio.sleep(0)
        self.requests.append((len(request), endpoint.spec.batch is not None))
        return OK


async def told(_: Report) -> bool:
    await asyncio.sleep(0)
    return True


def no_probe(_: ActiveLane) -> Coroutine[Any, Any, None]:
    raise AssertionError


def carrier(lanes: Lanes, courier: Noting) -> Carrier:
    return Carrier(
        lanes=lanes,
        courier=courier,
        rereading=Rereading(MemoryLog(partitions=1), clock=lambda: NOW),
        reading_at=lambda _: Offset(0),
        committing=Committing(
            MemoryPositions(), lanes, Ledger(), reading=dict, ended=lambda _: None
        ),
        reports=Reports(told),
        probe=no_probe,
        clock=lambda: NOW,
    )


def endpoint() -> Endpoint:
    [opened] = Directory().turns(webhook(ONE), Position(Partition(0), Offset(0)))
    assert isinstance(opened, Opened)
    return opened.endpoint


async def test_a_batch_goes_out_as_one_though_the_webhook_has_just_turned_them_off() -> None:
    """Of several events one by one, all but the first would be lost."""
    single, courier, lanes = endpoint(), Noting(), Lanes()
    several = replace(single, spec=replace(single.spec, batch=Batch(max_events=3, max_wait_ms=0)))
    lane = new_lane(batch_events_max=3)
    active = ActiveLane(lane=lane, endpoint=several, starts_at=Offset(0))
    lanes.add(active)
    take(lane, *"abc")

    async with asyncio.TaskGroup() as group:
        carrying = carrier(lanes, courier)
        carrying.begin(group)
        carrying.pump(active)
        active.endpoint, lane.pace.terms = single, TERMS
        take(lane, *"de")

    assert courier.requests == [(3, True), (1, False), (1, False)]
