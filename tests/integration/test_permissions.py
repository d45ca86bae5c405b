"""`/permissions` over HTTP: what one is listed for, anywhere (contract section 19)."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from muniment.query.named_objects import SHORT_MAX
from tests.support.aces import note_aces
from tests.support.cluster import Client, Cluster, Service, client_of, wait_until_ready
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

MANY: Final = 20_000


@dataclass(frozen=True, slots=True)
class Somebody:
    """A user of one test only, so that what they are listed for is what the test made."""

    client: Client
    id: str

    async def entries(self, query: str = "") -> list[dict[str, Any]]:
        """The entries without the root's."""
        listed = await self.client("GET", f"/permissions?exclude_resource_name=root{query}")
        entries: list[dict[str, Any]] = listed.data
        return entries

    async def uris(self, query: str = "") -> list[str]:
        return [entry["uri"] for entry in await self.entries(query)]


@pytest.fixture
async def me(pair: Pair) -> AsyncGenerator[Somebody]:
    _, one, _ = pair
    async with client_of(one, user=new_name()) as client:
        await wait_until_ready(client)
        yield Somebody(client, (await client("GET", "/")).body["user"]["id"])


@pytest.fixture
async def nadia(pair: Pair) -> AsyncGenerator[Client]:
    """At the other instance."""
    _, _, two = pair
    async with client_of(two) as client:
        await wait_until_ready(client)
        yield client


async def made(client: Client, path: str, permissions: Mapping[str, list[str]]) -> None:
    assert (await client("PUT", path, {"permissions": permissions})).status == 201


async def test_each_object_that_names_the_requester_is_listed(me: Somebody, nadia: Client) -> None:
    """PRM-1 to PRM-3, PRM-6's order: own ACEs only, with what they imply on the same object."""
    bucket_id = f"b{new_name()}"
    bucket = f"/buckets/{bucket_id}"
    await made(nadia, bucket, {"collection:create": [me.id]})
    await made(nadia, f"{bucket}/groups/crew", {"read": [me.id]})
    await made(nadia, f"{bucket}/groups/other", {"read": ["somebody"]})
    await made(nadia, f"{bucket}/collections/seen", {"write": [me.id]})
    await made(nadia, f"{bucket}/collections/unseen", {"read": ["somebody"]})
    await made(nadia, f"{bucket}/collections/unseen/records/r", {"write": [me.id]})
    await made(nadia, f"{bucket}/collections/seen/records/inherited", {})

    entries = await me.entries()

    below = {"bucket_id": bucket_id}
    assert [{**entry, "permissions": sorted(entry["permissions"])} for entry in entries] == [
        {
            "uri": f"{bucket}/groups/crew",
            "resource_name": "group",
            "group_id": "crew",
            "id": "crew",
            "permissions": ["read"],
            **below,
        },
        {
            "uri": f"{bucket}/collections/unseen/records/r",
            "resource_name": "record",
            "collection_id": "unseen",
            "record_id": "r",
            "id": "r",
            "permissions": ["read", "write"],
            **below,
        },
        {
            "uri": f"{bucket}/collections/seen",
            "resource_name": "collection",
            "collection_id": "seen",
            "id": "seen",
            "permissions": ["read", "read:attributes", "record:create", "write"],
            **below,
        },
        {
            "uri": bucket,
            "resource_name": "bucket",
            "id": bucket_id,
            "permissions": ["collection:create", "read:attributes"],
            **below,
        },
    ]


async def test_the_root_entry_tells_who_may_create_buckets(me: Somebody, pair: Pair) -> None:
    """PRM-4, PRM-8; anonymous is allowed, and by default may create nothing."""
    _, one, _ = pair
    root = {"uri": "/", "resource_name": "root", "permissions": ["bucket:create"]}

    assert (await me.client("GET", "/permissions")).data == [root]
    head = await me.client("HEAD", "/permissions")
    assert (head.headers["Total-Objects"], head.headers["Total-Records"]) == ("1", "1")
    async with client_of(one, user=None) as nobody:
        listed = await nobody("GET", "/permissions")
        assert (listed.status, listed.data) == (200, [])


async def test_groups_and_deletions_count_at_once(me: Somebody, nadia: Client) -> None:
    """AUTH-5, AUTH-8, PERM-11, E-7."""
    bucket = f"/buckets/b{new_name()}"
    group = f"{bucket}/groups/crew"
    await made(nadia, bucket, {})
    await nadia("PUT", group, {"data": {"members": [me.id]}})
    await made(nadia, f"{bucket}/collections/c", {"read": [group]})
    await made(nadia, f"{bucket}/collections/c/records/r", {"read": [me.id]})
    in_bucket = f"&bucket_id={bucket.rpartition('/')[2]}"

    record, collection = f"{bucket}/collections/c/records/r", f"{bucket}/collections/c"
    assert await me.uris(in_bucket) == [record, collection]
    await nadia("PATCH", group, {"data": {"members": []}})
    assert await me.uris(in_bucket) == [record]
    await nadia("PATCH", record, {"permissions": {"read": [], "write": [me.id]}})
    assert await me.uris(in_bucket) == [record]
    await nadia("DELETE", bucket)
    assert await me.uris(in_bucket) == []
    await made(nadia, bucket, {})
    assert await me.uris(in_bucket) == []


async def test_filters_sorts_fields_and_pages(me: Somebody, nadia: Client) -> None:
    """PRM-6: on the fixed fields, also for ids that look like numbers; pages by token."""
    bucket = f"/buckets/b{new_name()}"
    await made(nadia, bucket, {})
    for name in ("1", "2", "3"):
        await made(nadia, f"{bucket}/collections/{name}", {"read": [me.id]})
        await made(nadia, f"{bucket}/collections/{name}/records/r{name}", {"read": [me.id]})

    assert await me.uris("&collection_id=2&resource_name=collection") == [f"{bucket}/collections/2"]
    assert len(await me.uris("&in_record_id=r1,r3&_since=9999")) == 2
    assert len(await me.uris("&has_record_id=false&gt_last_modified=5")) == 3
    ascending = await me.uris("&_sort=resource_name,-id")
    assert ascending == [
        *(f"{bucket}/collections/{name}" for name in "321"),
        *(f"{bucket}/collections/{name}/records/r{name}" for name in "321"),
    ]
    told = await me.entries("&_fields=uri")
    assert all(entry.keys() <= {"uri", "id"} for entry in told)
    pages: list[list[str]] = []
    path: str | None = "/permissions?exclude_resource_name=root&_limit=2"
    while path is not None:
        page = await me.client("GET", path)
        pages.append([entry["uri"] for entry in page.data])
        following = page.headers.get("Next-Page")
        path = following and following.partition("/v1")[2]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert [uri for page in pages for uri in page] == await me.uris()


async def test_the_root_has_no_id(me: Somebody, nadia: Client) -> None:
    """PRM-3, 10.3: what is missing is greater than all there is, in each order and on pages."""
    bucket = f"/buckets/b{new_name()}"
    await made(nadia, bucket, {"read": [me.id]})
    both = "/permissions?in_resource_name=root,bucket"

    upward = await me.client("GET", f"{both}&_sort=id")
    downward = await me.client("GET", f"{both}&_sort=-id&_limit=1")
    following = await me.client("GET", downward.headers["Next-Page"].partition("/v1")[2])
    greater = await me.client("GET", f"{both}&gt_id=z")
    smaller = await me.client("GET", f"{both}&lt_id=z")

    assert [entry["uri"] for entry in upward.data] == [bucket, "/"]
    assert "id" not in upward.data[1]
    assert [entry["uri"] for entry in downward.data] == ["/"]
    assert [entry["uri"] for entry in following.data] == [bucket]
    assert [entry["uri"] for entry in greater.data] == ["/"]
    assert [entry["uri"] for entry in smaller.data] == [bucket]


@pytest.mark.parametrize(
    ("query", "location", "name", "description"),
    [
        ("colour=red", "querystring", "colour", "Unknown filter field 'colour'"),
        ("permissions=read", "querystring", "permissions", "Unknown filter field 'permissions'"),
        ("_sort=colour", "querystring", None, "Unknown sort field 'colour'"),
        ("_fields=colour", "body", "Invalid _fields parameter", "Fields colour do not exist"),
    ],
)
async def test_other_fields_are_unknown(
    me: Somebody, query: str, location: str, name: str | None, description: str
) -> None:
    """PRM-6, QV-7, ERR-28 to ERR-30."""
    reply = await me.client("GET", f"/permissions?{query}")

    assert (reply.status, reply.body["errno"]) == (400, 107)
    [detail] = reply.body["details"]
    assert (detail["location"], detail["name"], detail["description"]) == (
        location,
        name,
        description,
    )


async def test_it_is_never_304(me: Somebody) -> None:
    """PRM-7: what one may do changes without any timestamp."""
    first = await me.client("GET", "/permissions")

    again = await me.client("GET", "/permissions", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status == 200


async def test_20000_objects_are_each_on_one_page(me: Somebody, pair: Pair) -> None:
    """PRM-6, QP-2: more than are gathered; of the objects of others there are as many."""
    cluster, _, _ = pair
    bucket = f"/buckets/b{new_name()}"
    await made(me.client, bucket, {})
    await made(me.client, f"{bucket}/collections/c", {})
    await _fill(cluster, me.id, urlsplit(bucket).path.rpartition("/")[2])

    uris = {order: await _all_pages(me, f"_limit=3000&_sort={order}") for order in ("uri", "id")}
    uris["-uri"] = await _all_pages(me, "_limit=3000")

    assert MANY > SHORT_MAX
    assert len(set(uris["uri"])) == MANY
    assert uris["uri"] == sorted(uris["uri"])
    assert uris["id"] == uris["uri"]
    assert uris["-uri"] == uris["uri"][::-1]
    head = await me.client("HEAD", "/permissions?resource_name=record")
    assert head.headers["Total-Objects"] == str(MANY)
    one = uris["uri"][7].rpartition("/")[2]
    assert await me.uris(f"&resource_name=record&id={one}") == [uris["uri"][7]]


async def _all_pages(me: Somebody, query: str) -> list[str]:
    found: list[str] = []
    path: str | None = f"/permissions?resource_name=record&{query}"
    while path is not None:
        page = await me.client("GET", path)
        found += [entry["uri"] for entry in page.data]
        following = page.headers.get("Next-Page")
        path = following and following.partition("/v1")[2]
    return found


async def _fill(cluster: Cluster, user_id: str, bucket_id: str) -> None:
    connection = await asyncpg.connect(cluster.stack.postgres_url)
    try:
        await connection.execute("SET search_path TO read_model")
        for holder in (user_id, "somebody"):
            await connection.execute(
                "INSERT INTO record (parent, id, last_modified, deleted, data, permissions)"
                " SELECT c.uid, $1 || i, i, FALSE, '{}', jsonb_build_object('write', $2::jsonb)"
                " FROM generate_series(1, $3::integer) AS i, collection AS c"
                " JOIN bucket AS b ON b.uid = c.parent WHERE b.id = $4",
                f"{holder[-6:]}-",
                f'["{holder}"]',
                MANY,
                bucket_id,
            )
        await note_aces(connection)
    finally:
        await connection.close()
