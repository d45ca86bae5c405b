"""Ports for the servers that tests start.

They lie below those that systems give to whoever asks for any, so that no connection and no other
server takes one between its choice and the moment, seconds later, when the server listens there.
"""

import fcntl
import os
import random
import tempfile
from pathlib import Path
from typing import Final

from muniment.stack import ports

FIRST: Final = 15_000
LAST: Final = 32_000

_CHANCE: Final = random.SystemRandom()
_given: Final[set[int]] = set()
# Runs of tests beside each other share it: each keeps the bytes of its ports locked until it ends.
_claims: Final = (Path(tempfile.gettempdir()) / f"muniment-test-ports-{os.getuid()}").open("a+b")


def new_port() -> int:
    """A port of loopback that is free, and that no run of tests has been given before."""
    port = _CHANCE.randint(FIRST, LAST)
    while port in _given or not ports.is_free(port) or not _claim(port):
        port = _CHANCE.randint(FIRST, LAST)
    _given.add(port)
    return port


def _claim(port: int) -> bool:
    try:
        fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True
