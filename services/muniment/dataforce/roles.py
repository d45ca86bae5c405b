"""Who may do what: the table of rights (contract section 7)."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """What one can be allowed to do in an organization."""

    LIST_ORBITS = "orbit:list"
    READ_ORBIT = "orbit:read"
    CREATE_ORBIT = "orbit:create"
    UPDATE_ORBIT = "orbit:update"
    DELETE_ORBIT = "orbit:delete"
    LIST = "collection:list"
    READ = "collection:read"
    CREATE = "collection:create"
    UPDATE = "collection:update"
    DELETE = "collection:delete"


class OrganizationRole(StrEnum):
    """What a member of an organization is in it, the mightiest first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class OrbitRole(StrEnum):
    """What a member of an orbit is in it, the mightiest first."""

    ADMIN = "admin"
    MEMBER = "member"


_COLLECTIONS: Final = frozenset({Right.LIST, Right.READ, Right.CREATE, Right.UPDATE, Right.DELETE})

_BY_ORGANIZATION: Final[Mapping[OrganizationRole, frozenset[Right]]] = {
    OrganizationRole.OWNER: frozenset(Right),
    OrganizationRole.ADMIN: frozenset(Right) - {Right.DELETE_ORBIT},
    OrganizationRole.MEMBER: frozenset({Right.LIST_ORBITS}),
}

_BY_ORBIT: Final[Mapping[OrbitRole, frozenset[Right]]] = {
    OrbitRole.ADMIN: _COLLECTIONS | {Right.READ_ORBIT, Right.UPDATE_ORBIT},
    OrbitRole.MEMBER: (_COLLECTIONS - {Right.DELETE}) | {Right.READ_ORBIT},
}


def group_of(role: OrganizationRole | OrbitRole) -> str:
    """The group of the bucket that holds who has the role."""
    return f"{role}s"


def organization_role(groups: Collection[str]) -> OrganizationRole | None:
    """The mightiest role that the groups give; `None` for who is no member."""
    return next((role for role in OrganizationRole if group_of(role) in groups), None)


def orbit_role(groups: Collection[str]) -> OrbitRole | None:
    """The mightiest role that the groups give; `None` for who has none of his own."""
    return next((role for role in OrbitRole if group_of(role) in groups), None)


def rights_of(organization: OrganizationRole, orbit: OrbitRole | None) -> frozenset[Right]:
    """All that a member may do in an orbit, or in the organization where none is named."""
    own = frozenset[Right]() if orbit is None else _BY_ORBIT[orbit]
    return _BY_ORGANIZATION[organization] | own
