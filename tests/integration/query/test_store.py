"""Connections to Postgres that are not there, take too long or get lost."""

import asyncio

import asyncpg
import pytest

from muniment.query.store import open_store
from muniment.web.pipeline import Unavailable
from tests.support.querying import until_up
from tests.support.stack import Stack


async def test_a_store_without_a_database_is_unavailable_and_comes_up_later(
    stack: Stack,
) -> None:
    """Starts when Postgres is not up yet; 503, never 500."""
    async with open_store(
        "postgresql://nobody@127.0.0.1:1/none", pool_size=2, statement_timeout_s=1
    ) as store:
        await asyncio.sleep(0.2)
        assert not await store.is_up()
        with pytest.raises(Unavailable):
            await store.read_list("SELECT 1", ())


async def test_a_statement_that_lasts_too_long_is_unavailable(database: str) -> None:
    """Deadlines end in 503."""
    async with open_store(database, pool_size=2, statement_timeout_s=0.2) as store:
        await until_up(store)
        with pytest.raises(Unavailable):
            await store.read_object("SELECT pg_sleep(5)", ())
        with pytest.raises(Unavailable):
            await store.read_object("SELECT * FROM record", ())
        assert await store.is_up()


async def test_a_lost_connection_is_replaced(database: str) -> None:
    """A restart of Postgres costs a 503 or two."""
    async with open_store(database, pool_size=2, statement_timeout_s=5) as store:
        await until_up(store)
        other = await asyncpg.connect(database)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
        await other.close()
        await until_up(store)
