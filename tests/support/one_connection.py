"""The query service's store over one connection, for statements as they are."""

from collections.abc import Sequence

import asyncpg

from muniment.query.store import Store


class OneConnection(Store):
    """Reads lists by a connection, and keeps how Postgres comes to the last one."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        super().__init__()
        self._connection = connection
        self.plan = ""

    async def read_list(self, statement: str, values: Sequence[object]) -> asyncpg.Record:
        """The row; raises what Postgres does."""
        lines = await self._connection.fetch(f"EXPLAIN {statement}", *values)
        self.plan = "\n".join(line[0] for line in lines)
        row = await self._connection.fetchrow(statement, *values)
        assert row is not None
        return row
