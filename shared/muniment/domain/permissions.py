"""Who may do what: the rights on an object follow from its own ACEs and those of its parents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from muniment.domain.addresses import Kind
from muniment.domain.values import AUTHENTICATED, ON_BEHALF, JsonObject, Permissions, Principal

PERMISSION_NAMES: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BUCKET: ("read", "write", "collection:create", "group:create"),
    Kind.COLLECTION: ("read", "write", "record:create"),
    Kind.GROUP: ("read", "write"),
    Kind.RECORD: ("read", "write"),
    Kind.WEBHOOK: ("read", "write"),
}
"""The permissions that an object of each kind can carry."""

IMPLIED: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    Kind.BUCKET: {
        "write": ("write", "read", "read:attributes", "collection:create", "group:create"),
        "read": ("read", "read:attributes"),
        "collection:create": ("collection:create", "read:attributes"),
        "group:create": ("group:create", "read:attributes"),
    },
    Kind.COLLECTION: {
        "write": ("write", "read", "read:attributes", "record:create"),
        "read": ("read", "read:attributes"),
        "record:create": ("record:create", "read:attributes"),
    },
    Kind.GROUP: {"write": ("write", "read"), "read": ("read",)},
    Kind.RECORD: {"write": ("write", "read"), "read": ("read",)},
    Kind.WEBHOOK: {"write": ("write", "read"), "read": ("read",)},
}
"""What each permission gives on the same object, itself included (PRM-2)."""

NO_PERMISSIONS: Final[Permissions] = {}


class Right(StrEnum):
    """What one can be allowed to do to an object, or to the list that holds its kind."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    LIST = "list"
    DELETE_LIST = "delete_list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acls:
    """The ACEs that bear on one object: its parents' and its own; empty where there is none."""

    bucket: Permissions = field(default_factory=lambda: NO_PERMISSIONS)
    """The parent bucket's; a bucket itself has none above it."""
    collection: Permissions = field(default_factory=lambda: NO_PERMISSIONS)
    """The parent collection's, for records."""
    own: Permissions = field(default_factory=lambda: NO_PERMISSIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Principals to whom the settings give a permission on all objects of a kind (PERM-1)."""

    by_kind: Mapping[Kind, Mapping[str, frozenset[Principal]]] = field(
        default_factory=lambda: {Kind.BUCKET: {"create": frozenset({AUTHENTICATED})}}
    )

    def allows(self, principals: frozenset[Principal], right: Right, kind: Kind) -> bool:
        """Whether the settings alone give the right."""
        granted = self.by_kind.get(kind)
        if not granted:
            return False
        return any(_holds(principals, granted, name) for name in _BY_SETTING[right])

    def holders(self, right: Right, kind: Kind) -> frozenset[Principal]:
        """To whom the settings alone give the right."""
        granted = self.by_kind.get(kind, {})
        return frozenset[Principal]().union(*(granted.get(name, ()) for name in _BY_SETTING[right]))

    def named(self, kind: Kind) -> frozenset[Principal]:
        """All principals to whom the settings give anything on objects of the kind."""
        return frozenset[Principal]().union(*self.by_kind.get(kind, {}).values())


def may(
    principals: frozenset[Principal], right: Right, kind: Kind, acls: Acls, granted: Granted
) -> bool:
    """Whether a requester with these principals has the right on an object or list of the kind."""
    source = _SOURCES[kind, right]
    return (
        any(_holds(principals, acls.bucket, name) for name in source.bucket)
        or any(_holds(principals, acls.collection, name) for name in source.collection)
        or any(_holds(principals, acls.own, name) for name in source.own)
        or granted.allows(principals, right, kind)
        or ON_BEHALF in principals
    )


def holds(principals: frozenset[Principal], permissions: Permissions, *names: str) -> bool:
    """Whether one of the principals has one of the permissions by these ACEs."""
    return any(_holds(principals, permissions, name) for name in names)


def visible_permissions(
    permissions: Permissions, principals: frozenset[Principal]
) -> Mapping[str, list[Principal]]:
    """What an answer shows: all to who is in the object's own `write`, else nothing (PERM-19)."""
    if not _holds(principals, permissions, "write"):
        return {}
    return listed(permissions)


def listed(permissions: Permissions) -> dict[str, list[Principal]]:
    """Permissions as JSON has them: sorted lists, none of them empty (PERM-18)."""
    return {name: sorted(holders) for name, holders in permissions.items() if holders}


def parse_permissions(stored: JsonObject) -> Permissions:
    """Permissions from the JSON that `listed` made."""
    return {
        name: frozenset(Principal(str(holder)) for holder in holders)
        for name, holders in stored.items()
        if isinstance(holders, list)
    }


def own_names(kind: Kind, right: Right) -> tuple[str, ...]:
    """The permissions which, on the object itself, give the right (for shared objects)."""
    return _SOURCES[kind, right].own


def _holds(
    principals: frozenset[Principal], permissions: Mapping[str, frozenset[Principal]], name: str
) -> bool:
    holders = permissions.get(name)
    return holders is not None and not principals.isdisjoint(holders)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    bucket: tuple[str, ...] = ()
    collection: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


_READ: Final = ("write", "read")
_WRITE: Final = ("write",)

_Table: TypeAlias = Mapping[tuple[Kind, Right], _Source]

_SOURCES: Final[_Table] = {
    (Kind.BUCKET, Right.READ): _Source(own=(*_READ, "collection:create", "group:create")),
    (Kind.BUCKET, Right.WRITE): _Source(own=_WRITE),
    (Kind.BUCKET, Right.CREATE): _Source(),
    (Kind.BUCKET, Right.LIST): _Source(),
    (Kind.BUCKET, Right.DELETE_LIST): _Source(),
    (Kind.COLLECTION, Right.READ): _Source(bucket=_READ, own=(*_READ, "record:create")),
    (Kind.COLLECTION, Right.WRITE): _Source(bucket=_WRITE, own=_WRITE),
    (Kind.COLLECTION, Right.CREATE): _Source(bucket=("write", "collection:create")),
    (Kind.COLLECTION, Right.LIST): _Source(bucket=_READ),
    (Kind.COLLECTION, Right.DELETE_LIST): _Source(bucket=_WRITE),
    (Kind.GROUP, Right.READ): _Source(bucket=_READ, own=_READ),
    (Kind.GROUP, Right.WRITE): _Source(bucket=_WRITE, own=_WRITE),
    (Kind.GROUP, Right.CREATE): _Source(bucket=("write", "group:create")),
    (Kind.GROUP, Right.LIST): _Source(bucket=_READ),
    (Kind.GROUP, Right.DELETE_LIST): _Source(bucket=_WRITE),
    (Kind.RECORD, Right.READ): _Source(bucket=_READ, collection=_READ, own=_READ),
    (Kind.RECORD, Right.WRITE): _Source(bucket=_WRITE, collection=_WRITE, own=_WRITE),
    (Kind.RECORD, Right.CREATE): _Source(bucket=_WRITE, collection=("write", "record:create")),
    (Kind.RECORD, Right.LIST): _Source(bucket=_READ, collection=_READ),
    (Kind.RECORD, Right.DELETE_LIST): _Source(bucket=_WRITE, collection=_WRITE),
    # Who may read a bucket need not know where its changes are sent.
    (Kind.WEBHOOK, Right.READ): _Source(bucket=_WRITE, own=_READ),
    (Kind.WEBHOOK, Right.WRITE): _Source(bucket=_WRITE, own=_WRITE),
    (Kind.WEBHOOK, Right.CREATE): _Source(bucket=_WRITE),
    (Kind.WEBHOOK, Right.LIST): _Source(bucket=_WRITE),
    (Kind.WEBHOOK, Right.DELETE_LIST): _Source(bucket=_WRITE),
}
"""Table 7.2 of the contract, and webhooks: any one of the permissions named is enough."""

_BY_SETTING: Final[Mapping[Right, tuple[str, ...]]] = {
    Right.READ: _READ,
    Right.WRITE: _WRITE,
    Right.CREATE: ("create",),
    Right.LIST: _READ,
    Right.DELETE_LIST: _WRITE,
}
