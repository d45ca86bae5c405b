"""The official images of Kafka and Postgres, run by testcontainers."""

import io
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from docker.errors import DockerException  # type: ignore[import-untyped]  # it has no types
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

KAFKA_IMAGE: Final = "apache/kafka:4.1.1"
POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_PORT: Final = 9092
START_TIMEOUT_S: Final = 60
START_SCRIPT: Final = "/tmp/start-kafka.sh"


class ApacheKafkaContainer(DockerContainer):
    """One KRaft node from the plain Apache image.

    Kafka must tell its clients the port that Docker gives it, which is known only once the
    container runs: it waits for a script that is put in then, and says the right address.
    """

    def __init__(self, image: str = KAFKA_IMAGE) -> None:
        super().__init__(image)
        self.with_exposed_ports(KAFKA_PORT)
        self.with_kwargs(entrypoint=["sh", "-c"])
        self.with_command([f"until [ -f {START_SCRIPT} ]; do sleep 0.1; done; sh {START_SCRIPT}"])
        for name, value in {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "LISTENER_SECURITY_PROTOCOL_MAP": (
                "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT"
            ),
            "LISTENERS": f"CLIENTS://:{KAFKA_PORT},CONTROLLER://:9094,INSIDE://:9095",
            "INTER_BROKER_LISTENER_NAME": "INSIDE",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
            "LOG_RETENTION_MS": "-1",
        }.items():
            self.with_env(f"KAFKA_{name}", value)

    @property
    def url(self) -> str:
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(KAFKA_PORT)}"

    def start(self) -> "ApacheKafkaContainer":
        super().start()
        self._put_start_script()
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(
            START_TIMEOUT_S
        ).wait_until_ready(self)
        return self

    def _put_start_script(self) -> None:
        listeners = f"CLIENTS://{self.url},INSIDE://localhost:9095"
        script = f"export KAFKA_ADVERTISED_LISTENERS={listeners}\nexec /etc/kafka/docker/run\n"
        container: Any = self.get_wrapped_container()
        folder, _, name = START_SCRIPT.rpartition("/")
        container.put_archive(folder, _archive(name, script.encode()))


@contextmanager
def kafka() -> Generator[str]:
    """The bootstrap servers of a Kafka in a container."""
    _require_docker()
    with ApacheKafkaContainer() as container:
        yield container.url


@contextmanager
def postgres() -> Generator[str]:
    """The URL of a Postgres in a container."""
    _require_docker()
    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield container.get_connection_url()


def _require_docker() -> None:
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415 - connects

    try:
        DockerClient()
    except DockerException as error:
        pytest.exit(
            f"--stack=containers needs a Docker daemon, and none answers ({error}): start it, or "
            "leave the option out to use the embedded stack.",
            returncode=4,
        )


def _archive(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
