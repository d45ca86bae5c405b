"""What the seed says (contract, section 27), said again through PyPI `kinto-http`.

Each statement is tried with both of its clients, the plain one and the asynchronous one. What waits
for step 2: the default bucket and groups.
"""

import asyncio
import inspect
from collections.abc import Generator
from http import HTTPStatus
from typing import Any

import kinto_http
import pytest
from kinto_http.exceptions import KintoBatchException
from kinto_http.patch_type import JSONPatch, MergePatch

from tests.support.server import MunimentServer, running_server
from tests.support.stack import Stack, new_database, new_name

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}
EVERYONE = {"read": ["system.Everyone"]}


class Awaited:
    """The asynchronous client with its answers waited for."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not inspect.iscoroutinefunction(found):
            return found

        def wait_for(*args: Any, **given: Any) -> Any:
            return self._loop.run_until_complete(found(*args, **given))

        return wait_for


@pytest.fixture(params=["Client", "AsyncClient"])
def client(muniment_server: MunimentServer, request: pytest.FixtureRequest) -> Generator[Any]:
    """A client of Nadia, with a bucket and a collection of its own."""
    names = {"bucket": f"atlas-{new_name()}", "collection": "stations"}
    kind = getattr(kinto_http, str(request.param))
    client = kind(server_url=muniment_server.url, auth=("nadia", "password"), **names)
    loop = asyncio.new_event_loop()
    client = Awaited(client, loop) if request.param == "AsyncClient" else client
    client.create_bucket()
    client.create_collection()
    yield client
    loop.close()


def user_id(client: Any) -> str:
    return str(plain(client).server_info()["user"]["id"])


def stranger(client: Any, auth: tuple[str, str] | None = ("omar", "password")) -> Any:
    """Someone else, or nobody, at the same collection."""
    return kinto_http.Client(
        server_url=client.session.server_url,
        auth=auth,
        bucket=client.bucket_name,
        collection=client.collection_name,
    )


def plain(client: Any) -> Any:
    """The plain client of the same user, for what the asynchronous one does not offer."""
    return kinto_http.Client(
        session=client.session, bucket=client.bucket_name, collection=client.collection_name
    )


def headers(client: Any, method: str, name: str, **given: Any) -> Any:
    """The headers of an endpoint of the client's, with names in any case."""
    _, found = client.session.request(method, endpoint(client, name), **given)
    return found


def endpoint(client: Any, name: str) -> str:
    return str(plain(client).get_endpoint(name))


def test_collection_belongs_to_a_bucket_and_stores_records(client: Any) -> None:
    """Sections 1.2 and 12.1: id, last_modified and any other field."""
    data = {"status": "open", "displayFields": ["title"], "sort": "-title"}
    client.update_collection(data=data)
    record = client.create_record(data={"title": "Bay"})["data"]

    collection = client.get_collection()["data"]

    assert collection == {
        "id": "stations",
        "last_modified": collection["last_modified"],
        **data,
    }
    assert isinstance(collection["last_modified"], int)
    assert client.get_records() == [record]


def test_permissions_are_those_of_the_collection(client: Any) -> None:
    """Section 7: whoever is let reads, and only reads."""
    client.patch_collection(permissions=EVERYONE)
    client.create_record(id="a", data={"n": 1})
    nobody = stranger(client, auth=None)

    assert client.get_collection()["permissions"] == {**EVERYONE, "write": [user_id(client)]}
    assert [record["id"] for record in nobody.get_records()] == ["a"]
    with pytest.raises(kinto_http.KintoException) as refused:
        nobody.create_record(data={"n": 2})
    assert refused.value.response.status_code == HTTPStatus.UNAUTHORIZED


def test_list_of_collections(client: Any) -> None:
    """LIST-1 to LIST-3, CORS-3, PERM-6: newest first, with the headers that clients read."""
    client.create_collection(id="tides")

    found = client.get_collections()
    answer = headers(client, "get", "collections")

    assert [collection["id"] for collection in found] == ["tides", "stations"]
    assert answer["ETag"] == f'"{found[0]["last_modified"]}"'
    assert answer["Last-Modified"]
    assert answer["Cache-Control"] == "no-cache, no-store"
    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert exposed >= {"ETag", "Last-Modified", "Next-Page", "Retry-After", "Backoff", "Alert"}


def test_strangers_list_no_collections(client: Any) -> None:
    """PERM-6: authentication alone lets nobody see another's."""
    with pytest.raises(kinto_http.KintoException) as refused:
        stranger(client).get_collections()

    assert refused.value.response.status_code == HTTPStatus.FORBIDDEN


@pytest.fixture
def depths(client: Any) -> Any:
    """A client of a collection with records `a` to `e`, of depths 1 to 5."""
    for depth, id_ in enumerate("abcde", start=1):
        client.create_record(id=id_, data={"depth": depth, "name": f"Station {id_}"})
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"_sort": "depth"}, "a b c d e", id="sort"),
        pytest.param({"_sort": "-depth"}, "e d c b a", id="sort-descending"),
        pytest.param({}, "e d c b a", id="newest-first"),
        pytest.param({"depth": 3}, "c", id="equal"),
        pytest.param({"min_depth": 3, "_sort": "depth"}, "c d e", id="min"),
        pytest.param({"lt_depth": 3, "_sort": "depth"}, "a b", id="lt"),
        pytest.param({"not_depth": 3, "_sort": "depth"}, "a b d e", id="not"),
        pytest.param({"in_id": ["a", "e"], "_sort": "id"}, "a e", id="in"),
        pytest.param({"in_id": "a"}, "a", id="in-one-with-trailing-comma"),
        pytest.param({"exclude_id": ["a", "e"], "_sort": "id"}, "b c d", id="exclude"),
        pytest.param({"like_name": "station b"}, "b", id="like"),
        pytest.param({"has_depth": False}, "", id="has-not"),
        pytest.param({"min_depth": 2, "max_depth": 4, "_sort": "-depth"}, "d c b", id="combined"),
    ],
)
def test_filters_and_sorts(depths: Any, query: dict[str, Any], found: str) -> None:
    """Section 10, C-17: filters as the client writes them, joined by AND."""
    assert [record["id"] for record in depths.get_records(**query)] == found.split()


def test_since_and_before(depths: Any) -> None:
    """QO-8, LIST-6, C-3: what changed since, tombstones too; and what was before."""
    since = depths.get_record(id="c")["data"]["last_modified"]
    tombstone = depths.delete_record(id="a")

    changed = depths.get_records(_since=f'"{since}"')

    assert changed[0] == tombstone
    assert [record["id"] for record in changed] == ["a", "e", "d"]
    assert [record["id"] for record in depths.get_records(_before=str(since))] == ["b"]


def test_nothing_is_newer_than_the_list(depths: Any) -> None:
    """C-2, C-6: the list's timestamp, read by HEAD, moves only with what `_since` shows."""
    timestamp = depths.get_records_timestamp()

    assert depths.get_records(_since=timestamp) == []
    assert headers(depths, "head", "records")["ETag"] == f'"{timestamp}"'


def test_pages(depths: Any) -> None:
    """QP-1, QP-2, C-4: page after page by `Next-Page`, which carries token and limit."""
    pages = plain(depths).get_paginated_records(_sort="depth", _limit=2)

    assert [[record["id"] for record in page["data"]] for page in pages] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]


def test_all_pages_at_once(depths: Any) -> None:
    """QP-4: sorted, filtered and in pages, nothing is lost or repeated."""
    found = depths.get_records(_sort="-depth", min_depth=2, _limit=2, pages=float("inf"))

    assert [record["id"] for record in found] == ["e", "d", "c", "b"]


def test_chosen_fields(depths: Any) -> None:
    """QF-1, C-19: those asked for, with id and last_modified."""
    [record] = depths.get_records(id="a", _fields="depth")

    assert record == {"id": "a", "last_modified": record["last_modified"], "depth": 1}


def test_not_modified_list(depths: Any) -> None:
    """Section 9.4 row L, C-14: 304 without a body."""
    timestamp = depths.get_records_timestamp()

    assert depths.get_records(if_none_match=timestamp) == []


def test_head_counts(depths: Any) -> None:
    """LIST-4, C-5: all that match, without regard to the page, without tombstones."""
    depths.delete_record(id="a")

    answer = headers(depths, "head", "records", params={"_limit": 1})

    assert answer["Total-Records"] == answer["Total-Objects"] == "4"


def test_delete_of_all_collections(client: Any) -> None:
    """DELL-1, DELL-7: a tombstone for each, and their records with them."""
    client.create_record(data={"n": 1})
    client.create_collection(id="tides")

    tombstones = client.delete_collections()

    assert {each["id"] for each in tombstones} == {"stations", "tides"}
    assert all(each["deleted"] is True for each in tombstones)
    assert client.get_collections() == []
    with pytest.raises(kinto_http.KintoException) as refused:
        client.get_records()
    assert refused.value.response.status_code == HTTPStatus.NOT_FOUND


def test_delete_of_those_that_match(depths: Any) -> None:
    """DELL-2, DELL-3: filters count, and each tombstone has a timestamp of its own."""
    path = endpoint(depths, "records")

    body, answer = depths.session.request("delete", path, params={"lt_depth": 3})

    assert sorted(each["id"] for each in body["data"]) == ["a", "b"]
    assert len({each["last_modified"] for each in body["data"]}) == 2
    greatest = max(each["last_modified"] for each in body["data"])
    assert answer["ETag"] == f'"{greatest}"'


def test_delete_of_a_list_that_changed(depths: Any) -> None:
    """Section 9.4 row B: 412, and everything is still there."""
    with pytest.raises(kinto_http.KintoException) as refused:
        depths.delete_records(if_match=1)

    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert len(depths.get_records()) == 5


def test_create_by_post(client: Any) -> None:
    """POST-1, PERM-12: the id is made, and who created it may write."""
    body, answer = client.session.request("post", endpoint(client, "collections"), data={"x": 1})

    assert body["data"] == {
        "id": body["data"]["id"],
        "last_modified": body["data"]["last_modified"],
        "x": 1,
    }
    assert body["permissions"] == {"write": [user_id(client)]}
    assert answer["ETag"] == f'"{body["data"]["last_modified"]}"'


def test_create_by_post_of_an_id_that_exists(client: Any) -> None:
    """POST-2: the existing one, unchanged."""
    existing = client.get_collection()

    path = endpoint(client, "collections")
    body, _ = client.session.request("post", path, data={"id": "stations", "x": 1})

    assert body == existing


def test_create_by_post_only_if_it_is_not_there(client: Any) -> None:
    """POST-3, C-8: 412 with the existing one."""
    existing = client.get_collection()["data"]
    once = {"If-None-Match": "*"}
    path = endpoint(client, "collections")

    with pytest.raises(kinto_http.KintoException) as refused:
        client.session.request("post", path, data={"id": "stations"}, headers=once)

    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert refused.value.response.json()["details"]["existing"] == existing


def test_create_if_not_exists(client: Any) -> None:
    """C-10: the second is answered with the first."""
    first = client.create_record(id="a", data={"n": 1})

    second = client.create_record(id="a", data={"n": 2}, if_not_exists=True)

    assert second == first


def test_put_creates_and_replaces(client: Any) -> None:
    """PUT-1, PUT-2: what is absent from `data` is gone."""
    first = client.update_record(id="a", data={"n": 1, "m": 1})["data"]

    second = client.update_record(id="a", data={"n": 2})["data"]

    assert second == {"id": "a", "last_modified": second["last_modified"], "n": 2}
    assert second["last_modified"] > first["last_modified"]


def test_put_without_data(client: Any) -> None:
    """PUT-3, C-16: an empty object is made; of an existing one the data are kept."""
    created = client.update_record(id="a")
    client.update_record(id="a", data={"n": 1})

    kept = client.update_record(id="a", permissions=EVERYONE)

    assert set(created["data"]) == {"id", "last_modified"}
    assert kept["data"]["n"] == 1
    assert kept["permissions"] == {**EVERYONE, "write": [user_id(client)]}


def test_lost_update_is_refused(client: Any) -> None:
    """PRE-1, C-8: who writes over a revision that is gone gets 412 with the newer one."""
    stale = client.create_record(id="a", data={"n": 1})["data"]
    newer = client.update_record(id="a", data={"n": 2})["data"]

    with pytest.raises(kinto_http.KintoException) as refused:
        client.update_record(data={**stale, "n": 3})

    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert refused.value.response.json()["details"]["existing"] == newer


def test_patch_changes_what_is_given(client: Any) -> None:
    """PAT-2: the full object comes back."""
    client.create_record(id="a", data={"n": 1, "m": {"x": 1}})

    patched = client.patch_record(id="a", data={"m": {"y": 2}})

    found = patched["data"]
    assert found == {"id": "a", "last_modified": found["last_modified"], "n": 1, "m": {"y": 2}}


def test_merge_patch(client: Any) -> None:
    """PAT-3: objects merge, null removes."""
    client.create_record(id="a", data={"n": 1, "m": {"x": 1}})

    patched = client.patch_record(id="a", changes=MergePatch({"n": None, "m": {"y": 2}}))

    found = patched["data"]
    assert found == {"id": "a", "last_modified": found["last_modified"], "m": {"x": 1, "y": 2}}


def test_json_patch(client: Any) -> None:
    """PAT-11, PAT-14, C-15: data and permissions in one step, principals without a value."""
    client.create_record(id="a", data={"tags": []})
    operations = [
        {"op": "add", "path": "/data/tags/-", "value": "deep"},
        {"op": "add", "path": "/permissions/read/system.Everyone"},
    ]

    patched = client.patch_record(id="a", changes=JSONPatch(operations))

    assert patched["data"]["tags"] == ["deep"]
    assert patched["permissions"]["read"] == ["system.Everyone"]


def test_get_one(client: Any) -> None:
    """Section 8.4: ETag and Last-Modified are the object's."""
    last_modified = client.get_collection()["data"]["last_modified"]

    answer = headers(client, "get", "collection")

    assert answer["ETag"] == f'"{last_modified}"'
    assert answer["Last-Modified"].endswith("GMT")


def test_delete_one_and_everything_under_it(client: Any) -> None:
    """DEL-1, COL-1, COL-2, C-11: a tombstone; made again, nothing of before shows."""
    client.create_record(id="a")

    tombstone = client.delete_collection()
    client.create_collection()

    assert set(tombstone) == {"id", "last_modified", "deleted"}
    assert tombstone["deleted"] is True
    assert client.get_records(_since="0") == []


def test_delete_of_what_is_gone(client: Any) -> None:
    """C-12: to the client, gone is gone."""
    gone = client.delete_record(id="none", if_exists=True)
    client.delete_bucket()

    assert gone is None
    assert client.delete_bucket(if_exists=True) is None


def test_schema_set_by_patch_validates_creates_and_updates(client: Any) -> None:
    """SCH-3, SCH-8, ERR-20: in the seed's words, and nothing is written."""
    client.create_record(id="before", data={"title": "x"})
    client.patch_collection(data={"schema": SCHEMA})

    with pytest.raises(kinto_http.KintoException) as created:
        client.create_record(data={"depth": 3})
    with pytest.raises(kinto_http.KintoException) as updated:
        client.update_record(id="before", data={"depth": 3})
    with pytest.raises(kinto_http.KintoException) as patched:
        client.patch_record(id="before", data={"title": 1})

    text = "'title' is a required property"
    body = created.value.response.json()
    assert (body["code"], body["errno"]) == (HTTPStatus.BAD_REQUEST, 107)
    assert body["error"] == "Invalid parameters"
    assert body["message"] == text
    assert body["details"] == [{"location": "body", "name": "title", "description": text}]
    assert updated.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert patched.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert [record["id"] for record in client.get_records()] == ["before"]


def test_records_carry_the_version_of_the_schema(client: Any) -> None:
    """SCH-6, SCH-10: and can be found by it."""
    first = client.patch_collection(data={"schema": SCHEMA})["data"]["last_modified"]
    old = client.create_record(id="old", data={"title": "x"})["data"]
    second = client.patch_collection(data={"schema": SCHEMA})["data"]["last_modified"]
    new = client.create_record(id="new", data={"title": "y"})["data"]

    assert (old["schema"], new["schema"]) == (first, second)
    assert client.get_records(min_schema=second) == [new]
    assert client.get_records(lt_schema=second) == [old]


def test_schema_is_taken_off(client: Any) -> None:
    """SCH-7, COL-4: `{}` lets everything in; without the field there is no stamp."""
    client.patch_collection(data={"schema": SCHEMA})
    emptied = client.patch_collection(data={"schema": {}})["data"]["last_modified"]
    let_in = client.create_record(data={"depth": 3})["data"]

    client.update_collection(data={})
    unstamped = client.create_record(data={"depth": 3})["data"]

    assert let_in["schema"] == emptied
    assert "schema" not in unstamped


def test_schema_of_the_bucket_for_all_its_records(client: Any) -> None:
    """Section 15: `record:schema` counts in each collection, and stamps nothing."""
    client.patch_bucket(data={"record:schema": SCHEMA})
    client.create_collection(id="tides")

    with pytest.raises(kinto_http.KintoException) as refused:
        client.create_record(collection="tides", data={"depth": 3})
    record = client.create_record(collection="tides", data={"title": "x"})["data"]

    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert "schema" not in record


def test_schema_of_the_bucket_for_its_collections(client: Any) -> None:
    """Section 15: `collection:schema` says what metadata must be."""
    client.patch_bucket(data={"collection:schema": SCHEMA})

    with pytest.raises(kinto_http.KintoException) as refused:
        client.create_collection(id="tides", data={"colour": "red"})
    created = client.create_collection(id="tides", data={"title": "Tides"})["data"]

    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert created["title"] == "Tides"


def test_metadata_are_free(client: Any) -> None:
    """Section 1.2: what the server gives no meaning is stored as it is."""
    free: dict[str, Any] = {"anything": [{"goes": None}], "uiSchema": {}, "flags": 1}

    assert free.items() <= client.patch_collection(data=free)["data"].items()


@pytest.mark.parametrize("wrong", [{"schema": {"type": "nope"}}, {"cache_expires": "soon"}])
def test_few_metadata_have_types(client: Any, wrong: dict[str, Any]) -> None:
    """COL-3, SCH-1: only `schema` and `cache_expires`."""
    with pytest.raises(kinto_http.KintoException) as refused:
        client.patch_collection(data=wrong)

    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("name", ["records", "record"])
def test_cached_for_seconds(client: Any, name: str) -> None:
    """CACHE-2, CACHE-3: list and record; `private`, as the request was authenticated."""
    client.create_record(id="a")
    client.patch_collection(data={"cache_expires": 60})
    path = plain(client).get_endpoint(name, id="a")

    _, answer = client.session.request("get", path)

    directives = {each.strip() for each in answer["Cache-Control"].split(",")}
    assert directives == {"max-age=60", "private"}
    assert answer["Expires"].endswith("GMT")


def test_never_cached(client: Any) -> None:
    """CACHE-2: 0 says so in every way there is."""
    client.patch_collection(data={"cache_expires": 0})

    answer = headers(client, "get", "records")

    directives = {each.strip() for each in answer["Cache-Control"].split(",")}
    assert directives >= {"max-age=0", "must-revalidate", "no-cache", "no-store"}
    assert answer["Pragma"] == "no-cache"
    assert answer["Expires"].endswith("GMT")


@pytest.mark.long
def test_cached_by_settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """CACHE-4: the setting does the same for who is anonymous."""
    data_dir = tmp_path_factory.mktemp("cached") / "data"
    settings = {"topic_prefix": new_name(), "record_cache_expires_seconds": "60"}
    with (
        new_database(stack) as postgres_url,
        running_server(
            data_dir, stack=Stack(stack.kafka_url, postgres_url), settings=settings
        ) as server,
    ):
        owner: Any = kinto_http.Client(server_url=server.url, auth=("nadia", "password"))
        owner.create_bucket(id="atlas", permissions=EVERYONE)
        owner.create_collection(id="stations", bucket="atlas")
        nobody = kinto_http.Client(server_url=server.url, bucket="atlas", collection="stations")

        answer = headers(nobody, "get", "records")

        assert "max-age=60" in answer["Cache-Control"]
        assert answer["Expires"].endswith("GMT")


def test_changes_are_sent_together(client: Any) -> None:
    """BAT-9 to BAT-13, C-9, C-11: creations, patches of every kind and deletions."""
    with plain(client).batch() as batch:
        batch.create_record(id="a", data={"n": 1})
        batch.update_record(id="b", data={"n": 2})
        batch.patch_record(id="a", data={"m": 1})
        batch.patch_record(id="a", changes=MergePatch(data={"n": None}))
        batch.patch_record(
            id="a", changes=JSONPatch([{"op": "add", "path": "/data/k", "value": 1}])
        )
        batch.delete_record(id="b")

    made, updated, _, _, patched, deleted = batch.results()

    assert patched["data"] == {
        "id": "a",
        "last_modified": patched["data"]["last_modified"],
        "m": 1,
        "k": 1,
    }
    assert made["data"]["last_modified"] < updated["data"]["last_modified"]
    assert deleted["data"]["deleted"] is True
    assert client.get_records() == [patched["data"]]


def test_more_than_one_batch_takes(client: Any) -> None:
    """C-1: the client cuts what it sends into pieces of `batch_max_requests`."""
    with plain(client).batch() as batch:
        for number in range(60):
            batch.create_record(id=f"r{number}", data={"n": number})

    assert [result["data"]["n"] for result in batch.results()] == list(range(60))
    assert len(client.get_records()) == 60


def test_refusals_in_a_batch(client: Any) -> None:
    """BAT-14, C-8: the client tells of each, with what is there; the others stand."""
    existing = client.create_record(id="a", data={"n": 1})["data"]
    batching = plain(client).batch()
    batch = batching.__enter__()
    batch.create_record(id="a", data={"n": 2})
    batch.delete_record(id="none")
    batch.create_record(id="b", data={"n": 3})

    with pytest.raises(KintoBatchException) as refused:
        batching.__exit__(None, None, None)

    exceptions: list[Any] = list(refused.value.exceptions)
    assert [each.response.status_code for each in exceptions] == [412, 404]
    assert exceptions[0].response["body"]["details"]["existing"] == existing
    assert {record["id"] for record in client.get_records()} == {"a", "b"}


@pytest.mark.parametrize(
    ("status", "method", "path", "given"),
    [
        pytest.param(400, "put", "stations", {"data": 1}, id="400"),
        pytest.param(404, "get", "none", {}, id="404"),
        pytest.param(405, "post", "stations", {}, id="405"),
        pytest.param(406, "get", "stations", {"headers": {"Accept": "text/html"}}, id="406"),
        pytest.param(412, "put", "stations", {"headers": {"If-None-Match": "*"}}, id="412"),
        pytest.param(415, "put", "stations", {"headers": {"Content-Type": "text/plain"}}, id="415"),
    ],
)
def test_refused_with_the_status_of_the_list(
    client: Any, status: int, method: str, path: str, given: dict[str, Any]
) -> None:
    """Section 5, C-20: and a JSON body that says the same."""
    with pytest.raises(kinto_http.KintoException) as refused:
        client.session.request(method, f"{endpoint(client, 'collections')}/{path}", **given)

    assert refused.value.response.status_code == status
    assert refused.value.response.json()["code"] == status


@pytest.mark.parametrize(
    ("auth", "status"), [(None, HTTPStatus.UNAUTHORIZED), (("omar", "x"), HTTPStatus.FORBIDDEN)]
)
def test_strangers_are_refused(
    client: Any, auth: tuple[str, str] | None, status: HTTPStatus
) -> None:
    """Section 5: 401 for who is nobody, 403 for who is somebody else; both with JSON."""
    with pytest.raises(kinto_http.KintoException) as refused:
        stranger(client, auth).get_collection()

    assert refused.value.response.status_code == status
    assert refused.value.response.json()["code"] == status
