"""Organizations and their orbits over HTTP, for administrators."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from muniment.administration.asks import Ask, Name
from muniment.administration.ending import Ending
from muniment.administration.guard import Guard, told
from muniment.administration.roster import Group, Roster
from muniment.dataforce.roles import OrbitRole, OrganizationRole, group_of
from muniment.dataforce.tenancy import NewOrbit, NewOrganization
from muniment.domain.commands import on_behalf_of
from muniment.domain.values import JsonValue, Principal
from muniment.keys.principals import user_of, user_principal
from muniment.keys.store import KeyStore, TenantKind
from muniment.keys.tenants import Tenants
from muniment.web.commands import cause_of
from muniment.web.endpoints import Endpoint
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response
from muniment.web.json_text import body_fault


class OrganizationAsk(Ask):
    """`{"name": …}`, and who owns it from the start."""

    name: Name
    logo: str | None = None
    owner: str | None = None


class OrbitAsk(Ask):
    """`{"name": …}`."""

    name: Name


class Organizations:
    """Makes, lists and ends organizations and orbits; every method raises `Unavailable`."""

    def __init__(self, *, guard: Guard, store: KeyStore, roster: Roster, tenants: Tenants) -> None:
        self._guard = guard
        self._store = store
        self._roster = roster
        self._tenants = tenants
        self._ending = Ending(roster=roster, tenants=tenants)

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers each of the endpoints."""
        return {
            Endpoint.ORGANIZATIONS: self._guard(self._answer_organizations),
            Endpoint.ORGANIZATION: self._guard(self._answer_organization),
            Endpoint.ORBITS: self._guard(self._answer_orbits),
            Endpoint.ORBIT: self._guard(self._answer_orbit),
        }

    async def _answer_organizations(self, request: Request, actor: Principal) -> Response:
        if request.method != "POST":
            return await self._list(TenantKind.ORGANIZATION)
        asked = self._guard.read(OrganizationAsk, request)
        if isinstance(asked, Response):
            return asked
        if asked.owner is not None and await self._store.user(asked.owner) is None:
            return self._guard.refuse(request, (body_fault("owner", "no user has this id"),))
        new = NewOrganization(
            name=asked.name,
            logo=asked.logo,
            owners=[] if asked.owner is None else [user_principal(asked.owner)],
        )
        return await self._make(request, actor, new)

    async def _answer_organization(self, request: Request, actor: Principal) -> Response:
        id_ = request.target.id or ""
        if request.method == "DELETE" and (
            orbits := await self._store.tenants(TenantKind.ORBIT, parent_id=id_)
        ):
            full = f"The organization has {len(orbits)} orbits: delete them first"
            return self._guard.refuse(request, (body_fault("", full),))
        return await self._answer_one(request, actor, TenantKind.ORGANIZATION)

    async def _answer_orbits(self, request: Request, actor: Principal) -> Response:
        id_ = request.target.id or ""
        if not await self._store.is_tenant(id_, TenantKind.ORGANIZATION):
            return object_missing(TenantKind.ORGANIZATION, id_)
        if request.method != "POST":
            return await self._list(TenantKind.ORBIT, parent_id=id_)
        if not await self._roster.lives(id_):
            return object_missing(TenantKind.ORGANIZATION, id_)
        asked = self._guard.read(OrbitAsk, request)
        if isinstance(asked, Response):
            return asked
        new = NewOrbit(organization=id_, name=asked.name, bucket_secret_id=None, admins=[])
        return await self._make(request, actor, new)

    async def _answer_orbit(self, request: Request, actor: Principal) -> Response:
        return await self._answer_one(request, actor, TenantKind.ORBIT)

    async def _list(self, kind: TenantKind, *, parent_id: str | None = None) -> Response:
        ids = await self._store.tenants(kind, parent_id=parent_id)
        return told([_shown(each) for each in await self._roster.buckets(ids)])

    async def _make(
        self, request: Request, actor: Principal, new: NewOrganization | NewOrbit
    ) -> Response:
        cause = replace(cause_of(request), actor=actor)
        made = await self._tenants.make(request, new.wanted, lambda id_: new.commands(id_, cause))
        if isinstance(made, Response):
            return made
        shown: dict[str, JsonValue] = {"id": made.id, "name": new.name}
        if isinstance(new, NewOrbit):
            shown["organization_id"] = new.organization
        return told(shown, status=201)

    async def _answer_one(self, request: Request, actor: Principal, kind: TenantKind) -> Response:
        """Show what it is called and who is what in it, or delete it with all that is in it."""
        id_ = request.target.id or ""
        if not await self._store.is_tenant(id_, kind):
            return object_missing(kind, id_)
        if request.method == "DELETE":
            requester = on_behalf_of(actor)
            answer = await self._ending.end(request, id_, actor=actor, requester=requester)
            return told({"id": id_}) if answer is None else answer
        [data] = await self._roster.buckets([id_])
        members = _members(await self._roster.groups(id_), kind)
        return told({**_shown(data), "members": members})


def _members(groups: Sequence[Group], kind: TenantKind) -> list[JsonValue]:
    """Users and their roles; who else is put into a group by `/v1` has none here."""
    roles: Any = OrbitRole if kind is TenantKind.ORBIT else OrganizationRole
    by_group = {group_of(role): role for role in roles}
    return [
        {"user_id": user_id, "role": by_group[each.id]}
        for each in groups
        if each.id in by_group
        for member in each.members
        if (user_id := user_of(Principal(member))) is not None
    ]


def _shown(data: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Without a name where somebody has deleted the bucket."""
    shown: dict[str, JsonValue] = {"id": data["id"], "name": data.get("name")}
    if "organization_id" in data:
        shown["organization_id"] = data["organization_id"]
    return shown
