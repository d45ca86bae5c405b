"""What becomes of objects and accounts when a principal is to be forgotten (contract UD-1)."""

from dataclasses import replace

from muniment.domain import accounts
from muniment.domain.accounts import AccountChanged, AccountScene
from muniment.domain.addresses import Address, Kind
from muniment.domain.changes import deletion, update
from muniment.domain.events import Action, Cause, ObjectChanged, Snapshot
from muniment.domain.moments import Moment
from muniment.domain.states import Present, Scene
from muniment.domain.values import JsonObject, Permissions, Principal, Timestamp


def forget(
    scene: Scene, address: Address, principal: Principal, *, moment: Moment, cause: Cause
) -> ObjectChanged | None:
    """Delete what the principal alone may write, and take it out of all else; none if not there.

    No right is asked for: who may order this may do it everywhere.
    """
    target = scene.target
    if not isinstance(target, Present):
        return None
    at = scene.timeline.next(moment.now)
    if _is_the_only_writer(principal, target.permissions):
        return deletion(scene, address, target, at=at, moment=moment, cause=cause)
    permissions = _without(target.permissions, principal)
    data = _left(target.data, principal) if address.kind is Kind.GROUP else target.data
    if permissions == target.permissions and data == target.data:
        return None
    after = Snapshot(
        data={**data, "last_modified": at}, permissions=permissions, hidden=target.hidden
    )
    return update(scene, address, target, after, at=at, moment=moment, cause=cause)


def forget_account(
    scene: AccountScene, username: str, principal: Principal, *, now: Timestamp
) -> AccountChanged | None:
    """The same for an account; none if it is not there, or names somebody else."""
    target = scene.target
    if not isinstance(target, Present):
        return None
    at = scene.timeline.next(now)
    gone = accounts.deletion(scene, username, target, at=at)
    if _is_the_only_writer(principal, target.permissions):
        return gone
    permissions = _without(target.permissions, principal)
    if permissions == target.permissions:
        return None
    after = Snapshot(data={**target.data, "last_modified": at}, permissions=permissions)
    return replace(gone, action=Action.UPDATED, after=after)


def _is_the_only_writer(principal: Principal, permissions: Permissions) -> bool:
    return permissions.get("write") == frozenset({principal})


def _without(permissions: Permissions, principal: Principal) -> Permissions:
    left = {name: holders - {principal} for name, holders in permissions.items()}
    return {name: holders for name, holders in left.items() if holders}


def _left(data: JsonObject, principal: Principal) -> JsonObject:
    """A group without the member."""
    members = data.get("members")
    if not isinstance(members, list | tuple):
        return data
    return {**data, "members": [member for member in members if member != principal]}
