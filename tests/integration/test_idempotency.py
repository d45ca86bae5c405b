"""`Idempotency-Key` over HTTP: the first answer again, from any instance and from a new owner."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

import aiohttp
import pytest

from tests.support.cluster import (
    Client,
    Cluster,
    Reply,
    Service,
    client_of,
    wait_until_ready,
)
from tests.support.stack import new_name

Pair = tuple[Cluster, Service, Service]

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"


@pytest.fixture
async def both(pair: Pair) -> AsyncGenerator[tuple[Client, Client]]:
    """One user at either instance."""
    _, one, two = pair
    async with client_of(one) as at_one, client_of(two) as at_two:
        await wait_until_ready(at_one, at_two)
        yield at_one, at_two


@pytest.fixture
async def records(both: tuple[Client, Client]) -> str:
    """The path of an empty collection's records."""
    return await new_records(both[0])


async def new_records(client: Client) -> str:
    bucket = f"/buckets/b{new_name()}"
    for path in (bucket, f"{bucket}/collections/c"):
        await client.sure("PUT", path)
    return f"{bucket}/collections/c/records"


async def twice(
    both: tuple[Client, Client], method: str, path: str, body: Any = None, **headers: str
) -> Reply:
    """The answer, which is the same when the other instance is asked once more."""
    given = {HEADER: new_name(), **{name.replace("_", "-"): text for name, text in headers.items()}}
    first, again = [await client.sure(method, path, body, headers=given) for client in both]
    assert (again.status, again.body) == (first.status, first.body)
    for name in ("ETag", "Last-Modified", "Next-Page"):
        mine = again.headers.get(name, "").replace(both[1].origin, both[0].origin)
        assert mine == first.headers.get(name, ""), name
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    return first


async def test_every_kind_of_write_is_made_once(both: tuple[Client, Client], records: str) -> None:
    """Each is told as it was made, and the history has one entry for each."""
    made = await twice(both, "POST", records, {"data": {"n": 1}})
    assert made.status == 201
    path = f"{records}/a"
    assert (await twice(both, "PUT", path, {"data": {"n": 1}})).status == 201
    assert (await twice(both, "PUT", path, {"data": {"n": 2}})).status == 200
    assert (await twice(both, "PATCH", path, {"data": {"m": 1}})).data["m"] == 1
    light = await twice(both, "PATCH", path, {"data": {"m": 2}}, Response_Behavior="light")
    assert light.body == {"data": {"m": 2}}
    assert (await twice(both, "DELETE", path)).data["deleted"] is True

    bucket = records.partition("/collections")[0]
    history = await both[0]("GET", f"{bucket}/history?resource_name=record")
    assert [entry["action"] for entry in history.data] == [
        "delete", "update", "update", "update", "create", "create",
    ]  # fmt: skip


async def test_a_bucket_whose_id_the_server_makes_is_made_once(
    both: tuple[Client, Client],
) -> None:
    """Whichever instance owns its stream."""
    for _ in range(4):
        made = await twice(both, "POST", "/buckets", {"data": {"title": "Coast"}})

        assert made.status == 201
        assert (await both[1]("GET", f"/buckets/{made.data['id']}")).data == made.data


async def test_a_repeat_tells_what_was_made_and_not_what_is(
    both: tuple[Client, Client], records: str
) -> None:
    """Others may have changed or deleted the object since: that is not undone."""
    one, two = both
    key = {HEADER: "of the test"}
    first = await one("PUT", f"{records}/a", {"data": {"n": 1}}, headers=key)
    await two("PUT", f"{records}/a", {"data": {"n": 2}})

    again = await two("PUT", f"{records}/a", {"data": {"n": 1}}, headers=key)

    assert again.body == first.body
    assert (await one("GET", f"{records}/a")).data["n"] == 2


async def test_a_key_is_of_one_request_and_one_user(
    pair: Pair, both: tuple[Client, Client], records: str
) -> None:
    """422 for another request of the same user; others have keys of their own."""
    one, two = both
    key = {HEADER: new_name()}
    everybody = {"permissions": {"write": ["system.Authenticated"]}}
    await one("PATCH", records.removesuffix("/records"), everybody)
    first = await one("POST", records, {"data": {"n": 1}}, headers=key)

    reused = await two("POST", records, {"data": {"n": 2}}, headers=key)
    async with client_of(pair[2], user="omar") as omar:
        others = await omar("POST", records, {"data": {"n": 1}}, headers=key)

    assert (reused.status, reused.body["errno"]) == (422, 107)
    [detail] = reused.body["details"]
    assert (detail["location"], detail["name"]) == ("header", HEADER)
    assert others.status == 201
    assert others.data["id"] != first.data["id"]
    invalid = await one("POST", records, {}, headers={HEADER: "x" * 513})
    assert (invalid.status, invalid.body["details"][0]["name"]) == (400, HEADER)


async def test_what_was_refused_can_be_sent_again(
    both: tuple[Client, Client], records: str
) -> None:
    """It has changed nothing, so its key is free."""
    one, two = both
    key = {HEADER: new_name(), "If-Match": "*"}
    assert (await one("PUT", f"{records}/a", {}, headers=key)).status == 412
    assert (await one("PUT", f"{records}/a", {})).status == 201

    assert (await two("PUT", f"{records}/a", {}, headers=key)).status == 200


async def test_a_list_deletion_is_made_once(both: tuple[Client, Client], records: str) -> None:
    """DELL-1, DELL-4: with all tombstones and the next page; what came since stays."""
    one, two = both
    for number in range(5):
        await one.sure("PUT", f"{records}/r{number}", {"data": {"n": number}})
    key = {HEADER: new_name()}

    first = await one.sure("DELETE", f"{records}?_limit=3&_sort=n", headers=key)
    await one.sure("PUT", f"{records}/r0", {"data": {"n": 0}})
    again = await two.sure("DELETE", f"{records}?_limit=3&_sort=n", headers=key)

    assert [each["id"] for each in first.data] == ["r0", "r1", "r2"]
    assert again.data == first.data
    assert again.headers["ETag"] == first.headers["ETag"]
    rest = first.headers["Next-Page"].partition("/v1")[2]
    assert again.headers["Next-Page"].partition("/v1")[2] == rest
    left = await two("GET", f"{records}?_sort=n")
    assert [each["id"] for each in left.data] == ["r0", "r3", "r4"]
    assert len((await two.sure("DELETE", rest)).data) == 2


async def test_entries_are_removed_from_a_history_once(
    both: tuple[Client, Client], records: str
) -> None:
    """HIS-11."""
    bucket = records.partition("/collections")[0]
    await both[0]("PUT", f"{records}/a")

    gone = await twice(both, "DELETE", f"{bucket}/history?resource_name=record")

    assert len(gone.data) == 1


async def test_a_batch_is_made_once(both: tuple[Client, Client], records: str) -> None:
    """BAT-10, BAT-18: reads are read anew, and what was refused stays without effect."""
    one, two = both
    other = await new_records(one)
    await one("PUT", f"{records}/there", {"data": {"n": 0}})
    batch = {
        "requests": [
            {"method": "POST", "path": records, "body": {"data": {"n": 1}}},
            {"method": "PUT", "path": f"{records}/there", "headers": {"If-None-Match": "*"}},
            {"method": "DELETE", "path": f"{records}/there"},
            {"method": "POST", "path": other, "body": {"data": {"n": 2}}},
            {"method": "GET", "path": f"{other}?_fields=n"},
        ]
    }
    key = {HEADER: new_name()}

    first = await one("POST", "/batch", batch, headers=key)
    again = await two("POST", "/batch", batch, headers=key)

    told, retold = first.body["responses"], again.body["responses"]
    assert [each["status"] for each in told] == [201, 412, 200, 201, 200]
    assert [each["status"] for each in retold] == [201, 409, 200, 201, 200]
    for number in (0, 2, 3, 4):
        assert retold[number]["body"] == told[number]["body"], number
    assert "Retry-After" not in retold[1]["headers"]
    assert (await one("HEAD", records)).headers["Total-Records"] == "1"
    assert (await one("HEAD", other)).headers["Total-Records"] == "1"


async def test_a_repeat_while_the_first_is_on_its_way_waits_for_it(
    both: tuple[Client, Client], records: str
) -> None:
    """A client that gave up too early, at both instances at the same time."""
    key = {HEADER: new_name()}
    body = {"data": {"n": 1}}

    replies = await asyncio.gather(
        *(client("POST", records, body, headers=key) for client in both for _ in range(8))
    )

    assert {reply.status for reply in replies} == {201}
    assert len({reply.data["id"] for reply in replies}) == 1
    assert sum(REPLAYED not in reply.headers for reply in replies) == 1


async def test_a_new_owner_gives_the_first_answer(lone: Cluster) -> None:
    """The first one died right after it: what it told is on the log."""
    lone.start("projector", "projector")
    first_owner = lone.start("api", "one")
    key = {HEADER: "of the test"}
    async with client_of(first_owner) as client:
        await wait_until_ready(client)
        records = await new_records(client)
        first = await client("POST", records, {"data": {"n": 1}}, headers=key)
    first_owner.kill()

    second_owner = lone.start("api", "two")

    async with client_of(second_owner) as client:
        await wait_until_ready(client)
        again = await client("POST", records, {"data": {"n": 1}}, headers=key)
        assert (again.status, again.body) == (201, first.body)
        assert again.headers[REPLAYED] == "true"
        assert len((await client("GET", records)).data) == 1


async def test_retries_around_a_killed_owner_make_each_record_once(lone: Cluster) -> None:
    """Clients that repeat what they have no answer to, until they have one."""
    lone.start("projector", "projector")
    one, two = lone.start("api", "one"), lone.start("api", "two")
    async with client_of(one) as at_one, client_of(two) as at_two:
        await wait_until_ready(at_one, at_two)
        paths = [await new_records(at_one) for _ in range(8)]

        async def write(number: int) -> str:
            key = {HEADER: f"write {number}"}
            async with asyncio.timeout(90):
                for attempt in range(10_000):
                    client = (at_two, at_one)[attempt % 2]
                    try:
                        reply = await client(
                            "POST", paths[number % 8], {"data": {"n": number}}, headers=key
                        )
                    except (aiohttp.ClientError, TimeoutError):
                        await asyncio.sleep(0.05)
                        continue
                    if reply.status == 201:
                        return str(reply.data["id"])
                    assert reply.status == 503, (reply.status, reply.body)
                    await asyncio.sleep(0.05)
            raise AssertionError(number)

        writing = [asyncio.create_task(write(number)) for number in range(200)]
        await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
        one.kill()
        ids = await asyncio.gather(*writing)

        listed = [(await at_two.sure("GET", path)).data for path in paths]

    found = {record["n"]: record["id"] for records in listed for record in records}
    assert sum(map(len, listed)) == 200
    assert [found[number] for number in range(200)] == ids
