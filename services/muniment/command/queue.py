"""The bounded queue in front of an owner; what waits in it is decided together."""

import asyncio
from collections import deque

from muniment.command.waiting import NotOwner, Unavailable, Waiting


class CommandQueue:
    """First in, first out; takes are groups, bounded in number and bytes."""

    def __init__(self, *, commands_max: int) -> None:
        self._commands_max = commands_max
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """Line up, or raise `NotOwner` if it is closed, `Unavailable` if too many wait."""
        if self._is_closed:
            raise NotOwner
        if len(self._waiting) >= self._commands_max:
            message = "too many commands wait for this partition"
            raise Unavailable(message)
        self._waiting.append(waiting)
        self._arrived.set()

    async def take(self, *, commands_max: int, bytes_max: int) -> list[Waiting]:
        """Wait for the first, then take all that is there within the bounds.

        At least one; none when the queue is closed and empty.
        """
        while not self._waiting:
            if self._is_closed:
                return []
            self._arrived.clear()
            await self._arrived.wait()
        group = [self._waiting.popleft()]
        size_bytes = group[0].size_bytes
        while self._waiting and len(group) < commands_max:
            size_bytes += self._waiting[0].size_bytes
            if size_bytes > bytes_max:
                break
            group.append(self._waiting.popleft())
        return group

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        """Take no more; what waits can still be taken."""
        self._is_closed = True
        self._arrived.set()

    def drain(self) -> list[Waiting]:
        """Take everything, for an owner that ends."""
        left = list(self._waiting)
        self._waiting.clear()
        return left
