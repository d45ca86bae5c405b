"""Collections by name: what a name in a bucket stands for.

A collection's name is the text `name` in its data. One without it is called as its id is, so an id
stands for its collection before any name does.
"""

from typing import Final

from muniment.domain.addresses import BucketId, CollectionId
from muniment.readmodel.connection import Connection
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "naming.sql")


async def find_by_name(
    connection: Connection, bucket_id: BucketId, name: str, *, but: str | None = None
) -> CollectionId | None:
    """The id of the living collection that the name or id stands for, `but` for a certain one."""
    if "\0" in name:  # No text of Postgres holds it.
        return None
    found = await connection.fetchval(SQL.find_by_name, bucket_id, name, but)
    return None if found is None else CollectionId(found)
