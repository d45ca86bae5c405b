"""Watching a collection: each change of its documents as one message (contract section 9)."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias

import orjson

from muniment.cocobase.errors import CocoBaseError, not_found
from muniment.cocobase.filters.conditions import Condition
from muniment.cocobase.filters.holding import holds
from muniment.cocobase.filters.parsing import parse_filter
from muniment.cocobase.listing import NOT_FILTERS
from muniment.cocobase.projects import Projects
from muniment.cocobase.reading import COLLECTION_NOT_FOUND, Reading
from muniment.cocobase.views import Collection, changed, document_view
from muniment.domain.addresses import Kind
from muniment.domain.documents import document_of
from muniment.domain.events import Action
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue, Uid
from muniment.readmodel.feed import Seen, Watching, WatchLost
from muniment.web.http import Request
from muniment.web.json_text import parse_json
from muniment.web.pipeline import Unavailable
from muniment.web.sockets import REFUSED, TRY_AGAIN_LATER, HungUp, Socket

GREETING_TIMEOUT_S: Final = 10.0
DEPTH_MAX: Final = 100
"""Deepest nesting of the first message."""
LOOK_AGAIN_S: Final = 30.0
"""A key that was revoked or a project that is gone may go on so long."""

_NAMES: Final[Mapping[Action, str]] = {
    Action.CREATED: "create",
    Action.UPDATED: "update",
    Action.DELETED: "delete",
}
_PONG: Final = orjson.dumps({"event": "pong"})


Watch: TypeAlias = Callable[[str, Uid], AbstractAsyncContextManager[Watching]]
"""What is written from now on to a collection of a bucket."""


class Realtime:
    """Talks with those who watch collections."""

    def __init__(
        self,
        *,
        projects: Projects,
        reading: Reading,
        watch: Watch,
        greeting_timeout_s: float = GREETING_TIMEOUT_S,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        """`watch` raises `Unavailable` and `WatchLost` where nothing can be watched."""
        self._projects = projects
        self._reading = reading
        self._watch = watch
        self._greeting_timeout_s = greeting_timeout_s
        self._look_again_s = look_again_s

    async def talk(self, request: Request, named: str, socket: Socket) -> None:
        """All that is said over one socket; `named` is the collection in its path."""
        try:
            await self._talk(request, named, socket)
        except CocoBaseError as refused:
            await _end(socket, str(refused.detail), REFUSED)
        except (WatchLost, Unavailable):
            await _end(socket, "Try again later.", TRY_AGAIN_LATER)

    async def _talk(self, request: Request, named: str, socket: Socket) -> None:
        greeting = await self._greeting(socket)
        key, filters = _parsed(greeting)
        condition = parse_filter(_texts(filters), not_filters=NOT_FILTERS)
        project = await self._projects.of_key(key, origin=request.headers.get("Origin"))
        if "\0" in named:
            raise not_found(COLLECTION_NOT_FOUND)
        collection = await self._reading.collection(project, named, to="read")
        assert collection.uid is not None  # noqa: S101 - it was found by itself
        async with self._watch(project.bucket_id, collection.uid) as watching:
            # Once more: what became of it before the watching began is told by nobody.
            watched = collection.uid
            collection = await self._reading.collection(project, collection.id, to="read")
            if collection.uid != watched:
                raise WatchLost("the collection was made anew")
            connected = {"event": "connected", "collection_id": named, "filters": filters}
            await socket.send(orjson.dumps(connected))
            await _first_of(
                _answer_pings(socket),
                _tell(socket, watching, collection, condition),
                self._look_again(key, request.headers.get("Origin"), collection.id),
            )

    async def _greeting(self, socket: Socket) -> str:
        try:
            async with asyncio.timeout(self._greeting_timeout_s):
                return await socket.receive()
        except TimeoutError:
            raise CocoBaseError(408, "No API key was sent in time.") from None

    async def _look_again(self, key: str, origin: str | None, collection_id: str) -> None:
        """Raise `CocoBaseError` when the key may not watch any more, or there is nothing left."""
        while True:
            await asyncio.sleep(self._look_again_s)
            project = await self._projects.of_key(key, origin=origin)
            await self._reading.collection(project, collection_id, to="read")


def _parsed(greeting: str) -> tuple[str, JsonObject]:
    """The key and the filters of the first message. Raises `CocoBaseError`."""
    given = parse_json(greeting.encode(), depth_max=DEPTH_MAX)
    if isinstance(given, Fault):
        raise CocoBaseError(422, given.description)
    if not isinstance(given, Mapping):
        raise CocoBaseError(422, "The first message is no JSON object.")
    key, filters = given.get("api_key"), given.get("filters")
    if not isinstance(key, str):
        raise CocoBaseError(401, "api_key is missing.")
    if not isinstance(filters, Mapping | None):
        raise CocoBaseError(422, "filters is no JSON object.")
    return key, filters or {}


def _texts(filters: JsonObject) -> list[tuple[str, str]]:
    """Filters as npm writes them into a query: no nulls, lists without brackets."""
    return [(name, _text(value)) for name, value in filters.items() if value is not None]


def _text(value: JsonValue) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def _answer_pings(socket: Socket) -> None:
    while True:
        if _is_ping(await socket.receive()):
            await socket.send(_PONG)


def _is_ping(message: str) -> bool:
    if message.strip() == "ping":
        return True
    try:
        said: JsonValue = orjson.loads(message)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, Mapping) and said.get("type") == "ping"


async def _tell(
    socket: Socket, watching: Watching, collection: Collection, condition: Condition
) -> None:
    """Tell of documents until the collection is gone."""
    while True:
        seen = await watching.next()
        event = seen.event
        if event.address.kind is Kind.RECORD:
            if message := _message(seen, collection, condition):
                await socket.send(message)
        elif event.action is Action.DELETED:
            raise not_found(COLLECTION_NOT_FOUND)
        else:
            collection = changed(collection, event.after.data)


def _message(seen: Seen, collection: Collection, condition: Condition) -> bytes | None:
    """What is told of a change; `None` for a document that the filters leave out."""
    event, is_gone = seen.event, seen.event.action is Action.DELETED
    told = event.before if is_gone and event.before is not None else event.after
    if not is_gone and not holds(condition, document_of(told.data, told.hidden)):
        return None
    document = document_view(
        event.address.id,
        told,
        collection,
        created_at=seen.created_at,
        updated_at=event.occurred_at if event.action is Action.UPDATED else None,
    )
    message: dict[str, JsonValue] = {
        "event": _NAMES[event.action],
        "collection_id": collection.name,
        "data": document,
        "document": document,
    }
    if event.action is Action.UPDATED and event.before is not None:
        message["old_data"] = document_of(event.before.data, event.before.hidden)
    return orjson.dumps(message)


async def _end(socket: Socket, text: str, code: int) -> None:
    """Say why, and hang up; whoever is gone already need not hear it."""
    try:
        await socket.send(orjson.dumps({"error": text}))
    except HungUp:
        return
    await socket.close(code, text[:100])


async def _first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Until the first of them ends; the others end with it."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
