"""Projects over HTTP: buckets for who comes with a key, and for nobody else."""

from dataclasses import replace

from muniment.administration.api_keys import ApiKeys, with_text
from muniment.administration.asks import NewNamed, read_ask
from muniment.administration.guard import Guard, told
from muniment.administration.roster import Roster
from muniment.domain.addresses import bucket
from muniment.domain.commands import Body, Create, Delete, on_behalf_of
from muniment.domain.refusals import ObjectMissing
from muniment.domain.values import JsonObject, JsonValue, Principal
from muniment.keys.principals import project_principal
from muniment.keys.side import Keys
from muniment.keys.store import TenantKind
from muniment.web.carrying_out import Carrier
from muniment.web.commands import cause_of
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response
from muniment.web.routes import Endpoint

KIND = "project"


class Projects:
    """Makes, lists and ends projects; every method raises `Unavailable`."""

    def __init__(
        self,
        *,
        guard: Guard,
        keys: Keys,
        api_keys: ApiKeys,
        roster: Roster,
        carrier: Carrier,
    ) -> None:
        self._guard = guard
        self._keys = keys
        self._api_keys = api_keys
        self._roster = roster
        self._carrier = carrier

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
        ids = await self._keys.store.tenants(TenantKind.PROJECT)
        return told([_shown(data) for data in await self._roster.buckets(ids)])

    async def _create(self, request: Request, actor: Principal) -> Response:
        asked = read_ask(NewNamed, request, depth_max=self._guard.json_depth_max)
        if isinstance(asked, tuple):
            return self._guard.refuse(request, asked)
        id_ = self._carrier.make_bucket_id()
        owner = project_principal(id_)
        create = Create(
            address=bucket(id_),
            id_from_client=False,
            body=Body(data={"kind": KIND, "name": asked.name}, permissions={"write": [owner]}),
            requester=on_behalf_of(owner),
            cause=replace(cause_of(request), actor=actor),
        )
        done = await self._carrier.carry_out(request, [create])
        if isinstance(done, Response):
            return done
        await self._keys.store.add_tenant(id_, TenantKind.PROJECT)
        made = await self._keys.store.create(owner, label=asked.label)
        return told({"id": id_, "name": asked.name, "key": with_text(made)}, status=201)

    async def _answer_one(self, request: Request, actor: Principal) -> Response:
        project = await self._project(request)
        if project is None:
            return _missing(request)
        if request.method != "DELETE":
            return told(_shown(project))
        id_ = request.target.id or ""
        owner = project_principal(id_)
        delete = Delete(
            address=bucket(id_),
            requester=on_behalf_of(owner),
            cause=replace(cause_of(request), actor=actor),
        )
        done = await self._carrier.carry_out(request, [delete])
        if isinstance(done, Response):
            return done
        if isinstance(done[0], ObjectMissing):
            return _missing(request)
        await self._keys.store.revoke_all_of(owner)
        await self._keys.store.remove_tenant(id_)
        self._keys.forget()
        return told(_shown(project))

    async def _answer_keys(self, request: Request, _: Principal) -> Response:
        if await self._project(request) is None:
            return _missing(request)
        return await self._api_keys.answer_list(request, project_principal(request.target.id or ""))

    async def _project(self, request: Request) -> JsonObject | None:
        id_ = request.target.id or ""
        if not await self._keys.store.is_tenant(id_, TenantKind.PROJECT):
            return None
        found = await self._roster.buckets([id_])
        return found[0] if found else None


def _shown(data: JsonObject) -> dict[str, JsonValue]:
    return {"id": data["id"], "name": data.get("name"), "last_modified": data["last_modified"]}


def _missing(request: Request) -> Response:
    return object_missing("project", request.target.id or "")
