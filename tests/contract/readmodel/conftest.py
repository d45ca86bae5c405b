"""A read model in a database of its own."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import migrate


@pytest.fixture
async def connection(database: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]", None]:
    """A connection to a database with the schema as it is now."""
    async with open_connection(
        database, application="test", plan_cache_mode="force_generic_plan"
    ) as made:
        await migrate(made)
        yield made
