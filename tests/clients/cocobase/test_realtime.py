"""Watching collections over a real server (contract section 9)."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.clients.cocobase.project import GONE, Project, new_project
from tests.clients.requester import Requester

DEADLINE_S: Final = 60
Json = dict[str, Any]


@asynccontextmanager
async def connected(project: Project, path: str) -> AsyncGenerator[ClientWebSocketResponse]:
    """A socket on which nothing has been said yet."""
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.ws_connect(f"{project.origin}/realtime/collections/{path}") as socket,
    ):
        yield socket


@asynccontextmanager
async def watching(
    project: Project, path: str, filters: Mapping[str, Any] | None = None
) -> AsyncGenerator[ClientWebSocketResponse]:
    """A socket that is told of changes."""
    async with connected(project, path) as socket:
        greeting: Json = {"api_key": project.key}
        if filters is not None:
            greeting["filters"] = filters
        await socket.send_json(greeting)
        told = await said(socket)
        assert told == {"event": "connected", "collection_id": path, "filters": filters or {}}
        yield socket


async def said(socket: ClientWebSocketResponse) -> Json:
    """The next message."""
    message: Json = await socket.receive_json(timeout=DEADLINE_S)
    return message


async def test_a_document_is_told_from_its_creation_to_its_end(project: Project) -> None:
    """Sections 5 and 9: the whole document, the user's own fields as they are."""
    books = project.collection()
    before = project.document(books["id"], {"n": "before"})
    path = f"/collections/{books['id']}/documents"

    async with watching(project, books["name"]) as socket:
        made = project.document(books["id"], {"n": 1, "id": "mine", "schema": None})
        changed = project("PATCH", f"{path}/{made['id']}", {"data": {"n": 2}}).json()
        project("DELETE", f"{path}/{made['id']}")
        project("DELETE", f"{path}/{before['id']}")
        first, second, third, fourth = [await said(socket) for _ in range(4)]

    assert first == {
        "event": "create",
        "collection_id": books["name"],
        "data": made,
        "document": made,
    }
    assert second == {
        "event": "update",
        "collection_id": books["name"],
        "data": changed,
        "document": changed,
        "old_data": {"n": 1, "id": "mine", "schema": None},
    }
    assert third["event"] == "delete"
    assert third["data"]["data"] == {"n": 2, "id": "mine", "schema": None}
    assert third["data"]["created_at"] == made["created_at"]
    assert fourth["document"]["id"] == before["id"]
    assert fourth["document"]["created_at"] == before["created_at"]


async def test_whoever_hears_of_a_change_can_list_it(project: Project) -> None:
    """`onSnapshot` of the npm client lists again after each event."""
    books = project.collection()

    async with watching(project, books["id"]) as socket:
        for number in range(5):
            project.document(books["id"], {"n": str(number)})
            told = await said(socket)
            assert told["data"]["data"]["n"] in project.names(books["id"])


async def test_batches_tell_each_document_and_what_v1_writes_is_told_too(
    project: Project, admin: Requester
) -> None:
    """Sections 9 and 13."""
    books = project.collection()
    path = f"/collections/{books['id']}/batch/documents/create"
    bucket = f"/v1/buckets/{project.id}"
    # Who writes an object may write it from then on, and what is in it (PERM-12).
    assert admin("PATCH", bucket, {"data": {"note": "opened"}}).status_code == 200

    async with watching(project, books["id"]) as socket:
        batch = project("POST", path, {"documents": [{"n": number} for number in range(3)]})
        plain = admin(
            "PUT", f"{bucket}/collections/{books['id']}/records/plain", {"data": {"n": "plain"}}
        )
        assert (batch.status_code, plain.status_code) == (200, 201)
        told = [await said(socket) for _ in range(4)]

    assert [each["data"]["data"]["n"] for each in told] == [0, 1, 2, "plain"]
    assert told[3]["data"]["id"] == "plain"


async def test_filters_choose_documents_and_no_deletions(project: Project) -> None:
    """Section 9: applied to the document's own data; deletions pass every filter."""
    books = project.collection()
    filters = {"n_gte": 2, "sold": False, "[or]genre": "log", "[or]genre_contains": "map"}

    async with watching(project, books["id"], filters) as socket:
        for n, genre in [(1, "log"), (2, "log"), (3, "atlas"), (4, "A map")]:
            one = project.document(books["id"], {"n": n, "genre": genre, "sold": False})
        project.document(books["id"], {"n": 5, "genre": "log", "sold": True})
        project("PATCH", f"/collections/{books['id']}/documents/{one['id']}", {"data": {"n": 0}})
        project("DELETE", f"/collections/{books['id']}/documents/{one['id']}")
        told = [await said(socket) for _ in range(3)]

    assert [(each["event"], each["data"]["data"]["n"]) for each in told] == [
        ("create", 2),
        ("create", 4),
        ("delete", 0),
    ]


@pytest.mark.parametrize("ping", ["ping", '{"type": "ping"}'])
async def test_a_ping_is_answered(project: Project, ping: str) -> None:
    """Section 9; what else is said is no reason to hang up."""
    books = project.collection()

    async with watching(project, books["id"]) as socket:
        for message in ("", "{", "[]", '{"type": "hello"}', ping):
            await socket.send_str(message)
        assert await said(socket) == {"event": "pong"}


@pytest.mark.parametrize(
    "greeting",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"api_key": 7}',
        '{"api_key": ""}',
        '{"api_key": "unknown"}',
        '{"api_key": "KEY", "filters": []}',
        '{"api_key": "KEY", "filters": "n=1"}',
        '{"api_key": "KEY", "filters": {"n": "\\u0000"}}',
        '{"api_key": "KEY", "filters": {"n": ' + "[" * 300 + "]" * 300 + "}}",
        "[" * 5000,
    ],
)
async def test_whoever_may_not_watch_is_told_why(project: Project, greeting: str) -> None:
    """Section 9: an error, and close code 1008."""
    books = project.collection()

    async with connected(project, books["id"]) as socket:
        await socket.send_str(greeting.replace("KEY", project.key))
        told, last = await said(socket), await socket.receive(timeout=DEADLINE_S)

    assert list(told) == ["error"]
    assert (last.type, last.data) == (WSMsgType.CLOSE, 1008)


@pytest.mark.parametrize("filters", [{"n": None}, {"n": []}, {"": 1}, {"[or": {}}])
async def test_odd_filters_are_filters(project: Project, filters: Json) -> None:
    """Section 6: there is no error for a filter."""
    books = project.collection()

    async with watching(project, books["id"], filters) as socket:
        one = project.document(books["id"], {"other": 1})
        project("DELETE", f"/collections/{books['id']}/documents/{one['id']}")
        while (await said(socket))["event"] != "delete":
            pass


async def test_an_unknown_collection_is_refused(project: Project, admin: Requester) -> None:
    """Also that of another project."""
    others = new_project(admin, "Other").collection()

    for path in (GONE, "nothing", others["id"]):
        async with connected(project, path) as socket:
            await socket.send_json({"api_key": project.key})
            told, last = await said(socket), await socket.receive(timeout=DEADLINE_S)
            assert told == {"error": "Collection not found"}
            assert last.data == 1008


async def test_a_collection_is_watched_under_its_new_name_until_its_end(project: Project) -> None:
    """The name is the collection's at the time of the event; its deletion ends the watching."""
    books = project.collection()

    async with watching(project, books["id"]) as socket:
        name = f"{books['name']}_new"
        project("PATCH", f"/collections/{books['id']}", {"name": name})
        project.document(books["id"], {"n": 1})
        told = await said(socket)
        project("DELETE", f"/collections/{books['id']}")
        end, last = await said(socket), await socket.receive(timeout=DEADLINE_S)

    assert told["collection_id"] == told["data"]["collection"]["name"] == name
    assert end == {"error": "Collection not found"}
    assert last.type is WSMsgType.CLOSE


async def test_nothing_is_missed_once_connected(project: Project) -> None:
    """Section 9: twenty connect while documents are made; each hears of all that come later."""
    books = project.collection()
    made: list[str] = []
    joined: list[int] = []
    over = asyncio.Event()

    async def watch(number: int) -> None:
        await asyncio.sleep(number / 50)
        async with watching(project, books["id"]) as socket:
            # One more may be under way, and neither before nor after.
            first = len(made) + 1
            joined.append(number)
            await over.wait()
            told: list[str] = []
            while not told or told[-1] != made[-1]:
                told.append((await said(socket))["data"]["id"])
            assert set(made[first:]) <= set(told)
            assert len(set(told)) == len(told)

    async def write() -> None:
        while len(made) < 30 or len(joined) < 20:
            one = await asyncio.to_thread(project.document, books["id"], {"n": len(made)})
            made.append(one["id"])
        one = await asyncio.to_thread(project.document, books["id"], {"n": "last"})
        made.append(one["id"])
        over.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        for number in range(20):
            group.create_task(watch(number))


async def test_a_plain_request_is_told_to_upgrade(project: Project) -> None:
    """A path of sockets alone."""
    assert project("GET", f"/realtime/collections/{GONE}").status_code == 426
