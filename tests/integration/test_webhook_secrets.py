"""Keys of webhooks over HTTP: shown to who may write, rotated; never in the open elsewhere.

And what deliveries tell of a webhook, which comes in by the same door.
"""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from muniment.domain.addresses import webhook
from muniment.domain.values import Uid
from muniment.domain.webhooks.keys import parse_public_key, secret_text
from muniment.domain.webhooks.spec import State
from muniment.web.webhook_orders import PATH, InternalKey, WebhookReport, write_order
from tests.support.cluster import (
    Client,
    Cluster,
    Reply,
    Service,
    client_of,
    read_all,
    wait_until_ready,
)
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

URL = "https://receiver.example/hook"
HUSH = "hush-hush-never-shown"


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of nadia's, who is at the first instance; omar is at the second."""

    nadia: Client
    omar: Client
    nobody: Client
    omar_id: str
    bucket_id: str
    id: str
    made: Reply

    @property
    def path(self) -> str:
        return f"/buckets/{self.bucket_id}/webhooks/{self.id}"

    async def secrets(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = (await self.nadia("GET", f"{self.path}/secrets")).data
        return keys


@pytest.fixture
async def hook(pair: Pair) -> AsyncGenerator[Hook]:
    _, one, two = pair
    async with (
        client_of(one) as nadia,
        client_of(two, user="omar") as omar,
        client_of(two, user=None) as nobody,
    ):
        await wait_until_ready(nadia, omar)
        omar_id = (await omar("GET", "/")).body["user"]["id"]
        bucket_id = f"b{new_name()}"
        assert (await nadia("PUT", f"/buckets/{bucket_id}")).status == 201
        body = {"data": {"url": URL}}
        made = await nadia("PUT", f"/buckets/{bucket_id}/webhooks/w", body)
        assert made.status == 201
        yield Hook(nadia, omar, nobody, omar_id, bucket_id, "w", made)


async def test_who_may_write_is_shown_the_key(hook: Hook) -> None:
    """A receiver needs it; the reference library takes it as it is."""
    reply = await hook.nadia("GET", f"{hook.path}/secrets")

    [key] = reply.data
    assert (key["algorithm"], key["expires"]) == ("v1", None)
    assert Webhook(key["secret"]).sign("evt_1", datetime.now(UTC), "{}").startswith("v1,")
    assert reply.revision == hook.made.revision
    assert "no-store" in reply.headers["Cache-Control"]
    assert key["secret"] not in str((await hook.nadia("GET", hook.path)).body)


async def test_others_are_not(hook: Hook) -> None:
    """Not even who may read the webhook."""
    shared = {"permissions": {"read": [hook.omar_id]}}
    assert (await hook.nadia("PATCH", hook.path, shared)).status == 200

    assert (await hook.omar("GET", hook.path)).status == 200
    assert (await hook.omar("GET", f"{hook.path}/secrets")).status == 403
    assert (await hook.omar("POST", f"{hook.path}/secrets", {})).status == 403
    assert (await hook.nobody("GET", f"{hook.path}/secrets")).status == 401
    assert (await hook.nadia("GET", f"{hook.path}2/secrets")).status == 404


async def test_a_key_is_rotated_with_an_overlap(hook: Hook) -> None:
    [old] = await hook.secrets()

    rotated = await hook.nadia("POST", f"{hook.path}/secrets", {"overlap_s": 3600})

    new, kept = rotated.data
    assert (new["expires"], new["secret"] == old["secret"]) == (None, False)
    assert kept == {**old, "expires": new["created"] + 3_600_000}
    assert await hook.secrets() == [new, kept]


async def test_a_leaked_key_is_revoked_at_once(hook: Hook) -> None:
    own = secret_text(b"k" * 32)

    body = {"overlap_s": 0, "secret": own}
    revoked = await hook.nadia("POST", f"{hook.path}/secrets", body)

    assert [key["secret"] for key in revoked.data] == [own]
    assert [key["secret"] for key in await hook.secrets()] == [own]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"overlap_s": -1}, "overlap_s"),
        ({"overlap_s": 604_801}, "overlap_s"),
        ({"algorithm": "v2"}, "algorithm"),
        ({"secret": "whsec_short"}, "secret"),
        ({"secret": 5}, "secret"),
        ({"algorithm": "v1a", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "secret"),
        ({"data": {}}, ""),
        ([], ""),
    ],
)
async def test_a_wrong_order_is_named(hook: Hook, body: Any, name: str) -> None:
    reply = await hook.nadia("POST", f"{hook.path}/secrets", body)

    assert (reply.status, reply.body["errno"]) == (400, 107)
    assert [fault["name"] for fault in reply.body["details"]] == [name]


async def test_preconditions_count(hook: Hook) -> None:
    stale = {"If-Match": '"1"'}

    assert (await hook.nadia("POST", f"{hook.path}/secrets", {}, headers=stale)).status == 412
    assert len(await hook.secrets()) == 1


async def test_public_keys_are_for_all(hook: Hook) -> None:
    """RFC 7517 and 8037: a receiver of `v1a` finds them, and needs no account."""
    before = await well_known(hook)
    both = {"data": {"signatures": ["v1", "v1a"]}}
    assert (await hook.nadia("PATCH", hook.path, both)).status == 200
    pair, secret = await hook.secrets()

    status, body = await well_known(hook)

    assert before[0] == 404
    assert status == 200
    [jwk] = body["keys"]
    assert (jwk["kty"], jwk["crv"], jwk["kid"]) == ("OKP", "Ed25519", pair["id"])
    raw = urlsafe_b64decode(jwk["x"] + "=")
    assert raw == parse_public_key(pair["public_key"])
    assert Ed25519PublicKey.from_public_bytes(raw).public_bytes_raw() == raw
    assert "secret" not in pair
    assert secret["algorithm"] == "v1"


async def well_known(hook: Hook) -> tuple[int, Any]:
    """Of the other instance, without credentials."""
    url = f"{hook.omar.origin}/.well-known/webhooks/{hook.bucket_id}/{hook.id}/jwks.json"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("at_owner", [True, False])
async def test_what_deliveries_tell_becomes_part_of_the_object(
    hook: Hook, pair: Pair, *, at_owner: bool
) -> None:
    """Through whichever instance, once; a user switches it on again."""
    cluster, one, two = pair
    uid = await life_of(cluster, hook)
    instance = one if at_owner else two

    failing = await tell(instance, hook, uid, State.FAILING, "HTTP 503")
    again = await tell(instance, hook, uid, State.FAILING, "HTTP 503")
    disabled = await tell(instance, hook, uid, State.DISABLED, "failed for 3 days")
    other = await tell(instance, hook, Uid(str(UUID(int=7))), State.ACTIVE, "")

    assert (failing, again) == ((200, {"changed": True}), (200, {"changed": False}))
    assert (disabled, other) == ((200, {"changed": True}), (200, {"changed": False}))
    await until_projected(hook, "disabled")
    found = (await hook.nadia("GET", hook.path)).data
    assert (found["enabled"], found["status"]["reason"]) == (False, "failed for 3 days")
    entries = await hook.nadia("GET", f"/buckets/{hook.bucket_id}/history?user_id=system.Webhooks")
    assert len(entries.data) == 2
    on = await hook.nadia("PATCH", hook.path, {"data": {"enabled": True}})
    assert on.data["status"]["state"] == "active"


async def test_nobody_else_may_tell(hook: Hook, pair: Pair) -> None:
    """The door is open to clients too."""
    cluster, one, _ = pair
    uid = await life_of(cluster, hook)

    forged = await tell(one, hook, uid, State.DISABLED, "", secret=b"guessed")
    unsigned = await hook.nadia("POST", "/__webhooks__", {})

    assert (forged[0], unsigned.status) == (404, 404)
    assert (await hook.nadia("GET", hook.path)).data["status"]["state"] == "active"


async def tell(
    service: Service,
    hook: Hook,
    uid: Uid,
    state: State,
    reason: str,
    *,
    secret: bytes = b"of the test",
) -> tuple[int, Any]:
    report = WebhookReport(
        address=webhook(hook.bucket_id, hook.id), uid=uid, state=state, reason=reason
    )
    body, headers = write_order(report, InternalKey(secret))
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{service.origin}{PATH}", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def life_of(cluster: Cluster, hook: Hook) -> Uid:
    connection = await asyncpg.connect(cluster.stack.postgres_url)
    try:
        found = await connection.fetchval(
            "SELECT w.uid FROM read_model.webhook w JOIN read_model.bucket b ON b.uid = w.parent"
            " WHERE b.id = $1",
            hook.bucket_id,
        )
    finally:
        await connection.close()
    return Uid(str(found))


async def until_projected(hook: Hook, state: str) -> None:
    async with asyncio.timeout(30):
        while (await hook.nadia("GET", hook.path)).data["status"]["state"] != state:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def test_no_secret_is_in_the_open_anywhere(hook: Hook, pair: Pair) -> None:
    """Not on the log, not in Postgres, not in what the processes log."""
    cluster, _, _ = pair
    own, header = secret_text(b"z" * 32), f"Bearer {HUSH}"
    data = {"url": URL, "secret": own, "headers": {"Authorization": header}}
    written = await hook.nadia("PUT", hook.path, {"data": data})
    refused = await hook.nadia("PUT", hook.path, {"data": {**data, "window": 0}})
    rotated = await hook.nadia("POST", f"{hook.path}/secrets", {"secret": secret_text(b"q" * 32)})
    assert (written.status, refused.status, rotated.status) == (200, 400, 200)
    secrets = [key["secret"] for key in await hook.secrets()]
    assert len(secrets) == 3
    needles = [text.removeprefix("whsec_").encode() for text in (*secrets, HUSH)]

    hay = {
        "answers": str((written.body, refused.body)).encode(),
        "log": await topic_of(cluster),
        "postgres": await dump_of(cluster),
        "consoles": b"".join(path.read_bytes() for path in cluster.folder.glob("*.log")),
    }

    assert hook.bucket_id.encode() in hay["log"]
    assert hook.bucket_id.encode() in hay["postgres"]
    assert {name: [n for n in needles if n in text] for name, text in hay.items()} == {
        name: [] for name in hay
    }


async def topic_of(cluster: Cluster) -> bytes:
    """All that counts on the log, as a consumer reads it."""
    async with cluster.log() as log:
        return str(await read_all(log)).encode()


async def dump_of(cluster: Cluster) -> bytes:
    """All rows of all tables, as text."""
    connection = await asyncpg.connect(cluster.stack.postgres_url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [
            row["row"]
            for table in tables
            for row in await connection.fetch(_ROWS.format(table["name"]))
        ]
    finally:
        await connection.close()
    return "\n".join(rows).encode()


_ROWS = "SELECT t::text AS row FROM {} AS t"
