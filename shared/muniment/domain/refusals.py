"""Why a command was refused: values that `decide` answers instead of changes, facts as fields."""

from dataclasses import dataclass
from typing import TypeAlias

from muniment.domain.addresses import Address, CollectionId
from muniment.domain.values import JsonObject, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a request; `location` is body, querystring, header or path."""

    location: str
    name: str | int | None
    description: str


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The requester may not do this: 401 for an anonymous one, else 403."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The request, or what the object would become, breaks these rules."""

    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class ObjectMissing:
    """There is no such object."""

    address: Address


@dataclass(frozen=True, slots=True)
class CollectionMissing:
    """The records' collection does not exist."""

    collection_id: CollectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectModified:
    """A precondition failed."""

    current: Timestamp
    """The object's `last_modified`, or the list timestamp where there is no object."""
    existing: JsonObject | None
    """The object as it is, for whom may read it."""


@dataclass(frozen=True, slots=True)
class TimestampTaken:
    """Another object of the timeline has the `last_modified` that the client asked for."""

    last_modified: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTaken:
    """Another collection of the bucket has the name that the command claims."""

    name: str
    collection_id: CollectionId
    """The one that has it."""


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The `Idempotency-Key` belongs to another request, which was made."""


@dataclass(frozen=True, slots=True)
class NotRepeated:
    """When its batch was made the request changed nothing, and now it would."""


Refusal: TypeAlias = (
    NotAllowed
    | Invalid
    | ObjectMissing
    | CollectionMissing
    | ObjectModified
    | TimestampTaken
    | NameTaken
    | KeyReused
    | NotRepeated
)

INVALID_ID = Fault(location="path", name=None, description="Invalid object id")
