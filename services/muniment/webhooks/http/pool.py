"""Connections that stay open for the next delivery, and how many there may be."""

import asyncio
import time
from collections import deque
from collections.abc import Hashable
from typing import Final

from muniment.runtime import metrics
from muniment.webhooks.http.connection import Connection

IDLE_PER_ORIGIN_MAX: Final = 64
AGE_S_MAX: Final = 600.0
"""Then names are looked up and addresses judged anew, also at a receiver that is always busy."""
SWEEP_EVERY_S: Final = 1.0


class Pool:
    """Idle connections by where they lead; of each the last used is the first to be used again."""

    def __init__(self, *, connections_max: int) -> None:
        self._free = connections_max
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: dict[Hashable, deque[Connection]] = {}
        """The oldest on the left."""
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    def take(self, key: Hashable) -> Connection | None:
        """An idle connection, now the caller's; `None` where there is none."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if not connection.is_closed:
                return connection
        return None

    def give_back(self, key: Hashable, connection: Connection) -> None:
        """Keep the connection if it can be used again."""
        now = time.monotonic()
        if connection.is_closed:
            return
        if self._is_closed or now - connection.opened_at > AGE_S_MAX or self._waiting:
            connection.drop()
            return
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle[key] = deque()
        elif len(idle) >= IDLE_PER_ORIGIN_MAX:
            connection.drop()
            return
        connection.idle_since = now
        idle.append(connection)
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(SWEEP_EVERY_S, self._sweep)

    async def room(self) -> None:
        """Wait until one more connection may be opened; `no_use` or `add` must follow."""
        if self._free > 0:
            self._free -= 1
            return
        self._drop_oldest()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def no_use(self) -> None:
        """The room is not needed: no connection came about."""
        self._pass_on()

    def add(self, connection: Connection) -> None:
        """Count a connection for which there was room, until it is closed."""
        self._open.add(connection)
        metrics.WEBHOOK_OPEN_CONNECTIONS.inc()
        connection.closed.add_done_callback(lambda _: self._discard(connection))

    async def close(self) -> None:
        """Close all of them."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in list(self._open):
            connection.drop()
        if self._open:
            await asyncio.wait([connection.closed for connection in self._open])

    # --- Inside -----------------------------------------------------------------------------------

    def _discard(self, connection: Connection) -> None:
        self._open.discard(connection)
        metrics.WEBHOOK_OPEN_CONNECTIONS.dec()
        self._pass_on()

    def _pass_on(self) -> None:
        """Who has waited longest has the room now, without it being free in between."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _drop_oldest(self) -> None:
        oldest = min(
            (idle[0] for idle in self._idle.values() if idle),
            key=lambda connection: connection.idle_since,
            default=None,
        )
        if oldest is not None:
            oldest.drop()

    def _sweep(self) -> None:
        now = time.monotonic()
        for key, idle in list(self._idle.items()):
            for connection in [each for each in idle if now - each.idle_since > each.idle_s_max]:
                connection.drop()
            kept = [each for each in idle if not each.is_closed]
            if len(kept) != len(idle):
                self._idle[key] = deque(kept)
            if not kept:
                del self._idle[key]
        self._sweeper = None
        if self._idle:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(SWEEP_EVERY_S, self._sweep)
