"""Drafts: what reads would show if some events were projected, for the eyes of one order only.

An owner that decides a batch of requests has changes in hand that are on no log yet, while the
next request of the batch reads a list, or deletes one. So it projects those changes as the
projector would, in a transaction that is never committed, and reads there.

The checkpoint of the partition is locked meanwhile: nothing else can move what is drafted on.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Final

import asyncpg

from muniment.domain.events import Event
from muniment.log.protocol import Entry, Offset, Partition, Position, Start
from muniment.readmodel.connection import Connection
from muniment.readmodel.projection.fold import fold
from muniment.readmodel.projection.recording import Recording
from muniment.readmodel.projection.writing import BatchWriter
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "drafts.sql")

GIVEN_UP: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""What a draft raises that took too long or was in the projector's way: nothing has happened."""

_READ_FROM: Final[ContextVar["Connection | None"]] = ContextVar("draft", default=None)


class Draft:
    """Events on top of what is projected."""

    def __init__(
        self, connection: Connection, partition: Partition, at: Start, *, recording: Recording
    ) -> None:
        self._connection = connection
        self._partition = partition
        self._at = at
        self._writer = BatchWriter(connection, recording=recording)
        self._events: list[Event] = []

    @property
    def next_offset(self) -> Offset:
        """Up to where the partition is projected, and drafted."""
        return self._at.offset

    def add(self, event: Event) -> None:
        """Let all that is read from now on see the event."""
        self._events.append(event)

    async def connection(self) -> Connection:
        """Where to read what was added, and all that was there before."""
        events, self._events = self._events, []
        if events:
            entries = [
                Entry(
                    position=Position(self._partition, Offset(self._at.offset + number)),
                    claim=self._at.claim,
                    content=event,
                )
                for number, event in enumerate(events)
            ]
            after = Start(offset=Offset(self._at.offset + len(events)), claim=self._at.claim)
            await self._writer.write(
                fold(entries),
                before={self._partition: self._at},
                after={self._partition: after},
            )
            self._at = after
        return self._connection


@asynccontextmanager
async def open_draft(
    connection: Connection, partition: Partition, *, recording: Recording
) -> AsyncGenerator[Draft]:
    """A draft on the partition as it is projected; at the end nothing of it is left."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(SQL.limit_draft)
        row = await connection.fetchrow(SQL.hold_checkpoint, partition)
        if row is None:
            message = f"nothing of partition {partition} was ever projected"
            raise LookupError(message)
        at = Start(offset=row["next_offset"], claim=row["claim_offset"])
        yield Draft(connection, partition, at, recording=recording)
    finally:
        try:
            await transaction.rollback()
        except BaseException:
            # Never give a connection back on which the draft could still be seen.
            with suppress(asyncpg.InterfaceError):  # The pool has noticed already that it is lost.
                connection.terminate()
            raise


@contextmanager
def reads_go_over(connection: Connection) -> Generator[None]:
    """Within, reads see what this connection sees."""
    token = _READ_FROM.set(connection)
    try:
        yield
    finally:
        _READ_FROM.reset(token)


def connection_of_draft() -> "Connection | None":
    """What reads have to go over here, if they are part of a draft."""
    return _READ_FROM.get()
