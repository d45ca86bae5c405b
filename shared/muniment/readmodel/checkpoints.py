"""How far the read model has come, and waiting until it has come far enough.

The projector tells every step by `NOTIFY`. That is only a hint: beneath it the table is read, often
while somebody waits and now and then otherwise, which also finds out whether the connection lives.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

import asyncpg

from muniment.log.protocol import Fenced, Offset, Partition, Position
from muniment.readmodel.connection import READ_MODEL, UNREACHABLE, open_connection
from muniment.readmodel.sql import Statements
from muniment.runtime.outages import first_of

SQL: Final = Statements(__package__, "checkpoints.sql")

CHANNEL: Final = "muniment_checkpoint"
"""Payload: `partition:next_offset:claim_offset`, joined by commas; no claim is an empty text."""

POLL_PAUSE_S: Final = 0.05
"""While somebody waits and no notification comes."""
IDLE_PAUSE_S: Final = 2.0
RECONNECT_PAUSE_S: Final = 0.25
READ_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything before `next_offset` is in the read model; `claim` was in force there."""

    next_offset: Offset
    claim: Offset | None


Moved: TypeAlias = Callable[[Partition, Checkpoint], None]


def _ignore(_partition: Partition, _checkpoint: Checkpoint) -> None:
    """What nobody has asked to be told."""


def parse_payload(payload: str) -> Iterator[tuple[Partition, Checkpoint]]:
    """What one notification says."""
    for step in payload.split(","):
        partition, next_offset, claim = step.split(":")
        yield (
            Partition(int(partition)),
            Checkpoint(
                next_offset=Offset(int(next_offset)), claim=Offset(int(claim)) if claim else None
            ),
        )


class Checkpoints:
    """Follows the checkpoints of all partitions while `run` runs.

    `on_advance` is called for every step, before those who wait for it go on. `on_retreat` is
    called when a restarted Postgres has lost its last moments and the projector builds them
    again: whoever has let go of something since must not trust the read model until then.
    """

    def __init__(
        self,
        dsn: str,
        *,
        on_advance: Moved = _ignore,
        on_retreat: Moved = _ignore,
        schema: str = READ_MODEL,
    ) -> None:
        self._dsn = dsn
        self._schema = schema
        self._on_advance = on_advance
        self._on_retreat = on_retreat
        self._reached: dict[Partition, Checkpoint] = {}
        self._lines: dict[Partition, _Line] = {}
        self._somebody_waits = asyncio.Event()
        self._heard_at = 0.0

    @property
    def current(self) -> Mapping[Partition, Checkpoint]:
        """The latest that is known; a partition is absent until it was seen."""
        return self._reached

    async def wait_for(self, position: Position, *, claim: Offset, timeout_s: float) -> bool:
        """Whether the read model has applied `position`, written under `claim`, within the time.

        The writer knows from the log's acknowledgement that no other claim came in between.
        Raises `Fenced` when a later claim is in force before the position is reached.
        """
        reached = self._reached.get(position.partition)
        waiter = _Waiter(offset=position.offset, claim=claim)
        if reached is not None and waiter.settle(reached):
            return await waiter.settled
        line = self._lines.setdefault(position.partition, _Line())
        line.join(waiter)
        self._somebody_waits.set()
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter.settled
        except TimeoutError:
            return False
        finally:
            line.leave(waiter)

    @asynccontextmanager
    async def followed(self) -> AsyncGenerator[None]:
        """Follow them while the block runs; what ends the following for good ends the block."""
        try:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(self.run(), name="checkpoints")
                try:
                    yield
                finally:
                    following.cancel()
        except ExceptionGroup as errors:
            # Whoever knows the one error knows what to do about it.
            raise first_of(errors) from errors

    async def run(self) -> NoReturn:
        """Listen and poll until cancelled; survives the loss of Postgres."""
        while True:
            try:
                async with open_connection(
                    self._dsn,
                    application="checkpoints",
                    schema=self._schema,
                    statement_timeout_s=READ_TIMEOUT_S,
                ) as connection:
                    await self._follow(connection)
            # The last one is asyncpg stumbling over a server that says it is shutting down.
            except (*UNREACHABLE, asyncpg.InternalClientError):
                await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _follow(self, connection: "asyncpg.Connection[asyncpg.Record]") -> NoReturn:
        connection.add_termination_listener(self._wake)
        await connection.add_listener(CHANNEL, self._hear)
        # Only here can a checkpoint be behind what is known: within one connection all is in order.
        for partition, checkpoint in await _read(connection):
            self._retreat(partition, checkpoint)
            self._advance(partition, checkpoint)
        while True:
            await self._pause()
            if self._now() - self._heard_at >= POLL_PAUSE_S:
                for partition, checkpoint in await _read(connection):
                    self._advance(partition, checkpoint)

    async def _pause(self) -> None:
        if any(line.is_busy for line in self._lines.values()):
            await asyncio.sleep(POLL_PAUSE_S)
            return
        self._somebody_waits.clear()
        try:
            async with asyncio.timeout(IDLE_PAUSE_S):
                await self._somebody_waits.wait()
        except TimeoutError:
            return
        await asyncio.sleep(POLL_PAUSE_S)

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard_at = self._now()
        for partition, checkpoint in parse_payload(str(payload)):
            self._advance(partition, checkpoint)

    def _wake(self, _connection: object) -> None:
        self._somebody_waits.set()

    def _advance(self, partition: Partition, checkpoint: Checkpoint) -> None:
        reached = self._reached.get(partition)
        if reached is not None and checkpoint.next_offset <= reached.next_offset:
            return
        self._reached[partition] = checkpoint
        self._on_advance(partition, checkpoint)
        if line := self._lines.get(partition):
            line.settle(checkpoint)

    def _retreat(self, partition: Partition, checkpoint: Checkpoint) -> None:
        reached = self._reached.get(partition)
        if reached is not None and checkpoint.next_offset < reached.next_offset:
            self._reached[partition] = checkpoint
            self._on_retreat(partition, checkpoint)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiter:
    offset: Offset
    claim: Offset
    settled: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, reached: Checkpoint) -> bool:
        """Tell the waiter how it ended, if it has; answer whether it has."""
        if reached.next_offset > self.offset:
            # Even if a later claim is in force by now: what was acknowledged came before it.
            if not self.settled.done():
                self.settled.set_result(True)
            return True
        if reached.claim is not None and reached.claim > self.claim:
            if not self.settled.done():
                self.settled.set_exception(Fenced())
            return True
        return False


class _Line:
    """Those who wait for one partition, nearest offset first."""

    def __init__(self) -> None:
        self._waiters: list[_Waiter] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._waiters)

    def join(self, waiter: _Waiter) -> None:
        insort(self._waiters, waiter, key=lambda other: other.offset)

    def leave(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def settle(self, reached: Checkpoint) -> None:
        self._waiters = [waiter for waiter in self._waiters if not waiter.settle(reached)]


async def _read(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> list[tuple[Partition, Checkpoint]]:
    rows = await connection.fetch(SQL.read_checkpoints)
    return [
        (
            Partition(row["partition"]),
            Checkpoint(next_offset=row["next_offset"], claim=row["claim_offset"]),
        )
        for row in rows
    ]
