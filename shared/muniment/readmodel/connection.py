"""Connections to the read model: deadlines on everything, JSON as bytes, one schema in sight."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeAlias

import asyncpg

from muniment.runtime.errors import DependencyUnreachable
from muniment.runtime.settings import Settings

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

READ_MODEL: Final = "read_model"
"""The schema that is served. Statements never name it: a rebuild works in another one."""

CONNECT_TIMEOUT_S: Final = 5.0
STATEMENT_TIMEOUT_S: Final = 15.0
CLOSE_TIMEOUT_S: Final = 5.0
ACQUIRE_TIMEOUT_S: Final = 5.0
"""What callers give to `pool.acquire`: asyncpg waits for ever by default."""

UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
"""What is raised while Postgres is away, starting or stopping: worth another try."""

_JSONB_VERSION: Final = b"\x01"


def postgres_of(settings: Settings) -> str:
    """The URL of the database. Raises `DependencyUnreachable` when the settings name none."""
    if settings.postgres_url is None:
        raise DependencyUnreachable("MUNIMENT_POSTGRES_URL is not set: it says where Postgres is.")
    return settings.postgres_url


@asynccontextmanager
async def open_pool(
    dsn: str,
    *,
    application: str,
    size_max: int,
    size_min: int = 1,
    schema: str = READ_MODEL,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    **server_settings: str,
) -> AsyncGenerator[Pool, None]:
    """A pool that holds one connection from the start; raises one of `UNREACHABLE` if it can't.

    With a `size_min` of 0 it is there at once, and it is who acquires that meets those.
    """
    pool = asyncpg.create_pool(
        dsn,
        min_size=size_min,
        max_size=size_max,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=statement_timeout_s,
        init=_pass_json_as_bytes,
        reset=_nothing_to_reset,
        server_settings=_server_settings(application, schema) | server_settings,
    )
    with _refusal_told():
        await pool
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def lent(
    pool: Pool, *, timeout_s: float = ACQUIRE_TIMEOUT_S
) -> AsyncGenerator[Connection, None]:
    """One of the pool's connections, within the deadline; raises one of `UNREACHABLE`.

    asyncpg stumbles over what a server said while nothing was asked (that it is shutting down),
    and would on each later use of that connection: it is thrown away.
    """
    async with pool.acquire(timeout=timeout_s) as connection:
        try:
            yield connection
        except asyncpg.InternalClientError as error:
            connection.terminate()
            raise ConnectionResetError(str(error)) from error


@asynccontextmanager
async def open_connection(
    dsn: str,
    *,
    application: str,
    schema: str = READ_MODEL,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    **server_settings: str,
) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]", None]:
    """One connection of its own, for what lasts: `LISTEN`, a session's advisory lock."""
    with _refusal_told():
        connection = await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=statement_timeout_s,
            server_settings=_server_settings(application, schema) | server_settings,
        )
    try:
        await _pass_json_as_bytes(connection)
        yield connection
    finally:
        # Never waits for the server: a hung one must not hold up a shutdown.
        connection.terminate()


async def answers(dsn: str, *, application: str) -> bool:
    """Whether Postgres works, asked over a connection made for it; else raises as that does."""
    async with open_connection(dsn, application=application) as connection:
        return await connection.fetchval("SELECT true") is True


@contextmanager
def _refusal_told() -> Generator[None]:
    """What waiting does not mend ends the process with a sentence."""
    try:
        yield
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
    ) as error:
        raise DependencyUnreachable(
            f"Postgres refuses the connection ({error}): correct MUNIMENT_POSTGRES_URL, "
            "or make the user or the database that it names."
        ) from error


def _server_settings(application: str, schema: str) -> dict[str, str]:
    # Compiling a plan takes longer than any of our statements.
    return {"application_name": f"muniment {application}", "search_path": schema, "jit": "off"}


async def _pass_json_as_bytes(connection: Connection) -> None:
    """`jsonb` parameters and results are bytes of JSON text, which nobody here parses."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=_JSONB_VERSION.__add__,
        decoder=lambda wire: wire[1:],
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
    )


async def _nothing_to_reset(connection: Connection) -> None:
    """Nobody changes a pooled session, so giving it back need not cost a round trip."""
