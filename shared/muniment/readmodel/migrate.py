"""Brings the database's schema up to what this program needs: numbered files, only forwards.

A file is `0007_what_it_does.sql`, or a pair: `0007_pre_…` may run before the new code does, and
`0007_post_…` when the old code is gone. Its first line may say `-- schema: read_model`: then the
schema is made if it is lacking, and is where the file's unqualified names lie.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal, TypeAlias

from muniment.readmodel.connection import Connection
from muniment.readmodel.sql import Statements
from muniment.runtime.errors import UserError

SQL: Final = Statements(__package__, "migrate.sql")

Phase: TypeAlias = Literal["pre", "post", "whole"]

_FILE_NAME = re.compile(r"(?P<number>\d{4})_((?P<phase>pre|post)_)?[a-z0-9_]+\.sql")
_SCHEMA_LINE = re.compile(r"-- schema: (?P<schema>[a-z_]+)\n")


class SchemaUnfit(UserError):
    """The database's schema and this program do not go together; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file."""

    name: str
    text: str

    @property
    def phase(self) -> Phase:
        return phase_of(self.name)

    @property
    def schema(self) -> str | None:
        line = _SCHEMA_LINE.match(self.text)
        return line["schema"] if line else None

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A migration that the database has."""

    name: str
    checksum: str


def phase_of(name: str) -> Phase:
    """Which part of a change a file is. Raises `ValueError` for a name that is no migration's."""
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        message = f"not the name of a migration: {name!r}"
        raise ValueError(message)
    match match["phase"]:
        case "pre":
            return "pre"
        case "post":
            return "post"
        case _:
            return "whole"


def migrations() -> Sequence[Migration]:
    """All files that this program brings, in the order in which they run."""
    folder = files("muniment.readmodel").joinpath("migrations")
    found = [
        Migration(name=file.name, text=file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=_order)


def plan(known: Sequence[Migration], applied: Sequence[Applied]) -> Sequence[Migration]:
    """The migrations that are still to run, in order.

    Raises `SchemaUnfit` when the database is ahead of this program, or was built by files that
    have been changed since.
    """
    by_name = {migration.name: migration for migration in known}
    for done in applied:
        migration = by_name.get(done.name)
        if migration is None and phase_of(done.name) != "pre":
            message = (
                f"the database's schema is newer than this program (it has {done.name}): "
                "start the version that made it, or a later one"
            )
            raise SchemaUnfit(message)
        if migration is not None and migration.checksum != done.checksum:
            message = (
                f"migration {done.name} was changed after it had been applied: "
                "put the file back as it was, and make the change in a new one"
            )
            raise SchemaUnfit(message)
    names = {done.name for done in applied}
    return [migration for migration in known if migration.name not in names]


async def migrate(connection: Connection) -> Sequence[str]:
    """Apply what is lacking, each file in one transaction; answer their names.

    Any number of processes may do this at once: they take turns, and each file runs once.
    """
    known = migrations()
    done: list[str] = []
    while name := await _apply_next(connection, known):
        done.append(name)
    return done


async def pending(connection: Connection) -> Sequence[Migration]:
    """What `migrate` would apply; changes nothing."""
    return plan(migrations(), await _applied(connection))


async def check(connection: Connection) -> None:
    """Return when the schema is what this program needs; raise `SchemaUnfit` otherwise."""
    if lacking := [migration.name for migration in await pending(connection)]:
        message = f"the database lacks migrations ({', '.join(lacking)}): run `muniment migrate`"
        raise SchemaUnfit(message)


async def _apply_next(connection: Connection, known: Sequence[Migration]) -> str | None:
    async with connection.transaction():
        await connection.execute(SQL.take_turn)
        await connection.execute(SQL.create_migration_table)
        todo = plan(known, await _applied(connection))
        if not todo:
            return None
        migration = todo[0]
        if migration.schema is not None:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {migration.schema}")
            await connection.execute(f"SET LOCAL search_path TO {migration.schema}")
        await connection.execute(migration.text)
        await connection.execute(SQL.record_migration, migration.name, migration.checksum)
    return migration.name


async def _applied(connection: Connection) -> Sequence[Applied]:
    if not await connection.fetchval(SQL.has_migration_table):
        return []
    rows = await connection.fetch(SQL.list_applied)
    return [Applied(name=row["name"], checksum=row["checksum"]) for row in rows]


def _order(migration: Migration) -> tuple[str, int, str]:
    return (migration.name[:4], ("pre", "whole", "post").index(migration.phase), migration.name)
