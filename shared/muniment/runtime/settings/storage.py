"""Settings of the log, of the read model, and of the owner and projector between the two."""

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from muniment.runtime.settings.fields import Subject
from muniment.runtime.settings.kafka_url import KafkaUrl


class LogSettings(Subject):
    title: ClassVar[str] = "Log (Kafka)"

    kafka_url: str | None = Field(
        default=None,
        repr=False,
        description="Kafka's bootstrap servers, `host:port,host:port`, or a URL, "
        "`kafka+ssl://user:password@host:port?sasl=scram-sha-512`; unset: the embedded one.",
    )
    topic_prefix: str = Field(
        default="muniment",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Prefix of the names of all topics, consumer groups and transactional ids.",
    )
    events_partitions: int = Field(
        default=12,
        ge=1,
        le=1000,
        description="Partitions of the topic of events when it is created.",
    )
    replication_factor: int = Field(
        default=1,
        ge=1,
        description="Copies of each partition when a topic is created; 3 in production.",
    )
    min_insync_replicas: int = Field(
        default=1,
        ge=1,
        description="Copies that must have a write before it counts; 2 in production.",
    )
    compression: Literal["lz4", "zstd", "snappy", "gzip", "none"] = Field(
        default="lz4", description="Compression of the batches on the log."
    )
    append_timeout_s: float = Field(
        default=10,
        gt=0,
        description="Seconds until an append without an answer counts as not known.",
    )

    @field_validator("kafka_url")
    @classmethod
    def _names_servers(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parsed = KafkaUrl.parse(url)
        if parsed.is_encrypted or parsed.username is not None:
            return url if "://" in url else f"kafka://{url}"
        return ",".join(parsed.servers)

    @model_validator(mode="after")
    def _can_reach_min_insync(self) -> Self:
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError(
                f"min_insync_replicas is {self.min_insync_replicas}, more than "
                f"replication_factor, which is {self.replication_factor}: no write could count"
            )
        return self


class ReadModelSettings(Subject):
    title: ClassVar[str] = "Read model (Postgres)"

    postgres_url: str | None = Field(
        default=None,
        repr=False,
        description="URL of the database, `postgresql://user:password@host/name`; "
        "unset: the embedded one.",
    )
    postgres_pool_size: int = Field(
        default=10, ge=3, description="Connections to Postgres that a service holds at most."
    )
    statement_timeout_s: float = Field(
        default=30, gt=0, description="Seconds after which a statement of a request is given up."
    )

    @field_validator("postgres_url")
    @classmethod
    def _is_a_postgres_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("it does not begin with postgresql://")
        return url


class FlowSettings(Subject):
    title: ClassVar[str] = "Way of a write"

    queue_commands_max: int = Field(
        default=10_000,
        ge=1,
        description="Commands that may wait for a partition's owner; above it is 503.",
    )
    group_commands_max: int = Field(
        default=500,
        ge=1,
        description="Commands that are decided together and appended as one batch.",
    )
    group_bytes_max: int = Field(
        default=900_000, ge=1024, description="Bytes of events that are appended as one batch."
    )
    overlay_records_max: int = Field(
        default=100_000,
        ge=1,
        description="Objects with events that are not projected yet which an owner keeps; "
        "above it is 503.",
    )
    projection_wait_timeout_s: float = Field(
        default=5,
        ge=0,
        description="Seconds that a write waits to be projected; then it is answered so.",
    )
    idempotency_key_ttl_s: float = Field(
        default=24 * 3600,
        gt=0,
        description="Seconds for which a write under an `Idempotency-Key` is answered again, and "
        "not made again.",
    )
    projector_batch_records_max: int = Field(
        default=2_000, ge=1, description="Events that the projector folds into one transaction."
    )
