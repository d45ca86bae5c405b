"""What administrators are shown of the read model."""

from collections.abc import Sequence
from typing import Final

import orjson

from muniment.accounts.durable import Durable
from muniment.domain.values import JsonObject
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "store.sql")


class BucketStore:
    """Reads buckets; every method raises `Unavailable` while Postgres is away."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable

    async def buckets(self, ids: Sequence[str]) -> Sequence[JsonObject]:
        """The `data` of those that live, in the order of the ids."""
        async with self._durable.connection() as connection:
            rows = await connection.fetch(SQL.buckets, ids)
        return [orjson.loads(row["data"]) for row in rows]
