"""Who may do what: the table of section 7.2, row by row."""

from typing import Final

from tests.support.model.world import AUTHENTICATED, World, holders, place_of

RIGHTS: Final = {
    ("bucket", "read"): {"bucket": "write read collection:create group:create"},
    ("bucket", "write"): {"bucket": "write"},
    ("bucket", "create"): {},
    ("bucket", "list"): {},
    ("bucket", "clear"): {},
    ("collection", "read"): {"bucket": "write read", "collection": "write read record:create"},
    ("collection", "write"): {"bucket": "write", "collection": "write"},
    ("collection", "create"): {"bucket": "write collection:create"},
    ("collection", "list"): {"bucket": "write read"},
    ("collection", "clear"): {"bucket": "write"},
    ("group", "read"): {"bucket": "write read", "group": "write read"},
    ("group", "write"): {"bucket": "write", "group": "write"},
    ("group", "create"): {"bucket": "write group:create"},
    ("group", "list"): {"bucket": "write read"},
    ("group", "clear"): {"bucket": "write"},
    ("record", "read"): {
        "bucket": "write read",
        "collection": "write read",
        "record": "write read",
    },
    ("record", "write"): {"bucket": "write", "collection": "write", "record": "write"},
    ("record", "create"): {"bucket": "write", "collection": "write record:create"},
    ("record", "list"): {"bucket": "write read", "collection": "write read"},
    ("record", "clear"): {"bucket": "write", "collection": "write"},
    ("history", "list"): {"bucket": "write read"},
    ("history", "clear"): {"bucket": "write"},
}
"""By kind and action: which permissions, on which objects, are enough.

`list` and `clear` are reading and deleting a whole list; `bucket:create` is given by a setting.
"""


def allowed(world: World, kind: str, action: str, uri: str) -> set[str]:
    """The principals that may do it to the object or list at `uri`.

    An object that does not exist has no ACEs, so that the inherited part alone counts (PERM-2).
    """
    if (kind, action) == ("bucket", "create"):
        return {AUTHENTICATED}
    place = place_of(uri)
    found: set[str] = set()
    for each in [*place.parents, uri]:
        names = RIGHTS[kind, action].get(place_of(each).kind, "").split()
        found |= holders(world.acl(each), names)
    return found


def may(world: World, user: str | None, kind: str, action: str, uri: str) -> bool:
    return bool(world.principals(user) & allowed(world, kind, action, uri))


def shares(world: World, user: str | None, kind: str, action: str, list_uri: str) -> list[str]:
    """Ids in a list that the user may read or write by the objects' own ACEs (PERM-6, PERM-7)."""
    names = RIGHTS[kind, action][kind].split()
    principals = world.principals(user)
    return [
        thing.data["id"]
        for thing in world.children(list_uri)
        if principals & holders(thing.acl, names)
    ]
