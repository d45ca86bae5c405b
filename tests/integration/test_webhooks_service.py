"""The whole service on a real Kafka and Postgres, with real receivers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from muniment.domain import addresses
from muniment.domain.events import Action, Event
from muniment.log.connection import parse_kafka_url
from muniment.log.kafka import KafkaLog
from muniment.log.options import LogOptions
from muniment.log.protocol import Writer
from muniment.runtime.sealing import master_secret
from muniment.runtime.settings import Settings
from muniment.web.internal import Vitals
from muniment.webhooks.app import delivering
from muniment.webhooks.signing import secret_for
from tests.support.receiver import HANG, OK, PATIENCE_S, Receiver, Reply, always, fail_first
from tests.support.stack import Stack
from tests.unit.webhooks.building import changed, collection, project_collection, record

PARTITIONS = 2
OTHER_BUCKET = "maps"
"""In the partition that atlas is not in."""


@pytest.fixture
def settings(stack: Stack, topic_prefix: str, database: str, tmp_path: Path) -> Settings:
    return Settings(
        kafka_url=stack.kafka_url,
        postgres_url=database,
        topic_prefix=topic_prefix,
        events_partitions=PARTITIONS,
        data_dir=tmp_path,
        secret_key=SecretStr("of the test"),
        webhooks_allowed_networks=("127.0.0.0/8",),  # type: ignore[arg-type] # as the user gives it
        webhooks_retry_schedule_s=(0, 0.2, 0.2, 0.2, 0.2),
        webhooks_retry_jitter=0,
        webhooks_timeout_s=120,
    )


@pytest.fixture
def receiver(settings: Settings) -> Receiver:
    """For the collection tides; others are at paths named as they are."""

    def secret(path: str) -> str:
        name = path.strip("/")
        bucket_id = OTHER_BUCKET if name == OTHER_BUCKET else "atlas"
        collection_id = "tides" if name in {"hook", OTHER_BUCKET} else name
        return str(secret_for(master_secret(settings), bucket_id, collection_id))

    return Receiver(secret)


@asynccontextmanager
async def writing(settings: Settings, bucket_id: str = "atlas") -> AsyncGenerator[Writer, None]:
    """The partition of the bucket."""
    options = LogOptions(topic_prefix=settings.topic_prefix, partitions=PARTITIONS)
    assert settings.kafka_url
    async with KafkaLog.open(parse_kafka_url(settings.kafka_url), options) as log:
        writer = await log.claim(log.partition_of(bucket_id), instance_id="one", url="http://one")
        yield writer
        await writer.close()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[asyncio.Task[None], None]:
    """The service; ended in good order unless the block cancels it."""
    stopping = asyncio.Event()
    running = asyncio.ensure_future(delivering(settings, Vitals())(stopping))
    try:
        yield running
        stopping.set()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(running, PATIENCE_S)
    finally:
        running.cancel()


async def kill(running: asyncio.Task[None]) -> None:
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def append(writer: Writer, events: Sequence[Event]) -> None:
    for start in range(0, len(events), 500):
        await writer.append(events[start : start + 500])


async def rows(settings: Settings, query: str) -> list[Any]:
    assert settings.postgres_url
    connection = await asyncpg.connect(settings.postgres_url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def until_shares_are(settings: Settings, shares: list[int]) -> None:
    """Wait until so many partitions are held by so many connections."""
    query = """
        SELECT count(*) FROM pg_locks
         WHERE locktype = 'advisory' AND granted AND objsubid = 2
           AND classid = hashtext('muniment webhooks partition')::bit(32)::bigint::oid
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      GROUP BY pid ORDER BY 1"""
    async with asyncio.timeout(PATIENCE_S):
        while [count for (count,) in await rows(settings, query)] != shares:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def arrived(receiver: Receiver, count: int) -> Callable[[], bool]:
    return lambda: len({received.id for received in receiver.accepted}) >= count


async def test_each_change_is_told_once_signed_and_in_order(
    settings: Settings, receiver: Receiver
) -> None:
    async with receiver, writing(settings) as writer, serving(settings):
        events = [record(f"r{n % 10}", title="Ærø ☃", n=n) for n in range(300)]
        await append(writer, [collection(receiver.url), *events])
        await receiver.until(arrived(receiver, 301))

    by_record = {
        uri: [r.message["data"]["data"]["n"] for r in receiver.accepted if r.uri == uri]
        for uri in {r.uri for r in receiver.accepted if "/records/" in r.uri}
    }
    assert len(receiver.received) == 301
    assert receiver.forged == []
    assert all(numbers == sorted(numbers) for numbers in by_record.values())


async def test_the_message_says_what_happened(settings: Settings, receiver: Receiver) -> None:
    event = record("r1", title="Log")

    async with receiver, writing(settings) as writer, serving(settings):
        await append(writer, [collection(receiver.url), event])
        await receiver.until(arrived(receiver, 2))

    received = next(r for r in receiver.accepted if "/records/" in r.uri)
    assert received.id == f"evt_{event.id}"
    assert received.headers["Content-Type"] == "application/json"
    assert received.message["type"] == "record.created"
    assert received.message["timestamp"].endswith("Z")
    assert received.message["data"] == {
        "action": "created",
        "uri": "/buckets/atlas/collections/tides/records/r1",
        "url": "/v1/buckets/atlas/collections/tides/records/r1",
        "bucket_id": "atlas",
        "collection_id": "tides",
        "record_id": "r1",
        "last_modified": event.last_modified,
        "sequence": event.stream_at,
        "position": received.message["data"]["position"],
        "user_id": "basicauth:nadia",
        "request_id": "request-1",
        "data": dict(event.after.data),
    }


async def test_a_project_is_told_in_cocobases_words_before_and_after_a_restart(
    settings: Settings, receiver: Receiver
) -> None:
    """CocoBase section 8: payload, headers, repeats; what a field is called stays known."""
    made = record("r1", title="Log", big="x" * 300_000)
    made = replace(made, after=replace(made.after, hidden={"id": 7}))
    changes = record("r1", action=Action.UPDATED, before=made.after.data, title="Book")
    gone = record("r1", action=Action.DELETED, before=changes.after.data, deleted=True)
    receiver.behave(lambda r: Reply(status=503) if r.tries == 1 and b"created" in r.body else OK)

    async with receiver, writing(settings) as writer:
        async with serving(settings):
            await append(writer, [project_collection(receiver.url), made])
            await receiver.until(arrived(receiver, 1))
        async with serving(settings):
            await append(writer, [changes, gone])
            await receiver.until(arrived(receiver, 3))

    first, second, third = (received.message for received in receiver.accepted)
    assert [each["event"].removeprefix("document.") for each in (first, second, third)] == [
        "created",
        "updated",
        "deleted",
    ]
    assert first["data"] == {"title": "Log", "big": "x" * 300_000, "id": 7}
    assert second["data"] == {"title": "Book"}
    assert third["data"] == {"title": "Book"}
    assert {first["collection_id"], first["document_id"]} == {"tides", "r1"}
    assert first["timestamp"].endswith("Z")
    assert len({received.body for received in receiver.received[:2]}) == 1
    assert receiver.accepted[0].headers["Content-Type"] == "application/json"
    assert receiver.accepted[0].headers["User-Agent"].startswith("muniment/")
    assert receiver.forged == []


async def test_a_receiver_that_was_down_misses_nothing(
    settings: Settings, receiver: Receiver
) -> None:
    async with writing(settings) as writer, serving(settings):
        await receiver.start()
        await append(writer, [collection(receiver.url)])
        await receiver.until(arrived(receiver, 1))
        await receiver.stop()
        await append(writer, [record(f"r{n}") for n in range(200)])
        await asyncio.sleep(1.0)
        await receiver.start()
        await receiver.until(arrived(receiver, 201))
        await receiver.stop()

    assert await rows(settings, "SELECT * FROM webhooks.parked") == []


async def test_a_retry_has_the_same_id_and_the_time_of_the_try(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.behave(fail_first(2))
    slow = settings.model_copy(update={"webhooks_retry_schedule_s": (0, 1.1, 1.1)})

    async with receiver, writing(settings) as writer, serving(slow):
        await append(writer, [collection(receiver.url)])
        await receiver.until(arrived(receiver, 1))

    assert len({received.id for received in receiver.received}) == 1
    assert len({received.timestamp for received in receiver.received}) == 3
    assert len({received.body for received in receiver.received}) == 1
    tries = receiver.received
    assert all(int(each.timestamp) <= each.at for each in tries)
    assert all(int(one.at) <= int(next_.timestamp) for one, next_ in pairwise(tries))


async def test_killed_at_any_moment_it_goes_on_and_loses_nothing(
    settings: Settings, receiver: Receiver
) -> None:
    async with receiver, writing(settings) as writer:
        await append(writer, [collection(receiver.url)])
        for round_ in range(4):
            await append(writer, [record(f"r{n % 50}", n=round_ * 500 + n) for n in range(500)])
            async with serving(settings) as running:
                enough = arrived(
                    receiver, len({received.id for received in receiver.accepted}) + 100
                )
                await receiver.until(enough)
                await kill(running)
        async with serving(settings):
            await receiver.until(arrived(receiver, 2_001))

    assert receiver.forged == []
    assert len(receiver.received) <= 2_001 + 4 * 516


async def test_a_hung_endpoint_does_not_delay_another(
    settings: Settings, receiver: Receiver
) -> None:
    """The hung ones are still waited for when all others have arrived."""
    receiver.behave(lambda received: HANG if received.path == "/hung" else OK)
    hasty = settings.model_copy(update={"drain_s": 0.2})

    def healthy() -> int:
        return len([r for r in receiver.accepted if r.path == "/hook"])

    async with receiver, writing(settings) as writer, serving(hasty):
        await append(writer, [collection(receiver.at("hung"), "hung"), collection(receiver.url)])
        await receiver.until(lambda: healthy() == 1)
        mixed = [record(f"r{n}", "hung" if n % 2 else "tides") for n in range(400)]
        await append(writer, mixed)
        await receiver.until(lambda: healthy() == 201)

    assert {each.path for each in receiver.accepted} == {"/hook"}
    assert max(each.tries for each in receiver.received) == 1


async def test_a_private_address_gets_nothing_without_the_setting(
    settings: Settings, receiver: Receiver
) -> None:
    strict = settings.model_copy(update={"webhooks_allowed_networks": ()})

    async with receiver, writing(settings) as writer, serving(strict):
        await append(writer, [collection(receiver.url)])
        async with asyncio.timeout(PATIENCE_S):
            while not await dead(settings):  # noqa: ASYNC110 - it is Postgres that changes
                await asyncio.sleep(0.1)

    assert (receiver.received, receiver.forged) == ([], [])
    assert await dead(settings) == [("blocked_address", 5)]


async def dead(settings: Settings) -> list[Any]:
    try:
        return await rows(settings, "SELECT reason, attempts FROM webhooks.parked WHERE is_dead")
    except asyncpg.UndefinedTableError:
        return []


async def test_a_second_instance_stands_by_and_takes_over(
    settings: Settings, receiver: Receiver
) -> None:
    async with receiver, writing(settings) as writer, serving(settings) as first:
        await append(writer, [collection(receiver.url)])
        await receiver.until(arrived(receiver, 1))
        async with serving(settings):
            await asyncio.sleep(0.5)
            await append(writer, [record(f"a{n}") for n in range(100)])
            await receiver.until(arrived(receiver, 101))
            before = len(receiver.received)
            await kill(first)
            await append(writer, [record(f"b{n}") for n in range(100)])
            await receiver.until(arrived(receiver, 201))

    assert before == 101


async def test_two_instances_share_the_partitions_and_take_over_from_each_other(
    settings: Settings, receiver: Receiver
) -> None:
    """Each of two buckets lies in a partition of its own; each instance gets one of them."""
    told = [f"of two {n}" for n in range(20)]
    async with receiver, writing(settings) as here, writing(settings, OTHER_BUCKET) as there:
        await append(here, [collection(receiver.url)])
        url = receiver.url.replace("/hook", f"/{OTHER_BUCKET}")
        tides, data = addresses.collection(OTHER_BUCKET, "tides"), dict[str, Any]()
        data["webhook:url"] = url
        await append(there, [changed(tides, **data)])
        async with serving(settings) as first, serving(settings):
            await until_shares_are(settings, [1, 1])
            await append(here, [record(name) for name in told])
            await append(
                there, [changed(addresses.record(OTHER_BUCKET, "tides", name)) for name in told]
            )
            await receiver.until(arrived(receiver, 42))
            repeats = len(receiver.accepted) - 42
            await kill(first)
            await until_shares_are(settings, [2])
            await append(here, [record("after")])
            await append(there, [changed(addresses.record(OTHER_BUCKET, "tides", "after"))])
            await receiver.until(arrived(receiver, 44))

    assert repeats == 0


async def test_it_waits_for_postgres_and_kafka_to_come_up(
    settings: Settings, receiver: Receiver
) -> None:
    """Both are asked again until they are there; here their addresses become right."""
    away = settings.model_copy(update={"postgres_url": "postgresql://127.0.0.1:9/none"})

    async with serving(away) as running:
        await asyncio.sleep(1.0)
        is_alive = not running.done()
        await kill(running)

    assert is_alive


async def test_a_refusing_receiver_is_told_in_few_log_lines(
    settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.behave(always(Reply(status=500)))

    async with receiver, writing(settings) as writer, serving(settings):
        await append(writer, [collection(receiver.url), *(record(f"r{n}") for n in range(100))])
        await receiver.until(lambda: len(receiver.received) > 25)

    warnings = [line for line in caplog.records if line.name.startswith("muniment.webhooks")]
    assert len(warnings) < 8


async def test_a_url_with_another_port_is_another_endpoint(
    settings: Settings, receiver: Receiver
) -> None:
    moved = Receiver(receiver.secret)

    async with receiver, moved, writing(settings) as writer, serving(settings):
        await append(writer, [collection(receiver.url), record("a")])
        change = collection(moved.url, action=Action.UPDATED)
        await append(writer, [change, record("b")])
        await receiver.until(arrived(receiver, 2))
        await moved.until(arrived(moved, 2))

    assert (len(receiver.received), len(moved.received)) == (2, 2)


async def test_what_is_built_again_from_the_log_is_not_delivered_again(
    settings: Settings, receiver: Receiver
) -> None:
    """Where deliveries are is written down apart from the read model, which can be thrown away."""
    async with receiver, writing(settings) as writer:
        async with serving(settings):
            await append(writer, [collection(receiver.url), *(record(f"r{n}") for n in range(20))])
            await receiver.until(arrived(receiver, 21))
        tables = await rows(
            settings,
            """SELECT quote_ident(t.schemaname) || '.' || quote_ident(t.tablename)
                 FROM pg_tables h
                 JOIN pg_tables t USING (schemaname)
                WHERE h.tablename = 'history'""",
        )
        await rows(settings, f"TRUNCATE {', '.join(name for (name,) in tables)}")
        async with serving(settings):
            await append(writer, [record("after")])
            await receiver.until(arrived(receiver, 22))

    assert len(tables) > 5
    assert len(receiver.received) == 22
