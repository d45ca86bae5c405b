"""The limit of open files, raised to what the system lets the process have."""

import resource

from muniment.runtime.files import raise_open_files_limit


def test_the_limit_is_as_high_as_the_system_lets_it_be() -> None:
    """A service that keeps connections to thousands must not end at a shell's 1,024."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
    try:
        most = raise_open_files_limit()
        now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert now == most
    assert most >= min(before[1], 513)
