"""Turns on the list of all buckets: what is lost in one must not be met again in the next."""

import asyncio

import pytest

from muniment.command.owner import OwnerLimits
from muniment.command.waiting import Unavailable
from muniment.domain.addresses import bucket
from muniment.domain.events import ObjectChanged
from muniment.log.memory import Fault
from muniment.log.protocol import Fenced, Partition, Writer
from tests.support.deciding import BUCKET, ask
from tests.support.instances import ONLY, Universe, universe, until

OTHER = Partition(1)
BIRDS = bucket("birds")
PATIENT = OwnerLimits(projection_wait_timeout_s=60)


def outclaimed_once(world: Universe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever claims next finds that another instance was quicker."""
    real = world.log.claim

    async def claim(partition: Partition, *, instance_id: str, url: str) -> Writer:
        monkeypatch.setattr(world.log, "claim", real)
        await real(partition, instance_id="two", url="http://two")
        raise Fenced

    monkeypatch.setattr(world.log, "claim", claim)


@pytest.mark.parametrize("fault", [Fault.ACK_LOST, Fault.LOST], ids=["landed", "not-landed"])
async def test_no_timestamp_is_given_twice_when_an_outcome_is_lost_with_the_partition(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-4: nobody was told of the append, and its owner is fenced before it can look."""
    async with universe(partitions=2, limits=PATIENT) as world:
        one = world.instance("one")
        owners = [one.own(ONLY), one.own(OTHER)]
        await until(lambda: all(owner.is_open for owner in owners))
        await world.pause()
        world.log.fail_next_append(ONLY, fault)
        outclaimed_once(world, monkeypatch)

        with pytest.raises(Unavailable):
            await one.submit(ask(address=BUCKET).put({}), partition=ONLY)
        asked = asyncio.create_task(one.submit(ask(address=BIRDS).put({}), partition=OTHER))
        await asyncio.sleep(0.02)
        world.project()
        await asked

        events = [entry.content for entry in world.projector.projected]
        times = [each.last_modified for each in events if isinstance(each, ObjectChanged)]
        assert len(times) == (2 if fault is Fault.ACK_LOST else 1)
        assert len(set(times)) == len(times)


async def test_a_turn_in_which_nothing_was_written_keeps_nobody_waiting() -> None:
    """A refusal, and an order that broke, leave no doubt."""
    async with universe(partitions=2, limits=PATIENT) as world:
        one = world.instance("one")
        owners = [one.own(ONLY), one.own(OTHER)]
        await until(lambda: all(owner.is_open for owner in owners))

        await one.submit(ask(address=BUCKET, if_match="*").put({}), partition=ONLY)
        made = await one.submit(ask(address=BIRDS).put({}), partition=OTHER)

        assert isinstance(made.outcome, ObjectChanged)
