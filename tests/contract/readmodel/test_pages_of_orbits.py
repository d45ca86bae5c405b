"""DataForce's pages of collections as Postgres plans them (contract section 5)."""

import asyncpg
import pytest

from muniment.dataforce.pages import Listing
from muniment.dataforce.store import DataForceStore
from tests.support.one_connection import OneConnection

ORBIT = "0199c455-21ee-74c6-b747-19a82f1a1e75"
FILL = """INSERT INTO collection (parent, id, uid, last_modified, deleted, data, permissions,
                                  created_at, created_order)
          SELECT $1, gen_random_uuid()::text, gen_random_uuid(), number, FALSE,
                 jsonb_build_object('name', 'n' || number), '{}', number, number
            FROM generate_series(1, 2000) AS number"""


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_page_by_creation_reads_no_more_than_itself(
    connection: "asyncpg.Connection[asyncpg.Record]", order: str
) -> None:
    """The default order: an orbit's other collections are not sorted for it."""
    await connection.execute("SET plan_cache_mode = force_custom_plan")
    await connection.execute("SET enable_seqscan = off")
    await connection.execute(FILL, ORBIT)
    await connection.execute("ANALYZE collection")
    read_model = OneConnection(connection)
    store = DataForceStore(read_model)
    first = await store.page(ORBIT, ORBIT, Listing(limit=50, order=order))
    last = first[49]
    assert last.value is not None

    rest = await store.page(
        ORBIT, ORBIT, Listing(limit=50, order=order, after=(last.value, last.id))
    )

    numbers = [each.created_at for each in (*first[:50], *rest[:50])]
    expected = range(1, 101) if order == "asc" else range(2000, 1900, -1)
    assert numbers == list(expected)
    assert "collection_by_created_at" in read_model.plan
