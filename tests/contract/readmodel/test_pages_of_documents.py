"""CocoBase's pages of documents as Postgres makes them (contract section 6)."""

import asyncpg
import orjson
import pytest

from muniment.cocobase.errors import CocoBaseError
from muniment.cocobase.filters.conditions import EVERYTHING
from muniment.cocobase.listing import Listing
from muniment.cocobase.reading import Reading
from muniment.cocobase.views import Collection
from muniment.domain.values import Timestamp, Uid
from tests.support.one_connection import OneConnection

LIFE = Uid("0199c455-21ee-74c6-b747-19a82f1a1e75")
NOTES = Collection(id="notes", uid=LIFE, data={}, created_at=Timestamp(0))
FILL = """INSERT INTO record (parent, id, last_modified, deleted, data, permissions,
                              created_at, created_order)
          SELECT $1, 'r' || number, number, FALSE,
                 jsonb_build_object('n', number, 'text', repeat('x', 1000)), '{}', number, number
            FROM generate_series(1, 5) AS number"""


def page(limit: int) -> Listing:
    return Listing(condition=EVERYTHING, sort=None, is_descending=True, limit=limit, offset=0)


async def test_a_page_that_is_too_large_is_refused(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A thousand documents of a megabyte each: 413, with fewer they come; it was 503 for ever."""
    await connection.execute(FILL, LIFE)
    reading = Reading(OneConnection(connection), bytes_max=4_000)

    found = orjson.loads(await reading.documents(NOTES, page(3)))
    with pytest.raises(CocoBaseError) as refused:
        await reading.documents(NOTES, page(4))

    assert [each["data"]["n"] for each in found] == [5, 4, 3]
    assert refused.value.status == 413
    assert orjson.loads(await reading.documents(NOTES, page(1)))[0]["id"] == "r5"
