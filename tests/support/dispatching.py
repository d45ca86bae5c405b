"""`muniment serve webhooks` in processes of its own, fed by appending to the log directly.

    async with feeding(stack, tally) as feed:
        await feed.open("tides")
        dispatcher = feed.dispatcher()
        await feed.write([record("r1", "tides")])

All endpoints are URLs of collections of the bucket atlas, so all events lie in one partition
unless another bucket is named.
"""

import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from muniment.domain import addresses
from muniment.domain.events import Event
from muniment.log.connection import parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import Offset, Writer
from muniment.webhooks.endpoints import EndpointId
from tests.support.server import MUNIMENT, environment
from tests.support.stack import Stack, new_database, new_name
from tests.support.tally import Tally
from tests.unit.webhooks.building import changed

SECRET_KEY: Final = "of the receiver that tallies"
BATCH: Final = 500
STOP_TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class Dispatcher:
    """One process."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> None:
        """In good order."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_TIMEOUT_S)
        assert status == 0, self.log.read_text()[-3_000:]

    def rss_mb(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6


@dataclass(slots=True)
class Feed:
    """A log to write to, and dispatchers that read it."""

    stack: Stack
    tally: Tally
    topic_prefix: str
    folder: Path
    partitions: int
    settings: Mapping[str, str]
    log: KafkaLog
    dispatchers: list[Dispatcher] = field(default_factory=list[Dispatcher])
    writers: dict[str, Writer] = field(default_factory=dict[str, Writer])

    def dispatcher(self) -> Dispatcher:
        """Start one."""
        chosen = {
            "kafka_url": self.stack.kafka_url,
            "postgres_url": self.stack.postgres_url,
            "topic_prefix": self.topic_prefix,
            "events_partitions": str(self.partitions),
            "data_dir": str(self.folder),
            "secret_key": SECRET_KEY,
            "webhooks_allowed_networks": "127.0.0.0/8",
            **self.settings,
        }
        path = self.folder / f"dispatcher-{len(self.dispatchers)}.log"
        with path.open("wb") as out:
            process = subprocess.Popen(
                [*MUNIMENT, "serve", "webhooks"],
                env=environment(chosen),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.dispatchers.append(Dispatcher(process, path))
        return self.dispatchers[-1]

    async def open(
        self, *collections: str, bucket_id: str = "atlas", urls: Mapping[str, str] | None = None
    ) -> Sequence[tuple[Offset, EndpointId]]:
        """Have each collection's changes told; answers the endpoints, and where they begin."""
        events: list[Event] = []
        for name in collections:
            data = dict[str, Any]()
            data["webhook:url"] = (urls or {}).get(name) or self.tally.at(f"{bucket_id}/{name}")
            events.append(changed(addresses.collection(bucket_id, name), **data))
        offsets = await self.write(events, bucket_id=bucket_id)
        return [
            (Offset(offset), EndpointId(event.id))
            for offset, event in zip(offsets, events, strict=True)
        ]

    async def write(self, events: Sequence[Event], *, bucket_id: str = "atlas") -> dict[int, float]:
        """Append; answers when each was acknowledged (seconds since the epoch), by offset."""
        if bucket_id not in self.writers:
            partition = self.log.partition_of(addresses.BucketId(bucket_id))
            self.writers[bucket_id] = await self.log.claim(
                partition, instance_id="feed", url="http://feed"
            )
        acknowledged: dict[int, float] = {}
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            first = await self.writers[bucket_id].append(batch)
            at = time.time()
            acknowledged |= {first + number: at for number in range(len(batch))}
        return acknowledged


@asynccontextmanager
async def feeding(
    stack: Stack,
    tally: Tally,
    *,
    partitions: int = 1,
    settings: Mapping[str, str] | None = None,
) -> AsyncGenerator[Feed]:
    """Topics and a database of their own; the dispatchers are ended with the block."""
    async with AsyncExitStack() as opened:
        database = opened.enter_context(new_database(stack))
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="muniment-feed-"))
        prefix = new_name()
        options = LogOptions(topic_prefix=prefix, partitions=partitions)
        log = await opened.enter_async_context(
            KafkaLog.open(parse_kafka_url(stack.kafka_url), options)
        )
        feed = Feed(
            Stack(stack.kafka_url, database),
            tally,
            prefix,
            Path(folder),
            partitions,
            settings or {},
            log,
        )
        try:
            yield feed
        finally:
            for dispatcher in feed.dispatchers:
                if dispatcher.process.poll() is None:
                    dispatcher.kill()
            for writer in feed.writers.values():
                await writer.close()


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in order."""
    return ordered[round(share * (len(ordered) - 1))]
