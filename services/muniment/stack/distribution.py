"""Kafka's jars: fetched once into a cache of the user's, whole or not at all, each checked.

The lock file beside this module names every jar with its size and SHA-256, so what runs is what was
tested; `python -m muniment.stack.lock` makes it anew for another version.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from muniment.stack.errors import DownloadFailed, NoRoom
from muniment.stack.folder import discard

KAFKA_VERSION: Final = "4.1.1"
LOCK_NAME: Final = f"kafka-{KAFKA_VERSION}.lock"
DOWNLOADS_AT_ONCE: Final = 4

# Given the bytes to come, shows progress while it is open; called with each piece's size.
Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar."""

    coordinates: str
    size_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


def cache_root(environment: Mapping[str, str] = os.environ) -> Path:
    """Where things live that can be fetched again, shared by all data folders of a user."""
    chosen = environment.get("MUNIMENT_CACHE_DIR")
    return Path(chosen).expanduser().absolute() if chosen else user_cache_path("muniment")


def locked_jars() -> list[Jar]:
    """The jars Kafka needs, as pinned."""
    lines = (files("muniment.stack") / LOCK_NAME).read_text().splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return [Jar(coordinates, int(size), sha256) for coordinates, size, sha256 in rows]


def ensure_jars(progress: Progress, *, cache: Path | None = None) -> Path:
    """The folder with all of Kafka's jars, fetching them first where they are not there.

    Raises `DownloadFailed` when they cannot be fetched, and `NoRoom` when the disk is full; the
    cache is then as it was.
    """
    jars = locked_jars()
    folder = (cache or cache_root()) / f"kafka-{KAFKA_VERSION}-{_digest(jars)[:12]}"
    if _is_whole(folder, jars):
        return folder
    staged = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    try:
        discard(staged)
        staged.mkdir(parents=True)
        _fetch_all(jars, staged, progress)
        _put_in_place(staged, folder, jars)
    except OSError as error:
        if full := NoRoom.of(error, folder.parent):
            raise full from error
        raise DownloadFailed(
            f"Kafka's jars could not be put into {folder.parent} ({error.strerror or error}): "
            "make it writable, or give another folder with MUNIMENT_CACHE_DIR."
        ) from error
    finally:
        discard(staged)
    return folder


def _is_whole(folder: Path, jars: list[Jar]) -> bool:
    try:
        return all(_is_intact(folder / jar.file_name, jar) for jar in jars)
    except OSError:
        return False


def _is_intact(path: Path, jar: Jar) -> bool:
    if path.stat().st_size != jar.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _fetch_all(jars: list[Jar], staged: Path, progress: Progress) -> None:
    total_bytes = sum(jar.size_bytes for jar in jars)
    with progress(total_bytes) as advance, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        fetched = [pool.submit(_fetch, jar, staged, advance) for jar in jars]
        try:
            for future in fetched:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch(jar: Jar, staged: Path, advance: Callable[[int], None]) -> None:
    # Imported when there is something to fetch: a restart is 0.2 s faster without.
    import requests  # noqa: PLC0415 - see above
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - see above

    context = MavenContext(resolver=PythonResolver(), repo_cache=staged / ".repository")
    try:
        path = context.create_dependency(jar.coordinates).artifact.resolve()
    except (requests.RequestException, RuntimeError) as error:
        raise DownloadFailed(
            f"Kafka's jars are not in the cache and {jar.file_name} could not be fetched "
            f"({type(error).__name__}): connect to the internet for the first start, or use a "
            "Kafka of your own with --kafka."
        ) from error
    if not _is_intact(path, jar):
        raise DownloadFailed(
            f"{jar.file_name} was fetched but is not the pinned file (its SHA-256 differs): try "
            "again, and look at the proxy or mirror in between if it stays so."
        )
    path.rename(staged / jar.file_name)
    advance(jar.size_bytes)


def _put_in_place(staged: Path, folder: Path, jars: list[Jar]) -> None:
    discard(staged / ".repository")
    try:
        staged.rename(folder)
    except OSError:
        # Another start was first, or an old folder was damaged: keep what is whole.
        if not _is_whole(folder, jars):
            discard(folder)
            staged.rename(folder)


def _digest(jars: list[Jar]) -> str:
    return hashlib.sha256("".join(jar.sha256 for jar in jars).encode()).hexdigest()
