"""Groups: what `members` must be, and which groups may speak for a requester (section 14)."""

import re
from collections.abc import Sequence
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.permissions import Granted
from muniment.domain.refusals import Fault
from muniment.domain.values import (
    AUTHENTICATED,
    EVERYONE,
    JsonObject,
    JsonValue,
    Permissions,
    Principal,
)

MEMBERS: Final = "members"

MEMBER_BYTES_MAX: Final = 1024
"""Longest member: the read model's index holds entries of 2,704 bytes at most."""

_GROUP_URI: Final = re.compile(r"/buckets/(?P<bucket_id>[^/]+)/groups/(?P<group_id>[^/]+)")


def with_members(data: JsonObject, kind: Kind) -> JsonObject:
    """The `data` of a POST or PUT: a group that names no members has none (GRP-2)."""
    if kind is not Kind.GROUP or MEMBERS in data:
        return data
    return {**data, MEMBERS: []}


def member_fault(data: JsonObject, *, prefix: str) -> Fault | None:
    """What is wrong with a group's members, if anything (GRP-1)."""
    if MEMBERS not in data:
        return None
    members = data[MEMBERS]
    if isinstance(members, str) or not isinstance(members, Sequence):
        return _fault(f"{prefix}{MEMBERS}", f"{_quoted(members)} is not iterable")
    for place, member in enumerate(members):
        name = f"{prefix}{MEMBERS}.{place}"
        if not isinstance(member, str):
            return _fault(name, f"{_quoted(member)} is not a string")
        if member == EVERYONE or member.startswith("/buckets/"):
            return _fault(name, f"'{member}' is not a valid user ID.")
        if len(member.encode()) > MEMBER_BYTES_MAX:
            return _fault(name, f"Longer than maximum length of {MEMBER_BYTES_MAX} bytes")
    return None


def members_of(data: JsonObject) -> frozenset[Principal]:
    """The members of a group that was checked."""
    members = data.get(MEMBERS)
    if isinstance(members, str) or not isinstance(members, Sequence):
        return frozenset()
    return frozenset(Principal(member) for member in members if isinstance(member, str))


def holds(members: frozenset[Principal], user_id: Principal) -> bool:
    """Whether a group speaks for an authenticated user (AUTH-5)."""
    return user_id in members or AUTHENTICATED in members


def parse_group(principal: Principal) -> tuple[str, str] | None:
    """The bucket's and the group's id in a group's URI; `None` for any other principal."""
    found = _GROUP_URI.fullmatch(principal)
    return None if found is None else (found["bucket_id"], found["group_id"])


def is_group(principal: Principal) -> bool:
    """Whether the principal reads like the URI of a group."""
    return principal.startswith("/buckets/")


def groups_granted(granted: Granted, kind: Kind) -> frozenset[Principal]:
    """The groups to which the settings give something on objects of the kind."""
    return frozenset(filter(is_group, granted.named(kind)))


def groups_named(
    *acls: Permissions, more: frozenset[Principal] = frozenset()
) -> frozenset[Principal]:
    """The groups on which it can depend what a requester may do under these ACEs."""
    named = [
        holder
        for permissions in acls
        for holders in permissions.values()
        for holder in holders
        if holder.startswith("/buckets/")
    ]
    return more.union(named) if named else more


def _quoted(value: JsonValue) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _fault(name: str, description: str) -> Fault:
    return Fault(location="body", name=name, description=description)
