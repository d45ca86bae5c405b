"""Who is to own the partitions, on a real Kafka: members come, are cut off, and leave."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from muniment.command import membership
from muniment.command.membership import Membership, join_group
from muniment.log.connection import Connection, parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.leaving import leave_group
from muniment.log.options import LogOptions
from muniment.log.protocol import LogUnavailable, Partition
from tests.support.projecting import until
from tests.support.stack import Stack, new_name

SESSION_S = 120.0
"""Far longer than a test waits: what happens meanwhile is not due to an ended session."""
PARTITIONS = [Partition(number) for number in range(3)]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of its own on a topic of three partitions."""

    connection: Connection
    topic: str
    id: str

    def join(self, instance_id: str) -> AbstractAsyncContextManager[Membership]:
        """Be a member under that name."""
        return join_group(
            self.connection, topic=self.topic, group_id=self.id, instance_id=instance_id
        )


@pytest.fixture
async def group(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Group]:
    monkeypatch.setattr(membership, "SESSION_TIMEOUT_S", SESSION_S)
    connection = parse_kafka_url(stack.kafka_url)
    options = LogOptions(topic_prefix=new_name(), partitions=len(PARTITIONS))
    async with KafkaLog.open(connection, options):
        yield Group(connection, options.topic, f"{options.topic}-owners")


async def test_a_member_that_leaves_hands_over_at_once(group: Group) -> None:
    """Its session would keep what it had for two minutes."""
    async with group.join("stays") as stays, AsyncExitStack() as leaving:
        goes = await leaving.enter_async_context(group.join("goes"))
        await until_shared_out(stays, goes)

        await leaving.aclose()

        await until_shared_out(stays)


async def test_instances_that_come_and_go_take_nothing_with_them(group: Group) -> None:
    """Each under a name of its own, and stopped as soon as it is a member or before."""
    async with group.join("stays") as stays:
        for number in range(5):
            async with group.join(f"goes-{number}") as goes:
                await goes.changed(timeout_s=number % 2)

        await until_shared_out(stays)


async def test_a_name_in_use_again_keeps_its_place(group: Group) -> None:
    """The member of before, which was cut off, says good-bye late: that is not for the new one."""
    async with group.join("one") as one:
        await until_shared_out(one)
        before = await members_of(group)

        await leave_group(
            group.connection, group_id=group.id, member_id="one-before", group_instance_id="one"
        )

        assert await members_of(group) == before
        assert len(before) == 1


async def test_a_place_that_cannot_be_had_is_told(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consumer would fail for ever, and the instance own nothing: it must begin anew."""
    monkeypatch.setattr(membership, "SESSION_TIMEOUT_S", 3600.0)  # More than Kafka takes.
    monkeypatch.setattr(membership, "POLL_S", 0.05)

    async with group.join("one") as one:
        with pytest.raises(LogUnavailable):
            await one.changed(timeout_s=60)


async def members_of(group: Group) -> list[str]:
    """What the broker calls those in the group."""
    admin: Any = AIOKafkaAdminClient(**group.connection.client_options())
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([group.id])
    finally:
        await admin.close()
    [(_, _, _, _, _, members, *_)] = answer.groups
    return [member_id for member_id, *_ in members]


async def until_shared_out(*members: Membership) -> None:
    """Return when the members have all partitions between them, and none twice."""

    async def are_shared_out() -> bool:
        given = [partition for each in members for partition in each.assigned]
        return sorted(given) == PARTITIONS

    await asyncio.wait_for(until(are_shared_out), timeout=60)
