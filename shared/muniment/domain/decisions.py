"""Decide: whether a command may happen, and what happens then.

The order of the checks is the contract's (section 2.3): parent, right, form, existence,
preconditions, rules of the collection, uniqueness. What comes first is what the client is told.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from muniment.domain.addresses import Kind, bucket, is_valid_id
from muniment.domain.changes import creation, deletion, update
from muniment.domain.commands import (
    ANY,
    Body,
    Change,
    Command,
    Create,
    Delete,
    DocumentPatch,
    FieldsPatch,
    JsonPatch,
    MergePatch,
    Patch,
    Put,
    ReadSecrets,
    RotateSecret,
)
from muniment.domain.documents import apply_to_document
from muniment.domain.events import ObjectChanged, Snapshot
from muniment.domain.fields import complete, typed_faults, webhook_rules
from muniment.domain.groups import with_members
from muniment.domain.moments import Moment
from muniment.domain.patches import Patched, apply_fields, apply_json_patch, apply_merge
from muniment.domain.permissions import PERMISSION_NAMES, Right, may
from muniment.domain.refusals import (
    INVALID_ID,
    CollectionMissing,
    Fault,
    Invalid,
    NameTaken,
    NotAllowed,
    ObjectMissing,
    ObjectModified,
    Refusal,
    TimestampTaken,
)
from muniment.domain.rules import Rules
from muniment.domain.states import Present, Scene, snapshot
from muniment.domain.timelines import on_change, on_creation, wanted_timestamp
from muniment.domain.values import (
    EVERYONE,
    ON_BEHALF,
    JsonObject,
    Permissions,
    Principal,
    Timestamp,
)
from muniment.domain.webhooks.completing import Writing, complete_webhook


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing happens: what a POST wanted to create exists already (POST-2), or one only asks."""

    existing: Present


@dataclass(frozen=True, slots=True)
class LookUp:
    """The answer depends on who else in the list has this timestamp: look, and decide again."""

    last_modified: Timestamp


Decision: TypeAlias = ObjectChanged | Unchanged | Refusal | LookUp


def decide(scene: Scene, command: Command, moment: Moment, rules: Rules) -> Decision:
    """Answer with the change that the command causes, or why it causes none."""
    match command:
        case Create():
            return _create(scene, command, moment, rules)
        case Put():
            return _put(scene, command, moment, rules)
        case Patch():
            return _patch(scene, command, moment, rules)
        case Delete():
            return _delete(scene, command, moment, rules)
        case RotateSecret():
            return _rotate(scene, command, moment, rules)
        case ReadSecrets():
            target = _changeable(scene, command, rules)
            return Unchanged(target) if isinstance(target, Present) else target
        case _:
            assert_never(command)


def _create(scene: Scene, command: Create, moment: Moment, rules: Rules) -> Decision:
    target = scene.target
    if refusal := _parent_missing(scene, command):
        return refusal
    if not is_valid_id(command.address.id):
        return Invalid((INVALID_ID,))
    right = Right.READ if isinstance(target, Present) else Right.CREATE
    if refusal := _not_ready(scene, command, right, rules):
        return refusal
    if isinstance(target, Present):
        return _stale(scene, command, rules) or Unchanged(target)
    wanted = command.preconditions.if_match
    if wanted not in (None, ANY, scene.timeline.at):
        return ObjectModified(current=scene.timeline.at, existing=None)
    return _created(scene, command, moment, rules)


def _put(scene: Scene, command: Put, moment: Moment, rules: Rules) -> Decision:
    target = scene.target
    if refusal := _parent_missing(scene, command):
        return refusal
    replaces = isinstance(target, Present) and command.preconditions.if_none_match != ANY
    right = Right.WRITE if replaces else Right.CREATE
    if refusal := _not_ready(scene, command, right, rules):
        return refusal
    if not isinstance(target, Present):
        if command.preconditions.if_match is not None:
            return ObjectModified(current=scene.timeline.at, existing=None)
        return _created(scene, command, moment, rules)
    if refusal := _stale(scene, command, rules):
        return refusal
    given = command.body.data
    data = target.data if given is None else with_members(given, command.address.kind)
    # Without a single ACE given, the object keeps its own (PERM-14).
    permissions = (
        given_permissions(command.body) if command.body.permissions else target.permissions
    )
    hidden = target.hidden if command.body.hidden is None else command.body.hidden
    replaced = Patched(data=data, permissions=permissions, hidden=hidden or None)
    return _updated(scene, command, replaced, moment, rules)


def _patch(scene: Scene, command: Patch, moment: Moment, rules: Rules) -> Decision:
    target = _changeable(scene, command, rules)
    if not isinstance(target, Present):
        return target
    patched = apply_change(command.change, snapshot(target), command.address.kind)
    if isinstance(patched, Fault):
        return Invalid((patched,))
    kind, own = command.address.kind, target.last_modified
    if faults := tuple(typed_faults(patched.data, kind, own=own, prefix="", rules=rules)):
        return Invalid(faults)
    return _updated(scene, command, patched, moment, rules)


def _rotate(scene: Scene, command: RotateSecret, moment: Moment, rules: Rules) -> Decision:
    target = _changeable(scene, command, rules)
    if not isinstance(target, Present):
        return target
    patched = Patched(data=target.data, permissions=target.permissions)
    return _updated(scene, command, patched, moment, rules)


def _delete(scene: Scene, command: Delete, moment: Moment, rules: Rules) -> Decision:
    target = _changeable(scene, command, rules)
    if not isinstance(target, Present):
        return target
    at = on_change(command.last_modified, target.last_modified, scene.timeline, moment.now)
    if clash := _clash(scene, at):
        return clash
    return deletion(scene, command.address, target, at=at, moment=moment, cause=command.cause)


def _created(scene: Scene, command: Create | Put, moment: Moment, rules: Rules) -> Decision:
    body, address = command.body, command.address
    given: JsonObject = {} if body.data is None else with_members(body.data, address.kind)
    at = on_creation(wanted_timestamp(given.get("last_modified")), scene.timeline, moment.now)
    data = _completed(given, scene, command, at=at, moment=moment, rules=rules)
    if isinstance(data, Invalid):
        return data
    if clash := _name_taken(scene, command) or _clash(scene, at):
        return clash
    after = Snapshot(
        data=data,
        permissions=_with_writer(given_permissions(body), command, rules),
        hidden=body.hidden or None,
    )
    return creation(scene, address, after, at=at, moment=moment, cause=command.cause)


def _updated(
    scene: Scene,
    command: Put | Patch | RotateSecret,
    patched: Patched,
    moment: Moment,
    rules: Rules,
) -> Decision:
    target, address = scene.target, command.address
    assert isinstance(target, Present)  # noqa: S101 - the callers have looked
    wanted = wanted_timestamp(patched.data.get("last_modified"))
    at = on_change(wanted, target.last_modified, scene.timeline, moment.now)
    data = _completed(patched.data, scene, command, at=at, moment=moment, rules=rules)
    if isinstance(data, Invalid):
        return data
    if clash := _name_taken(scene, command) or _clash(scene, at):
        return clash
    after = Snapshot(
        data=data,
        permissions=_with_writer(patched.permissions, command, rules),
        hidden=patched.hidden,
    )
    return update(scene, address, target, after, at=at, moment=moment, cause=command.cause)


def _changeable(
    scene: Scene, command: Patch | Delete | RotateSecret | ReadSecrets, rules: Rules
) -> Present | Refusal:
    """The target of a PATCH or DELETE, if all that comes before the change itself allows it."""
    if refusal := _parent_missing(scene, command):
        return refusal
    right = Right.WRITE if isinstance(scene.target, Present) else Right.LIST
    if refusal := _not_ready(scene, command, right, rules):
        return refusal
    if not isinstance(scene.target, Present):
        return ObjectMissing(command.address)
    return _stale(scene, command, rules) or scene.target


def _parent_missing(scene: Scene, command: Command) -> Refusal | None:
    """A record's collection is looked for before any right is judged (2.3, step 4)."""
    collection_id = command.address.collection_id
    if collection_id is not None and scene.collection is None:
        return CollectionMissing(collection_id)
    return None


def _not_ready(scene: Scene, command: Command, right: Right, rules: Rules) -> Refusal | None:
    """What keeps the command from being judged on its merits: right, form, id, bucket."""
    address = command.address
    if not may(command.requester.principals, right, address.kind, scene.acls, rules.granted):
        return NotAllowed()
    if faults := command.faults + _typed_faults(scene, command, rules):
        return Invalid(faults)
    if not is_valid_id(address.id):
        return Invalid((INVALID_ID,))
    if scene.bucket is None and address.kind is not Kind.BUCKET:
        return ObjectMissing(bucket(address.bucket_id))
    return None


def _typed_faults(scene: Scene, command: Command, rules: Rules) -> tuple[Fault, ...]:
    """Typed fields are of a body's form (2.3, step 7); after a PATCH, of its outcome's (PAT-6)."""
    if not isinstance(command, Create | Put) or not _replaces_data(scene, command):
        return ()
    own = scene.target.last_modified if isinstance(scene.target, Present) else None
    kind, data = command.address.kind, command.body.data or {}
    return tuple(typed_faults(data, kind, own=own, prefix="data.", rules=rules))


def _replaces_data(scene: Scene, command: Create | Put) -> bool:
    """Whether the body says what the object's data are: a webhook can't be made of nothing."""
    is_new_webhook = command.address.kind is Kind.WEBHOOK and not isinstance(scene.target, Present)
    return command.body.data is not None or is_new_webhook


def _completed(
    data: JsonObject,
    scene: Scene,
    command: Create | Put | Patch | RotateSecret,
    *,
    at: Timestamp,
    moment: Moment,
    rules: Rules,
) -> JsonObject | Invalid:
    """The object as it will be stored and shown, or what is wrong with it."""
    has_made_id = isinstance(command, Create) and not command.id_from_client
    completed = complete(data, scene, command.address, at=at, rules=rules, has_made_id=has_made_id)
    if command.address.kind is not Kind.WEBHOOK or isinstance(completed, Invalid):
        return completed
    webhook = complete_webhook(
        completed,
        scene.target.data if isinstance(scene.target, Present) else None,
        Writing(
            uri=command.address.uri,
            now=moment.now,
            event_id=moment.event_id,
            rules=webhook_rules(rules),
            prefix="data." if isinstance(command, Create | Put) else "",
        ),
        new_key=command.new_key if isinstance(command, RotateSecret) else None,
    )
    return Invalid(webhook) if isinstance(webhook, tuple) else webhook


def _stale(scene: Scene, command: Command, rules: Rules) -> ObjectModified | None:
    """Preconditions of a write on an object that exists (rows U and P1 of the truth table)."""
    target, conditions = scene.target, command.preconditions
    assert isinstance(target, Present)  # noqa: S101 - the callers have looked
    if conditions.if_none_match != ANY and conditions.if_match in (
        None,
        ANY,
        target.last_modified,
    ):
        return None
    readable = may(
        command.requester.principals, Right.READ, command.address.kind, scene.acls, rules.granted
    )
    return ObjectModified(current=target.last_modified, existing=target.data if readable else None)


def _name_taken(scene: Scene, command: Command) -> NameTaken | None:
    """Who looked for the name's holder has left out the target itself."""
    if command.claimed_name is None or scene.name_holder is None:
        return None
    return NameTaken(name=command.claimed_name, collection_id=scene.name_holder)


def _clash(scene: Scene, at: Timestamp) -> TimestampTaken | LookUp | None:
    """Whether another object in the list has the timestamp; above the list's own nobody can."""
    if at > scene.timeline.at:
        return None
    if scene.taken is None:
        return LookUp(at)
    return TimestampTaken(at) if at in scene.taken else None


def apply_change(change: Change, target: Snapshot, kind: Kind) -> Patched | Fault:
    """What a PATCH makes of an object, before the server sets its own fields."""
    if isinstance(change, DocumentPatch):
        return apply_to_document(target, change)
    patched = _apply_visible(change, target, kind)
    return patched if isinstance(patched, Fault) else replace(patched, hidden=target.hidden)


def _apply_visible(
    change: FieldsPatch | MergePatch | JsonPatch, target: Snapshot, kind: Kind
) -> Patched | Fault:
    match change:
        case FieldsPatch():
            return apply_fields(target.data, target.permissions, change.body)
        case MergePatch():
            return apply_merge(target.data, target.permissions, change.body)
        case JsonPatch():
            return apply_json_patch(
                target.data,
                target.permissions,
                change.operations,
                permission_names=PERMISSION_NAMES[kind],
            )
        case _:
            assert_never(change)


def given_permissions(body: Body) -> Permissions:
    """The ACEs in a body, without those that are empty."""
    return {
        name: frozenset(Principal(holder) for holder in holders)
        for name, holders in (body.permissions or {}).items()
        if holders
    }


def _with_writer(permissions: Permissions, command: Command, rules: Rules) -> Permissions:
    """Who writes an object may write it from then on (PERM-12)."""
    if not rules.explicit_permissions or ON_BEHALF in command.requester.principals:
        return permissions
    writer = command.requester.user_id or EVERYONE
    writers = permissions.get("write", frozenset())
    return permissions if writer in writers else {**permissions, "write": writers | {writer}}
