"""Which ACEs are new to a list: nearly all objects have ACEs that others in their list had before.

The read model finds the objects that name a principal by `ace`, which has one row for each
principal, list and set of ACEs. So a batch seldom has anything to add there, and what was added
is remembered as long as the projector leads.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import orjson
from cachetools import LRUCache

from muniment.domain.addresses import Kind
from muniment.domain.values import Permissions, Uid
from muniment.readmodel.projection.fold import Change, parent_of

REMEMBERED_MAX: Final = 100_000


class ListAcl(NamedTuple):
    """A list, and the ACEs of an object in it, as JSON."""

    kind: Kind
    parent: Uid
    permissions: bytes


class WrittenAcls:
    """What was written, as far as it is remembered; the rest is written again to no harm."""

    def __init__(self) -> None:
        self._written: LRUCache[ListAcl, bool] = LRUCache(REMEMBERED_MAX)

    def lacking(self, changes: Iterable[Change]) -> Mapping[ListAcl, None]:
        """What the objects that the changes leave behind have, and is not known to be written."""
        found = (_acl(change) for change in changes if change.is_last)
        return {acl: None for acl in found if acl is not None and acl not in self._written}

    def remember(self, acls: Iterable[ListAcl]) -> None:
        """Note what a committed transaction has written."""
        for acl in acls:
            self._written[acl] = True

    def clear(self) -> None:
        """Forget all: what was written may be lost."""
        self._written.clear()


def permissions_json(permissions: Permissions) -> bytes:
    """ACEs as they are stored: principals in order."""
    return orjson.dumps({name: sorted(held_by) for name, held_by in permissions.items()})


def _acl(change: Change) -> ListAcl | None:
    event = change.event
    permissions = event.after.permissions
    if not permissions:
        return None
    return ListAcl(event.address.kind, parent_of(event), permissions_json(permissions))
