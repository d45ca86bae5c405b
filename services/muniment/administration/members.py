"""Roles in organizations and orbits over HTTP, for administrators."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from muniment.administration.asks import Ask
from muniment.administration.guard import Guard, told
from muniment.administration.roster import Group, Roster
from muniment.administration.users import user_missing
from muniment.dataforce.roles import OrbitRole, OrganizationRole, group_of
from muniment.domain.addresses import group
from muniment.domain.commands import (
    Body,
    Command,
    Create,
    FieldsPatch,
    Patch,
    Preconditions,
    on_behalf_of,
)
from muniment.domain.events import ObjectChanged
from muniment.domain.values import Principal
from muniment.keys.principals import user_principal
from muniment.keys.store import KeyStore, TenantKind
from muniment.web.carrying_out import Carrier
from muniment.web.commands import cause_of
from muniment.web.endpoints import Endpoint
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import Unavailable

TRIES_MAX: Final = 10
"""How often a change of roles is tried anew, where others change them at the same time."""
TURN_TIMEOUT_S: Final = 10.0
"""How long one waits for those of this process."""


class OrganizationMember(Ask):
    """`{"role": …}`; none: the user is no member any more."""

    role: Annotated[OrganizationRole, Field(strict=False)]


class OrbitMember(Ask):
    """The same for an orbit."""

    role: Annotated[OrbitRole, Field(strict=False)]


class Members:
    """Gives and takes roles; every method raises `Unavailable`."""

    def __init__(self, *, guard: Guard, store: KeyStore, roster: Roster, carrier: Carrier) -> None:
        self._guard = guard
        self._store = store
        self._roster = roster
        self._carrier = carrier
        self._changing = asyncio.Lock()

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers each of the endpoints."""
        return {
            Endpoint.ORGANIZATION_MEMBER: self._guard(self._answer_organization_member),
            Endpoint.ORBIT_MEMBER: self._guard(self._answer_orbit_member),
        }

    async def _answer_organization_member(self, request: Request, actor: Principal) -> Response:
        return await self._answer(request, actor, TenantKind.ORGANIZATION, OrganizationMember)

    async def _answer_orbit_member(self, request: Request, actor: Principal) -> Response:
        return await self._answer(request, actor, TenantKind.ORBIT, OrbitMember)

    async def _answer(
        self,
        request: Request,
        actor: Principal,
        kind: TenantKind,
        form: type[OrganizationMember] | type[OrbitMember],
    ) -> Response:
        if request.method == "DELETE":
            return await self._give(request, actor, kind, None)
        asked = self._guard.read(form, request)
        if isinstance(asked, Response):
            return asked
        return await self._give(request, actor, kind, asked.role)

    async def _give(
        self,
        request: Request,
        actor: Principal,
        kind: TenantKind,
        role: OrganizationRole | OrbitRole | None,
    ) -> Response:
        """Make a user be this and nothing else in an organization or orbit."""
        id_ = request.target.id or ""
        if not await self._store.is_tenant(id_, kind) or not await self._roster.lives(id_):
            return object_missing(kind, id_)
        user = await self._store.user(request.target.part_id)
        if user is None:
            return user_missing(request.target.part_id)
        async with self._turn():
            for _ in range(TRIES_MAX):
                groups = await self._roster.groups(id_)
                changes = list(_changes(groups, user_principal(user.id), role))
                if changes:
                    commands = [_command(id_, change, request, actor) for change in changes]
                    done = await self._carrier.carry_out(request, commands)
                    if isinstance(done, Response):
                        return done
                    if not all(isinstance(each, ObjectChanged) for each in done):
                        continue  # Somebody else changed a group meanwhile.
                return told({"id": id_, "user_id": user.id, "role": role})
        message = f"the members of {id_} are changed too often"
        raise Unavailable(message)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """One after another: of many that change the same groups at once only one gets through."""
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._changing.acquire()
        except TimeoutError:
            message = "others have changed members for too long"
            raise Unavailable(message) from None
        try:
            yield
        finally:
            self._changing.release()


def _changes(
    groups: Sequence[Group], user: Principal, role: OrganizationRole | OrbitRole | None
) -> Iterator[Group]:
    """The groups as they should be, where they are not; also one that somebody has deleted."""
    wanted = None if role is None else group_of(role)
    for each in groups:
        others = [member for member in each.members if member != user]
        if each.id == wanted and user not in each.members:
            yield replace(each, members=[*others, str(user)])
        elif each.id != wanted and user in each.members:
            yield replace(each, members=others)
    if wanted is not None and wanted not in (each.id for each in groups):
        yield Group(id=wanted, last_modified=None, members=[str(user)])


def _command(bucket_id: str, wanted: Group, request: Request, actor: Principal) -> Command:
    address = group(bucket_id, wanted.id)
    body = Body(data={"members": wanted.members})
    cause = replace(cause_of(request), actor=actor)
    if wanted.last_modified is None:
        return Create(
            address=address,
            id_from_client=True,
            body=body,
            requester=on_behalf_of(actor),
            cause=cause,
        )
    return Patch(
        address=address,
        change=FieldsPatch(body=body),
        requester=on_behalf_of(actor),
        cause=cause,
        preconditions=Preconditions(if_match=wanted.last_modified),
    )
