"""Organizations and orbits as buckets, and roles in them as groups (section 10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uuid_utils import uuid4

from muniment.dataforce.roles import OrbitRole, OrganizationRole, group_of
from muniment.domain.addresses import bucket, group
from muniment.domain.commands import Body, Command, Create, on_behalf_of
from muniment.domain.events import Cause
from muniment.domain.values import JsonObject, JsonValue, Principal
from muniment.domain.webhooks.rekeying import OPERATOR
from muniment.keys.store import TenantKind, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrganization:
    """An organization that is to be made."""

    name: str
    logo: str | None
    owners: Sequence[Principal]

    @property
    def wanted(self) -> Wanted:
        """What its bucket is to be."""
        asked: JsonObject = {"name": self.name, "logo": self.logo, "owners": _texts(self.owners)}
        return Wanted(kind=TenantKind.ORGANIZATION, asked=asked)

    def commands(self, id_: str, cause: Cause) -> Sequence[Command]:
        """What makes it: its bucket and a group for each role."""
        owning = f"/buckets/{id_}/groups/{group_of(OrganizationRole.OWNER)}"
        data: JsonObject = {"kind": "organization", "name": self.name, "logo": self.logo}
        members = {
            role: self.owners if role is OrganizationRole.OWNER else () for role in OrganizationRole
        }
        return _made(id_, data=data, permissions={"write": [owning]}, members=members, cause=cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrbit:
    """An orbit that is to be made."""

    organization: str
    name: str
    bucket_secret_id: str | None
    admins: Sequence[Principal]

    @property
    def wanted(self) -> Wanted:
        """What its bucket is to be."""
        asked: JsonObject = {
            "name": self.name,
            "bucket_secret_id": self.bucket_secret_id,
            "admins": _texts(self.admins),
        }
        return Wanted(kind=TenantKind.ORBIT, asked=asked, parent_id=self.organization)

    def commands(self, id_: str, cause: Cause) -> Sequence[Command]:
        """What makes it: its bucket, whose ACEs say what roles allow, and groups for them.

        Deletions are the difference: no permission of a bucket gives creation and change of all
        its collections but no deletion, so members may read and create, and the dialect allows the
        rest.
        """
        above = f"/buckets/{self.organization}/groups"
        own = f"/buckets/{id_}/groups"
        data: JsonObject = {
            "kind": "orbit",
            "name": self.name,
            "organization_id": self.organization,
            "bucket_secret_id": self.bucket_secret_id or str(uuid4()),
        }
        members_may = [f"{own}/{group_of(OrbitRole.MEMBER)}"]
        permissions = {
            "write": [
                f"{above}/{group_of(OrganizationRole.OWNER)}",
                f"{above}/{group_of(OrganizationRole.ADMIN)}",
                f"{own}/{group_of(OrbitRole.ADMIN)}",
            ],
            "read": members_may,
            "collection:create": members_may,
        }
        members = {role: self.admins if role is OrbitRole.ADMIN else () for role in OrbitRole}
        return _made(id_, data=data, permissions=permissions, members=members, cause=cause)


def _made(
    id_: str,
    *,
    data: JsonObject,
    permissions: Mapping[str, Sequence[str]],
    members: Mapping[OrganizationRole, Sequence[Principal]]
    | Mapping[OrbitRole, Sequence[Principal]],
    cause: Cause,
) -> Sequence[Command]:
    requester = on_behalf_of(cause.actor or OPERATOR)
    groups = [
        Create(
            address=group(id_, group_of(role)),
            id_from_client=True,
            body=Body(data={"members": _texts(holders)}),
            requester=requester,
            cause=cause,
        )
        for role, holders in members.items()
    ]
    itself = Create(
        address=bucket(id_),
        id_from_client=False,
        body=Body(data=data, permissions=permissions),
        requester=requester,
        cause=cause,
    )
    return [itself, *groups]


def _texts(holders: Sequence[Principal]) -> Sequence[JsonValue]:
    return [str(holder) for holder in holders]
