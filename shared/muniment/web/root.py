"""The utility endpoints: what the server is, whether it is well, what it serves (section 3)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeAlias

import orjson

from muniment.domain.commands import Requester
from muniment.domain.values import JsonObject, Principal
from muniment.runtime.logs import get_logger
from muniment.web.cache import expiry_headers
from muniment.web.endpoints import Endpoint, Route
from muniment.web.errors import unknown_path
from muniment.web.http import PREFIX, Handler, Headers, Request, Response
from muniment.web.openapi.document import openapi
from muniment.web.project import Project

log: Final = get_logger(__name__)

API_VERSION: Final = "1.23"

Check: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether a dependency is well; one that raises is not."""

InGroups: TypeAlias = Callable[[Requester], Awaitable[Requester]]
"""The requester in all groups that speak for them (AUTH-5)."""


async def in_no_groups(requester: Requester) -> Requester:
    """Stands in where there is nothing to look groups up in."""
    return requester


async def no_profile(_: Headers) -> JsonObject | None:
    """Stands in where nobody tells anything of users."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RootView:
    """`GET /v1/` (HELLO-1 to HELLO-8)."""

    project: Project
    batch_max_requests: int
    is_readonly: bool = False
    explicit_permissions: bool = True
    capabilities: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    eos: date | None = None
    readonly_ttl_s: int = 86_400
    in_groups: InGroups = in_no_groups
    default_bucket_id: Callable[[Principal], str] | None = None
    profile_of: Callable[[Headers], Awaitable[JsonObject | None]] = no_profile
    more_capabilities: Callable[[], Mapping[str, JsonObject]] = dict[str, JsonObject]
    """Those of which more is known once the service has run for a while."""
    now_s: Callable[[], float] = time.time

    async def __call__(self, request: Request) -> Response:
        """Tell everybody; who asks is told to the authenticated."""
        requester = await self.in_groups(request.requester)
        view: dict[str, object] = {
            "project_name": self.project.name,
            "project_version": self.project.version,
            "http_api_version": API_VERSION,
            "project_docs": self.project.docs_url,
            "url": f"{request.base_url}{PREFIX}/",
            "config": None,
            "settings": {
                "batch_max_requests": self.batch_max_requests,
                "readonly": self.is_readonly,
                "explicit_permissions": self.explicit_permissions,
            },
            "capabilities": {**self.capabilities, **self.more_capabilities()},
        }
        if self.eos is not None:
            view["eos"] = self.eos.isoformat()
        if not requester.is_anonymous:
            profile = await self.profile_of(request.headers)
            view["user"] = self._user(requester) | ({} if profile is None else {"profile": profile})
        return Response(headers=self._cache_headers(), body=orjson.dumps(view))

    def _user(self, requester: Requester) -> dict[str, object]:
        user: dict[str, object] = {
            "id": requester.user_id,
            "principals": sorted(requester.principals),
        }
        if self.default_bucket_id is not None and requester.user_id is not None:
            user["bucket"] = self.default_bucket_id(requester.user_id)
        return user

    def _cache_headers(self) -> dict[str, str]:
        return expiry_headers(self.readonly_ttl_s, self.now_s()) if self.is_readonly else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`GET /v1/__heartbeat__`: 200 when all checks hold, else 503 (HB-1)."""

    checks: Mapping[str, Check]
    timeout_s: float = 10

    async def __call__(self, request: Request) -> Response:
        """Ask all at the same time; one that is late counts as failed."""
        waiting = (asyncio.wait_for(check(), self.timeout_s) for check in self.checks.values())
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        told = dict(zip(self.checks, outcomes, strict=True))
        for name, outcome in told.items():
            if outcome is not True:
                log.warning("heartbeat.failed", check=name, reason=repr(outcome))
        well = {name: outcome is True for name, outcome in told.items()}
        status = 200 if all(well.values()) else 503
        return Response(status=status, body=orjson.dumps(well))


def utilities(
    *,
    root: RootView,
    heartbeat: Heartbeat,
    routes: tuple[Route, ...],
    version_json: bytes | None = None,
    contribute: JsonObject | None = None,
) -> dict[Endpoint, Handler]:
    """The handlers of all utility endpoints."""

    async def tell_alive(_: Request) -> Response:
        return Response(body=b"{}")

    async def tell_version(_: Request) -> Response:
        return unknown_path() if version_json is None else Response(body=version_json)

    async def tell_api(request: Request) -> Response:
        return Response(body=openapi(routes, root.project, request.base_url))

    async def tell_contribute(_: Request) -> Response:
        return Response(body=orjson.dumps(contribute or _contribute(root.project)))

    return {
        Endpoint.ROOT: root,
        Endpoint.HEARTBEAT: heartbeat,
        Endpoint.LBHEARTBEAT: tell_alive,
        Endpoint.VERSION: tell_version,
        Endpoint.API: tell_api,
        Endpoint.CONTRIBUTE: tell_contribute,
    }


def _contribute(project: Project) -> JsonObject:
    return {
        "name": project.name,
        "description": project.description,
        "repository": {"license": "Apache-2.0", "type": "git"},
        "participate": {"docs": project.docs_url},
    }
