"""History, snapshots, counters and forgetting over HTTP, through two instances."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from muniment.readmodel.connection import open_connection
from muniment.web.authentication import BasicAuth
from muniment.web.http import headers_of
from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    basic,
    client_of,
    new_cluster,
    read_all,
    wait_until_ready,
)
from tests.support.read_model import view_of_log, view_of_postgres
from tests.support.stack import Stack, new_name

Pair = tuple[Cluster, Service, Service]

STATIONS: Final = "/collections/stations"
RECORDS: Final = f"{STATIONS}/records"


@dataclass(frozen=True, slots=True)
class People:
    """Nadia owns what the tests make; she is at the first instance, all others at the second."""

    nadia: Client
    omar: Client
    operator: Client
    nobody: Client
    nadia_id: str
    omar_id: str


def id_of(user: str) -> str:
    """The user id, as the services make it."""
    headers = headers_of({"Authorization": basic(user)})
    found = asyncio.run(BasicAuth(hmac_secret="of the test").authenticate(headers))
    assert found is not None
    return found


NADIA: Final = id_of("nadia")
OMAR: Final = id_of("omar")
OPERATOR: Final = id_of("operator")


@pytest.fixture(scope="module")
def services(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Pair]:
    """A pair whose operator may have users forgotten."""
    settings = {"counters_enabled": "true", "user_data_delete_principals": OPERATOR}
    with new_cluster(stack, tmp_path_factory.mktemp("history")) as cluster:
        cluster.start("projector", "projector")
        one, two = (cluster.start("api", name, settings=settings) for name in ("one", "two"))
        yield cluster, one, two


@pytest.fixture
async def people(services: Pair) -> AsyncGenerator[People]:
    _, one, two = services
    async with (
        client_of(one) as nadia,
        client_of(two, user="omar") as omar,
        client_of(two, user="operator") as operator,
        client_of(two, user=None) as nobody,
    ):
        await wait_until_ready(nadia, omar)
        yield People(nadia, omar, operator, nobody, NADIA, OMAR)


async def made_bucket(client: Client, *, records: int = 0) -> str:
    """A bucket with a collection and records `r0`, `r1` and so on."""
    path = f"/buckets/b{new_name()}"
    assert (await client("PUT", path)).status == 201
    assert (await client("PUT", f"{path}{STATIONS}")).status == 201
    for number in range(records):
        body = {"data": {"n": number}}
        assert (await client("PUT", f"{path}{RECORDS}/r{number}", body)).status == 201
    return path


def uris(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["action"], entry["uri"].partition("/collections")[2]) for entry in entries]


async def test_what_was_written_is_in_the_history_at_once(people: People) -> None:
    """Row 79, HIS-1, HIS-3, E-1: through another instance."""
    bucket = await made_bucket(people.nadia, records=1)
    await people.nadia("PATCH", bucket, {"permissions": {"read": [OMAR]}})
    await people.nadia("DELETE", f"{bucket}{RECORDS}/r0")

    query = "resource_name=record&action=delete&_fields=uri"
    reply = await people.omar("GET", f"{bucket}/history?{query}")

    assert [entry["uri"] for entry in reply.data] == [f"{bucket}{RECORDS}/r0"]
    assert (await people.nobody("GET", f"{bucket}/history")).status == 401


async def test_methods_are_those_of_the_table(people: People) -> None:
    """HIS-11, RT-7, UD-2."""
    bucket = await made_bucket(people.nadia)

    post = await people.nadia("POST", f"{bucket}/history", {})
    assert (post.status, post.body["errno"]) == (405, 115)
    one = await people.nadia("GET", f"{bucket}/history/1")
    assert (one.status, one.body["errno"]) == (404, 111)
    for path in ("/__user_data__/x", "/__user_data__"):
        reply = await people.operator("GET", path)
        assert (reply.status, reply.body["errno"]) == (405, 115)


async def test_bulk_deletes_make_an_entry_each_and_cascades_one(people: People) -> None:
    """HIS-5, HIS-7: in the order in which it happened."""
    bucket = await made_bucket(people.nadia, records=2)
    await people.nadia("DELETE", f"{bucket}{RECORDS}?n=0")
    await people.nadia("DELETE", f"{bucket}{STATIONS}")

    entries = (await people.nadia("GET", f"{bucket}/history?action=delete")).data

    assert uris(entries) == [("delete", "/stations"), ("delete", "/stations/records/r0")]


async def test_a_batch_keeps_its_order(people: People) -> None:
    """HIS-7, D-27."""
    bucket = await made_bucket(people.nadia)
    requests = [
        {"method": "PUT", "path": f"/v1{bucket}{RECORDS}/a"},
        {"method": "DELETE", "path": f"/v1{bucket}{RECORDS}/a"},
        {"method": "PUT", "path": f"/v1{bucket}{RECORDS}/b"},
    ]
    answered = await people.nadia("POST", "/batch", {"requests": requests})
    assert [each["status"] for each in answered.body["responses"]] == [201, 200, 201]

    entries = (await people.nadia("GET", f"{bucket}/history?_limit=3")).data

    assert uris(entries) == [
        ("create", "/stations/records/b"),
        ("delete", "/stations/records/a"),
        ("create", "/stations/records/a"),
    ]


async def test_history_can_be_removed(people: People) -> None:
    """HIS-11, DELL-1, DELL-3, DELL-6: by filters; what is gone leaves tombstones."""
    bucket = await made_bucket(people.nadia, records=3)
    path = f"{bucket}/history"
    before = (await people.nadia("GET", path)).data

    removed = await people.nadia("DELETE", f"{path}?resource_name=record&_sort=last_modified")

    assert [gone["id"] for gone in removed.data] == [each["id"] for each in before[2::-1]]
    assert all(gone["deleted"] is True for gone in removed.data)
    times = [gone["last_modified"] for gone in removed.data]
    assert times == sorted(set(times))
    assert removed.revision == times[-1]
    left = await people.nadia("GET", path)
    assert left.revision == times[-1]
    assert [each["resource_name"] for each in left.data] == ["collection", "bucket"]
    since = await people.nadia("GET", f"{path}?_since={before[0]['last_modified']}")
    assert since.data == removed.data[::-1]
    again = await people.nadia("DELETE", f"{path}?resource_name=record")
    assert (again.data, again.revision) == ([], times[-1])
    # The clock of the bucket goes on after them, and writes go on as before.
    await people.nadia("PUT", f"{bucket}{RECORDS}/r9")
    assert (await people.nadia("GET", path)).revision > times[-1]


async def test_history_is_removed_by_who_may_write_the_bucket(people: People) -> None:
    """HIS-11, row B of the truth table, ERR-28, section 2.3."""
    bucket = await made_bucket(people.nadia)
    path = f"{bucket}/history"
    await people.nadia("PATCH", bucket, {"permissions": {"read": [OMAR]}})
    group = f"{bucket}/groups/editors"
    await people.nadia("PUT", group, {"data": {"members": [OMAR]}})

    assert (await people.omar("DELETE", f"{path}?colour=1")).status == 403
    assert (await people.nobody("DELETE", path)).status == 401
    assert (await people.nadia("DELETE", "/buckets/missing/history")).status == 403
    refused = await people.nadia("DELETE", f"{path}?colour=1")
    assert refused.body["details"][0]["description"] == "Unknown filter field 'colour'"
    stale = await people.nadia("DELETE", path, headers={"If-Match": '"1"'})
    assert (stale.status, stale.body["errno"]) == (412, 114)
    await people.nadia("PATCH", bucket, {"permissions": {"write": [group]}})
    assert len((await people.omar("DELETE", path)).data) == 5


async def test_pages_of_a_removal_work_once(people: People) -> None:
    """DELL-4."""
    bucket = await made_bucket(people.nadia, records=2)
    first = await people.nadia("DELETE", f"{bucket}/history?_limit=3")
    following = first.headers["Next-Page"].partition("/v1")[2]

    second = await people.nadia("DELETE", following)
    third = await people.nadia("DELETE", following)

    assert (len(first.data), len(second.data)) == (3, 1)
    assert third.body["details"][0]["description"] == "_token was already used or has expired."


async def test_a_removal_in_a_batch_sees_what_came_before(people: People) -> None:
    """BAT, HIS-11: it needs the read model, as all list deletions do."""
    bucket = await made_bucket(people.nadia)
    requests = [
        {"method": "PUT", "path": f"/v1{bucket}{RECORDS}/a"},
        {"method": "DELETE", "path": f"/v1{bucket}/history"},
        {"method": "GET", "path": f"/v1{bucket}/history"},
    ]

    reply = await people.nadia("POST", "/batch", {"requests": requests})

    bodies = [each["body"]["data"] for each in reply.body["responses"]]
    assert len(bodies[1]) == 3
    assert bodies[2] == []


async def test_a_deleted_buckets_history_is_gone(people: People) -> None:
    """HIS-5, BKT-3: the next one of that name starts anew."""
    bucket = await made_bucket(people.nadia, records=1)
    await people.nadia("DELETE", bucket)
    assert (await people.nadia("GET", f"{bucket}/history")).status == 403

    await people.nadia("PUT", bucket)

    assert len((await people.nadia("GET", f"{bucket}/history")).data) == 1


async def test_a_snapshot_is_the_collection_at_an_etag(people: People) -> None:
    """SNAP-1, SNAP-2, SNAP-4."""
    bucket = await made_bucket(people.nadia, records=2)
    then = await people.nadia("GET", f"{bucket}{RECORDS}")
    await people.nadia("PATCH", f"{bucket}{RECORDS}/r0", {"data": {"n": 9}})
    await people.nadia("DELETE", f"{bucket}{RECORDS}/r1")
    await people.nadia("PUT", f"{bucket}{RECORDS}/r2")

    path = f"{bucket}/snapshot{STATIONS}@{then.revision}"
    snapshot = await people.nadia("GET", path)

    assert snapshot.data == then.data
    assert "ETag" not in snapshot.headers
    assert (await people.omar("GET", path)).status == 403


async def test_the_capability_says_that_it_is_there(people: People) -> None:
    """HELLO-5 and table 3.3."""
    capabilities = (await people.nobody("GET", "/")).body["capabilities"]

    assert {"history", "counters_endpoint"} <= capabilities.keys()
    assert capabilities["history"].keys() == {"description", "url"}


async def test_a_user_is_forgotten(people: People) -> None:
    """UD-1: what they alone may write is deleted, with what is in it; all else loses their name."""
    shared = await made_bucket(people.nadia, records=2)
    await people.nadia("PATCH", shared, {"permissions": {"read": [OMAR], "write": [OMAR]}})
    await people.nadia("PUT", f"{shared}/groups/crew", {"data": {"members": [OMAR, "else"]}})
    await people.nadia("PATCH", f"{shared}{RECORDS}/r0", {"permissions": {"read": [OMAR]}})
    await people.omar("PUT", f"{shared}{RECORDS}/his", {"data": {}})
    own = [await made_bucket(people.omar, records=1) for _ in range(5)]

    reply = await people.operator("DELETE", f"/__user_data__/{OMAR}")

    assert (reply.status, reply.body) == (200, {"data": {"principal": OMAR}})
    for bucket in own:
        assert (await people.omar("GET", bucket)).status == 403
        assert (await people.omar("PUT", bucket)).status == 201
    left = await people.nadia("GET", shared)
    assert left.body["permissions"] == {"write": [NADIA]}
    group = await people.nadia("GET", f"{shared}/groups/crew")
    assert group.data["members"] == ["else"]
    record = await people.nadia("GET", f"{shared}{RECORDS}/r0")
    assert record.body["permissions"] == {"write": [NADIA]}
    assert (await people.nadia("GET", f"{shared}{RECORDS}/his")).status == 404
    last = (await people.nadia("GET", f"{shared}/history?_limit=1")).data
    assert last[0]["user_id"] == OPERATOR
    assert (await people.operator("DELETE", f"/__user_data__/{OMAR}")).status == 200
    assert (await people.operator("DELETE", "/__user_data__/account:unknown")).status == 200


async def test_only_who_is_named_has_others_forgotten(people: People) -> None:
    """UD-1."""
    assert (await people.nadia("DELETE", f"/__user_data__/{OMAR}")).status == 403
    assert (await people.nobody("DELETE", f"/__user_data__/{OMAR}")).status == 401


async def test_what_there_is_is_counted(people: People) -> None:
    """CNT-1."""
    before = (await people.nobody("GET", "/__counters__")).body
    await made_bucket(people.nadia, records=2)

    after = (await people.nobody("GET", "/__counters__")).body

    counted = {kind: after["objects"][kind] - count for kind, count in before["objects"].items()}
    assert counted["bucket"] == 1
    assert counted["history"] == 4


async def test_the_read_model_can_be_built_again(people: People, services: Pair) -> None:
    """Removals of history are on the log: a rebuild shows no more than was shown before."""
    cluster, _, _ = services
    bucket = await made_bucket(people.nadia, records=2)
    await people.nadia("DELETE", f"{bucket}/history?resource_name=record")

    async with cluster.log() as log:
        entries = await read_all(log)
    async with open_connection(cluster.stack.postgres_url, application="test") as connection:
        built = await view_of_postgres(connection)

    assert built == view_of_log(entries)
