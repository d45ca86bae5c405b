"""The data folder: its layout, its one holder, and whether we can work with what is in it."""

import errno
import fcntl
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from muniment.stack.errors import FolderBroken, NoRoom, StackError, Taken
from muniment.stack.logfiles import trim

# Raised when an older program could not work with the folder any more.
FOLDER_FORMAT: Final = 1
FREE_MB_MIN: Final = 200
MARKER: Final = "muniment.json"
# What may lie in a folder that is new: what services keep there
# without us, our own first steps, and the root of a mounted disk.
HARMLESS: Final = frozenset({"lock", "muniment.new", "secret_key", "lost+found"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are; see docs/embedded-stack.md."""

    root: Path

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What only lives as long as the stack runs."""
        return self.root / "run"

    @property
    def scratch(self) -> Path:
        """Temporary files of the Java process; emptied at every start."""
        return self.run / "scratch"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


class DataFolder:
    """One holder at a time keeps it, by a lock that the system drops when the holder ends."""

    def __init__(self, root: Path, *, free_mb_min: int = FREE_MB_MIN) -> None:
        self.layout = Layout(root.expanduser().absolute())
        self._free_mb_min = free_mb_min
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Make or check the folder and take it.

        Raises `Taken` when another instance has it, `FolderBroken` when it is not a folder of
        ours, and `NoRoom` when the disk is too full to start on.
        """
        root = self.layout.root
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            self._take()
            self._check_marker()
            self._check_room()
            self._make_folders()
        except StackError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise _unusable(root, error) from error

    def close(self) -> None:
        """Let the next one have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take(self) -> None:
        lock = (self.layout.root / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise Taken(
                f"Another Muniment{f' (pid {holder})' if holder else ''} runs on "
                f"{self.layout.root}: stop it, or give this one another folder with "
                "MUNIMENT_DATA_DIR."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _check_marker(self) -> None:
        marker = self.layout.root / MARKER
        if not marker.exists():
            _write_whole(marker, json.dumps({"format": FOLDER_FORMAT}) + "\n")
            return
        try:
            found = int(json.loads(marker.read_bytes())["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise FolderBroken(
                f"{marker} is damaged, so {self.layout.root} cannot be trusted: restore it from a "
                "backup, or start on another folder with MUNIMENT_DATA_DIR."
            ) from error
        if found > FOLDER_FORMAT:
            raise FolderBroken(
                f"{self.layout.root} was written by a newer Muniment (format {found}, this one "
                f"knows {FOLDER_FORMAT}): use that version, or another folder with "
                "MUNIMENT_DATA_DIR."
            )

    def _refuse_foreign(self) -> None:
        names = {entry.name for entry in self.layout.root.iterdir()}
        strangers = {name for name in names - HARMLESS if not name.startswith(".")}
        if strangers and MARKER not in names:
            raise FolderBroken(
                f"{self.layout.root} holds other things ({', '.join(sorted(strangers)[:3])}) and "
                "is no data folder of Muniment: give an empty or new one with MUNIMENT_DATA_DIR."
            )

    def _check_room(self) -> None:
        free_mb = shutil.disk_usage(self.layout.root).free // 2**20
        if free_mb < self._free_mb_min:
            raise NoRoom(
                f"Only {free_mb} MB are free on the disk of {self.layout.root} and "
                f"{self._free_mb_min} MB are needed: free some, or use another disk with "
                "MUNIMENT_DATA_DIR."
            )

    def _make_folders(self) -> None:
        shutil.rmtree(self.layout.scratch, ignore_errors=True)
        for folder in (self.layout.logs, self.layout.run, self.layout.scratch):
            folder.mkdir(exist_ok=True)
        for log in self.layout.logs.glob("*.log"):
            trim(log, bytes_max=0)


def _write_whole(path: Path, text: str) -> None:
    staged = path.with_suffix(".new")
    with staged.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)


def discard(path: Path) -> None:
    """Remove a half-made folder, if there is one."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


def _unusable(root: Path, error: OSError) -> StackError:
    if full := NoRoom.of(error, root):
        return full
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return FolderBroken(
            f"{error.filename or root} is a file where a folder is needed: move it away, or give "
            "another folder with MUNIMENT_DATA_DIR."
        )
    return FolderBroken(
        f"{root} cannot be used ({error.strerror}: {error.filename or root}): make it writable "
        "for this user, or give another folder with MUNIMENT_DATA_DIR."
    )
