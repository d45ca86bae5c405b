"""Organizations, orbits and collections as each generation of clients reads them (section 4)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from muniment.dataforce.roles import (
    OrbitRole,
    OrganizationRole,
    Right,
    orbit_role,
    organization_role,
    rights_of,
)
from muniment.dataforce.store import Found, Row


def moment(at_ms: int | None) -> str | None:
    """`2025-01-15T10:30:00.123000Z`."""
    if at_ms is None:
        return None
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def organization(row: Row) -> dict[str, Any]:
    """An organization, as one of its members sees it."""
    data, role = row["data"], organization_role(row["groups"])
    logo = data.get("logo")
    return {
        "id": row["id"],
        "name": text_or(data.get("name"), row["id"]),
        "logo": logo if isinstance(logo, str) else None,
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "role": role,
        "permissions": None if role is None else permissions(rights_of(role, None)),
    }


def orbit(row: Row, organization_id: str, role: OrganizationRole) -> dict[str, Any]:
    """An orbit, as a member of its organization sees it."""
    data: Any = row["data"]
    own: OrbitRole | None = orbit_role(row["groups"])
    return {
        "id": row["id"],
        "name": text_or(data.get("name"), row["id"]),
        "organization_id": organization_id,
        "bucket_secret_id": _uuid_or(data.get("bucket_secret_id"), row["id"]),
        "total_members": row["members"],
        "total_collections": row["collections"],
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "role": own,
        "permissions": permissions(rights_of(role, own)),
    }


def collection(found: Found, orbit_id: str) -> dict[str, Any]:
    """A collection, with the names of both eras."""
    return {
        "id": found.public_id,
        "orbit_id": orbit_id,
        "name": found.name,
        "description": found.description,
        "collection_type": found.kind,
        "type": found.kind,
        "tags": found.tags,
        "total_models": found.total,
        "total_artifacts": found.total,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
    }


def details(found: Found, orbit_id: str) -> dict[str, Any]:
    """A collection and what its models hold; nobody keeps models here yet."""
    return {
        **collection(found, orbit_id),
        "models_tags": [],
        "models_metrics": [],
        "artifacts_tags": [],
        "artifacts_extra_values": [],
    }


def permissions(rights: frozenset[Right]) -> dict[str, list[str]]:
    """What one may do, by what it is done to."""
    told: dict[str, list[str]] = {"orbit": [], "collection": []}
    for right in Right:
        if right in rights:
            kind, _, action = right.partition(":")
            told[kind].append(action)
    return told


def _uuid_or(value: object, other: str) -> str:
    try:
        return str(UUID(value)) if isinstance(value, str) else other
    except ValueError:
        return other


def text_or(value: object, other: str) -> str:
    """The value, if it is a text."""
    return value if isinstance(value, str) else other
