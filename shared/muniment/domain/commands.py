"""What a client asks for, parsed at the edge: orders that `decide` turns into events or refuses.

Faults that the edge found in headers, query or body travel along in `faults`: they are told
only to a requester who may do what the command asks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from muniment.domain.addresses import Address, BucketId, CollectionId, Kind
from muniment.domain.events import Cause
from muniment.domain.refusals import Fault
from muniment.domain.values import (
    AUTHENTICATED,
    EVERYONE,
    ON_BEHALF,
    JsonObject,
    JsonValue,
    Principal,
    Timestamp,
)
from muniment.domain.webhooks.key_rings import NewKey

ANY: Final = "*"
"""`If-Match: *` and `If-None-Match: *`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asks: the user's id, and all principals that speak for the request."""

    user_id: Principal | None
    principals: frozenset[Principal]

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None


ANONYMOUS: Final = Requester(user_id=None, principals=frozenset({EVERYONE}))


def authenticated(user_id: Principal) -> Requester:
    """A requester who is in no group."""
    return Requester(user_id=user_id, principals=frozenset({user_id, AUTHENTICATED, EVERYONE}))


OWN_BUCKET: Final = Principal("system.OwnDefaultBucket")
"""Speaks for a request that makes the requester's own default bucket, and for no other: whoever
may create buckets in general (BKT-1), everybody may have that one."""

_OF_THE_REQUEST: Final = frozenset({OWN_BUCKET, ON_BEHALF})
"""What speaks for a request, whoever makes it."""


def on_behalf_of(user_id: Principal) -> Requester:
    """Who was allowed by other rules than ACEs what they order."""
    return Requester(
        user_id=user_id, principals=frozenset({user_id, AUTHENTICATED, EVERYONE, ON_BEHALF})
    )


def joined(requester: Requester, groups: Collection[Principal]) -> Requester:
    """The requester in these groups and no others; nobody speaks for an anonymous one."""
    user_id = requester.user_id
    if user_id is None:
        return requester
    plain = frozenset({user_id, AUTHENTICATED, EVERYONE}) | (requester.principals & _OF_THE_REQUEST)
    if not groups and requester.principals == plain:
        return requester
    return Requester(user_id=user_id, principals=plain.union(groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """The parsed `If-Match` and `If-None-Match` headers."""

    if_match: Timestamp | Literal["*"] | None = None
    if_none_match: Timestamp | Literal["*"] | None = None


NO_PRECONDITIONS: Final = Preconditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """`data` and `permissions` as the client sent them; `None` for a part that is absent.

    For PATCH with plain or merge semantics a permission may be `None` (see PERM-15, PERM-16).
    """

    data: JsonObject | None = None
    permissions: Mapping[str, Sequence[str] | None] | None = None
    hidden: JsonObject | None = None
    """What `Snapshot.hidden` shall be; `None` leaves it as it is, as `/v1` does always."""


EMPTY_BODY: Final = Body()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    address: Address
    requester: Requester
    cause: Cause
    preconditions: Preconditions = NO_PRECONDITIONS
    faults: tuple[Fault, ...] = ()
    claimed_name: str | None = None
    """Of a collection's creation or change: the name that no other one in the bucket may have.

    A collection's name is its `data.name`, or its id. `/v1` claims none.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(_Command):
    """POST to a list. `address.id` is the client's id, or one that the edge has made."""

    id_from_client: bool
    """Also when that id is not valid: then `address.id` holds its text."""
    body: Body = EMPTY_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Put(_Command):
    """PUT of an object: create or replace."""

    body: Body = EMPTY_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsPatch:
    """`application/json`: the fields given replace the object's."""

    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePatch:
    """`application/merge-patch+json`: RFC 7396 on `data`."""

    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPatch:
    """`application/json-patch+json`: RFC 6902 operations on the object and its permissions."""

    operations: Sequence[Mapping[str, JsonValue]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPatch:
    """A change of a document: `remove`, then `append`, then `fields` (see `domain.documents`)."""

    fields: JsonObject
    """What replaces fields of the document, whatever they are called."""
    remove: Mapping[str, Sequence[JsonValue]] = field(
        default_factory=dict[str, Sequence[JsonValue]]
    )
    """Field to the items that are taken out of its array."""
    append: Mapping[str, Sequence[JsonValue]] = field(
        default_factory=dict[str, Sequence[JsonValue]]
    )
    """Field to the items that are put at the end of its array, unless they are in it."""


Change: TypeAlias = FieldsPatch | MergePatch | JsonPatch | DocumentPatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch(_Command):
    """PATCH of an object."""

    change: Change
    behavior: Literal["full", "light", "diff"] = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(_Command):
    """DELETE of an object."""

    last_modified: Timestamp | None = None
    """The tombstone's timestamp that the client asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecret(_Command):
    """POST to a webhook's secrets: a new key takes the place of the others of its algorithm."""

    new_key: NewKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSecrets(_Command):
    """GET of a webhook's secrets: a command, as its owner alone knows the newest at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteMany:
    """DELETE of a list: what the selection matches and the requester may write."""

    kind: Kind
    bucket_id: BucketId | None
    """`None` for the list of buckets."""
    collection_id: CollectionId | None = None
    """Set for the list of records."""
    requester: Requester
    cause: Cause
    preconditions: Preconditions = NO_PRECONDITIONS
    faults: tuple[Fault, ...] = ()
    query: Sequence[tuple[str, str]] = field(default=())
    """The query string as it came, decoded: filters, sort and page select in the read model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteHistory:
    """DELETE of a bucket's history: the entries that the selection matches."""

    bucket_id: BucketId
    requester: Requester
    cause: Cause
    preconditions: Preconditions = NO_PRECONDITIONS
    faults: tuple[Fault, ...] = ()
    query: Sequence[tuple[str, str]] = field(default=())
    """As of `DeleteMany`."""


DeleteList: TypeAlias = DeleteMany | DeleteHistory
"""Orders about lists: the read model says what they take."""

Command: TypeAlias = Create | Put | Patch | Delete | RotateSecret | ReadSecrets
