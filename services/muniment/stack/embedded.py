"""The embedded stack as one thing: started, asked for its URLs, stopped."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

from muniment.stack import ports
from muniment.stack.archive import ensure_archive
from muniment.stack.children import Child, Children, end_leftovers
from muniment.stack.distribution import Progress, ensure_jars
from muniment.stack.errors import NoRoom, StackError, Unreachable
from muniment.stack.folder import FREE_MB_MIN, DataFolder, Layout
from muniment.stack.kafka import EmbeddedKafka
from muniment.stack.postgres import DATABASE, ROLE, EmbeddedPostgres
from muniment.stack.probe import kafka_answers, postgres_refusal, require_kafka, require_postgres

READY_TIMEOUT_S: Final = 60.0
PROBE_EVERY_S: Final = 0.03
# A port that was free may be taken before Kafka gets to it.
START_ATTEMPTS_MAX: Final = 3


@contextmanager
def silently(_total_bytes: int) -> Generator[Callable[[int], None]]:
    """Progress that nobody looks at."""
    yield lambda _piece_bytes: None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What of the stack is ours to run, and how."""

    kafka_url: str | None = None
    """Use this Kafka instead of an embedded one."""
    postgres_url: str | None = None
    """Use this Postgres instead of an embedded one."""
    kafka_port: int | None = None
    postgres_port: int | None = None
    kafka_heap_mb: int = 512
    cache: Path | None = None
    free_mb_min: int = FREE_MB_MIN
    is_durable: bool = True
    """Off for tests: no fsync, and a Java that starts faster than it runs."""
    tell: Callable[[str], None] = lambda _line: None
    progress: Progress = silently


class EmbeddedStack:
    """Kafka and Postgres on one data folder, as children that end when this process does.

    `start` and `stop` need not run in the same event loop.
    """

    def __init__(self, data_dir: Path, options: StackOptions | None = None) -> None:
        self._options = options or StackOptions()
        self._folder = DataFolder(data_dir, free_mb_min=self._options.free_mb_min)
        self._kafka = self._own_kafka()
        self._postgres = self._own_postgres()
        self._children: Children | None = None

    @property
    def layout(self) -> Layout:
        return self._folder.layout

    @property
    def children(self) -> Children:
        """The keeper of our processes; more may be added to it, and end with ours."""
        if self._children is None:
            raise RuntimeError("the stack is not started")
        return self._children

    @property
    def kafka_url(self) -> str:
        return self._kafka.url if self._kafka else self._options.kafka_url or ""

    @property
    def postgres_url(self) -> str:
        return self._postgres.url if self._postgres else self._options.postgres_url or ""

    async def start(self) -> None:
        """Take the folder and start what is ours to run; both are ready when this returns.

        Raises a `StackError` that says what is wrong and what to do; nothing runs then.
        """
        self._folder.open()
        try:
            end_leftovers(self.layout.run)
            self._children = Children(self.layout.run)
            self._children.keep_guarded()
            await _both(self._start_kafka(), self._start_postgres())
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError) and (full := NoRoom.of(error, self.layout.root)):
                raise full from error
            raise

    async def stop(self, *, is_hurried: Callable[[], bool] = lambda: False) -> None:
        """End all children in order, then let the folder go."""
        if self._children is not None:
            await asyncio.to_thread(self._children.end_all, is_hurried=is_hurried)
            self._children = None
        self._folder.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _own_kafka(self) -> EmbeddedKafka | None:
        if self._options.kafka_url:
            return None
        return EmbeddedKafka(
            self.layout,
            port=self._options.kafka_port,
            heap_mb=self._options.kafka_heap_mb,
            is_brief=not self._options.is_durable,
        )

    def _own_postgres(self) -> EmbeddedPostgres | None:
        if self._options.postgres_url:
            return None
        return EmbeddedPostgres(
            self.layout,
            port=self._options.postgres_port,
            is_durable=self._options.is_durable,
        )

    async def _start_kafka(self) -> None:
        kafka = self._kafka
        if kafka is None:
            await require_kafka(self.kafka_url)
            return
        if not self.layout.kafka.exists():
            self._options.tell("Setting up Kafka ...")
        jars = await asyncio.to_thread(
            ensure_jars, self._options.progress, cache=self._options.cache
        )
        archive = await asyncio.to_thread(ensure_archive, jars)
        for attempt in range(1, START_ATTEMPTS_MAX + 1):
            child = self.children.start(await asyncio.to_thread(kafka.prepare, jars, archive))
            try:
                is_ready = partial(_kafka_ready, kafka, child)
                await _until_ready(child, is_ready, died=kafka.death)
            except StackError:
                if attempt == START_ATTEMPTS_MAX or not kafka.has_lost_its_port():
                    raise
                self.children.forget(child)
            else:
                return

    async def _start_postgres(self) -> None:
        postgres = self._postgres
        if postgres is None:
            await require_postgres(self.postgres_url)
            return
        if not self.layout.postgres.exists():
            self._options.tell("Setting up Postgres ...")
        child = self.children.start(await asyncio.to_thread(postgres.prepare))
        await _until_ready(child, lambda: _postgres_ready(postgres), died=postgres.death)
        await _ensure_database(postgres, self.layout, has_port=bool(self._options.postgres_port))


async def _both(*starts: Awaitable[None]) -> None:
    """Run them side by side; raise the first failure as itself, once all have ended."""
    tasks = [asyncio.ensure_future(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_ready(
    child: Child, is_ready: Callable[[], Awaitable[bool]], *, died: Callable[[], StackError]
) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not await is_ready():
                if child.exit_status() is not None:
                    raise died()
                await asyncio.sleep(PROBE_EVERY_S)
    except TimeoutError:
        program = child.program
        raise Unreachable(
            f"{program.name.capitalize()} did not get ready within {READY_TIMEOUT_S:.0f} s: "
            f"see {program.log}."
        ) from None


async def _kafka_ready(kafka: EmbeddedKafka, child: Child) -> bool:
    # Ours, that is: the answer of another Kafka, which took the port first, is none.
    return ports.is_listened_on_by(child.pid, kafka.port) and await kafka_answers(kafka.url)


async def _postgres_ready(postgres: EmbeddedPostgres) -> bool:
    return await postgres_refusal(postgres.admin_url) is None


async def _ensure_database(postgres: EmbeddedPostgres, layout: Layout, *, has_port: bool) -> None:
    """Make role and database where a first start has not come to it; safe to repeat."""
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
            await connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        if has_port:
            await connection.execute(f"ALTER ROLE {ROLE} PASSWORD '{_password(layout)}'")
    finally:
        await connection.close()


def _password(layout: Layout) -> str:
    """For those who come by the port; the socket needs none, as only its owner gets to it."""
    path = layout.root / "postgres-password"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_hex(16))
    return path.read_text()
