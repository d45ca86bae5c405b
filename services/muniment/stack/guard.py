"""The guard: ends a supervisor's children when the supervisor is gone, however it went.

It runs in a session of its own, so no Ctrl-C reaches it, and holds the read end of a pipe whose
only write end is the supervisor's. End of file means that the supervisor has ended; what is then
still on its roll is ended in the same order as the supervisor would have.
"""

import signal
import sys
from pathlib import Path
from typing import Final

from muniment.stack.ending import Roll, end_in_order

# Nobody waits for the answers of a supervisor that was killed.
GRACE_S_MAX: Final = 5.0


def main(roll_path: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    roll = Roll(Path(roll_path))
    end_in_order(roll.read(), grace_s_max=GRACE_S_MAX)
    roll.remove()


if __name__ == "__main__":
    main(sys.argv[1])
