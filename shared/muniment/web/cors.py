"""Requests of browsers from other origins (contract section 4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from muniment.domain.refusals import Fault
from muniment.web.endpoints import Route
from muniment.web.errors import invalid
from muniment.web.http import Headers, Request, Response

_BASE: Final = ("Backoff", "Retry-After", "Alert", "Content-Length", "Content-Type")
_REVISION: Final = ("Last-Modified", "ETag")
_READ: Final = (*_BASE, *_REVISION, "Cache-Control", "Expires", "Pragma")
_LIST: Final = (*_READ, "Next-Page")
_LIST_HEAD: Final = (*_LIST, "Total-Objects", "Total-Records")

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_READ_METHODS: Final = frozenset({"GET", "HEAD"})


def exposed(route: Route, method: str) -> str:
    """The headers that a script may read, for `Access-Control-Expose-Headers` (CORS-3)."""
    return ", ".join(_exposed(route, method))


def _exposed(route: Route, method: str) -> tuple[str, ...]:
    if not route.is_resource:
        return _BASE
    if method not in _READ_METHODS:
        return (*_BASE, *_REVISION)
    if not route.is_list:
        return _READ
    return _LIST if method == "GET" else _LIST_HEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Which origins are let in, and what a preflight is told."""

    origins: frozenset[str] = frozenset({"*"})
    max_age_s: int = 3600

    def origin_headers(self, headers: Headers) -> dict[str, str]:
        """`Access-Control-Allow-Origin`, on answers of every status (CORS-1, CORS-6)."""
        origin = headers.get("Origin")
        if origin is None:
            return {}
        if "*" in self.origins:
            return {"Access-Control-Allow-Origin": "*"}
        if origin in self.origins:
            return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        return {"Vary": "Origin"}

    def faults(self, headers: Headers) -> tuple[Fault, ...]:
        """What is wrong with the origin, if it is not let in (CORS-2)."""
        origin = headers.get("Origin")
        if origin is None or "*" in self.origins or origin in self.origins:
            return ()
        return (_fault("Origin", f"{origin.encode('ascii', 'replace').decode()} not allowed"),)

    def preflight(self, request: Request, route: Route) -> Response:
        """The answer to OPTIONS on a known path (CORS-4, CORS-5)."""
        faults = (*_preflight_faults(request.headers, route), *self.faults(request.headers))
        if faults:
            return invalid(faults)
        asked = request.headers.get("Access-Control-Request-Headers", "")
        wanted = (name.strip() for name in asked.split(","))
        allowed = (*_exposed_by_any(route), *(name for name in wanted if _TOKEN.fullmatch(name)))
        return Response(
            body=b"null",
            headers={
                "Access-Control-Allow-Methods": ",".join(route.methods),
                "Access-Control-Allow-Headers": ",".join(dict.fromkeys(allowed)),
                "Access-Control-Max-Age": str(self.max_age_s),
            },
        )


def _preflight_faults(headers: Headers, route: Route) -> Iterator[Fault]:
    method = headers.get("Access-Control-Request-Method")
    if "Origin" not in headers:
        yield _fault("Origin", "this header is mandatory")
    if method is None:
        yield _fault("Access-Control-Request-Method", "this header is mandatory")
    elif method not in route.methods:
        yield _fault("Access-Control-Request-Method", "Method not allowed")


def _fault(name: str, description: str) -> Fault:
    return Fault(location="header", name=name, description=description)


def _exposed_by_any(route: Route) -> Iterator[str]:
    for method in route.methods:
        yield from _exposed(route, method)


_OF_DIALECTS: Final = "Retry-After, Content-Length, Content-Type, X-Request-Id"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectCors:
    """What browsers are told on the paths of another API: the same on all of them."""

    cors: Cors
    methods: str = "GET, POST, PATCH, DELETE, OPTIONS"
    headers: str
    """Those that its clients send, in lower case, joined by commas."""

    def preflight(self) -> Response:
        """No key is asked for: browsers send none here."""
        return Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": self.methods,
                "Access-Control-Allow-Headers": self.headers,
                "Access-Control-Max-Age": str(self.cors.max_age_s),
            },
        )

    def complete(self, request: Request, response: Response) -> None:
        """Add what every answer tells them."""
        response.headers["Access-Control-Expose-Headers"] = _OF_DIALECTS
        response.headers.update(self.cors.origin_headers(request.headers))
