"""How many files and connections this process may have open."""

import resource
from typing import Final

LIMIT_MAX: Final = 1_048_576
"""Where there is no limit at all."""


def raise_open_files_limit() -> int:
    """Let the process open as many as the system lets it, and answer how many that is.

    Shells start programs with a limit of 1,024 for the sake of `select`, which nothing here uses.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = LIMIT_MAX if hard == resource.RLIM_INFINITY else min(hard, LIMIT_MAX)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):
            # macOS has a second, lower limit that it does not tell.
            return soft
    return most
