"""DataForce's paths: which call answers which, and what all answers have in common."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from muniment.dataforce.collections import Collections
from muniment.dataforce.errors import DataForceError, unauthorized
from muniment.dataforce.orbits import Orbits
from muniment.dataforce.store import DataForceStore
from muniment.domain.commands import authenticated
from muniment.domain.values import Principal
from muniment.keys.principals import user_of
from muniment.keys.side import Keys
from muniment.keys.tenants import Tenants
from muniment.query.app import QuerySide
from muniment.runtime.settings import Settings
from muniment.web.carrying_out import AnsweredElsewhere, Carrier
from muniment.web.cors import DialectCors
from muniment.web.dialects import Call, Calls, Matched, WrongMethod, detail_body
from muniment.web.edge import Edge
from muniment.web.http import PREFIX, Request, Response, Undecodable

_HEADERS: Final = "authorization, content-type"
"""What its clients send."""

_BEYOND: Final = frozenset(
    {
        "artifacts",
        "bucket-secrets",
        "deployments",
        "lineage",
        "model_artifacts",
        "monitoring",
        "satellites",
        "tracks",
    }
)
"""What the original has and Muniment has not: it keeps no files of models."""

UserCall: TypeAlias = Callable[[Request, Mapping[str, str], Principal], Awaitable[Response]]
"""Answers one call of the user whose key came with it."""


class DataForce:
    """Answers for `/organizations` and `/users/me`, with `/v1` before them and without."""

    prefixes = ("/organizations", "/users/me", "/v1/organizations", "/v1/users/me")

    def __init__(
        self,
        settings: Settings,
        edge: Edge,
        *,
        carrier: Carrier,
        queries: QuerySide,
        keys: Keys,
    ) -> None:
        self._cors = DialectCors(cors=edge.cors, headers=_HEADERS)
        self._keys = keys
        store = DataForceStore(queries.store)
        depth_max = settings.json_depth_max
        orbits = Orbits(store, Tenants(keys, carrier), carrier, json_depth_max=depth_max)
        collections = Collections(
            store,
            carrier,
            json_depth_max=depth_max,
            keeps_nonempty=settings.dataforce_keeps_nonempty_collections,
        )
        self._calls = Calls(
            {
                f"{prefix}{template}": {
                    method: self._of_user(call) for method, call in calls.items()
                }
                for prefix in ("", PREFIX)
                for template, calls in _table(orbits, collections).items()
            }
        )

    async def handle(self, request: Request) -> Response:
        """Answer one call; raises `Unavailable`."""
        try:
            if request.method == "OPTIONS":
                self._calls.match(request)
                return self._cors.preflight()
            return await self._answer(request)
        except DataForceError as refused:
            return refused.response
        except AnsweredElsewhere as answered:
            return answered.response
        except Undecodable:
            return DataForceError(400, "The URL is not UTF-8.").response

    def error_body(self, status: int, message: str) -> bytes:
        """`{"detail": TEXT}`, whatever the status."""
        return detail_body(message)

    def complete(self, request: Request, response: Response) -> None:
        """What scripts of browsers need."""
        self._cors.complete(request, response)

    async def _answer(self, request: Request) -> Response:
        match self._calls.match(request):
            case Matched(call=call, names=names):
                return await call(request, names)
            case WrongMethod(allow=allow):
                response = DataForceError(405, "Method Not Allowed").response
                response.headers["Allow"] = allow
                return response
            case None:
                await self._user(request)
                if _BEYOND.isdisjoint(request.raw_path.split("/")):
                    raise DataForceError(404, "Not Found")
                raise DataForceError(501, "Muniment keeps collections, but no files of models.")

    def _of_user(self, call: UserCall) -> Call:
        async def answer(request: Request, names: Mapping[str, str]) -> Response:
            return await call(request, names, await self._user(request))

        return answer

    async def _user(self, request: Request) -> Principal:
        """Whose key came along. Raises `DataForceError`: the key is looked at before all else."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise unauthorized()
        principal = await self._keys.principal_of(text.strip())
        if principal is None or user_of(principal) is None:
            raise unauthorized()
        request.requester = authenticated(principal)
        return principal


def _table(orbits: Orbits, collections: Collections) -> Mapping[str, Mapping[str, UserCall]]:
    """The calls of each path without its prefix; `tags` is a fixed word."""
    in_organization = "/organizations/{organization_id}/orbits"
    in_orbit = f"{in_organization}/{{orbit_id}}/collections"
    return {
        "/users/me/organizations": {"GET": orbits.organizations},
        in_organization: {"GET": orbits.list, "POST": orbits.create},
        f"{in_organization}/{{orbit_id}}": {
            "GET": orbits.read,
            "PATCH": orbits.update,
            "DELETE": orbits.delete,
        },
        in_orbit: {"GET": collections.list, "POST": collections.create},
        f"{in_orbit}/tags": {"GET": collections.tags},
        f"{in_orbit}/{{collection_id}}": {
            "GET": collections.read,
            "PATCH": collections.update,
            "DELETE": collections.delete,
        },
    }
