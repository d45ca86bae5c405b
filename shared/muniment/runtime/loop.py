"""The event loop that services run on."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine to its end on uvloop, or on asyncio's own loop where there is no uvloop."""
    try:
        import uvloop  # noqa: PLC0415 - a platform may lack it
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
