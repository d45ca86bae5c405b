"""Requests that were begun and are not answered yet."""

import asyncio


class InHand:
    """`with in_hand:` around each of them."""

    def __init__(self) -> None:
        self._count = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def __enter__(self) -> None:
        self._count += 1
        self._is_empty.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._is_empty.set()

    async def until_empty(self) -> None:
        """Return when there are none."""
        await self._is_empty.wait()
