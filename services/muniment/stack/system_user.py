"""Whom Postgres runs as when we are root, which it refuses to be."""

import os
import pwd
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from muniment.stack.children import SystemUser
from muniment.stack.errors import SettingWrong

USER_NAME: Final = "pgserver"
USER_ADDITION: Final = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin")


def unprivileged_user() -> SystemUser | None:
    """None when we are not root; else the user to run as, made if it does not exist yet.

    Raises `SettingWrong` when it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = _user_named(USER_NAME)
    except (OSError, subprocess.SubprocessError) as error:
        raise SettingWrong(
            f'Postgres does not run as root, and the user "{USER_NAME}" could not be made for it '
            f"({error}): make that user, start Muniment as another user, or use a Postgres of your "
            "own with --postgres."
        ) from error
    return SystemUser(uid=found.pw_uid, gid=found.pw_gid)


def let_pass(*paths: Path) -> None:
    """Let other users walk (not list) the way to these, where root has shut it."""
    for path in paths:
        for folder in (path, *path.parents):
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _user_named(name: str) -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    subprocess.run([*USER_ADDITION, name], check=True, capture_output=True)  # noqa: S603 - our words
    return pwd.getpwnam(name)
