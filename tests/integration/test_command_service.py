"""Writes over HTTP on a real Kafka and Postgres, through two instances that share the work."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from muniment.domain.events import ObjectChanged
from tests.support.cluster import Client, Cluster, Service, client_of, read_all, wait_until_ready
from tests.support.projecting import until
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]


@pytest.fixture
async def nadia(pair: Pair) -> AsyncGenerator[Client]:
    """Nadia, at the first instance."""
    _, one, two = pair
    async with client_of(one) as client, client_of(two) as other:
        await wait_until_ready(client, other)
        yield client


@pytest.fixture
async def atlas(nadia: Client) -> str:
    """A bucket with the collection `stations`."""
    path = f"/buckets/atlas-{new_name()}"
    assert (await nadia("PUT", path)).status == 201
    assert (await nadia("PUT", f"{path}/collections/stations")).status == 201
    return path


async def can_read(client: Client, path: str) -> bool:
    return (await client("GET", path)).status == 200


async def test_a_record_lives_and_dies(nadia: Client, atlas: str) -> None:
    """Each answer can be read at once, and is what is read."""
    records = f"{atlas}/collections/stations/records"

    made = await nadia("POST", records, {"data": {"name": "Harbour"}})
    path = f"{records}/{made.data['id']}"
    assert (made.status, (await nadia("GET", path)).body) == (201, made.body)

    patched = await nadia("PATCH", path, {"data": {"depth": 4.5}})
    assert patched.data == {**made.data, "depth": 4.5, "last_modified": patched.revision}
    assert (await nadia("GET", path)).body == patched.body

    replaced = await nadia(
        "PUT", path, {"data": {"name": "Bay"}}, headers={"If-Match": patched.headers["ETag"]}
    )
    assert (replaced.status, set(replaced.data)) == (200, {"id", "last_modified", "name"})
    stale = await nadia("PUT", path, {}, headers={"If-Match": patched.headers["ETag"]})
    assert (stale.status, stale.body["details"]["existing"]) == (412, replaced.data)

    gone = await nadia("DELETE", path)
    assert gone.data == {"id": made.data["id"], "last_modified": gone.revision, "deleted": True}
    assert (await nadia("GET", path)).status == 404
    listed = await nadia("GET", f"{records}?_since={replaced.revision}")
    assert (listed.data, listed.revision) == ([gone.data], gone.revision)
    assert made.revision < patched.revision < replaced.revision < gone.revision


async def test_64_writers_of_one_collection_do_not_collide(nadia: Client, atlas: str) -> None:
    """No 409, all are stored, with strictly increasing timestamps in the order of the log."""
    records = f"{atlas}/collections/stations/records"

    async def write(writer: int) -> list[int]:
        revisions: list[int] = []
        for number in range(5):
            reply = await nadia("POST", records, {"data": {"writer": writer, "number": number}})
            assert reply.status == 201, reply.body
            revisions.append(reply.revision)
        return revisions

    by_writer = await asyncio.gather(*(write(writer) for writer in range(64)))

    revisions = [each for revisions in by_writer for each in revisions]
    assert len(set(revisions)) == 64 * 5
    assert all(revisions == sorted(revisions) for revisions in by_writer)
    listed = await nadia("GET", f"{records}?_limit=1000")
    assert {each["last_modified"] for each in listed.data} == set(revisions)
    assert listed.revision == max(revisions)


async def test_of_many_creations_of_one_id_one_is_the_first(nadia: Client, atlas: str) -> None:
    """POST-8, and `If-None-Match: *` for PUT."""
    path = f"{atlas}/collections/stations/records"
    posts = [nadia("POST", path, {"data": {"id": "one", "by": by}}) for by in range(10)]
    puts = [
        nadia("PUT", f"{path}/two", {"data": {"by": by}}, headers={"If-None-Match": "*"})
        for by in range(10)
    ]

    posted, put = await asyncio.gather(asyncio.gather(*posts), asyncio.gather(*puts))

    assert sorted(reply.status for reply in posted) == [200] * 9 + [201]
    assert len({reply.data["by"] for reply in posted}) == 1
    assert sorted(reply.status for reply in put) == [201] + [412] * 9


async def test_increments_add_up(nadia: Client, atlas: str) -> None:
    """PRE-5: of two PUTs with the same `If-Match` exactly one succeeds."""
    path = f"{atlas}/collections/stations/records/counter"
    assert (await nadia("PUT", path, {"data": {"n": 0}})).status == 201

    async def increment(times: int) -> None:
        while times:
            found = await nadia("GET", path)
            reply = await nadia(
                "PUT",
                path,
                {"data": {"n": found.data["n"] + 1}},
                headers={"If-Match": found.headers["ETag"]},
            )
            assert reply.status in {200, 412}
            times -= reply.status == 200

    await asyncio.gather(*(increment(10) for _ in range(8)))

    assert (await nadia("GET", path)).data["n"] == 80


async def test_who_prefers_not_to_wait_is_answered_by_the_log(nadia: Client, atlas: str) -> None:
    """`Prefer: respond-async`: the write happens all the same."""
    path = f"{atlas}/collections/stations/records/later"

    reply = await nadia("PUT", path, {}, headers={"Prefer": "respond-async"})

    assert (reply.status, reply.headers["Muniment-Projection"]) == (201, "pending")
    await until(lambda: can_read(nadia, path))


async def test_an_object_is_stored_in_the_past(nadia: Client, atlas: str) -> None:
    """TS-5 for a record and for a bucket, whose list is of all instances; D-12."""
    record = f"{atlas}/collections/stations/records/late"
    bucket = f"/buckets/past-{new_name()}"

    for path in (record, bucket):
        reply = await nadia("PUT", path, {"data": {"last_modified": 1_000_000}})
        assert (reply.status, reply.revision) == (201, 1_000_000)
        again = await nadia("PUT", f"{path}-2", {"data": {"last_modified": 1_000_000}})
        assert (again.status, again.body["errno"]) == (409, 122)
        assert (await nadia("DELETE", path)).status == 200


async def test_a_list_is_deleted_in_pages(nadia: Client, atlas: str) -> None:
    """DELL-3, DELL-4: a token works once."""
    records = f"{atlas}/collections/stations/records"
    for number in range(5):
        await nadia("PUT", f"{records}/r{number}", {"data": {"n": number}})

    first = await nadia("DELETE", f"{records}?_limit=2&_sort=n")
    assert [each["id"] for each in first.data] == ["r0", "r1"]
    following = first.headers["Next-Page"].partition("/v1")[2]
    second = await nadia("DELETE", following)
    assert [each["id"] for each in second.data] == ["r2", "r3"]
    used = await nadia("DELETE", following)
    assert (used.status, used.body["errno"]) == (400, 107)
    last = await nadia("DELETE", second.headers["Next-Page"].partition("/v1")[2])
    assert [each["id"] for each in last.data] == ["r4"]
    assert "Next-Page" not in last.headers

    revisions = [each["last_modified"] for page in (first, second, last) for each in page.data]
    assert revisions == sorted(set(revisions))
    empty = await nadia("DELETE", records)
    assert (empty.data, empty.revision) == ([], revisions[-1])


async def test_buckets_are_deleted_in_pages(nadia: Client) -> None:
    """DELL-4: each bucket has an owner of its own, and the pages are the same."""
    name = new_name()
    for number in range(3):
        await nadia("PUT", f"/buckets/{name}-{number}")

    first = await nadia("DELETE", f"/buckets?_limit=2&_sort=id&like_id={name}")
    assert [each["id"] for each in first.data] == [f"{name}-0", f"{name}-1"]
    following = first.headers["Next-Page"].partition("/v1")[2]
    last = await nadia("DELETE", following)
    assert [each["id"] for each in last.data] == [f"{name}-2"]
    assert "Next-Page" not in last.headers
    used = await nadia("DELETE", following)
    assert (used.status, used.body["errno"]) == (400, 107)


async def test_a_list_deletion_of_many_is_one_step(nadia: Client, atlas: str) -> None:
    """All tombstones appear at once, and are what a client that asks since then finds."""
    records = f"{atlas}/collections/stations/records"
    await asyncio.gather(*(nadia("PUT", f"{records}/r{number}") for number in range(50)))
    before = (await nadia("HEAD", records)).revision

    deleted = await nadia("DELETE", records)

    assert len(deleted.data) == 50
    listed = await nadia("GET", f"{records}?_since={before}&_limit=100")
    assert sorted(each["id"] for each in listed.data) == sorted(each["id"] for each in deleted.data)


async def test_what_was_under_a_deleted_parent_is_gone(nadia: Client, atlas: str) -> None:
    """TS-11, TS-12: at once, without tombstones, and not back when the parent is."""
    stations = f"{atlas}/collections/stations"
    kept = await nadia("PUT", f"{stations}/records/one", {"data": {"a": 1}})
    for path in (stations, atlas):
        assert (await nadia("DELETE", path)).status == 200
        assert (await nadia("PUT", f"{stations}/records/two")).status == 404
        await nadia("PUT", atlas)
        assert (await nadia("PUT", stations)).status == 201
        listed = await nadia("GET", f"{stations}/records?_since=0")
        assert listed.data == []
        assert listed.revision > kept.revision
        kept = await nadia("PUT", f"{stations}/records/one")
        assert kept.status == 201


async def test_each_write_is_one_event(nadia: Client, atlas: str, pair: Pair) -> None:
    """In the order of the answers, with what was before it."""
    records = f"{atlas}/collections/stations/records"
    await nadia("PUT", f"{records}/one", {"data": {"a": 1}})
    await nadia("POST", records, {"data": {"id": "one"}})
    await nadia("PATCH", f"{records}/one", {"data": {"a": 2}})
    await nadia("PUT", f"{records}/one", {}, headers={"If-None-Match": "*"})
    await nadia("DELETE", f"{records}/one")

    async with pair[0].log() as log:
        entries = await read_all(log)

    told = [
        entry.content.type
        for entry in entries
        if isinstance(entry.content, ObjectChanged)
        and entry.content.address.uri == f"{records}/one"
    ]
    assert told == ["record.created", "record.updated", "record.deleted"]


async def test_a_flush_leaves_nothing(nadia: Client, atlas: str, pair: Pair) -> None:
    """FL-1: of all partitions, whoever owns them; and everything can be made again."""
    async with client_of(pair[2]) as at_two:
        for number in range(8):
            assert (await nadia("PUT", f"/buckets/b{number}")).status == 201

        flushed = await at_two("POST", "/__flush__")

        assert (flushed.status, flushed.body) == (202, {})
        assert (await nadia("GET", "/buckets")).data == []
        assert (await nadia("GET", f"{atlas}/collections/stations")).status == 403
        made = [(await at_two("PUT", f"/buckets/b{number}")).status for number in range(8)]
        assert made == [201] * 8
