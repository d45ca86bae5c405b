"""From failing to disabled and back, as the webhook itself and others of its bucket tell it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from muniment.readmodel.connection import open_pool
from muniment.webhooks.attempts import keep_attempts
from muniment.webhooks.positions import SCHEMA
from tests.clients.requester import Requester
from tests.support.hooks import REFUSED, SECRET, attempts_of, data, hook, write
from tests.support.receiver import OK, Received, Receiver, Reply, always
from tests.support.server import MunimentServer, wait_until


@pytest.mark.long
def test_what_failed_too_long_is_disabled_and_goes_on_when_a_ping_is_taken(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    is_well = False

    def behaviour(received: Received) -> Reply:
        return OK if is_well or received.path == "/operator" else REFUSED

    receiver.behave(behaviour)
    operator = {"url": receiver.at("operator"), "secret": SECRET, "events": ["webhook.*"]}
    data(nadia("PUT", f"{bucket}/webhooks/operator", {"data": operator}))
    # More attempts than it takes, should a dispatcher begin anew meanwhile: none may be the last.
    short = {"disable_after_s": 1.5, "retry_schedule_s": [0, *([0.5] * 19)]}
    path = hook(nadia, bucket, receiver, **short)

    def now() -> Any:
        return data(nadia("GET", path))

    write(nadia, bucket, "a")
    wait_until(lambda: now()["status"]["state"] == "disabled", what="it off")
    off = now()
    write(nadia, bucket, "b")
    attempts_of(nadia, path, 1, "type=webhook.ping&outcome=status")
    is_well = True
    wait_until(lambda: now()["status"]["state"] == "active", what="it on")
    names = {"a", "b"}
    wait_until(
        lambda: names <= {each.uri.split("/")[-1] for each in receiver.accepted},
        what="what had waited",
    )

    def told() -> list[str]:
        """What the operator was told of how it does."""
        types = [each.message["type"] for each in receiver.accepted if each.path == "/operator"]
        return [each for each in types if each not in {"webhook.created", "webhook.updated"}]

    wait_until(lambda: "webhook.recovered" in told(), what="word of it")

    assert (off["enabled"], off["status"]["reason"]) == (False, "failing too long: status 500")
    assert now()["enabled"] is True
    assert told()[-2:] == ["webhook.disabled", "webhook.recovered"]


def test_what_drains_gets_what_there_was_and_the_rest_when_it_is_on_again(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    receiver.behave(always(REFUSED))
    path = hook(nadia, bucket, receiver, retry_schedule_s=[0, *([0.2] * 19)])
    write(nadia, bucket, "a")
    attempts_of(nadia, path, 1)

    def names() -> list[str]:
        return [each.uri.split("/")[-1] for each in receiver.accepted]

    def now() -> Any:
        return data(nadia("GET", path))

    asked = data(nadia("PATCH", path, {"data": {"drain": True}}))
    write(nadia, bucket, "b")
    receiver.behave(always(OK))
    wait_until(lambda: now()["status"]["state"] == "disabled", what="it off")
    off, drained = now(), names()
    data(nadia("PATCH", path, {"data": {"enabled": True}}))
    wait_until(lambda: "b" in names(), what="what came after")

    assert (asked["drain"], asked["status"]["state"]) == (True, "active")
    assert (off["enabled"], off["status"]["reason"]) == (False, "drained")
    assert "drain" not in off
    assert (drained, names()) == (["a"], ["a", "b"])


async def test_attempts_are_kept_by_day_for_as_long_as_is_said(
    nadia: Requester, muniment_server: MunimentServer
) -> None:
    """The days beyond are dropped whole, and the next ones are there before they come."""
    assert muniment_server.postgres_url
    today = datetime.now(UTC).date()

    def name(day: date) -> str:
        return f"attempt_{day:%Y%m%d}"

    old = today - timedelta(days=40)
    connection = await asyncpg.connect(muniment_server.postgres_url)
    try:
        await connection.execute(
            f"CREATE TABLE webhooks.{name(old)} PARTITION OF webhooks.attempt"
            f" FOR VALUES FROM ('{old}') TO ('{old + timedelta(days=1)}')"
        )
        async with open_pool(
            muniment_server.postgres_url, application="test", size_max=1, schema=SCHEMA
        ) as pool:
            await keep_attempts(pool, kept_days=30, sums_kept_days=60)
        rows = await connection.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'webhooks.attempt'::regclass"
        )
    finally:
        await connection.close()

    names = {row["name"].removeprefix("webhooks.") for row in rows}
    assert name(old) not in names
    assert {name(today + timedelta(days=ahead)) for ahead in range(4)} <= names
