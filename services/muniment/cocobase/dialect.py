"""CocoBase's paths: which call answers which, and what all answers have in common."""

from typing import Final

from muniment.cocobase.errors import CocoBaseError, error_body
from muniment.command.side import CommandSide
from muniment.query.app import QuerySide
from muniment.runtime.settings import Settings
from muniment.web.dialects import Calls, Matched, WrongMethod
from muniment.web.edge import Edge
from muniment.web.http import Request, Response, Undecodable

_EXPOSED: Final = "Retry-After, Content-Length, Content-Type, X-Request-Id"
_METHODS: Final = "GET, POST, PATCH, DELETE, OPTIONS"
_HEADERS: Final = "authorization, content-type, x-api-key"


class CocoBase:
    """Answers for `/collections` and `/realtime`."""

    prefixes = ("/collections", "/realtime")

    def __init__(
        self,
        settings: Settings,
        edge: Edge,
        commands: CommandSide,
        queries: QuerySide,
    ) -> None:
        self._cors = edge.cors
        self._preflight_max_age_s = settings.cors_max_age_seconds
        self._names = settings.cocobase_names
        self._calls = Calls({})

    async def handle(self, request: Request) -> Response:
        """Answer one call; raises `Unavailable`."""
        try:
            if request.method == "OPTIONS":
                return self._preflight(request)
            return await self._answer(request)
        except CocoBaseError as refused:
            return refused.response
        except Undecodable:
            return CocoBaseError(400, "The URL is not UTF-8.").response

    def error_body(self, status: int, message: str) -> bytes:
        """`{"detail": TEXT}`, whatever the status."""
        return error_body(message)

    def complete(self, request: Request, response: Response) -> None:
        """What scripts of browsers need."""
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.headers.update(self._cors.origin_headers(request.headers))

    async def _answer(self, request: Request) -> Response:
        match self._calls.match(request):
            case Matched(call=call, names=names):
                return await call(request, names)
            case WrongMethod(allow=allow):
                response = CocoBaseError(405, "Method Not Allowed").response
                response.headers["Allow"] = allow
                return response
            case None:
                return CocoBaseError(404, "Not Found").response

    def _preflight(self, request: Request) -> Response:
        self._calls.match(request)
        return Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _HEADERS,
                "Access-Control-Max-Age": str(self._preflight_max_age_s),
            },
        )
