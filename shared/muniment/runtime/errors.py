"""Errors told to the person at the keyboard: one sentence, and an exit code for scripts."""

from typing import ClassVar


class UserError(Exception):
    """Something a person can mend; the message says in one sentence what is wrong and what to do.

    It ends the process with `exit_code` and without a traceback.
    """

    exit_code: ClassVar[int] = 1


class ConfigurationError(UserError):
    """A setting, a flag or the configuration file is wrong."""

    exit_code = 2


class DependencyUnreachable(UserError):
    """Kafka or Postgres does not answer, or is not what Muniment can work with."""

    exit_code = 3


class AlreadyTaken(UserError):
    """A port, or the data folder, belongs to another process."""

    exit_code = 4


class DataFolderBroken(UserError):
    """The data folder can't be written, is full, or holds what Muniment did not put there."""

    exit_code = 5
