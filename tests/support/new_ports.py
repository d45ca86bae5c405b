"""Ports for the servers that tests start.

They lie below those that systems give to whoever asks for any, so that no connection and no other
server takes one between its choice and the moment, seconds later, when the server listens there.
"""

import random
from typing import Final

from muniment.stack import ports

FIRST: Final = 15_000
LAST: Final = 32_000

_CHANCE: Final = random.SystemRandom()
_given: Final[set[int]] = set()


def new_port() -> int:
    """A port of loopback that is free, and that this process has not been given before."""
    port = _CHANCE.randint(FIRST, LAST)
    while port in _given or not ports.is_free(port):
        port = _CHANCE.randint(FIRST, LAST)
    _given.add(port)
    return port
