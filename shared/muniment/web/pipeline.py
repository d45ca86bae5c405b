"""The way of every request: the checks that need no state, in the contract's order (section 2.3).

Requests come from the server's connections and from the items of a batch alike.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from muniment.runtime.logs import get_logger
from muniment.web.authentication import Authenticator
from muniment.web.cors import Cors, exposed
from muniment.web.default_bucket import ALIAS, DefaultBucket
from muniment.web.dialects import Dialect, Dialects, Talking, translate
from muniment.web.endpoints import (
    ALWAYS_COMMANDS,
    OF_ADMINISTRATORS,
    OF_DELIVERIES,
    Endpoint,
    Route,
)
from muniment.web.errors import (
    Errors,
    bad_request,
    error,
    invalid,
    method_not_allowed,
    unknown_path,
    unknown_version,
)
from muniment.web.http import Handler, Request, Response, Undecodable, decode_path
from muniment.web.media import refuse_content_type, refuse_media
from muniment.web.redirects import Redirects
from muniment.web.routes import Routes, Target, Unrouted
from muniment.web.signals import Signals
from muniment.web.sockets import Talk
from muniment.web.traffic import Traffic

log: Final = get_logger(__name__)

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; ",
}

_OF_PAGES: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Their scripts are files of this server's, and make no markup of texts."""

_FOR_ANYBODY: Final = frozenset(
    {
        Endpoint.HEARTBEAT,
        Endpoint.LBHEARTBEAT,
        Endpoint.VERSION,
        Endpoint.API,
        Endpoint.CONTRIBUTE,
        Endpoint.OPENID_LOGIN,
        Endpoint.OPENID_TOKEN,
        Endpoint.METRICS,
        Endpoint.EVENT_TYPES,
        Endpoint.EVENT_TYPE,
        Endpoint.WEBHOOK_KEYS,
        Endpoint.WEBHOOK_ORDERS,
        Endpoint.PORTAL,
        Endpoint.PORTAL_PART,
    }
)
"""Answered without asking who asks: that may need what is away (HB-2)."""

_PAGES: Final = frozenset({Endpoint.PORTAL, Endpoint.PORTAL_PART})
_JUDGES_ORIGINS: Final = OF_DELIVERIES | OF_ADMINISTRATORS
"""As resources do: after rights, and with what else is wrong with the request (section 2.3)."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS_KEPT_MAX: Final = 1024


class Unavailable(Exception):
    """A backend does not answer, or not yet: 503, and the client may try again."""


class Pipeline:
    """Routes a request, checks what needs no state, and hands it to the handler it is for."""

    def __init__(
        self,
        *,
        routes: Routes,
        reads: Handler,
        writes: Handler,
        utilities: Mapping[Endpoint, Handler],
        authenticator: Authenticator,
        errors: Errors,
        cors: Cors,
        signals: Signals,
        redirects: Redirects,
        traffic: Traffic,
        is_readonly: bool = False,
        default_bucket: DefaultBucket | None = None,
        makes_default_buckets: Handler | None = None,
        dialects: Sequence[Dialect] = (),
    ) -> None:
        """`makes_default_buckets` answers the writes that make what a default bucket lacks."""
        self._routes = routes
        self._reads = reads
        self._writes = writes
        self._utilities = dict(utilities)
        self._authenticator = authenticator
        self._errors = errors
        self._cors = cors
        self._signals = None if signals.are_silent else signals
        self._redirects = redirects
        self._traffic = traffic
        self._is_readonly = is_readonly
        self._default_bucket = default_bucket
        self._makes_default_buckets = makes_default_buckets
        self._dialects = Dialects(dialects)
        self._headers: dict[tuple[str, str], dict[str, str]] = {}

    async def handle(self, request: Request) -> Response:
        """Answer, whatever happens: what a handler raises is logged here, once."""
        began_s = self._traffic.begin()
        dialect = self._dialects.of(request.raw_path)
        try:
            response = await self._answer(request, dialect)
        except Unavailable as reason:
            log.warning("request.unavailable", reason=str(reason), request_id=request.id)
            response = _in_form(dialect, self._errors.unavailable())
        # The supervisor of a request: whatever broke, its client gets an answer in due form.
        except Exception:
            log.exception("request.failed", request_id=request.id, template=request.target.template)
            response = _in_form(dialect, self._errors.internal())
        finally:
            self._traffic.end()
        self._complete(request, response, dialect)
        self._traffic.count(request, response, began_s)
        return response

    async def _answer(self, request: Request, dialect: Dialect | None) -> Response:
        method = request.method
        if refused := self._out_of_service(method):
            return _in_form(dialect, refused)
        if dialect is not None:
            return await dialect.handle(request)
        target = self._route(request)
        if isinstance(target, Response):
            return target
        route = target.route
        request.target = target
        if method == "OPTIONS":
            return self._cors.preflight(request, route)
        if method not in route.methods:
            return method_not_allowed(route.allow)
        if refused := _refuse_media(route, request):
            return refused
        if route.endpoint not in _FOR_ANYBODY:
            request.requester = await self._authenticator.identify(request.headers)
        request.faults = self._cors.faults(request.headers)
        if request.faults and _is_open(route):
            return invalid(request.faults)
        handler = self._handler(route, method)
        if self._default_bucket is None:
            return await handler(request)
        return await self._answer_resolved(self._default_bucket, request, handler)

    def _out_of_service(self, method: str) -> Response | None:
        if self._signals is not None and (gone := self._signals.gone()):
            return gone
        if self._is_readonly and method not in _SAFE_METHODS:
            return method_not_allowed("GET, HEAD, OPTIONS")
        return None

    async def _answer_resolved(
        self, default_bucket: DefaultBucket, request: Request, handler: Handler
    ) -> Response:
        is_aliased = request.target.bucket_id == ALIAS
        if refused := default_bucket.resolve(request):
            return refused
        if is_aliased and self._makes_default_buckets is not None:
            return await default_bucket.answer(request, handler, self._makes_default_buckets)
        return await handler(request)

    def _route(self, request: Request) -> Target | Response:
        raw_path = request.raw_path
        try:
            match = self._routes.match(decode_path(raw_path))
        except Undecodable:
            return bad_request("Invalid URL path.")
        try:
            _ = request.query
        except Undecodable:
            return bad_request("Invalid query string.")
        is_known = isinstance(match, Target) or match is Unrouted.TRAILING_SLASH
        # An encoded slash is part of a name, and no name has one (ID-6).
        if is_known and "%" in raw_path and "%2f" in raw_path.lower():
            return unknown_path()
        if isinstance(match, Target):
            return match
        if match is Unrouted.OTHER_VERSION:
            return unknown_version()
        return self._redirects.answer(request, match) or unknown_path()

    def _handler(self, route: Route, method: str) -> Handler:
        if route.endpoint in self._utilities:
            return self._utilities[route.endpoint]
        is_read = method in _SAFE_METHODS and route.endpoint not in ALWAYS_COMMANDS
        return self._reads if is_read else self._writes

    def talk(self, request: Request) -> Talk | None:
        """Who talks over the WebSocket that the request asks for, unless out of service."""
        dialect: object = self._dialects.of(request.raw_path)
        if isinstance(dialect, Talking) and self._out_of_service(request.method) is None:
            return dialect.talk(request)
        return None

    def complete(self, request: Request, response: Response) -> None:
        """Put a refusal of the server itself into the form of the path's other answers."""
        dialect = self._dialects.of(request.raw_path)
        self._complete(request, _in_form(dialect, response), dialect)

    def _complete(self, request: Request, response: Response, dialect: Dialect | None) -> None:
        """Add what every answer carries (BASE-4, BASE-5, CORS-6, SIG-1)."""
        if dialect is not None:
            response.headers.update(SECURITY_HEADERS)
            dialect.complete(request, response)
            return
        route = request.target.route
        kept = self._headers.get((route.template, request.method))
        response.headers.update(kept or self._constant_headers(route, request.method))
        if "Origin" in request.headers:
            response.headers.update(self._cors.origin_headers(request.headers))
        if self._signals is not None:
            # An alert of the endpoint itself stays (SIG-5).
            response.headers = self._signals.headers() | response.headers

    def _constant_headers(self, route: Route, method: str) -> dict[str, str]:
        security = _OF_PAGES if route.endpoint in _PAGES else SECURITY_HEADERS
        headers = {**security, "Access-Control-Expose-Headers": exposed(route, method)}
        if len(self._headers) < _HEADERS_KEPT_MAX:  # Methods are any text that a client sends.
            self._headers[route.template, method] = headers
        return headers


def _refuse_media(route: Route, request: Request) -> Response | None:
    """406 or 415 where media types are judged; of a batch its own body's alone (MT-1, MT-2)."""
    if route.is_resource:
        return refuse_media(request.method, request.headers)
    if route.endpoint is Endpoint.BATCH:
        return refuse_content_type(request.method, request.headers)
    return None


def _is_open(route: Route) -> bool:
    """Whether nothing but the origin may be wrong with a request for it (CORS-2)."""
    return not (route.is_resource or route.endpoint in _JUDGES_ORIGINS or route.endpoint in _PAGES)


def _in_form(dialect: Dialect | None, response: Response) -> Response:
    return response if dialect is None else translate(dialect, response)


async def misrouted(request: Request) -> Response:
    """Stands in for the handlers that this service lacks: the gateway sent it the wrong method."""
    message = f"This service does not take {request.method}: ask the gateway."
    return error(404, 111, message)
