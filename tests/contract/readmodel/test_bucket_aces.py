"""The index of buckets by their ACEs: it grows with the buckets that there are, not with time."""

import asyncpg

from muniment.domain.addresses import bucket
from tests.support.deciding import Asked
from tests.support.past import Past

ATLAS = bucket("atlas")
BIRDS = bucket("birds")

COUNT_SETS = "SELECT count(DISTINCT acl) FROM ace WHERE kind = 'bucket'"

FIND = """
SELECT bucket.id
  FROM ace
  JOIN bucket
    ON jsonb_hash_extended(bucket.permissions, uuid_hash_extended(bucket.parent, 0)) = ace.acl
 WHERE ace.kind = 'bucket'
   AND ace.principal = hashtextextended($1, 0)
 ORDER BY bucket.id
"""


async def test_aces_that_no_bucket_has_any_more_are_forgotten(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Whether the bucket has others since, or is gone."""
    past = Past()
    past.happens(Asked(address=ATLAS).put({}, {"read": ["account:pia"]}))
    past.happens(*(Asked(address=ATLAS).patch(None, {"read": [f"account:{n}"]}) for n in range(9)))

    await past.project(connection, at_once=3)
    assert await connection.fetchval(COUNT_SETS) == 1
    past.happens(Asked(address=ATLAS).delete())
    await past.project(connection, at_once=3)

    assert await connection.fetchval(COUNT_SETS) == 0


async def test_aces_that_another_bucket_has_stay(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """PRM-1: all buckets are one list, and most have the same few ACEs."""
    past = Past()
    past.happens(Asked(address=ATLAS).put({}), Asked(address=BIRDS).put({}))
    past.happens(Asked(address=ATLAS).delete())

    await past.project(connection, at_once=1)

    assert [row["id"] for row in await connection.fetch(FIND, "account:nadia")] == ["birds"]


async def test_aces_that_come_back_are_found_again(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """What the projector remembers to have written may be gone since."""
    past = Past()
    past.happens(Asked(address=ATLAS).put({}), Asked(address=ATLAS).delete())
    past.happens(Asked(address=ATLAS).put({}), Asked(address=ATLAS).delete())
    past.happens(Asked(address=BIRDS).put({}))

    await past.project(connection, at_once=1)

    assert [row["id"] for row in await connection.fetch(FIND, "account:nadia")] == ["birds"]
