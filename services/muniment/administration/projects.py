"""Projects over HTTP: buckets for who comes with a key, and for nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from muniment.administration.api_keys import ApiKeys, with_text
from muniment.administration.asks import NewNamed
from muniment.administration.ending import Ending
from muniment.administration.guard import Guard, told
from muniment.administration.roster import Roster
from muniment.domain.addresses import bucket
from muniment.domain.commands import Body, Command, Create, on_behalf_of
from muniment.domain.values import JsonObject, JsonValue, Principal
from muniment.keys.principals import project_principal
from muniment.keys.store import KeyStore, TenantKind, Wanted
from muniment.keys.tenants import Tenants
from muniment.web.commands import cause_of
from muniment.web.endpoints import Endpoint
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response

KIND = TenantKind.PROJECT


class Projects:
    """Makes, lists and ends projects; every method raises `Unavailable`."""

    def __init__(
        self,
        *,
        guard: Guard,
        store: KeyStore,
        api_keys: ApiKeys,
        roster: Roster,
        tenants: Tenants,
    ) -> None:
        self._guard = guard
        self._store = store
        self._api_keys = api_keys
        self._roster = roster
        self._tenants = tenants
        self._ending = Ending(roster=roster, tenants=tenants)

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers each of the endpoints."""
        return {
            Endpoint.PROJECTS: self._guard(self._answer_list),
            Endpoint.PROJECT: self._guard(self._answer_one),
            Endpoint.PROJECT_KEYS: self._guard(self._answer_keys),
        }

    async def _answer_list(self, request: Request, actor: Principal) -> Response:
        if request.method == "POST":
            return await self._create(request, actor)
        ids = await self._store.tenants(KIND)
        return told([_shown(data) for data in await self._roster.buckets(ids)])

    async def _create(self, request: Request, actor: Principal) -> Response:
        asked = self._guard.read(NewNamed, request)
        if isinstance(asked, Response):
            return asked
        data: JsonObject = {"kind": KIND, "name": asked.name}

        def commands(id_: str) -> Sequence[Command]:
            owner = project_principal(id_)
            return [
                Create(
                    address=bucket(id_),
                    id_from_client=False,
                    body=Body(data=data, permissions={"write": [owner]}),
                    requester=on_behalf_of(owner),
                    cause=replace(cause_of(request), actor=actor),
                )
            ]

        wanted = Wanted(kind=KIND, asked=data, key_label=asked.label)
        made = await self._tenants.make(request, wanted, commands)
        if isinstance(made, Response):
            return made
        assert made.key is not None  # noqa: S101 - one was wanted
        return told({"id": made.id, "name": asked.name, "key": with_text(made.key)}, status=201)

    async def _answer_one(self, request: Request, actor: Principal) -> Response:
        id_ = request.target.id or ""
        if not await self._store.is_tenant(id_, KIND):
            return _missing(request)
        [project] = await self._roster.buckets([id_])
        if request.method == "DELETE":
            requester = on_behalf_of(project_principal(id_))
            answer = await self._ending.end(request, id_, actor=actor, requester=requester)
            if answer is not None:
                return answer
        return told(_shown(project))

    async def _answer_keys(self, request: Request, _: Principal) -> Response:
        id_ = request.target.id or ""
        if not await self._store.is_tenant(id_, KIND):
            return _missing(request)
        return await self._api_keys.answer_list(request, project_principal(id_))


def _shown(data: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Without name and time where somebody has deleted the bucket."""
    return {name: data.get(name) for name in ("id", "name", "last_modified")}


def _missing(request: Request) -> Response:
    return object_missing("project", request.target.id or "")
