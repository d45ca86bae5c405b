"""Webhooks as objects over HTTP, through two instances that share the partitions."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.cluster import Client, Cluster, Reply, Service, client_of, wait_until_ready
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

CA = Authority().certificate
URL = "https://receiver.example/hook"


@dataclass(frozen=True, slots=True)
class People:
    """Nadia owns what the tests make; she is at the first instance, all others at the second."""

    nadia: Client
    omar: Client
    nobody: Client
    omar_id: str
    bucket: str

    @property
    def hooks(self) -> str:
        return f"{self.bucket}/webhooks"

    async def made(self, **data: Any) -> Reply:
        """A webhook of nadia's."""
        reply = await self.nadia("POST", self.hooks, {"data": {"url": URL, **data}})
        assert reply.status == 201, reply.body
        return reply


@pytest.fixture
async def people(pair: Pair) -> AsyncGenerator[People]:
    _, one, two = pair
    async with (
        client_of(one) as nadia,
        client_of(two, user="omar") as omar,
        client_of(two, user=None) as nobody,
    ):
        await wait_until_ready(nadia, omar)
        omar_id = (await omar("GET", "/")).body["user"]["id"]
        bucket = f"/buckets/b{new_name()}"
        assert (await nadia("PUT", bucket)).status == 201
        yield People(nadia, omar, nobody, omar_id, bucket)


async def test_a_webhook_is_an_object_like_others(people: People) -> None:
    """Created, listed, filtered, changed under conditions, deleted, and its tombstone shown."""
    nadia = people.nadia
    made = await people.made(description="billing")
    path = f"{people.hooks}/{made.data['id']}"

    assert made.data["status"] == {
        "state": "active",
        "since": made.data["status"]["since"],
        "reason": "",
    }
    assert (await nadia("GET", path)).body == made.body
    assert [each["id"] for each in (await nadia("GET", f"{people.hooks}?enabled=true")).data] == []
    listed = await nadia("GET", f"{people.hooks}?description=billing")
    assert listed.data == [made.data]
    assert listed.revision == made.revision

    stale = await nadia("PATCH", path, {"data": {"window": 4}}, headers={"If-Match": '"1"'})
    patched = await nadia("PATCH", path, {"data": {"window": 4}})
    assert (stale.status, patched.status, patched.data["window"]) == (412, 200, 4)
    assert patched.data["secrets"] == made.data["secrets"]
    merge = {"Content-Type": "application/merge-patch+json"}
    merged = await nadia("PATCH", path, {"data": {"window": None}}, headers=merge)
    assert "window" not in merged.data

    gone = await nadia("DELETE", path)
    assert gone.data["deleted"] is True
    assert (await nadia("GET", path)).status == 404
    tombstones = await nadia("GET", f"{people.hooks}?_since=0")
    assert tombstones.data == [gone.data]
    assert (await nadia("GET", people.hooks)).data == []


async def test_what_was_read_can_be_written_back(people: People) -> None:
    """GET, change the URL, PUT: secrets and sealed headers stay what they are."""
    made = await people.made(headers={"Authorization": "Bearer hush"}, tls={"ca": CA})
    path = f"{people.hooks}/{made.data['id']}"
    read = (await people.nadia("GET", path)).data

    written = await people.nadia("PUT", path, {"data": {**read, "url": f"{URL}/2"}})

    changed = {"url": f"{URL}/2", "last_modified": written.data["last_modified"]}
    assert (written.status, written.data) == (200, {**read, **changed})


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({}, "data.url"),
        (None, "data.url"),
        ({"url": "ftp://receiver.example/"}, "data.url"),
        ({"url": URL, "events": ["record.eaten"]}, "data.events.0"),
        ({"url": URL, "filter": "like_a=1"}, "data.filter"),
        ({"url": URL, "secret": "hush"}, "data.secret"),
        ({"url": URL, "headers": {"X-A": "sealed:1:abcd:AAAA"}}, "data.headers.X-A"),
        ({"url": URL, "tls": {"client_key": "-"}}, "data.tls"),
        ({"url": URL, "tls": {"ca": "-"}}, "data.tls.ca"),
        ({"url": URL, "secrets": [{"sealed": "sealed:1:abcd:AAAA"}]}, "data.secrets"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_wrong_field_is_named(
    people: People, data: dict[str, Any] | None, name: str, method: str
) -> None:
    body = {} if data is None else {"data": data}
    path = people.hooks if method == "POST" else f"{people.hooks}/w"

    reply = await people.nadia(method, path, body)

    assert (reply.status, reply.body["errno"]) == (400, 107)
    assert [fault["name"] for fault in reply.body["details"]] == [name]


async def test_who_reads_the_bucket_sees_no_webhooks(people: People) -> None:
    """Not in lists, not as objects, not in the history, not among permissions."""
    made = await people.made()
    reader = {"permissions": {"read": [people.omar_id]}}
    assert (await people.nadia("PATCH", people.bucket, reader)).status == 200
    omar, path = people.omar, f"{people.hooks}/{made.data['id']}"

    refused = [
        (await omar(method, where, body)).status
        for method, where, body in [
            ("GET", people.hooks, None),
            ("HEAD", people.hooks, None),
            ("DELETE", people.hooks, None),
            ("GET", path, None),
            ("PATCH", path, {"data": {"window": 1}}),
            ("DELETE", path, None),
            ("PUT", path, {"data": {"url": URL}}),
            ("POST", people.hooks, {"data": {"url": URL}}),
        ]
    ]
    assert refused == [403] * 8
    assert (await people.nobody("GET", people.hooks)).status == 401

    seen = (await omar("GET", f"{people.bucket}/history")).data
    assert {entry["resource_name"] for entry in seen} == {"bucket"}
    filtered = await omar("GET", f"{people.bucket}/history?webhook_id={made.data['id']}")
    assert filtered.data == []
    assert all("webhook" not in entry["uri"] for entry in (await omar("GET", "/permissions")).data)


async def test_its_writers_see_its_history_and_their_permissions(people: People) -> None:
    made = await people.made()

    entries = await people.nadia("GET", f"{people.bucket}/history?resource_name=webhook")
    [listed] = (await people.nadia("GET", f"/permissions?webhook_id={made.data['id']}")).data

    assert [entry["action"] for entry in entries.data] == ["create"]
    assert entries.data[0]["webhook_id"] == made.data["id"]
    assert entries.data[0]["target"]["data"] == made.data
    assert (listed["resource_name"], sorted(listed["permissions"])) == (
        "webhook",
        ["read", "write"],
    )


async def test_a_webhook_may_be_shared_alone(people: People) -> None:
    """Its own ACEs show it, and what has become of it, and nothing of the others."""
    others = await people.made()
    made = await people.made()
    path = f"{people.hooks}/{made.data['id']}"
    shared = {"permissions": {"read": [people.omar_id]}}
    assert (await people.nadia("PATCH", path, shared)).status == 200

    assert (await people.omar("GET", path)).status == 200
    assert [each["id"] for each in (await people.omar("GET", people.hooks)).data] == [
        made.data["id"]
    ]
    assert (await people.omar("GET", f"{people.hooks}/{others.data['id']}")).status == 403
    assert (await people.omar("PATCH", path, {"data": {"window": 1}})).status == 403
    history = (await people.omar("GET", f"{people.bucket}/history")).data
    assert [entry["uri"] for entry in history] == [path]


async def test_with_its_bucket_a_webhook_is_gone(people: People) -> None:
    await people.made()
    assert (await people.nadia("DELETE", people.bucket)).status == 200
    assert (await people.nadia("PUT", people.bucket)).status == 201

    listed = await people.nadia("GET", f"{people.hooks}?_since=0")

    assert listed.data == []


async def test_a_list_of_webhooks_can_be_deleted(people: People) -> None:
    made = [await people.made(), await people.made(description="kept")]

    gone = await people.nadia("DELETE", f"{people.hooks}?not_description=kept")

    assert [each["id"] for each in gone.data] == [made[0].data["id"]]
    assert (await people.nadia("GET", people.hooks)).data == [made[1].data]


async def test_webhooks_go_through_batches(people: People) -> None:
    """BAT-12: each request sees what those before it did; the keys are read in turn."""
    path = f"{people.hooks}/w"
    requests = [
        {"method": "PUT", "path": f"/v1{path}", "body": {"data": {"url": URL}}},
        {"method": "GET", "path": f"/v1{path}/secrets"},
        {"method": "POST", "path": f"/v1{path}/secrets", "body": {"overlap_s": 60}},
        {"method": "GET", "path": f"/v1{path}"},
        {"method": "DELETE", "path": f"/v1{path}"},
        {"method": "GET", "path": f"/v1{path}/secrets"},
    ]

    reply = await people.nadia("POST", "/batch", {"requests": requests})

    answers = reply.body["responses"]
    assert [answer["status"] for answer in answers] == [201, 200, 200, 200, 200, 404]
    assert [len(answer["body"]["data"]) for answer in answers[1:3]] == [1, 2]
    assert len(answers[3]["body"]["data"]["secrets"]) == 2


async def test_whoever_is_forgotten_is_in_no_webhook(people: People) -> None:
    """The default for `user_data_delete_principals` names nobody: so nobody may order it here."""
    made = await people.made()
    path = f"{people.hooks}/{made.data['id']}"

    reply = await people.nadia("DELETE", f"/__user_data__/{people.omar_id}")

    assert reply.status == 403
    assert (await people.nadia("GET", path)).status == 200


async def test_switching_off_is_told_in_the_status(people: People) -> None:
    made = await people.made()
    path = f"{people.hooks}/{made.data['id']}"

    off = await people.nadia("PATCH", path, {"data": {"enabled": False}})
    on = await people.nadia("PATCH", path, {"data": {"enabled": True}})

    assert (off.data["status"]["state"], off.data["status"]["reason"]) == (
        "disabled",
        "set by a user",
    )
    assert (on.data["status"]["state"], on.data["status"]["reason"]) == ("active", "")


async def test_the_server_tells_of_it(people: People) -> None:
    root = await people.nadia("GET", "/")
    api = await people.nadia("GET", "/__api__")

    assert root.body["capabilities"]["webhooks"]["version"] == "1"
    assert "/buckets/{bucket_id}/webhooks/{webhook_id}/secrets" in api.body["paths"]
