"""What the model knows of a server: objects, tombstones, lists and histories, by their paths.

The model is written from the contract (the rules are named where they are kept) and shares no code
with the product. Paths are those of `/v1` without that prefix.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

Data: TypeAlias = dict[str, Any]
Acl: TypeAlias = dict[str, set[str]]

EVERYONE: Final = "system.Everyone"
AUTHENTICATED: Final = "system.Authenticated"

UNKNOWN: Final = "<known to the server alone>"


class Unseen(float):
    """A timestamp that no answer has shown yet; at least this."""


KINDS: Final = {
    "buckets": "bucket",
    "collections": "collection",
    "groups": "group",
    "records": "record",
    "history": "history",
    "accounts": "account",
}

PERMISSION_NAMES: Final = {
    "bucket": ("read", "write", "collection:create", "group:create"),
    "collection": ("read", "write", "record:create"),
    "group": ("read", "write"),
    "record": ("read", "write"),
    "account": ("read", "write"),
}
"""Section 7.1."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a path points at: a list, or an object that may exist or not."""

    kind: str
    list_uri: str
    id: str | None

    @property
    def uri(self) -> str:
        return f"{self.list_uri}/{self.id}"

    @property
    def parents(self) -> list[str]:
        """The bucket above it and, above records, the collection."""
        names = self.list_uri.strip("/").split("/")
        return ["/" + "/".join(names[:end]) for end in range(2, len(names), 2)]


@dataclass(slots=True)
class Thing:
    """An object that exists; `data` holds `id` and `last_modified`."""

    kind: str
    data: Data
    acl: Acl


@dataclass(slots=True)
class Entry:
    """A history entry, and who could read its object when it was made (HIS-8)."""

    shown: Data
    readers: set[str]


@dataclass(frozen=True, slots=True)
class Turn:
    """From one page to the next: the last object of the one, and the timestamp that it told."""

    last: Data
    told: int | None


@dataclass(slots=True)
class World:
    """All of it. `users` are user ids by name, `own_buckets` the ids of default buckets by name."""

    users: dict[str, str]
    own_buckets: dict[str, str] = field(default_factory=dict[str, str])
    things: dict[str, Thing] = field(default_factory=dict[str, Thing])
    tombstones: dict[str, dict[str, Data]] = field(default_factory=dict[str, dict[str, Data]])
    """By the uri of their list, then by id."""
    stamps: dict[str, Any] = field(default_factory=dict[str, Any])
    """The list timestamps; a list that was neither written nor looked at has none (TS-4)."""
    history: dict[str, list[Entry]] = field(default_factory=dict[str, list[Entry]])
    """By the uri of the bucket, oldest first."""
    entries: int = 0
    """How many there ever were: their order, for want of their timestamps."""
    graves: dict[str, Any] = field(default_factory=dict[str, Any])
    """The last timestamps of lists of records that went with their collection (D-13)."""
    pages: dict[str, Turn] = field(default_factory=dict[str, Turn])
    """What comes before each page that a `Next-Page` has named, by its token."""

    def children(self, list_uri: str) -> list[Thing]:
        """The objects of one list."""
        return [thing for uri, thing in self.things.items() if uri.rpartition("/")[0] == list_uri]

    def principals(self, user: str | None) -> set[str]:
        """Whom a requester counts as (AUTH-5)."""
        if user is None:
            return {EVERYONE}
        selves = {self.users[user], AUTHENTICATED}
        groups = {
            uri
            for uri, thing in self.things.items()
            if thing.kind == "group" and selves & set(thing.data.get("members", ()))
        }
        return selves | groups | {EVERYONE}

    def acl(self, uri: str) -> Acl:
        """The ACEs of an object; none if it does not exist."""
        return self.things[uri].acl if uri in self.things else {}

    def moved(self, list_uri: str, stamp: Any) -> None:
        """The list timestamp never goes back (TS-3)."""
        self.stamps[list_uri] = max(stamp, self.stamps.get(list_uri, stamp))

    def forget_below(self, uri: str) -> None:
        """What is under a deleted bucket or collection is gone without a trace (TS-11)."""
        below = f"{uri}/"
        keeps: tuple[dict[str, Any], ...] = (self.things, self.tombstones, self.stamps, self.graves)
        records = f"{uri}/records"
        grave = self.stamps.get(records)
        for kept in keeps:
            for each in [each for each in kept if each.startswith(below)]:
                del kept[each]
        self.history.pop(uri, None)
        if grave is not None:
            self.graves[records] = grave


def place_of(path: str) -> Place:
    """The list or object of a path such as `/buckets/atlas/collections`."""
    names = path.strip("/").split("/")
    if len(names) % 2:
        return Place(KINDS[names[-1]], path, None)
    return Place(KINDS[names[-2]], "/" + "/".join(names[:-1]), names[-1])


def is_object(value: Any) -> TypeGuard[Data]:
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def holders(acl: Acl, names: Iterable[str]) -> set[str]:
    """Who is in one of these ACEs."""
    return {holder for name in names for holder in acl.get(name, ())}
