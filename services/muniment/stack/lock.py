"""Make the lock file of Kafka's jars: `python -m muniment.stack.lock`, once a version."""

import hashlib
import tempfile
from pathlib import Path
from typing import Final

from jgo.maven import MavenContext, PythonResolver

from muniment.stack.distribution import KAFKA_VERSION, LOCK_NAME

# Resolved apart: the logging binding's own list of versions would pull in an older Kafka client.
ROOTS: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
)


def main() -> None:
    """Resolve what Kafka needs, fetch it, and write names, sizes and digests."""
    rows: set[str] = set()
    with tempfile.TemporaryDirectory() as repository:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(repository))
        for root in ROOTS:
            named, needed = context.resolver.resolve([context.create_dependency(root)])
            for dependency in (*named, *needed):
                content = dependency.artifact.resolve().read_bytes()
                name = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
                rows.add(f"{name} {len(content)} {hashlib.sha256(content).hexdigest()}\n")
    heading = (
        f"# What Apache Kafka {KAFKA_VERSION} needs to run: coordinates, size in bytes, SHA-256.\n"
        "# Made by `python -m muniment.stack.lock`; every jar is checked against it before use.\n"
    )
    Path(__file__).with_name(LOCK_NAME).write_text(heading + "".join(sorted(rows)))


if __name__ == "__main__":
    main()
