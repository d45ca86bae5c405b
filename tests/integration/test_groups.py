"""Groups as principals over HTTP, through two instances that share the partitions."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from tests.support.cluster import Client, Cluster, Service, client_of, wait_until_ready
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]


@dataclass(frozen=True, slots=True)
class People:
    """Nadia owns what the tests make; she is at the first instance, all others at the second."""

    nadia: Client
    omar: Client
    pia: Client
    nobody: Client
    omar_id: str
    pia_id: str


@pytest.fixture
async def people(pair: Pair) -> AsyncGenerator[People]:
    _, one, two = pair
    async with (
        client_of(one) as nadia,
        client_of(two, user="omar") as omar,
        client_of(two, user="pia") as pia,
        client_of(two, user=None) as nobody,
    ):
        await wait_until_ready(nadia, omar)
        ids = [(await client("GET", "/")).body["user"]["id"] for client in (omar, pia)]
        yield People(nadia, omar, pia, nobody, *ids)


async def made_bucket(people: People, *groups: str) -> str:
    """A bucket of nadia's with a collection and these groups, omar in each."""
    path = f"/buckets/b{new_name()}"
    assert (await people.nadia("PUT", path)).status == 201
    assert (await people.nadia("PUT", f"{path}/collections/stations")).status == 201
    for group in groups:
        members = {"data": {"members": [people.omar_id]}}
        assert (await people.nadia("PUT", f"{path}/groups/{group}", members)).status == 201
    return path


async def made_elsewhere(people: People, group: str, *, permission: str = "write") -> str:
    """A bucket that gives the group a permission; with luck in another partition."""
    path = f"/buckets/b{new_name()}"
    body = {"permissions": {permission: [group]}}
    assert (await people.nadia("PUT", path, body)).status == 201
    assert (await people.nadia("PUT", f"{path}/collections/stations")).status == 201
    return path


async def principals(client: Client) -> set[str]:
    return set((await client("GET", "/")).body["user"]["principals"])


async def test_a_group_lives_and_dies(people: People) -> None:
    """Section 14, GRP-2, GRP-3: an object like the others."""
    bucket = await made_bucket(people)

    posted = await people.nadia("POST", f"{bucket}/groups", {"data": {"label": "Field crew"}})
    path = f"{bucket}/groups/{posted.data['id']}"
    assert (posted.status, posted.data["members"]) == (201, [])
    assert (await people.nadia("GET", path)).body == posted.body
    patched = await people.nadia("PATCH", path, {"data": {"members": ["a", "b", "a"]}})
    assert patched.data["members"] == ["a", "b", "a"]
    kept = await people.nadia("PATCH", path, {"data": {"label": "Crew"}})
    assert kept.data["members"] == ["a", "b", "a"]
    found = await people.nadia("GET", f"{bucket}/groups?contains_members=b")
    assert [each["id"] for each in found.data] == [posted.data["id"]]
    assert (await people.nadia("DELETE", path)).status == 200
    assert (await people.nadia("GET", path)).status == 404
    assert (await people.nadia("GET", f"{bucket}/groups")).data == []


@pytest.mark.parametrize(
    ("members", "name"),
    [
        (["system.Everyone"], "data.members.0"),
        (["account:omar", "/buckets/b/groups/g"], "data.members.1"),
        ([1], "data.members.0"),
        (None, "data.members"),
        ("account:omar", "data.members"),
        ({"0": "account:omar"}, "data.members"),
        (["x" * 1025], "data.members.0"),
    ],
)
async def test_members_are_users(people: People, members: object, name: str) -> None:
    """Row 73, GRP-1, ERR-36."""
    bucket = await made_bucket(people)

    reply = await people.nadia("PUT", f"{bucket}/groups/g", {"data": {"members": members}})

    assert (reply.status, reply.body["errno"]) == (400, 107)
    assert reply.body["details"][0]["location"] == "body"
    assert reply.body["details"][0]["name"] == name


async def test_a_member_may_at_once_and_no_more_when_removed(people: People) -> None:
    """Row 72, AUTH-8, GRP-5, E-3: through another instance, for reads and writes."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    await people.nadia("PATCH", bucket, {"permissions": {"write": [group]}})
    record = f"{bucket}/collections/stations/records/one"

    for _ in range(10):
        assert (await people.omar("PUT", record, {})).status in {200, 201}
        assert (await people.omar("GET", record)).status == 200
        await people.nadia("PATCH", group, {"data": {"members": []}})
        assert (await people.omar("PUT", f"{bucket}/collections/stations")).status == 403
        assert (await people.omar("GET", bucket)).status == 403
        await people.nadia("PATCH", group, {"data": {"members": [people.omar_id]}})


async def test_a_group_counts_in_other_buckets(people: People) -> None:
    """GRP-4, E-5: removed in the one, refused in the other, whoever owns the partitions."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    others = [await made_elsewhere(people, group) for _ in range(6)]

    for path in others:
        record = f"{path}/collections/stations/records"
        assert (await people.omar("POST", record, {})).status == 201
    await people.nadia("PATCH", group, {"data": {"members": [people.pia_id]}})
    for path in others:
        assert (await people.omar("POST", f"{path}/collections/stations/records", {})).status == 403
        assert (await people.omar("GET", path)).status == 403
        assert (await people.pia("GET", path)).status == 200
        assert (await people.pia("POST", f"{path}/collections/stations/records", {})).status == 201


async def test_the_root_view_shows_the_groups(people: People) -> None:
    """HELLO-2, AUTH-5."""
    bucket = await made_bucket(people, "curators", "readers")
    both = {f"{bucket}/groups/curators", f"{bucket}/groups/readers"}

    assert both < await principals(people.omar)
    assert not both & await principals(people.pia)
    await people.nadia("DELETE", f"{bucket}/groups/curators")
    assert both & await principals(people.omar) == {f"{bucket}/groups/readers"}
    await people.nadia("DELETE", f"{bucket}/groups")
    assert not both & await principals(people.omar)
    assert "user" not in (await people.nobody("GET", "/")).body


async def test_a_group_of_all_authenticated_concerns_no_anonymous(people: People) -> None:
    """AUTH-5, GRP-1."""
    bucket = await made_bucket(people)
    group = f"{bucket}/groups/all"
    body = {"data": {"members": ["system.Authenticated"]}}
    assert (await people.nadia("PUT", group, body)).status == 201
    other = await made_elsewhere(people, group, permission="read")

    assert (await people.pia("GET", other)).status == 200
    assert group in await principals(people.pia)
    assert (await people.nobody("GET", other)).status == 401


async def test_a_group_that_is_gone_speaks_for_nobody_until_it_is_made_again(
    people: People,
) -> None:
    """PERM-11: the ACEs that name it stay."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    other = await made_elsewhere(people, group)
    records = f"{other}/collections/stations/records"
    assert (await people.omar("POST", records, {})).status == 201

    await people.nadia("DELETE", group)
    assert (await people.omar("POST", records, {})).status == 403
    assert (await people.omar("GET", other)).status == 403
    await people.nadia("PUT", group, {"data": {"members": [people.omar_id]}})
    assert (await people.omar("POST", records, {})).status == 201


async def test_with_its_bucket_a_group_is_gone(people: People) -> None:
    """GRP-5, PERM-11, E-7: at once, and a bucket made again has no members of old."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    other = await made_elsewhere(people, group)
    records = f"{other}/collections/stations/records"
    assert (await people.omar("POST", records, {})).status == 201

    await people.nadia("DELETE", bucket)
    assert (await people.omar("POST", records, {})).status == 403
    assert (await people.omar("GET", f"{other}/collections")).status == 403
    await people.nadia("PUT", bucket)
    assert (await people.omar("POST", records, {})).status == 403
    assert group not in await principals(people.omar)
    await people.nadia("PUT", group, {"data": {"members": [people.omar_id]}})
    assert (await people.omar("POST", records, {})).status == 201


async def test_in_a_batch_a_change_of_a_group_counts_for_what_comes_after(people: People) -> None:
    """BAT-12: in the group's own bucket, and in another one."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    other = await made_elsewhere(people, group)
    body = {"permissions": {"write": [group]}}
    assert (await people.nadia("PATCH", bucket, body)).status == 200

    def put(path: str, name: str) -> dict[str, object]:
        return {"method": "PUT", "path": f"{path}/collections/stations/records/{name}"}

    # Omar writes the group as a writer of its bucket, and takes himself out.
    leaving: dict[str, object] = {
        "method": "PATCH",
        "path": group,
        "body": {"data": {"members": []}},
    }
    inside = [put(other, "a"), put(bucket, "a"), leaving, put(bucket, "b"), put(other, "b")]
    reply = await people.omar("POST", "/batch", {"requests": inside})

    statuses = [each["status"] for each in reply.body["responses"]]
    assert statuses == [201, 201, 200, 403, 403]


async def test_who_may_delete_a_list_by_a_group(people: People) -> None:
    """PERM-7, GRP-5: the rights of a bulk delete follow the groups as well."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    records = f"{bucket}/collections/stations/records"
    for name in ("one", "two"):
        aces = {"permissions": {"write": [group]}} if name == "one" else {}
        assert (await people.nadia("PUT", f"{records}/{name}", aces)).status == 201

    assert (await people.pia("DELETE", records)).status == 403
    deleted = await people.omar("DELETE", records)
    assert [each["id"] for each in deleted.data] == ["one"]
    assert [each["id"] for each in (await people.nadia("GET", records)).data] == ["two"]


async def test_shared_objects_are_listed_by_group(people: People) -> None:
    """PERM-6, PERM-8, PERM-9: also buckets."""
    bucket = await made_bucket(people, "readers")
    group = f"{bucket}/groups/readers"
    records = f"{bucket}/collections/stations/records"
    aces = {"permissions": {"read": [group]}}
    await people.nadia("PUT", f"{records}/shared", aces)
    await people.nadia("PUT", f"{records}/own")
    other = await made_elsewhere(people, group, permission="read")

    listed = await people.omar("GET", records)
    assert [each["id"] for each in listed.data] == ["shared"]
    assert listed.revision == (await people.nadia("GET", records)).revision
    assert (await people.pia("GET", records)).status == 403
    assert other.split("/")[-1] in {
        each["id"] for each in (await people.omar("GET", "/buckets")).data
    }
    await people.nadia("PATCH", f"{records}/shared", {"permissions": {"read": []}})
    assert (await people.omar("GET", records)).status == 403


async def test_what_is_not_there_is_told_to_readers_only(people: People) -> None:
    """Rows 77 and 78: a holder of `record:create` gets 403 and an empty list, a reader 404."""
    bucket = await made_bucket(people, "readers")
    collection = f"{bucket}/collections/stations"
    aces = {"read": [f"{bucket}/groups/readers"], "record:create": [people.pia_id]}
    assert (await people.nadia("PATCH", collection, {"permissions": aces})).status == 200
    await people.nadia("PUT", f"{collection}/records/one")

    assert (await people.pia("DELETE", f"{collection}/records/none")).status == 403
    gone = await people.omar("DELETE", f"{collection}/records/none")
    assert (gone.status, gone.body["errno"]) == (404, 110)
    assert (await people.pia("GET", f"{collection}/records")).data == []


async def test_concurrent_removals_are_never_outrun(people: People) -> None:
    """AUTH-8: once a removal is answered, nothing that is sent later succeeds."""
    bucket = await made_bucket(people, "curators")
    group = f"{bucket}/groups/curators"
    others = [await made_elsewhere(people, group) for _ in range(4)]
    removed = asyncio.Event()

    async def write(path: str, number: int) -> tuple[bool, int]:
        was_removed = removed.is_set()
        reply = await people.omar("POST", f"{path}/collections/stations/records", {})
        return was_removed, reply.status

    async def write_on(path: str) -> list[tuple[bool, int]]:
        return [await write(path, number) for number in range(40)]

    async def remove() -> None:
        await asyncio.sleep(0.1)
        await people.nadia("PATCH", group, {"data": {"members": []}})
        removed.set()

    *written, _ = await asyncio.gather(*(write_on(path) for path in others), remove())

    outcomes = [outcome for each in written if each is not None for outcome in each]
    assert {status for was_removed, status in outcomes if was_removed} <= {403}
    assert {status for _, status in outcomes} <= {201, 403}
