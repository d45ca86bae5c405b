"""Organizations and orbits (contract sections 3 and 9)."""

from collections.abc import Mapping
from typing import Any

from muniment.dataforce import answers
from muniment.dataforce.asks import OrbitAsk, OrbitChange, read_body, read_uuid
from muniment.dataforce.errors import forbidden, orbit_missing
from muniment.dataforce.roles import (
    OrganizationRole,
    Right,
    orbit_role,
    organization_role,
    rights_of,
)
from muniment.dataforce.store import DataForceStore, Row
from muniment.dataforce.tenancy import NewOrbit
from muniment.dataforce.writing import answered, carry_out, cause, json_response
from muniment.domain.addresses import bucket
from muniment.domain.commands import Body, FieldsPatch, Patch, on_behalf_of
from muniment.domain.values import Principal
from muniment.keys.tenants import Tenants
from muniment.web.carrying_out import Carrier
from muniment.web.http import Request, Response


class Orbits:
    """Answers requests about organizations and orbits. Raises `DataForceError`, `Unavailable`."""

    def __init__(
        self, store: DataForceStore, tenants: Tenants, carrier: Carrier, *, json_depth_max: int
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._carrier = carrier
        self._json_depth_max = json_depth_max

    async def organizations(
        self,
        request: Request,
        names: Mapping[str, str],
        user: Principal,
    ) -> Response:
        """GET of the user's organizations."""
        found = await self._store.organizations(user)
        return json_response([answers.organization(row) for row in found])

    async def list(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """GET of the orbits that the user may read."""
        id_ = _organization_id(names)
        role = await self._role(id_, user)
        found = await self._store.orbits(user, id_)
        shown = [row for row in found if Right.READ_ORBIT in _rights(role, row)]
        return json_response([answers.orbit(row, id_, role) for row in shown])

    async def read(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """GET of one."""
        id_, role, row = await self._one(names, user, Right.READ_ORBIT)
        return json_response(answers.orbit(row, id_, role))

    async def create(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """POST of an orbit, whose administrator the user is."""
        id_ = _organization_id(names)
        asked = read_body(OrbitAsk, request.body, depth_max=self._json_depth_max)
        role = await self._role(id_, user)
        if Right.CREATE_ORBIT not in rights_of(role, None):
            raise forbidden()
        orbit = NewOrbit(
            organization=id_,
            name=asked.name,
            bucket_secret_id=asked.bucket_secret_id,
            admins=[user],
        )
        made = await self._tenants.make(
            request, orbit.wanted, lambda new: orbit.commands(new, cause(request, user))
        )
        if isinstance(made, Response):
            raise answered(made)
        [row] = await self._store.orbits(user, id_, made.id)
        return json_response(answers.orbit(row, id_, role))

    async def update(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """PATCH of an orbit's name or secret."""
        _orbit_id(names)
        asked = read_body(OrbitChange, request.body, depth_max=self._json_depth_max)
        id_, role, row = await self._one(names, user, Right.UPDATE_ORBIT)
        changes: dict[str, Any] = asked.model_dump(exclude_none=True)
        if changes:
            patch = Patch(
                address=bucket(row["id"]),
                change=FieldsPatch(body=Body(data=changes)),
                requester=on_behalf_of(user),
                cause=cause(request, user),
            )
            done = await carry_out(self._carrier, request, [patch], missing=orbit_missing())
            row = {**row, "data": done.after.data, "updated_at": done.occurred_at}
        return json_response(answers.orbit(row, id_, role))

    async def delete(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """DELETE of an orbit, and of all that is in it."""
        _, _, row = await self._one(names, user, Right.DELETE_ORBIT)
        answer = await self._tenants.end(
            request, row["id"], requester=on_behalf_of(user), cause=cause(request, user)
        )
        if answer is not None:
            raise answered(answer)
        return Response(status=204)

    async def _role(self, organization_id: str, user: Principal) -> OrganizationRole:
        groups = await self._store.groups_in_organization(user, organization_id)
        role = organization_role(groups)
        if role is None:
            raise forbidden()
        return role

    async def _one(
        self, names: Mapping[str, str], user: Principal, right: Right
    ) -> tuple[str, OrganizationRole, Row]:
        id_, orbit_id = _organization_id(names), _orbit_id(names)
        role = await self._role(id_, user)
        found = await self._store.orbits(user, id_, orbit_id)
        rights = _rights(role, found[0]) if found else rights_of(role, None)
        if right not in rights:
            raise forbidden()
        if not found:
            raise orbit_missing()
        return id_, role, found[0]


def _rights(role: OrganizationRole, row: Row) -> frozenset[Right]:
    return rights_of(role, orbit_role(row["groups"]))


def _organization_id(names: Mapping[str, str]) -> str:
    return read_uuid(names["organization_id"], "organization_id")


def _orbit_id(names: Mapping[str, str]) -> str:
    return read_uuid(names["orbit_id"], "orbit_id")
