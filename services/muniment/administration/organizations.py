"""Users, organizations, orbits and roles over HTTP, for administrators."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field

from muniment.administration.api_keys import ApiKeys, with_text
from muniment.administration.asks import Ask, Name, NewNamed, read_ask
from muniment.administration.guard import Guard, told
from muniment.administration.roster import Group, Roster
from muniment.dataforce.roles import OrbitRole, OrganizationRole, group_of
from muniment.dataforce.tenancy import new_orbit, new_organization
from muniment.domain.addresses import bucket, group
from muniment.domain.commands import (
    Body,
    Command,
    Delete,
    FieldsPatch,
    Patch,
    Preconditions,
    on_behalf_of,
)
from muniment.domain.events import ObjectChanged
from muniment.domain.values import JsonValue, Principal
from muniment.keys.principals import user_of, user_principal
from muniment.keys.side import Keys
from muniment.keys.store import UUID, KeyUser, TenantKind
from muniment.web.carrying_out import Carrier
from muniment.web.commands import cause_of
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response
from muniment.web.json_text import body_fault
from muniment.web.pipeline import Unavailable
from muniment.web.routes import Endpoint

TRIES_MAX: Final = 10
"""How often a change of roles is tried anew, where others change them at the same time."""


class NewOrganization(Ask):
    """`{"name": …}`, and who owns it from the start."""

    name: Name
    logo: str | None = None
    owner: Annotated[str | None, Field(pattern=UUID.pattern)] = None


class NewOrbit(Ask):
    """`{"name": …}`."""

    name: Name


class OrganizationMember(Ask):
    """`{"role": …}`; none: the user is no member any more."""

    role: Annotated[OrganizationRole, Field(strict=False)]


class OrbitMember(Ask):
    """The same for an orbit."""

    role: Annotated[OrbitRole, Field(strict=False)]


class TenantAdministration:
    """Answers requests about users, organizations and orbits; raises `Unavailable`."""

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
        answers = {
            Endpoint.API_USERS: self._answer_users,
            Endpoint.API_USER: self._answer_user,
            Endpoint.API_USER_KEYS: self._answer_user_keys,
            Endpoint.ORGANIZATIONS: self._answer_organizations,
            Endpoint.ORGANIZATION: self._answer_organization,
            Endpoint.ORGANIZATION_MEMBER: self._answer_organization_member,
            Endpoint.ORBITS: self._answer_orbits,
            Endpoint.ORBIT: self._answer_orbit,
            Endpoint.ORBIT_MEMBER: self._answer_orbit_member,
        }
        return {endpoint: self._guard(answer) for endpoint, answer in answers.items()}

    async def _answer_users(self, request: Request, _: Principal) -> Response:
        store = self._keys.store
        if request.method != "POST":
            return told([_user(each) for each in await store.users()])
        asked = read_ask(NewNamed, request, depth_max=self._guard.json_depth_max)
        if isinstance(asked, tuple):
            return self._guard.refuse(request, asked)
        user = await store.add_user(asked.name)
        made = await store.create(user_principal(user.id), label=asked.label)
        return told({**_user(user), "key": with_text(made)}, status=201)

    async def _answer_user(self, request: Request, _: Principal) -> Response:
        user = await self._user(request.target.id)
        return _missing("user", request.target.id) if user is None else told(_user(user))

    async def _answer_user_keys(self, request: Request, _: Principal) -> Response:
        user = await self._user(request.target.id)
        if user is None:
            return _missing("user", request.target.id)
        return await self._api_keys.answer_list(request, user_principal(user.id))

    async def _answer_organizations(self, request: Request, actor: Principal) -> Response:
        if request.method != "POST":
            ids = await self._keys.store.tenants(TenantKind.ORGANIZATION)
            return told([_named(each) for each in await self._roster.buckets(ids)])
        asked = read_ask(NewOrganization, request, depth_max=self._guard.json_depth_max)
        if isinstance(asked, tuple):
            return self._guard.refuse(request, asked)
        if asked.owner is not None and await self._user(asked.owner) is None:
            return self._guard.refuse(request, (body_fault("owner", "no user has this id"),))
        id_ = self._carrier.make_bucket_id()
        commands = new_organization(
            id_,
            name=asked.name,
            logo=asked.logo,
            owners=[] if asked.owner is None else [user_principal(asked.owner)],
            cause=replace(cause_of(request), actor=actor),
        )
        done = await self._carrier.carry_out(request, commands)
        if isinstance(done, Response):
            return done
        await self._keys.store.add_tenant(id_, TenantKind.ORGANIZATION)
        return told({"id": id_, "name": asked.name}, status=201)

    async def _answer_organization(self, request: Request, actor: Principal) -> Response:
        if request.method != "DELETE":
            return await self._show(request, TenantKind.ORGANIZATION)
        id_ = request.target.id or ""
        if orbits := await self._keys.store.tenants(TenantKind.ORBIT, parent_id=id_):
            full = f"The organization has {len(orbits)} orbits: delete them first"
            return self._guard.refuse(request, (body_fault("", full),))
        return await self._delete(request, actor, TenantKind.ORGANIZATION)

    async def _answer_orbits(self, request: Request, actor: Principal) -> Response:
        id_ = request.target.id or ""
        if not await self._keys.store.is_tenant(id_, TenantKind.ORGANIZATION):
            return _missing(TenantKind.ORGANIZATION, id_)
        if request.method != "POST":
            ids = await self._keys.store.tenants(TenantKind.ORBIT, parent_id=id_)
            return told([_named(each) for each in await self._roster.buckets(ids)])
        asked = read_ask(NewOrbit, request, depth_max=self._guard.json_depth_max)
        if isinstance(asked, tuple):
            return self._guard.refuse(request, asked)
        orbit_id = self._carrier.make_bucket_id()
        commands = new_orbit(
            orbit_id,
            organization=id_,
            name=asked.name,
            bucket_secret_id=None,
            admins=[],
            cause=replace(cause_of(request), actor=actor),
        )
        done = await self._carrier.carry_out(request, commands)
        if isinstance(done, Response):
            return done
        await self._keys.store.add_tenant(orbit_id, TenantKind.ORBIT, parent_id=id_)
        shown: dict[str, JsonValue] = {"id": orbit_id, "name": asked.name, "organization_id": id_}
        return told(shown, status=201)

    async def _answer_orbit(self, request: Request, actor: Principal) -> Response:
        if request.method == "DELETE":
            return await self._delete(request, actor, TenantKind.ORBIT)
        return await self._show(request, TenantKind.ORBIT)

    async def _answer_organization_member(self, request: Request, actor: Principal) -> Response:
        if request.method == "DELETE":
            return await self._give(request, actor, TenantKind.ORGANIZATION, None)
        asked = read_ask(OrganizationMember, request, depth_max=self._guard.json_depth_max)
        if isinstance(asked, tuple):
            return self._guard.refuse(request, asked)
        return await self._give(request, actor, TenantKind.ORGANIZATION, asked.role)

    async def _answer_orbit_member(self, request: Request, actor: Principal) -> Response:
        if request.method == "DELETE":
            return await self._give(request, actor, TenantKind.ORBIT, None)
        asked = read_ask(OrbitMember, request, depth_max=self._guard.json_depth_max)
        if isinstance(asked, tuple):
            return self._guard.refuse(request, asked)
        return await self._give(request, actor, TenantKind.ORBIT, asked.role)

    async def _show(self, request: Request, kind: TenantKind) -> Response:
        """What it is called, and who is what in it."""
        id_ = request.target.id or ""
        found = await self._roster.buckets([id_])
        if not found or not await self._keys.store.is_tenant(id_, kind):
            return _missing(kind, id_)
        members = _members(await self._roster.groups(id_), kind)
        return told({**_named(found[0]), "members": members})

    async def _delete(self, request: Request, actor: Principal, kind: TenantKind) -> Response:
        """Delete it with all that is in it."""
        id_ = request.target.id or ""
        if not await self._keys.store.is_tenant(id_, kind):
            return _missing(kind, id_)
        delete = Delete(
            address=bucket(id_),
            requester=on_behalf_of(actor),
            cause=replace(cause_of(request), actor=actor),
        )
        done = await self._carrier.carry_out(request, [delete])
        if isinstance(done, Response):
            return done
        # Also where the bucket was deleted in another way before.
        await self._keys.store.remove_tenant(id_)
        return told({"id": id_})

    async def _give(
        self,
        request: Request,
        actor: Principal,
        kind: TenantKind,
        role: OrganizationRole | OrbitRole | None,
    ) -> Response:
        """Make a user be this and nothing else in an organization or orbit."""
        id_ = request.target.id or ""
        if not await self._keys.store.is_tenant(id_, kind):
            return _missing(kind, id_)
        user = await self._user(request.target.part_id)
        if user is None:
            return _missing("user", request.target.part_id)
        for _ in range(TRIES_MAX):
            groups = await self._roster.groups(id_)
            wanted = None if role is None else group_of(role)
            commands = [
                _change(id_, each, members, request, actor)
                for each in groups
                if (members := _with(each, user_principal(user.id), is_in=each.id == wanted))
                is not None
            ]
            if commands:
                done = await self._carrier.carry_out(request, commands)
                if isinstance(done, Response):
                    return done
                if not all(isinstance(each, ObjectChanged) for each in done):
                    continue  # Somebody else changed a group meanwhile.
            return told({"id": id_, "user_id": user.id, "role": role})
        message = f"the members of {id_} are changed too often"
        raise Unavailable(message)

    async def _user(self, id_: str | None) -> KeyUser | None:
        return await self._keys.store.user(id_) if id_ and UUID.fullmatch(id_) else None


def _with(members_of: Group, user: Principal, *, is_in: bool) -> Sequence[str] | None:
    """The group's members with the user or without; `None` where that is so already."""
    if (user in members_of.members) == is_in:
        return None
    others = [each for each in members_of.members if each != user]
    return [*others, str(user)] if is_in else others


def _change(
    bucket_id: str, changed: Group, members: Sequence[str], request: Request, actor: Principal
) -> Command:
    return Patch(
        address=group(bucket_id, changed.id),
        change=FieldsPatch(body=Body(data={"members": members})),
        requester=on_behalf_of(actor),
        cause=replace(cause_of(request), actor=actor),
        preconditions=Preconditions(if_match=changed.last_modified),
    )


def _members(groups: Sequence[Group], kind: TenantKind) -> list[JsonValue]:
    roles: Any = OrbitRole if kind is TenantKind.ORBIT else OrganizationRole
    by_group = {group_of(role): role for role in roles}
    return [
        {"user_id": user_of(Principal(member)), "role": by_group[each.id]}
        for each in groups
        if each.id in by_group
        for member in each.members
    ]


def _named(data: Mapping[str, Any]) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {"id": data["id"], "name": data.get("name")}
    if "organization_id" in data:
        shown["organization_id"] = data["organization_id"]
    return shown


def _user(user: KeyUser) -> dict[str, JsonValue]:
    return {"id": user.id, "name": user.name, "created_at": user.created_at.isoformat()}


def _missing(what: str, id_: str | None) -> Response:
    return object_missing(what, id_ or "")
