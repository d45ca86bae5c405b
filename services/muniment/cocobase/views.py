"""Collections and documents as CocoBase's clients see them (contract sections 2, 4 and 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, get_args

from muniment.cocobase.errors import unauthorized
from muniment.domain.documents import document_of
from muniment.domain.events import Snapshot
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid

Action: TypeAlias = Literal["create", "read", "update", "delete"]
"""What is done with documents, as `permissions` of a collection name it."""

TIME_OF_POSTGRES: Final = 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"'
"""As `time_of` writes: old Pythons read no `Z`, and fractions of three or six digits only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection as it was found."""

    id: str
    uid: Uid | None
    data: JsonObject
    created_at: Timestamp

    @property
    def name(self) -> str:
        """Its name; one made through `/v1` without any is called as its id is."""
        return name_of(self.data, self.id)

    @property
    def view(self) -> dict[str, JsonValue]:
        """The collection object."""
        url = self.data.get("webhook_url")
        return {
            "id": self.id,
            "name": self.name,
            "created_at": time_of(self.created_at),
            "webhook_url": url if isinstance(url, str) else None,
            "permissions": {action: [*self._roles(action)] for action in get_args(Action)},
        }

    def check(self, action: Action) -> None:
        """Raises `CocoBaseError` (401) where app users of some roles may do it: there are none."""
        roles = self._roles(action)
        if roles:
            raise unauthorized(
                f"Only app users with one of these roles may {action} documents of "
                f'"{self.name}": {", ".join(roles)}. This server has no app users.'
            )

    def _roles(self, action: Action) -> list[str]:
        """Which roles may do it; everyone with the key, if there are none."""
        permissions = self.data.get("permissions")
        roles = permissions.get(action) if isinstance(permissions, Mapping) else None
        return [each for each in roles if isinstance(each, str)] if isinstance(roles, list) else []


def name_of(data: JsonObject, id_: str) -> str:
    """What a collection is called."""
    name = data.get("name")
    return name if isinstance(name, str) else id_


def changed(collection: Collection, data: JsonObject) -> Collection:
    """The collection with other data."""
    return replace(collection, data=data)


def document_view(
    id_: str,
    snapshot: Snapshot,
    collection: Collection,
    *,
    created_at: Timestamp,
    updated_at: Timestamp | None,
) -> dict[str, JsonValue]:
    """The document object; `document` in `reading.sql` writes the same."""
    return {
        "id": id_,
        "collection_id": collection.id,
        "data": document_of(snapshot.data, snapshot.hidden),
        "created_at": time_of(created_at),
        "updated_at": None if updated_at is None else time_of(updated_at),
        "collection": collection.view,
    }


def flat(document: JsonObject) -> dict[str, JsonValue]:
    """A document object as one row: the user's fields beside its id and time of creation."""
    data = document["data"]
    assert isinstance(data, Mapping)  # noqa: S101 - it is a document's
    own = {"id": document["id"], "created_at": document["created_at"]}
    return {**own, **data, **own}


def time_of(at: Timestamp) -> str:
    """`2026-01-02T03:04:05.123+00:00`."""
    return (
        datetime.fromtimestamp(at // 1000, UTC)
        .replace(microsecond=at % 1000 * 1000)
        .isoformat(timespec="milliseconds")
    )
