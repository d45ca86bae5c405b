"""Reads the log and writes the read model: each batch and its checkpoint in one transaction.

    log -> fold -> rows -> apply_batch -> NOTIFY, for which writers wait

What a batch means in tables, and how it is written, is said in `readmodel.projection`.

A crash at any point is harmless: the checkpoint says where to go on, and it moved with the rows
or not at all. So the commit need not wait for the disk.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic, time
from typing import Final

import asyncpg

from muniment.log.protocol import (
    Claim,
    Entry,
    Log,
    LogUnavailable,
    Offset,
    Partition,
    Position,
    Start,
)
from muniment.readmodel.projection.fold import fold
from muniment.readmodel.projection.recording import Recording
from muniment.readmodel.projection.writing import BatchWriter, Places
from muniment.readmodel.sql import Statements
from muniment.runtime.metrics import (
    PROJECT_BATCH_EVENTS,
    PROJECT_SECONDS,
    PROJECTED_EVENTS,
    PROJECTED_EVENTS_SKIPPED,
    PROJECTOR_LAG_EVENTS,
    PROJECTOR_LAG_SECONDS,
)

SQL: Final = Statements(__package__, "projector.sql")

READ_WAIT_S: Final = 0.5
BEAT_PAUSE_S: Final = 1.0
LAG_TIMEOUT_S: Final = 0.25
ROUND_S_MAX: Final = 5.0
"""One turn of the loop that takes longer than this is not thought to come back."""

UNFIT: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    TypeError,
    ValueError,
)
"""What an entry that can't be told to Postgres raises, there or on the way."""

EVERYTHING: Final = Recording()
"""Every change makes an entry of the history."""


class Poisoned(Exception):
    """An entry can't be applied; all before it are. It is never skipped."""

    def __init__(self, position: Position) -> None:
        self.partition, self.offset = position.partition, position.offset
        super().__init__(f"offset {self.offset} of partition {self.partition}")


class Projector:
    """Keeps one read model up to date over a connection that nobody else uses."""

    def __init__(
        self,
        *,
        log: Log,
        connection: "asyncpg.Connection[asyncpg.Record]",
        instance_id: str,
        entries_max: int,
        recording: Recording = EVERYTHING,
    ) -> None:
        self._log = log
        self._connection = connection
        self._instance_id = instance_id
        self._entries_max = entries_max
        self._writer = BatchWriter(connection, recording=recording)
        self._at: dict[Partition, Start] = {}
        self._lag_entries = 0
        self._went_round_at = monotonic()
        self._next_beat_at = 0.0

    async def is_at_work(self) -> bool:
        """Whether its loop goes round."""
        return monotonic() - self._went_round_at < ROUND_S_MAX

    async def run(self, stopping: asyncio.Event) -> None:
        """Project until told to stop, and finish the batch in hand.

        Raises `Overtaken` and `Poisoned`, and what the log and the connection raise.
        """
        reader = await self._log.reader(await self.open())
        try:
            while not stopping.is_set():
                entries = await reader.read(wait_s=READ_WAIT_S, entries_max=self._entries_max)
                await self.project(entries, reader.positions())
                await self._beat()
                self._went_round_at = monotonic()
        finally:
            await reader.close()

    async def open(self) -> Places:
        """Read where to go on; partitions that are new start at 0."""
        self._writer.forget()
        partitions = list(self._log.partitions)
        await self._connection.execute(SQL.open_checkpoints, partitions)
        rows = await self._connection.fetch(SQL.read_checkpoints, partitions)
        self._at = {
            row["partition"]: Start(offset=row["next_offset"], claim=row["claim_offset"])
            for row in rows
        }
        return self._at

    async def project(self, entries: Sequence[Entry], reached: Places) -> None:
        """Apply what was read, up to the places that reading has reached.

        Raises `Overtaken` and `Poisoned`.
        """
        # A stale owner's entries are not among those read, but the checkpoint passes them too.
        to = {partition: at for partition, at in reached.items() if at != self._at[partition]}
        if not to:
            return
        passed = sum(at.offset - self._at[partition].offset for partition, at in to.items())
        with PROJECT_SECONDS.time():
            try:
                await self._apply(entries, to)
            except UNFIT:
                await self._apply_singly(entries)
        PROJECTED_EVENTS.inc(len(entries))
        PROJECTED_EVENTS_SKIPPED.inc(max(0, passed - len(entries)))
        PROJECT_BATCH_EVENTS.observe(len(entries))
        if entries and not isinstance(first := entries[0].content, Claim):
            PROJECTOR_LAG_SECONDS.observe(max(0.0, time() - first.occurred_at / 1000))

    async def _apply(self, entries: Sequence[Entry], to: Places) -> None:
        """Write what the entries leave behind and move on, or raise and leave all as it was."""
        await self._writer.write(fold(entries), before=self._at, after=to)
        self._at.update(to)

    async def _apply_singly(self, entries: Sequence[Entry]) -> None:
        """Find the entry that a batch failed on: project those before it, and stop at it."""
        for entry in entries:
            partition, offset = entry.position.partition, entry.position.offset
            claim = offset if entry.claim is None else entry.claim
            try:
                await self._apply(
                    [entry], {partition: Start(offset=Offset(offset + 1), claim=claim)}
                )
            except UNFIT as error:
                raise Poisoned(entry.position) from error

    async def _beat(self) -> None:
        """About every second, say that the loop goes round and how far behind it is."""
        if monotonic() < self._next_beat_at:
            return
        await self._measure_lag()
        await self._connection.execute(SQL.beat, self._instance_id, self._lag_entries)
        self._next_beat_at = monotonic() + BEAT_PAUSE_S

    async def _measure_lag(self) -> None:
        try:
            async with asyncio.timeout(LAG_TIMEOUT_S):
                ends = await self._log.end_offsets()
        except (TimeoutError, LogUnavailable):
            return  # The lag that was measured last is the best there is.
        lags = {
            partition: max(0, ends[partition] - at.offset) for partition, at in self._at.items()
        }
        for partition, lag in lags.items():
            PROJECTOR_LAG_EVENTS.labels(partition).set(lag)
        self._lag_entries = sum(lags.values())
