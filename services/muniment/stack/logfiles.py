"""The children's log files: kept below a size, and watched for what a user should see.

Children write to their files directly and append-only, so they never wait for us and lose nothing
when we are gone; the file is cut from outside once it is too long.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

FILE_BYTES_MAX: Final = 16 * 2**20
READ_BYTES_MAX: Final = 256 * 2**10
ERROR_MARKS: Final = ("FATAL", "PANIC", "ERROR", "Error", "muniment: ")
LOUD_LEVELS: Final = frozenset({"warning", "error", "critical", "exception"})


def trim(path: Path, *, bytes_max: int = FILE_BYTES_MAX) -> None:
    """Move what a file holds to `<name>.1` once it is longer; its writers write on.

    What a child writes between the copy and the cut is lost: a line at most, in practice.
    """
    if not path.exists() or path.stat().st_size <= bytes_max:
        return
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    with path.open("r+b") as file:
        file.truncate()


class Tail:
    """Reads what is appended to a log, from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def skip(self) -> None:
        """Leave out what is there now."""
        if self._path.exists():
            self._offset = self._path.stat().st_size

    def loud_lines(self) -> Iterator[str]:
        """The new lines that warn, worded for a console: plain text when they are not JSON."""
        for line in self._new_lines():
            worded = _worded(line)
            if worded is not None:
                yield worded

    def _new_lines(self) -> list[bytes]:
        try:
            size = self._path.stat().st_size
        except OSError:
            return []
        if size < self._offset:
            self._offset = 0
        if size == self._offset:
            return []
        # What is far behind is in the file for whoever looks; the console shows what is new.
        self._offset = max(self._offset, size - READ_BYTES_MAX)
        with self._path.open("rb") as file:
            file.seek(self._offset)
            block = file.read(READ_BYTES_MAX)
        whole = block[: block.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()


def last_words(path: Path, *, count: int = 1) -> str:
    """The last lines of a log, preferring those that name an error; for a one-line message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - READ_BYTES_MAX))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("\tat ")]
    marked = [line for line in lines if any(mark in line for mark in ERROR_MARKS)]
    chosen = (marked or lines)[-count:]
    return " / ".join(line.removeprefix("muniment: ") for line in chosen)[:400]


def _worded(line: bytes) -> str | None:
    text = line.decode(errors="replace").strip()
    fields = _json_object(text)
    if fields is None:
        return text or None
    if str(fields.get("level", "")).lower() not in LOUD_LEVELS:
        return None
    event = fields.get("event") or fields.get("message") or ""
    facts = " ".join(f"{name}={value}" for name, value in fields.items() if name not in HEAD_FIELDS)
    return f"{fields['level']}: {event} {facts}".strip()[:400]


HEAD_FIELDS: Final = frozenset(
    {"level", "event", "message", "timestamp", "time", "at", "logger", "service", "exception"}
)


def _json_object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        fields: dict[str, Any] = json.loads(text)  # It begins with a brace.
    except ValueError:
        return None
    return fields
