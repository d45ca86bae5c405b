"""The secret from which all others are made: given by a setting, else kept in the data folder."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from muniment.runtime.errors import DataFolderBroken
from muniment.runtime.settings import Settings

FILE_NAME: Final = "secret_key"
KEY_BYTES: Final = 32


def secret_key(settings: Settings) -> bytes:
    """Answer with the master secret: the same every time, also to two processes at once.

    Raises `DataFolderBroken` when it is neither given nor can be kept.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.data_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataFolderBroken(
            f"The secret key can't be kept in {path}: {_reason(error)}; "
            "make the folder writable, or set MUNIMENT_SECRET_KEY."
        ) from error
    if len(kept) < 2 * KEY_BYTES:
        raise DataFolderBroken(
            f"The secret key in {path} is cut short; "
            "put its backup there, or set MUNIMENT_SECRET_KEY."
        )
    return kept.encode()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return error.strerror.lower()
    return str(error)


def _make(path: Path) -> None:
    """Link the file into its place when it is whole: the first process to come there wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=f"{FILE_NAME}.", dir=path.parent)  # Mode 0600.
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
