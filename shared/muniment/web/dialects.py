"""Wire formats of other systems, on paths of their own beside `/v1`.

The pipeline finds the dialect of a path and hands it the request as it came. What the pipeline or
the server refuse by themselves, a dialect's clients get in its own form of errors.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self, TypeAlias, cast, runtime_checkable

import orjson

from muniment.domain.refusals import Fault
from muniment.domain.values import JsonValue
from muniment.web.endpoints import Endpoint, Route
from muniment.web.http import Request, Response, decode_path
from muniment.web.routes import Target
from muniment.web.sockets import Talk

_FIRST_ERROR: Final = 400


class DetailError(Exception):
    """A request is refused: the status, and what `detail` says of it."""

    def __init__(self, status: int, detail: JsonValue) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail

    @classmethod
    def unprocessable(cls, loc: Sequence[str | int], message: str, kind: str) -> Self:
        """422 for one thing that has not the form that it needs."""
        return cls(422, [{"loc": list(loc), "msg": message, "type": kind}])

    @classmethod
    def of_faults(cls, *faults: Fault) -> Self:
        """422 for all that `/v1` would find wrong as well."""
        return cls(422, [_told(fault) for fault in faults])

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer carries besides."""
        return {}

    @property
    def response(self) -> Response:
        """The answer that tells it."""
        headers = dict(self.headers)
        return Response(status=self.status, headers=headers, body=detail_body(self.detail))


def _told(fault: Fault) -> JsonValue:
    name = "" if fault.name is None else str(fault.name)
    loc = [fault.location, *filter(None, name.removeprefix("data.").split("."))]
    return {"loc": loc, "msg": fault.description, "type": "value_error"}


def detail_body(detail: JsonValue) -> bytes:
    """`{"detail": …}`, as FastAPI tells errors, and so the systems that dialects are for."""
    return orjson.dumps({"detail": detail})


class Dialect(Protocol):
    """Answers for all paths that begin with one of its prefixes."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What its paths begin with, whole segments: `/collections`."""
        ...

    async def handle(self, request: Request) -> Response:
        """Answer, preflights included; raises `Unavailable`. Sets `request.target` to its route."""
        ...

    def error_body(self, status: int, message: str) -> bytes:
        """The body of an error in the dialect's form."""
        ...

    def complete(self, request: Request, response: Response) -> None:
        """Add the headers that every answer of the dialect carries."""
        ...


@runtime_checkable
class Talking(Protocol):
    """A dialect that also talks over WebSockets."""

    def talk(self, request: Request) -> Talk | None:
        """What is said over the WebSocket that the request asks for, if there is one."""
        ...


class Dialects:
    """All dialects that a process serves."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._by_prefix = {prefix: each for each in dialects for prefix in each.prefixes}
        self._prefixes = tuple(self._by_prefix)

    def of(self, raw_path: str) -> Dialect | None:
        """Whose path it is; `None` for those of `/v1`."""
        if not raw_path.startswith(self._prefixes):
            return None
        for prefix, dialect in self._by_prefix.items():
            if raw_path == prefix or raw_path.startswith(f"{prefix}/"):
                return dialect
        return None


def translate(dialect: Dialect, response: Response) -> Response:
    """An error of `/v1` in the dialect's form; status and headers stay."""
    if response.status >= _FIRST_ERROR and response.body:
        body = cast("Mapping[str, object]", orjson.loads(response.body))
        text = body.get("message") or body.get("error")
        response.body = dialect.error_body(response.status, str(text))
    return response


Call: TypeAlias = Callable[[Request, Mapping[str, str]], Awaitable[Response]]
"""Answers one call; the mapping holds what the path's names stand for, decoded."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The call that a path and a method name."""

    call: Call
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """The path is known, but not with this method."""

    allow: str


@dataclass(frozen=True, slots=True)
class _Row:
    segments: tuple[str, ...]
    target: Target
    calls: Mapping[str, Call]


class Calls:
    """A table of calls: templates as `/collections/{collection}`, the first that fits is it.

    A slash at the end of a path makes no difference.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Call]]) -> None:
        """`table` has the calls of each template by method."""
        self._by_length: dict[int, list[_Row]] = {}
        for template, calls in table.items():
            route = Route(endpoint=Endpoint.DIALECT, template=template, methods=tuple(calls))
            row = _Row(_segments(template), Target(route=route), calls)
            self._by_length.setdefault(len(row.segments), []).append(row)

    def match(self, request: Request) -> Matched | WrongMethod | None:
        """The call, or `None` where no template fits; sets `request.target` to the template.

        Raises `Undecodable`.
        """
        given = _segments(request.raw_path)
        allowed: list[str] = []
        for row in self._fitting(given):
            request.target = row.target
            if request.method in row.calls:
                return Matched(row.calls[request.method], dict(_names(row, given)))
            allowed.extend(row.calls)
        return WrongMethod(", ".join((*dict.fromkeys(allowed), "OPTIONS"))) if allowed else None

    def _fitting(self, given: tuple[str, ...]) -> Iterator[_Row]:
        for row in self._by_length.get(len(given), ()):
            if all(map(_fits, row.segments, given)):
                yield row


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _fits(expected: str, given: str) -> bool:
    return given == expected or (expected.startswith("{") and given != "")


def _names(row: _Row, given: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for expected, segment in zip(row.segments, given, strict=True):
        if expected.startswith("{"):
            yield expected[1:-1], decode_path(segment)
