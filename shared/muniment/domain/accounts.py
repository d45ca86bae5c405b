"""Accounts: who may make, change and read one, and what a change makes of it (section 18).

Accounts are no events: a password's hash must not get on the log. They are decided all the same
as everything else is, by a pure function on the state and the command. Passwords pass through in
the clear, apart from `data`; hashing them is the shell's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, assert_never

from muniment.domain.commands import (
    ANY,
    EMPTY_BODY,
    NO_PRECONDITIONS,
    Body,
    FieldsPatch,
    JsonPatch,
    MergePatch,
    Preconditions,
    Requester,
)
from muniment.domain.decisions import Unchanged, given_permissions
from muniment.domain.events import Action, Snapshot
from muniment.domain.patches import Patched, apply_fields, apply_json_patch, apply_merge
from muniment.domain.permissions import NO_PERMISSIONS, visible_permissions
from muniment.domain.refusals import INVALID_ID, Fault, Invalid, NotAllowed, ObjectModified
from muniment.domain.states import Present, State, Tombstone, snapshot
from muniment.domain.timelines import (
    Timeline,
    is_beyond_dates,
    on_change,
    on_creation,
    wanted_timestamp,
)
from muniment.domain.values import JsonObject, JsonValue, Permissions, Principal, Timestamp

PERMISSION_NAMES: Final = ("read", "write")
IMPLIED: Final = {"write": ("write", "read"), "read": ("read",)}
"""What each permission gives on the same account, itself included (PRM-2)."""
USERNAME: Final = re.compile(r"[a-zA-Z0-9][+.@a-zA-Z0-9_-]*")
USERNAME_CHARS_MAX: Final = 512

POLICY: Final = "account"
"""What the user ids of those with an account begin with."""


@dataclass(frozen=True, slots=True)
class AccountMissing:
    """There is no such account."""

    username: str


AccountRefusal: TypeAlias = NotAllowed | Invalid | AccountMissing | ObjectModified


@dataclass(frozen=True, slots=True, kw_only=True)
class _AccountCommand:
    requester: Requester
    preconditions: Preconditions = NO_PRECONDITIONS
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAccount(_AccountCommand):
    """POST to the list."""

    username: str | None
    """`None` where the body names none; not valid where it named no text."""
    body: Body = EMPTY_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAccount(_AccountCommand):
    """PUT of an account: create or replace."""

    username: str
    body: Body = EMPTY_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchAccount(_AccountCommand):
    """PATCH of an account."""

    username: str
    change: FieldsPatch | MergePatch | JsonPatch
    behavior: Literal["full", "light", "diff"] = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAccount(_AccountCommand):
    """DELETE of an account."""

    username: str
    last_modified: Timestamp | None = None


AccountCommand: TypeAlias = CreateAccount | PutAccount | PatchAccount | DeleteAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged:
    """What has become of an account."""

    action: Action
    username: str
    last_modified: Timestamp
    timeline: Timeline
    after: Snapshot
    before: Snapshot | None
    password: str | None = field(default=None, repr=False)
    """The new one in the clear; `None`: the old one stays, or there is no account any more."""


AccountDecision: TypeAlias = AccountChanged | Unchanged | AccountRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountScene:
    """One account, and the clock that it is alone in."""

    target: State
    timeline: Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRights:
    """`account_*_principals`: who may create accounts, read all, and administer all."""

    create: frozenset[Principal] = frozenset()
    read: frozenset[Principal] = frozenset()
    write: frozenset[Principal] = frozenset()

    def may_create(self, requester: Requester) -> bool:
        return not self.create.isdisjoint(requester.principals)

    def may_read_all(self, requester: Requester) -> bool:
        return not (self.read | self.write).isdisjoint(requester.principals)

    def administers(self, requester: Requester) -> bool:
        return not self.write.isdisjoint(requester.principals)

    def may_read(self, requester: Requester, permissions: Permissions) -> bool:
        """Whether an account with these ACEs may be read."""
        return self.may_read_all(requester) or _holds(requester, permissions, "read", "write")

    def may_write(self, requester: Requester, permissions: Permissions) -> bool:
        """Whether an account with these ACEs may be changed."""
        return self.administers(requester) or _holds(requester, permissions, "write")


def is_valid_username(text: str) -> bool:
    """Whether the whole text is the id of an account (section 1.1)."""
    return len(text) <= USERNAME_CHARS_MAX and USERNAME.fullmatch(text) is not None


def user_id_of(username: str) -> Principal:
    """The user id of whoever logs in with the account."""
    return Principal(f"{POLICY}:{username}")


def username_of(requester: Requester) -> str | None:
    """The account that the requester has logged in with, if it is one."""
    policy, _, username = (requester.user_id or "").partition(":")
    return username if policy == POLICY else None


def decide(
    scene: AccountScene, command: AccountCommand, now: Timestamp, rights: AccountRights
) -> AccountDecision:
    """Answer with the change that the command causes, or why it causes none."""
    match command:
        case CreateAccount():
            return _create(scene, command, now, rights)
        case PutAccount():
            return _put(scene, command, now, rights)
        case PatchAccount():
            return _patch(scene, command, now, rights)
        case DeleteAccount():
            return _delete(scene, command, now, rights)
        case _:
            assert_never(command)


def deletion(
    scene: AccountScene, username: str, target: Present, *, at: Timestamp
) -> AccountChanged:
    """The account's end; what its user owns stays (ACC-7)."""
    return AccountChanged(
        action=Action.DELETED,
        username=username,
        last_modified=at,
        timeline=scene.timeline.after(at),
        after=Snapshot(
            data={"id": username, "last_modified": at, "deleted": True},
            permissions=NO_PERMISSIONS,
        ),
        before=snapshot(target),
    )


def shown_permissions(
    username: str, permissions: Permissions, requester: Requester, rights: AccountRights
) -> Mapping[str, list[Principal]]:
    """What an answer shows: all to writers, administrators, and to who has just signed up."""
    principals = requester.principals
    if requester.is_anonymous or rights.administers(requester):
        principals = principals | {user_id_of(username)}
    return visible_permissions(permissions, principals)


def _create(
    scene: AccountScene, command: CreateAccount, now: Timestamp, rights: AccountRights
) -> AccountDecision:
    username, target = command.username, scene.target
    if username is None:
        return _nameless(command, rights)
    if not is_valid_username(username):
        return Invalid((INVALID_ID,))
    if refusal := _not_ones_own(command, username, rights):
        return refusal
    if isinstance(target, Present):
        is_allowed = rights.may_read(command.requester, target.permissions)
    else:
        is_allowed = rights.may_create(command.requester)
    if not is_allowed:
        return NotAllowed()
    if faults := _faults_of_body(command, target):
        return Invalid(faults)
    if isinstance(target, Present):
        return _stale(target, command, rights) or Unchanged(target)
    if command.preconditions.if_match not in (None, ANY, scene.timeline.at):
        return ObjectModified(current=scene.timeline.at, existing=None)
    return _created(scene, command, username, now)


def _nameless(command: CreateAccount, rights: AccountRights) -> NotAllowed | Invalid:
    """An account's id is never made by the server; other faults are told to who may create."""
    if not command.faults:
        return _invalid("data.id", "Required")
    return Invalid(command.faults) if rights.may_create(command.requester) else NotAllowed()


def _put(
    scene: AccountScene, command: PutAccount, now: Timestamp, rights: AccountRights
) -> AccountDecision:
    target, username = scene.target, command.username
    if refusal := _not_ones_own(command, username, rights):
        return refusal
    if isinstance(target, Present) and command.preconditions.if_none_match != ANY:
        is_allowed = rights.may_write(command.requester, target.permissions)
    else:
        is_allowed = rights.may_create(command.requester)
    if not is_allowed:
        return NotAllowed()
    if faults := _faults_of_body(command, target):
        return Invalid(faults)
    if not is_valid_username(username):
        return Invalid((INVALID_ID,))
    if not isinstance(target, Present):
        if command.preconditions.if_match is not None:
            return ObjectModified(current=scene.timeline.at, existing=None)
        return _created(scene, command, username, now)
    if stale := _stale(target, command, rights):
        return stale
    permissions = (
        given_permissions(command.body) if command.body.permissions else target.permissions
    )
    patched = Patched(data=command.body.data or {}, permissions=permissions)
    return _updated(scene, target, username, patched, now, prefix="data.")


def _patch(
    scene: AccountScene, command: PatchAccount, now: Timestamp, rights: AccountRights
) -> AccountDecision:
    target = _changeable(scene, command, rights)
    if not isinstance(target, Present):
        return target
    patched = apply_change(command.change, snapshot(target))
    if isinstance(patched, Fault):
        return Invalid((patched,))
    return _updated(scene, target, command.username, patched, now, prefix="")


def _delete(
    scene: AccountScene, command: DeleteAccount, now: Timestamp, rights: AccountRights
) -> AccountDecision:
    target = _changeable(scene, command, rights)
    if not isinstance(target, Present):
        return target
    at = on_change(command.last_modified, target.last_modified, scene.timeline, now)
    return deletion(scene, command.username, target, at=at)


def apply_change(change: FieldsPatch | MergePatch | JsonPatch, target: Snapshot) -> Patched | Fault:
    """What a PATCH makes of an account; `data` has a password, be it `KEPT` or a new one."""
    data = {**target.data, "password": KEPT}
    match change:
        case FieldsPatch():
            return apply_fields(data, target.permissions, change.body)
        case MergePatch():
            return apply_merge(data, target.permissions, change.body)
        case JsonPatch():
            return apply_json_patch(
                data,
                target.permissions,
                change.operations,
                permission_names=PERMISSION_NAMES,
            )
        case _:
            assert_never(change)


class _Kept(str):
    """Stands for the password where a patch works on it; its own type, so nobody can send it."""

    __slots__ = ()


KEPT: Final = _Kept("")


def _created(
    scene: AccountScene, command: CreateAccount | PutAccount, username: str, now: Timestamp
) -> AccountDecision:
    data = command.body.data or {}
    at = on_creation(wanted_timestamp(data.get("last_modified")), scene.timeline, now)
    given = Patched(data=data, permissions=given_permissions(command.body))
    return _written(scene, None, username, given, at=at, prefix="data.")


def _updated(
    scene: AccountScene,
    target: Present,
    username: str,
    patched: Patched,
    now: Timestamp,
    *,
    prefix: str,
) -> AccountDecision:
    wanted = wanted_timestamp(patched.data.get("last_modified"))
    at = on_change(wanted, target.last_modified, scene.timeline, now)
    return _written(scene, target, username, patched, at=at, prefix=prefix)


def _written(
    scene: AccountScene,
    target: Present | None,
    username: str,
    given: Patched,
    *,
    at: Timestamp,
    prefix: str,
) -> AccountChanged | Invalid:
    own = None if target is None else target.last_modified
    completed = _complete(given.data, username, at=at, own=own, prefix=prefix)
    if isinstance(completed, Invalid):
        return completed
    return AccountChanged(
        action=Action.CREATED if target is None else Action.UPDATED,
        username=username,
        last_modified=at,
        timeline=scene.timeline.after(at),
        after=Snapshot(data=completed.data, permissions=_with_owner(given.permissions, username)),
        before=None if target is None else snapshot(target),
        password=completed.password,
    )


def _changeable(
    scene: AccountScene, command: PatchAccount | DeleteAccount, rights: AccountRights
) -> Present | AccountRefusal:
    target = scene.target
    if isinstance(target, Present):
        is_allowed = rights.may_write(command.requester, target.permissions)
    else:
        is_allowed = rights.may_read_all(command.requester)
    if not is_allowed:
        return NotAllowed()
    if faults := _faults(command, command.username):
        return Invalid(faults)
    if not isinstance(target, Present):
        return AccountMissing(command.username)
    return _stale(target, command, rights) or target


def _not_ones_own(
    command: CreateAccount | PutAccount, username: str, rights: AccountRights
) -> NotAllowed | Invalid | None:
    """Who is logged in signs nobody else up, except as an administrator (ACC-3)."""
    requester = command.requester
    if requester.is_anonymous or rights.administers(requester):
        return None
    if requester.user_id == user_id_of(username):
        return None
    if not rights.may_create(requester):
        return NotAllowed()
    if command.faults:
        return Invalid(command.faults)
    return _invalid("data.id", "Username and account ID do not match.")


def _faults(command: AccountCommand, username: str) -> tuple[Fault, ...]:
    """What keeps the command from being judged on its merits."""
    if command.faults:
        return command.faults
    return () if is_valid_username(username) else (INVALID_ID,)


def _faults_of_body(command: CreateAccount | PutAccount, target: State) -> tuple[Fault, ...]:
    """All that is wrong with what is sent, told before preconditions fail (2.3)."""
    data = command.body.data
    if data is None and any(fault.location == "body" for fault in command.faults):
        return command.faults  # There is no data because of that.
    own = target.last_modified if isinstance(target, Present) else None
    return (*command.faults, *_wrong_fields(data or {}, own=own, prefix="data."))


def _stale(
    target: Present, command: AccountCommand, rights: AccountRights
) -> ObjectModified | None:
    """Preconditions of a write on an account that exists (rows U and P1 of the truth table)."""
    conditions = command.preconditions
    is_match = conditions.if_match in (None, ANY, target.last_modified)
    if conditions.if_none_match != ANY and is_match:
        return None
    readable = rights.may_read(command.requester, target.permissions)
    return ObjectModified(current=target.last_modified, existing=target.data if readable else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Completed:
    data: JsonObject
    password: str | None


def _complete(
    data: JsonObject, username: str, *, at: Timestamp, own: Timestamp | None, prefix: str
) -> _Completed | Invalid:
    """The account as it will be stored and shown, and its new password (ACC-2, ACC-4, D-26)."""
    if faults := tuple(_wrong_fields(data, own=own, prefix=prefix)):
        return Invalid(faults)
    password = data["password"]
    assert isinstance(password, str)  # noqa: S101 - else it is a fault
    rest = {name: value for name, value in data.items() if name != "password"}
    return _Completed(
        data={**rest, "id": username, "last_modified": at},
        password=None if isinstance(password, _Kept) else password,
    )


def _wrong_fields(data: JsonObject, *, own: Timestamp | None, prefix: str) -> Iterator[Fault]:
    """`own` is the account's timestamp, if there is one."""
    wished = wanted_timestamp(data.get("last_modified"))
    if is_beyond_dates(wished, own):
        description = f"{wished} is beyond the last date there is"
        yield _fault(f"{prefix}last_modified", description)
    if "password" not in data:
        yield _fault(f"{prefix}password", "Required")
    elif not isinstance(password := data["password"], str):
        yield _fault(f"{prefix}password", f"{_shown(password)} is not a string")


def _shown(value: JsonValue) -> str:
    """What stood in the password's place: never a text that might be one."""
    return str(value) if isinstance(value, bool | int | float | None) else "The value"


def _with_owner(permissions: Permissions, username: str) -> Permissions:
    """An account's own user may write it from the start, whoever made it (ACC-2)."""
    writers = permissions.get("write", frozenset())
    return {**permissions, "write": writers | {user_id_of(username)}}


def _holds(requester: Requester, permissions: Permissions, *names: str) -> bool:
    return any(
        not requester.principals.isdisjoint(permissions.get(name, frozenset())) for name in names
    )


def _invalid(name: str, description: str) -> Invalid:
    return Invalid((_fault(name, description),))


def _fault(name: str, description: str) -> Fault:
    return Fault(location="body", name=name, description=description)


def scene_of(state: State, timeline_at: Timestamp) -> AccountScene:
    """The account as it was found."""
    if isinstance(state, Tombstone | Present):
        timeline_at = max(timeline_at, state.last_modified)
    return AccountScene(target=state, timeline=Timeline(at=timeline_at))
