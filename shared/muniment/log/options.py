"""What an installation chooses about its log; each field is a setting of the same name."""

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from muniment.runtime.settings import Settings

Compression: TypeAlias = Literal["none", "gzip", "lz4", "snappy", "zstd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """The topic and the deadlines of one log; the same in every service of an installation."""

    topic_prefix: str = "muniment"
    """Starts the name of the topic and of the owners' transactional ids."""
    partitions: int = 12
    """Fixed for ever when the topic is created: another number would move buckets."""
    replication_factor: int = 1
    """Brokers that hold a copy of each partition; used when the topic is created."""
    min_insync_replicas: int = 1
    """Copies that must be written before an append is acknowledged."""
    compression: Compression = "lz4"
    batch_bytes_max: int = 16 * 1024 * 1024
    """The largest batch before compression, and so the largest event: an update carries its
    object twice. A bulk delete is one batch, or as few as hold it."""
    connect_timeout_s: float = 10.0
    """For opening the log, a reader, and for asking where the log ends."""
    claim_timeout_s: float = 30.0
    append_timeout_s: float = 10.0
    close_timeout_s: float = 5.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The log that the settings describe."""
        return cls(
            topic_prefix=settings.topic_prefix,
            partitions=settings.events_partitions,
            replication_factor=settings.replication_factor,
            min_insync_replicas=settings.min_insync_replicas,
            compression=settings.compression,
            append_timeout_s=settings.append_timeout_s,
        )

    @property
    def topic(self) -> str:
        """The name of the topic that holds the events."""
        return f"{self.topic_prefix}.events"

    def transactional_id(self, partition: int) -> str:
        """The name under which Kafka counts the epochs of the partition's owners."""
        return f"{self.topic_prefix}-owner-{partition}"
