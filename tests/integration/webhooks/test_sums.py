"""Sums of attempts by day, in a real Postgres and over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from muniment.log.protocol import Partition
from muniment.readmodel.connection import Pool, open_connection, open_pool
from muniment.readmodel.migrate import migrate
from muniment.webhooks.attempts import keep_attempts
from muniment.webhooks.endpoints import EndpointId
from muniment.webhooks.management.store import Store
from muniment.webhooks.positions import SCHEMA, Commit, Fenced, PostgresPositions
from tests.clients.requester import Requester
from tests.support.hooks import (
    REFUSED,
    accepted,
    attempts_of,
    data,
    hook,
    write,
)
from tests.support.receiver import OK, Receiver
from tests.support.server import MunimentServer
from tests.unit.webhooks.test_sums import LATE, attempt

ENDPOINT: Final = "00000000-0000-4000-8000-000000000001"
PARTITIONS: Final = [Partition(0)]
LONG_AGO: Final = datetime.now(UTC) - timedelta(days=40)
TOMORROW: Final = datetime.now(UTC) + timedelta(days=1)
"""There is a table for it as for today, which may be over before these tests begin."""


@asynccontextmanager
async def opening(database: str) -> AsyncGenerator[Pool]:
    """A database with a table for the day long ago as well."""
    async with open_connection(database, application="test") as connection:
        await migrate(connection)
    day = LONG_AGO.date()
    async with open_pool(database, application="test", schema=SCHEMA, size_max=1) as pool:
        await keep_attempts(pool, kept_days=365, sums_kept_days=365)
        async with pool.acquire(timeout=10) as connection:
            await connection.execute(
                f"CREATE TABLE webhooks.attempt_{day:%Y%m%d} PARTITION OF webhooks.attempt"
                f" FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
            )
        yield pool


async def days_of(pool: Pool) -> list[asyncpg.Record]:
    wide = {"since": LONG_AGO.date(), "before": TOMORROW.date() + timedelta(days=2)}
    return list(await Store(pool).days(EndpointId(ENDPOINT), **wide, limit=10))


def commit(epoch: int, at: datetime, *milliseconds: float, **more: Any) -> Commit:
    found = [attempt(at.timestamp(), ms, endpoint=ENDPOINT, **more) for ms in milliseconds]
    return Commit(epoch=epoch, checkpoints={}, attempts=found)


async def test_sums_outlive_the_day_s_attempts_and_are_not_made_twice(database: str) -> None:
    async with opening(database) as pool:
        positions = PostgresPositions(pool)
        epoch = (await positions.take_over(PARTITIONS)).epoch
        await positions.commit(commit(epoch, LONG_AGO, 2.0, 4.0))
        await positions.commit(commit(epoch, LONG_AGO, 9.0, events=5))
        await positions.commit(commit(epoch, LONG_AGO, 100.0, failure=LATE))
        before = await days_of(pool)
        for _ in range(2):
            await keep_attempts(pool, kept_days=30, sums_kept_days=365)
        after = await days_of(pool)
        async with pool.acquire(timeout=10) as connection:
            kept = await connection.fetchval("SELECT count(*) FROM webhooks.attempt")
        await keep_attempts(pool, kept_days=30, sums_kept_days=30)
        at_last = await days_of(pool)

    [day] = before
    assert (day["day"], day["attempts"], day["acknowledged"]) == (LONG_AGO.date(), 4, 7)
    assert '"delivered" : {"attempts" : 3' in day["outcomes"]
    assert '{"min" : 2.000, "avg" : 5.000, "max" : 9.000}' in day["outcomes"]
    assert (before, kept, at_last) == (after, 0, [])


async def test_replays_and_messages_that_ended_long_ago_are_dropped(database: str) -> None:
    """One row for each message that was asked for would stay for ever."""
    rows = [("done", LONG_AGO), ("failed", LONG_AGO), ("paused", LONG_AGO), ("done", TOMORROW)]
    async with opening(database) as pool:
        async with pool.acquire(timeout=10) as connection:
            await connection.executemany(
                "INSERT INTO webhooks.job (id, endpoint_id, partition, bucket_id, webhook_id, kind,"
                " spec, state, changed_at) VALUES (gen_random_uuid(), gen_random_uuid(), 0, 'a',"
                " 'hook', 'send', '{}', $1, $2)",
                rows,
            )
        await keep_attempts(pool, kept_days=30, sums_kept_days=365)
        async with pool.acquire(timeout=10) as connection:
            kept = await connection.fetch("SELECT state FROM webhooks.job ORDER BY state")

    assert [row["state"] for row in kept] == ["done", "paused"]


async def test_who_reads_the_attempts_keeps_no_delivery_waiting(database: str) -> None:
    """What is old is dropped the next time; without that a drop would stop all that is written."""
    async with opening(database) as pool:
        positions = PostgresPositions(pool)
        epoch = (await positions.take_over(PARTITIONS)).epoch
        await positions.commit(commit(epoch, LONG_AGO, 1.0))
        reader = await asyncpg.connect(database)
        try:
            async with reader.transaction():
                await reader.fetch("SELECT FROM webhooks.attempt")
                await keep_attempts(pool, kept_days=30, sums_kept_days=365)
                await positions.commit(commit(epoch, TOMORROW, 1.0))
                during = await reader.fetchval("SELECT count(*) FROM webhooks.attempt")
        finally:
            await reader.close()
        await keep_attempts(pool, kept_days=30, sums_kept_days=365)
        async with pool.acquire(timeout=10) as connection:
            after = await connection.fetchval("SELECT count(*) FROM webhooks.attempt")

    assert (during, after) == (2, 1)


async def test_a_commit_that_fails_adds_neither_attempts_nor_sums(database: str) -> None:
    """Of an instance that was overtaken, and of one whose attempts find no table."""
    async with opening(database) as pool:
        positions = PostgresPositions(pool)
        former = (await positions.take_over(PARTITIONS)).epoch
        epoch = (await positions.take_over(PARTITIONS)).epoch
        with pytest.raises(Fenced):
            await positions.commit(commit(former, TOMORROW, 1.0))
        with pytest.raises(asyncpg.PostgresError):
            await positions.commit(commit(epoch, LONG_AGO - timedelta(days=300), 1.0))
        none = await days_of(pool)
        await positions.commit(commit(epoch, TOMORROW, 1.0))
        one = await days_of(pool)

    assert none == []
    assert [row["attempts"] for row in one] == [1]


def test_days_are_told_to_who_may_write_the_webhook(
    nadia: Requester, bucket: str, receiver: Receiver, muniment_server: MunimentServer
) -> None:
    path = hook(nadia, bucket, receiver, retry_schedule_s=[0, 0.2])
    receiver.behave(lambda received: REFUSED if received.tries == 1 else OK)
    write(nadia, bucket, "a", "b")
    accepted(receiver, 2)
    attempts_of(nadia, path, 4)

    answer = nadia("GET", f"{path}/attempts/days")
    days = data(answer)
    rest = data(nadia("GET", f"{path}/attempts/days?_before={days[-1]['day']}"))
    first = nadia("GET", f"{path}/attempts/days?_limit=1&_since={days[-1]['day']}").json()
    with Requester(muniment_server.origin, "oscar") as other:
        forbidden = other("GET", f"{path}/attempts/days")

    assert sum(day["attempts"] for day in days) == 4
    assert sum(day["acknowledged"] for day in days) == 2
    assert set().union(*(day["outcomes"] for day in days)) == {"delivered", "status"}
    assert all(
        sums["ms"]["min"] <= sums["ms"]["avg"] <= sums["ms"]["max"]
        for day in days
        for sums in day["outcomes"].values()
    )
    assert (answer.json()["next"], rest, first["data"]) == (None, [], days[:1])
    assert forbidden.status_code == 403


@pytest.mark.parametrize("query", ["_limit=0", "_since=noon", "_before=2026-13-01", "odd=1"])
def test_what_no_day_has_is_refused(
    nadia: Requester, bucket: str, receiver: Receiver, query: str
) -> None:
    path = hook(nadia, bucket, receiver)

    answer = nadia("GET", f"{path}/attempts/days?{query}")

    assert (answer.status_code, answer.json()["errno"]) == (400, 107)
