"""What an owner tells Prometheus."""

import asyncio

from muniment.command.counting import OwnerMetrics, became
from muniment.command.waiting import Atomic, Deleted, Flush, Outcomes, Waiting
from muniment.domain.addresses import bucket
from muniment.domain.commands import ANONYMOUS, Delete
from muniment.domain.events import Cause
from muniment.domain.refusals import NotAllowed
from muniment.domain.values import Timestamp
from muniment.log.protocol import Partition
from muniment.runtime.metrics import REGISTRY

CAUSE = Cause(actor=None, request_id="r-1")
FLUSH = Flush(cause=CAUSE)
DELETE = Delete(address=bucket("atlas"), requester=ANONYMOUS, cause=CAUSE)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_commands_are_counted_by_what_they_came_to() -> None:
    """One look tells how many are refused."""
    await asyncio.sleep(0)
    before = value("muniment_commands_total", command="flush", outcome="refused")

    OwnerMetrics(Partition(3)).decided([(Waiting(FLUSH), NotAllowed())] * 2)

    assert value("muniment_commands_total", command="flush", outcome="refused") == before + 2


async def test_the_commands_of_a_batch_count_one_by_one() -> None:
    await asyncio.sleep(0)
    before = value("muniment_commands_total", command="delete", outcome="refused")

    OwnerMetrics(Partition(3)).decided(
        [(Waiting(Atomic(steps=[DELETE] * 3)), Outcomes([NotAllowed()] * 3))]
    )

    assert value("muniment_commands_total", command="delete", outcome="refused") == before + 3


def test_a_list_of_which_nothing_was_deleted_is_unchanged() -> None:
    assert became(Deleted(events=(), list_at=Timestamp(1))) == "unchanged"


def test_a_partition_that_is_owned_elsewhere_tells_nothing_more() -> None:
    """Else what waited at its end would be shown for ever."""
    metrics = OwnerMetrics(Partition(3))
    metrics.took(5, left=7, overlay_objects=9)
    assert value("muniment_commands_waiting", partition="3") == 7

    metrics.ended()

    assert value("muniment_commands_waiting", partition="3") == 0
    assert value("muniment_overlay_objects", partition="3") == 0
