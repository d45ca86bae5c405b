"""Why a stack cannot start or go on: one sentence each, with the exit code a shell sees."""

from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Self

from muniment.runtime.errors import UserError


class StackError(UserError):
    """Says in one sentence what is wrong and what to do; shown without a traceback."""


class SettingWrong(StackError):
    """A setting or flag cannot be used as given."""

    exit_code = 2


class Unreachable(StackError):
    """A server that was given by its URL does not answer, or one of ours did not come up."""

    exit_code = 3


class Taken(StackError):
    """A port is in use, or another instance runs on the same data folder."""

    exit_code = 4


class FolderBroken(StackError):
    """The data folder is not one, cannot be written, or holds what we cannot read."""

    exit_code = 5


class NoRoom(StackError):
    """The disk is full, or too full to start."""

    exit_code = 6

    @classmethod
    def at(cls, path: Path) -> Self:
        return cls(f"No space is left on the disk of {path}: free some and start again.")

    @classmethod
    def of(cls, error: OSError, path: Path) -> Self | None:
        """The error told as this one, if that is what it means."""
        return cls.at(path) if error.errno in (ENOSPC, EDQUOT) else None


class DownloadFailed(StackError):
    """Kafka's jars are not in the cache and could not be fetched."""

    exit_code = 6


class StartFailed(StackError):
    """A service does not get through its start."""


def by_exit_code(code: int, sentence: str) -> StackError:
    """The error of a child that ended with the code, told on as ours."""
    kinds = (SettingWrong, Unreachable, Taken, FolderBroken, NoRoom)
    kind = next((kind for kind in kinds if kind.exit_code == code), StartFailed)
    return kind(sentence)
