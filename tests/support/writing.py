"""Load on the whole product: writers of a few records, which note what was acknowledged."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from tests.support.cluster import Client

BUCKETS: Final = ("atlas", "birds")
COLLECTIONS: Final = ("stations", "trips")
GROWTH_TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class Load:
    """Writers that note what was acknowledged, as object and revision."""

    acknowledged: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    unknown: int = 0
    is_over: bool = False

    async def write(self, client: Client, chance: random.Random) -> None:
        """Create, change and delete records of a few ids, one after another."""
        while not self.is_over:
            uri = (
                f"/buckets/{chance.choice(BUCKETS)}/collections/{chance.choice(COLLECTIONS)}"
                f"/records/r{chance.randrange(40)}"
            )
            method = chance.choice(["PUT", "PUT", "PUT", "PATCH", "DELETE"])
            body = None if method == "DELETE" else {"data": {"n": chance.randrange(1_000)}}
            try:
                reply = await client(method, uri, body)
            except (aiohttp.ClientError, TimeoutError):
                self.unknown += 1
                await asyncio.sleep(0.05)
                continue
            if reply.status < 300:
                self.acknowledged.add((uri, reply.data["last_modified"]))
            elif reply.status == 503:
                self.unknown += 1
                await asyncio.sleep(0.05)
            else:
                assert reply.status == 404, (reply.status, reply.body)

    async def grows(self, by: int) -> None:
        """Return when so many more writes were acknowledged."""
        wanted, deadline = len(self.acknowledged) + by, time.monotonic() + GROWTH_TIMEOUT_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, "no write was acknowledged for too long"
            await asyncio.sleep(0.05)


async def lay_out(client: Client, url_at: Callable[[str], str]) -> None:
    """Make the collections; changes of each are told at the URL of `bucket/collection`."""
    for bucket_id in BUCKETS:
        await client.sure("PUT", f"/buckets/{bucket_id}")
        for collection_id in COLLECTIONS:
            url = url_at(f"{bucket_id}/{collection_id}")
            uri = f"/buckets/{bucket_id}/collections/{collection_id}"
            await client.sure("PUT", uri, {"data": {"webhook:url": url}})
