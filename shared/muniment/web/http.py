"""A request and an answer as the handlers see them: no socket, no framework.

The server makes requests from a connection, a batch makes them from its items; both go through
the same pipeline.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from multidict import CIMultiDict, CIMultiDictProxy

from muniment.domain.commands import ANONYMOUS, Requester
from muniment.domain.queries import parameters
from muniment.domain.refusals import Fault
from muniment.web.routes import NOWHERE, Target
from muniment.web.streams import Stream

Headers: TypeAlias = CIMultiDict[str] | CIMultiDictProxy[str]
"""Header fields; names are looked up in any case."""

Query: TypeAlias = tuple[tuple[str, str], ...]

PREFIX: Final = "/v1"

JSON_TYPE: Final = "application/json"


class Undecodable(ValueError):
    """The path or the query holds bytes that are not UTF-8, or U+0000 (RT-8, RT-9)."""


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """One request; the pipeline fills in `target`, `requester` and `faults` on its way."""

    method: str
    raw_path: str
    """As it came, percent-encoded, with the version prefix."""
    raw_query: str = ""
    """Without the question mark."""
    headers: Headers
    body: bytes = b""
    base_url: str
    """Scheme, host and port as the outside sees them (BASE-7)."""
    id: str
    target: Target = NOWHERE
    requester: Requester = ANONYMOUS
    faults: tuple[Fault, ...] = ()
    """What the pipeline found wrong; told only to a requester who may do what is asked."""
    _query: Query | None = field(default=None, init=False)

    @property
    def path(self) -> str:
        """The path decoded. Raises `Undecodable`."""
        return decode_path(self.raw_path)

    @property
    def query(self) -> Query:
        """The parameters decoded, in their order. Raises `Undecodable`."""
        if self._query is None:
            self._query = parse_query(self.raw_query) if self.raw_query else ()
        return self._query

    @property
    def url(self) -> str:
        """The absolute URL, as it came."""
        query = f"?{self.raw_query}" if self.raw_query else ""
        return f"{self.base_url}{self.raw_path}{query}"


@dataclass(slots=True, kw_only=True)
class Response:
    """One answer. A body without a `Content-Type` is JSON."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    stream: Stream | None = None
    """What writes the body instead, part by part; not within batches."""


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def headers_of(fields: Mapping[str, str]) -> Headers:
    """Header fields from a plain mapping, as the items of a batch have them."""
    return CIMultiDict(fields)


def decode_path(raw_path: str) -> str:
    """The path without percent-encoding. Raises `Undecodable`."""
    if "%" not in raw_path and raw_path.isascii():
        return raw_path
    try:
        path = unquote_to_bytes(raw_path.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError as error:
        raise Undecodable from error
    if "\0" in path:
        raise Undecodable
    return path


def parse_query(raw_query: str) -> Query:
    """The parameters of a query string, empty values included. Raises `Undecodable`."""
    try:
        raw = raw_query.encode("utf-8", "surrogateescape").decode()
        return parameters.parse_query(raw)
    except ValueError as error:  # UnicodeError is one too
        raise Undecodable from error
