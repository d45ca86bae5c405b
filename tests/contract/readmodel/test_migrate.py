"""Migrations against a real Postgres."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from muniment.domain.addresses import bucket
from muniment.domain.events import ObjectChanged
from muniment.readmodel import migrate as module
from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import SchemaUnfit, check, migrate, migrations, pending
from muniment.runtime.errors import DependencyUnreachable
from tests.support.projecting import log_of, project_all
from tests.support.story import Story


async def test_a_fresh_database_gets_everything_once(database: str) -> None:
    """Any service may do it at its start."""
    async with open_connection(database, application="test") as connection:
        with pytest.raises(SchemaUnfit, match="lacks migrations"):
            await check(connection)

        assert list(await migrate(connection)) == [migration.name for migration in migrations()]

        assert await migrate(connection) == []
        assert await pending(connection) == []
        await check(connection)


async def test_services_that_start_together_take_turns(database: str) -> None:
    """Each file runs once, whoever comes first."""

    async def start() -> int:
        async with open_connection(database, application="test") as connection:
            return len(await migrate(connection))

    done = await asyncio.gather(*(start() for _ in range(4)))

    assert sum(done) == len(migrations())


async def test_a_migration_that_fails_leaves_nothing(
    connection: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction is all or nothing; the next start tries again."""
    broken = module.Migration(name="9999_broken.sql", text="CREATE TABLE half (); SELECT 1 / 0;")
    monkeypatch.setattr(module, "migrations", lambda: [*migrations(), broken])

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(connection)

    assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert [migration.name for migration in await pending(connection)] == ["9999_broken.sql"]


async def test_a_database_that_is_not_there_is_told_in_a_sentence(database: str) -> None:
    """Waiting would not mend it."""
    elsewhere = urlsplit(database)._replace(path="/nowhere").geturl()

    with pytest.raises(DependencyUnreachable, match="MUNIMENT_POSTGRES_URL"):
        async with open_connection(elsewhere, application="test"):
            pass


async def test_what_lacks_times_of_creation_is_built_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migration 0030: rows of an older program go, with the checkpoints that say they are there."""
    older = [migration for migration in migrations() if migration.name < "0030"]
    story = Story().play([("write", bucket("atlas")), ("write", bucket("atlas"))])
    async with open_connection(database, application="test") as connection:
        with monkeypatch.context() as patched:
            patched.setattr(module, "migrations", lambda: older)
            await migrate(connection)
        await connection.execute("INSERT INTO checkpoint (partition, next_offset) VALUES (0, 7)")
        await connection.execute(
            "INSERT INTO bucket (id, last_modified, deleted, data, permissions, uid, partition)"
            " VALUES ('old', 1, FALSE, '{}', '{}', gen_random_uuid(), 0)"
        )

        await migrate(connection)
        await project_all(log_of(story.entries), database)

        rows = await connection.fetch("SELECT id, created_at, updated_at FROM bucket")
    created, changed = (entry.content for entry in story.entries[-2:])
    assert isinstance(created, ObjectChanged)
    assert isinstance(changed, ObjectChanged)
    assert [tuple(row) for row in rows] == [("atlas", created.occurred_at, changed.occurred_at)]
