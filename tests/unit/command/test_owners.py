"""All owners of an instance, and the group that shares the partitions out."""

import asyncio

import pytest

from muniment.command.membership import Membership
from muniment.command.owner import Owner
from muniment.command.owners import Owners
from muniment.log.memory import MemoryLog
from muniment.log.protocol import LogUnavailable, Partition


async def test_who_has_no_place_in_the_group_any_more_begins_anew() -> None:
    """Else an instance would own nothing until it is restarted, and say so nowhere."""
    membership = Membership(leave=nothing)
    owners = Owners(MemoryLog(), membership, no_owner, drain_s=1, answer_timeout_s=1)
    running = asyncio.create_task(owners.run(asyncio.Event()))
    await asyncio.sleep(0)

    membership.lose(LogUnavailable("no place"))

    with pytest.raises(LogUnavailable, match="no place"):
        await asyncio.wait_for(running, timeout=30)


async def nothing() -> None:
    """It has left already."""


def no_owner(partition: Partition) -> Owner:
    """No partition was given to this instance."""
    raise AssertionError(partition)
