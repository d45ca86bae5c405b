"""Beside the projector, in its own time: sweeps away what is out of reach, and keeps plans good.

Any number of processes may do this at once: a row that another one has swept is simply gone.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

import asyncpg

from muniment.domain.addresses import Kind
from muniment.domain.events import KEYS_TTL_S
from muniment.readmodel.sql import Statements
from muniment.runtime.settings import Settings

SQL: Final = Statements(__package__, "housekeeping.sql")

ROWS_MAX: Final = 2_000
"""Rows that one transaction sweeps."""
PAUSE_S: Final = 2.0
REST: Final = 4
"""Time that a sweep rests, as a multiple of the time that it worked: projecting goes first."""
ANALYZE_ROWS_MIN: Final = 1_000

SWEEPS: Final[dict[Kind, Sequence[str]]] = {
    Kind.BUCKET: (
        SQL.doom_collections,
        SQL.sweep_groups,
        SQL.sweep_webhooks,
        SQL.sweep_memberships,
        SQL.sweep_aces,
        SQL.sweep_entry_aces,
        SQL.sweep_history,
        SQL.sweep_past_acls,
    ),
    Kind.COLLECTION: (SQL.sweep_records, SQL.sweep_aces),
}
"""What lies below a life, by the kind of its object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """How much of each history is kept (contract HIS-12)."""

    entries_max: int
    """For each type, and for each user where users are named."""
    users: Sequence[str] = ()
    """Whose entries are trimmed; none named: all."""
    threshold: int = 100
    """Entries beyond it that may gather first."""

    @classmethod
    def of(cls, settings: Settings) -> "Trim | None":
        """What the settings say; nothing where all is kept."""
        if settings.history_auto_trim_max_count is None:
            return None
        return cls(
            entries_max=settings.history_auto_trim_max_count,
            users=settings.history_auto_trim_user_ids,
            threshold=settings.history_auto_trim_threshold,
        )


class Housekeeping:
    """Works over a connection of its own."""

    def __init__(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        *,
        trim: Trim | None = None,
        keys_ttl_s: float = KEYS_TTL_S,
        now_s: Callable[[], float] = time,
    ) -> None:
        """Keys of requests are forgotten `keys_ttl_s` after the requests were made."""
        self._connection = connection
        self._trim = trim
        self._keys_ttl_s = keys_ttl_s
        self._now_s = now_s
        self._trimmed_at: dict[object, int] = {}

    async def run(self, rest: Callable[[float], Awaitable[bool]]) -> None:
        """Keep house until `rest`, which is given the seconds, answers that it is time to stop."""
        while not await rest(PAUSE_S):
            await self.analyze()
            await self.trim()
            while await self.forget_keys() == ROWS_MAX:
                if await rest(PAUSE_S):
                    return
            while (took_s := await self.sweep()) is not None:
                if await rest(took_s * REST):
                    return

    async def analyze(self) -> Sequence[str]:
        """Renew the statistics of tables that have outgrown them; answer their names.

        Autovacuum does it too, but looks only once a minute: long enough for a new store to be
        read by plans that were made for empty tables.
        """
        rows = await self._connection.fetch(SQL.list_outgrown, ANALYZE_ROWS_MIN)
        tables = [row["relname"] for row in rows]
        for table in tables:
            await self._connection.execute(f'ANALYZE "{table}"')
        return tables

    async def trim(self) -> int:
        """Cut the histories that have moved to the length that they may have; answer by how much.

        Not on the log: it says nothing of what happened, only how much of it is shown. A rebuild
        is cut in the same way as soon as it has caught up.
        """
        if self._trim is None:
            return 0
        rows = await self._connection.fetch(SQL.moved_histories)
        moved = [row for row in rows if self._trimmed_at.get(row["uid"]) != row["last_modified"]]
        self._trimmed_at = {row["uid"]: row["last_modified"] for row in rows}
        trim, gone = self._trim, 0
        for row in moved:
            gone += await self._connection.fetchval(
                SQL.trim_history, row["uid"], trim.entries_max, trim.threshold, list(trim.users)
            )
        return gone

    async def forget_keys(self) -> int:
        """Forget some of the keys whose time is over; answer how many."""
        until_ms = int((self._now_s() - self._keys_ttl_s) * 1000)
        return int(await self._connection.fetchval(SQL.forget_keys, until_ms, ROWS_MAX))

    async def sweep(self) -> float | None:
        """Delete some rows below a life that has ended; answer the seconds it took, if any."""
        began_at = monotonic()
        doomed = await self._connection.fetchrow(SQL.next_doomed)
        if doomed is None:
            return None
        for statement in SWEEPS[Kind(doomed["kind"])]:
            if await self._connection.fetchval(statement, doomed["uid"], ROWS_MAX) == ROWS_MAX:
                return monotonic() - began_at
        await self._connection.execute(SQL.forget_doomed, doomed["uid"])
        return monotonic() - began_at
