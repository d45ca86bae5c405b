"""Requests, targets and pipelines with defaults: a test names only what matters to it."""

from collections.abc import Mapping
from typing import Any

import orjson

from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.values import Principal
from muniment.runtime.settings import Settings
from muniment.web.edge import Edge
from muniment.web.http import Handler, Request, Response, headers_of
from muniment.web.pipeline import Pipeline
from muniment.web.root import Check
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target

ATLAS = "/v1/buckets/atlas"
STATIONS = f"{ATLAS}/collections/stations"
RECORDS = f"{STATIONS}/records"

NADIA = authenticated(Principal("account:nadia"))

ROUTES = Routes(Features(flush=True, groups=True))


def target_of(path: str) -> Target:
    match = ROUTES.match(path)
    assert isinstance(match, Target)
    return match


def request(
    method: str = "GET",
    path: str = RECORDS,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: object = None,
    requester: Requester = ANONYMOUS,
) -> Request:
    """A routed request; a body that is not bytes is written as JSON."""
    match = ROUTES.match(path)
    made = Request(
        method=method,
        raw_path=path,
        raw_query=query,
        headers=headers_of(headers or {}),
        body=text_of(body),
        base_url="http://data.example.org",
        id="r-1",
        requester=requester,
    )
    if isinstance(match, Target):
        made.target = match
    return made


def text_of(body: object) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else orjson.dumps(body)


def json_of(response: Response) -> Any:
    assert response.body is not None
    return orjson.loads(response.body)


def details_of(response: Response) -> Any:
    return json_of(response)["details"]


async def reads(_: Request) -> Response:
    return Response(body=b'{"read":true}')


async def writes(_: Request) -> Response:
    return Response(status=201, body=b'{"written":true}')


async def well() -> bool:
    return True


def pipeline(
    *,
    reads: Handler = reads,
    writes: Handler = writes,
    checks: Mapping[str, Check] | None = None,
    **settings: Any,
) -> Pipeline:
    given: dict[str, Any] = {
        "auth_policies": ("basicauth",),
        "userid_hmac_secret": "secret",
        **settings,
    }
    edge = Edge(Settings(**given))
    return edge.pipeline(
        service="test",
        checks=checks or {},
        reads=reads,
        writes=writes,
        makes_default_buckets=writes,
    )
