"""The index of ACEs, for tests that put objects into the read model without the projector."""

from typing import Final

from muniment.readmodel.connection import Connection
from muniment.readmodel.migrate import migrations

MIGRATION: Final = "0003_groups_and_acls.sql"


async def note_aces(connection: Connection) -> None:
    """Write what the projector would have written beside the objects."""
    [text] = [migration.text for migration in migrations() if migration.name == MIGRATION]
    filling = text[text.index("INSERT INTO ace") :].rstrip().removesuffix(";")
    await connection.execute(f"{filling} ON CONFLICT DO NOTHING")
