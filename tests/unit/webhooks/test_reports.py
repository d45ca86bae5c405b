"""What happened to an endpoint is told, each change of it, in order."""

import asyncio
from contextlib import suppress

from muniment.domain.addresses import BucketId
from muniment.domain.values import Timestamp, Uid
from muniment.domain.webhooks.spec import State
from muniment.log.protocol import Offset, Partition
from muniment.webhooks.endpoints import Endpoint, EndpointId, Webhook, url_spec
from muniment.webhooks.reports import UNTOLD_MAX, Report, Reports

ENDPOINT = Endpoint(
    id=EndpointId("e1"),
    partition=Partition(0),
    opened_at=Offset(0),
    bucket_uid=Uid("b1"),
    bucket_id=BucketId("atlas"),
    source=Webhook(id="hook", data={"url": "http://one.example/"}),
    revision=Timestamp(1),
    spec=url_spec("http://one.example/"),
)


def saying(state: State, reason: str = "") -> Report:
    return Report(endpoint=ENDPOINT, state=state, reason=reason)


async def told_of(*said: Report) -> list[Report]:
    """What is told when all of it is said before the first word is out."""
    told: list[Report] = []

    async def tell(report: Report) -> bool:
        told.append(report)
        await asyncio.sleep(0)
        return True

    reports = Reports(tell)
    for report in said:
        reports.say(report)
    sending = asyncio.create_task(reports.send())
    for _ in range(100):
        await asyncio.sleep(0)
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    return told


async def test_a_failure_that_is_over_before_it_was_told_is_told_all_the_same() -> None:
    said = [saying(State.FAILING, "500"), saying(State.ACTIVE)]

    assert await told_of(*said) == said


async def test_of_many_changes_that_could_not_be_told_the_last_ones_are() -> None:
    """Else memory would grow as long as nobody listens."""
    said = [saying(State.FAILING, str(number)) for number in range(3 * UNTOLD_MAX)]

    assert await told_of(*said) == said[-UNTOLD_MAX:]
