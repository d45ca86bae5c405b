"""Who delivers for which partitions, by locks in a real Postgres."""

import asyncio
from typing import Final

from muniment.log.protocol import Partition
from muniment.webhooks.shares import Shares, sharing
from tests.support.server import PATIENCE_S

PARTITIONS: Final = [Partition(number) for number in range(4)]
SCHEMA: Final = "public"
SOON_S: Final = 0.1
NEVER_S: Final = 3_600.0


async def until_held(shares: Shares, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(shares.held) != count:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(SOON_S)


async def test_an_instance_that_hangs_loses_its_share_to_the_others(database: str) -> None:
    """It asks nothing any more, though its connection stands; it is told when it goes on."""
    async with sharing(
        database, PARTITIONS, schema=SCHEMA, every_s=NEVER_S, lease_s=1.0
    ) as hanging:
        await until_held(hanging, len(PARTITIONS))
        async with sharing(database, PARTITIONS, schema=SCHEMA, every_s=SOON_S) as other:
            await until_held(other, len(PARTITIONS))
            async with asyncio.timeout(PATIENCE_S):
                await hanging.wait_for_change()
                while not hanging.is_lost:
                    await hanging.settle()
                    await hanging.wait_for_change()
