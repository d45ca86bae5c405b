"""Which ACEs are new to a list: nearly all objects have ACEs that others in their list had before.

The read model finds the objects that name a principal by `ace`, and the entries of a history by
`entry_ace`: each has one row for each principal, list and set of ACEs. So a batch seldom has
anything to add there, and what was added is remembered as long as the projector leads.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import orjson
from cachetools import LRUCache

from muniment.domain.addresses import Kind
from muniment.domain.values import Permissions, Uid
from muniment.readmodel.projection.fold import Change, life_of_collection, parent_of
from muniment.readmodel.projection.recording import has_history

REMEMBERED_MAX: Final = 100_000


class ListAcl(NamedTuple):
    """A list, where in which history its entries are, and the ACEs of an object in it, as JSON."""

    kind: Kind
    parent: Uid
    bucket_uid: Uid
    place: Uid
    """The life of the collection that the object is in or is, else of the bucket."""
    permissions: bytes


class WrittenAcls:
    """What was written, as far as it is remembered; the rest is written again to no harm."""

    def __init__(self) -> None:
        self._written: LRUCache[ListAcl, bool] = LRUCache(REMEMBERED_MAX)

    def lacking(self, changes: Iterable[Change]) -> Mapping[ListAcl, None]:
        """What the objects had after each of the changes, and is not known to be written."""
        found = (_after(change) for change in changes)
        return {acl: None for acl in found if acl is not None and acl not in self._written}

    def remember(self, acls: Iterable[ListAcl]) -> None:
        """Note what a committed transaction has written."""
        for acl in acls:
            self._written[acl] = True

    def forget(self, acls: Iterable[ListAcl]) -> None:
        """Take these for not written."""
        for acl in acls:
            self._written.pop(acl, None)

    def clear(self) -> None:
        """Forget all: what was written may be lost."""
        self._written.clear()


def left_by_buckets(changes: Iterable[Change]) -> Mapping[ListAcl, None]:
    """The ACEs that buckets had and have no more: perhaps no other bucket has them either."""
    return {
        _acl(change, before.permissions): None
        for change in changes
        if change.event.address.kind is Kind.BUCKET
        and (before := change.event.before) is not None
        and before.permissions != change.event.after.permissions
    }


def permissions_json(permissions: Permissions) -> bytes:
    """ACEs as they are stored: principals in order."""
    return orjson.dumps({name: sorted(held_by) for name, held_by in permissions.items()})


def _after(change: Change) -> ListAcl | None:
    """Nothing of a bucket that is gone: so is its history."""
    event = change.event
    return _acl(change, event.after.permissions) if has_history(event) else None


def _acl(change: Change, permissions: Permissions) -> ListAcl:
    event = change.event
    return ListAcl(
        kind=event.address.kind,
        parent=parent_of(event),
        bucket_uid=event.bucket_uid,
        place=_place(change),
        permissions=permissions_json(permissions),
    )


def _place(change: Change) -> Uid:
    match change.event.address.kind:
        case Kind.BUCKET | Kind.GROUP | Kind.WEBHOOK:
            return change.event.bucket_uid
        case Kind.COLLECTION | Kind.RECORD:
            return life_of_collection(change.event)
