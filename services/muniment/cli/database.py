"""The database of the settings, or the embedded one, for commands that work at it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from muniment.readmodel.connection import UNREACHABLE, open_connection, postgres_of
from muniment.readmodel.migrate import migrate
from muniment.runtime.errors import DependencyUnreachable
from muniment.runtime.settings import Settings
from muniment.stack.folder import Layout
from muniment.stack.postgres import EmbeddedPostgres
from muniment.web.pipeline import Unavailable


@asynccontextmanager
async def at_database(settings: Settings) -> AsyncGenerator[Settings]:
    """The settings with the URL of a database whose tables are there.

    Raises `DependencyUnreachable`, also where the database goes away meanwhile.
    """
    if settings.postgres_url is None:
        embedded = EmbeddedPostgres(
            Layout(settings.data_dir.expanduser().absolute()),
            port=settings.embedded_postgres_port or None,
        )
        settings = settings.model_copy(update={"postgres_url": embedded.url})
    try:
        async with open_connection(postgres_of(settings), application="migrate") as connection:
            await migrate(connection)
        yield settings
    except (*UNREACHABLE, Unavailable) as error:
        raise DependencyUnreachable(
            f"Postgres does not answer ({str(error) or type(error).__name__}): start it, or "
            "`muniment up` with its own, or mend --postgres (MUNIMENT_POSTGRES_URL)."
        ) from error
