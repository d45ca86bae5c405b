"""CocoBase's paths: which call answers which, and what all answers have in common."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from muniment.cocobase.bodies import Bodies
from muniment.cocobase.collections import CollectionCalls
from muniment.cocobase.documents import DocumentCalls
from muniment.cocobase.errors import CocoBaseError
from muniment.cocobase.exploring import ExploringCalls
from muniment.cocobase.projects import Projects
from muniment.cocobase.reading import Reading
from muniment.cocobase.realtime import Realtime, Watch
from muniment.cocobase.relations import Relations
from muniment.cocobase.writing import Writing
from muniment.keys.side import Keys
from muniment.query.app import QuerySide
from muniment.runtime.settings import Settings
from muniment.web.carrying_out import AnsweredElsewhere, Carrier
from muniment.web.cors import DialectCors
from muniment.web.dialects import Call, Calls, Matched, WrongMethod, detail_body
from muniment.web.edge import Edge
from muniment.web.http import Request, Response, Undecodable
from muniment.web.sockets import Talk

_HEADERS: Final = "authorization, content-type, x-api-key"
"""What its clients send."""


class CocoBase:
    """Answers for `/collections` and `/realtime`."""

    prefixes = ("/collections", "/realtime")

    def __init__(
        self,
        settings: Settings,
        edge: Edge,
        *,
        carrier: Carrier,
        queries: QuerySide,
        keys: Keys,
        watch: Watch,
    ) -> None:
        self._cors = DialectCors(cors=edge.cors, headers=_HEADERS)
        projects = Projects(keys)
        reading = Reading(queries.store, bytes_max=settings.answer_bytes_max)
        relations, writing = Relations(reading), Writing(carrier)
        bodies = Bodies(json_depth_max=settings.json_depth_max)
        collections = CollectionCalls(
            projects=projects,
            reading=reading,
            writing=writing,
            bodies=bodies,
            names=settings.cocobase_names,
        )
        documents = DocumentCalls(
            projects=projects,
            reading=reading,
            writing=writing,
            bodies=bodies,
            collections=collections,
            relations=relations,
        )
        exploring = ExploringCalls(projects=projects, reading=reading, relations=relations)
        self._calls = Calls(table_of(collections, documents, exploring))
        self._realtime = Realtime(projects=projects, reading=reading, watch=watch)

    async def handle(self, request: Request) -> Response:
        """Answer one call; raises `Unavailable`."""
        try:
            if request.method == "OPTIONS":
                self._calls.match(request)
                return self._cors.preflight()
            return await self._answer(request)
        except (CocoBaseError, AnsweredElsewhere) as answered:
            return answered.response
        except Undecodable:
            return CocoBaseError(400, "The URL is no text in UTF-8.").response

    def talk(self, request: Request) -> Talk | None:
        """What is said over the WebSocket of a collection."""
        try:
            matched = self._calls.match(request)
        except Undecodable:
            return None
        if not isinstance(matched, Matched) or matched.call is not upgrade_required:
            return None
        return partial(self._realtime.talk, request, matched.names["collection"])

    def error_body(self, status: int, message: str) -> bytes:
        """`{"detail": TEXT}`, whatever the status."""
        return detail_body(message)

    def complete(self, request: Request, response: Response) -> None:
        """What scripts of browsers need."""
        self._cors.complete(request, response)

    async def _answer(self, request: Request) -> Response:
        if any("\0" in text for pair in request.query for text in pair):
            raise Undecodable
        match self._calls.match(request):
            case Matched(call=call, names=names):
                return await call(request, names)
            case WrongMethod(allow=allow):
                response = CocoBaseError(405, "Method Not Allowed").response
                response.headers["Allow"] = allow
                return response
            case None:
                return CocoBaseError(404, "Not Found").response


def table_of(
    collections: CollectionCalls, documents: DocumentCalls, exploring: ExploringCalls
) -> Mapping[str, Mapping[str, Call]]:
    """All calls (contract section 3); `documents` and `file` are never collections on POST."""
    one = "/collections/{collection}"
    return {
        "/collections": {"POST": collections.create, "GET": collections.list},
        "/collections/documents": {"POST": documents.create},
        "/collections/file": {"POST": no_files},
        one: {
            "GET": collections.read,
            "PATCH": collections.update,
            "POST": collections.update,
            "DELETE": collections.delete,
        },
        "/realtime/collections/{collection}": {"GET": upgrade_required},
        f"{one}/documents": {"GET": documents.list},
        f"{one}/documents/{{document}}": {
            "GET": documents.read,
            "PATCH": documents.update,
            "DELETE": documents.delete,
        },
        f"{one}/batch/documents/create": {"POST": documents.create_all},
        f"{one}/batch/documents/update": {"POST": documents.update_all},
        f"{one}/batch/documents/delete": {"POST": documents.delete_all},
        f"{one}/query/documents/count": {"GET": documents.count},
        f"{one}/query/documents/aggregate": {"GET": documents.aggregate},
        f"{one}/query/documents/group-by": {"GET": exploring.group},
        f"{one}/query/schema": {"GET": exploring.describe},
        f"{one}/export": {"GET": exploring.export},
    }


async def upgrade_required(_: Request, __: Mapping[str, str]) -> Response:
    """GET `/realtime/collections/{collection}`: for WebSockets alone."""
    response = CocoBaseError(426, "Connect by a WebSocket.").response
    response.headers["Upgrade"] = "websocket"
    return response


async def no_files(_: Request, __: Mapping[str, str]) -> Response:
    """POST `/collections/file`: there is no blob storage (contract section 11)."""
    raise CocoBaseError(501, "Muniment keeps no files.")
