"""What administrators ask for and are told: projects, keys."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.values import JsonObject
from muniment.web.endpoints import OF_ADMINISTRATORS, Endpoint
from muniment.web.openapi.schemas import closed, one_of

_OPERATIONS: Final[Mapping[tuple[Endpoint, str], tuple[str, str]]] = {
    (Endpoint.PROJECTS, "GET"): ("get_projects", "List the projects"),
    (Endpoint.PROJECTS, "POST"): (
        "create_project",
        "Make a project and its first key, whose text is told only now",
    ),
    (Endpoint.PROJECT, "GET"): ("get_project", "Read a project"),
    (Endpoint.PROJECT, "DELETE"): (
        "delete_project",
        "Delete a project with all that is in it, and end its keys",
    ),
    (Endpoint.PROJECT_KEYS, "GET"): (
        "get_project_keys",
        "List the keys of a project, without their texts",
    ),
    (Endpoint.PROJECT_KEYS, "POST"): ("create_project_key", "Make one more key of a project"),
    (Endpoint.API_KEY, "GET"): ("get_key", "Read about a key"),
    (Endpoint.API_KEY, "DELETE"): ("revoke_key", "End a key for ever"),
    (Endpoint.API_KEY_ROTATION, "POST"): (
        "rotate_key",
        "Make a key in place of one that ends after the overlap",
    ),
    (Endpoint.API_USERS, "GET"): ("get_users", "List the users that keys speak for"),
    (Endpoint.API_USERS, "POST"): (
        "create_user",
        "Make a user and their first key, whose text is told only now",
    ),
    (Endpoint.API_USER, "GET"): ("get_user", "Read about a user"),
    (Endpoint.API_USER_KEYS, "GET"): (
        "get_user_keys",
        "List the keys of a user, without their texts",
    ),
    (Endpoint.API_USER_KEYS, "POST"): ("create_user_key", "Make one more key of a user"),
    (Endpoint.ORGANIZATIONS, "GET"): ("get_organizations", "List the organizations"),
    (Endpoint.ORGANIZATIONS, "POST"): ("create_organization", "Make an organization"),
    (Endpoint.ORGANIZATION, "GET"): (
        "get_organization",
        "Read an organization, and who is what in it",
    ),
    (Endpoint.ORGANIZATION, "DELETE"): (
        "delete_organization",
        "Delete an organization that has no orbits",
    ),
    (Endpoint.ORGANIZATION_MEMBER, "PUT"): (
        "put_organization_member",
        "Give a user a role in an organization, and no other",
    ),
    (Endpoint.ORGANIZATION_MEMBER, "DELETE"): (
        "delete_organization_member",
        "Take a user out of an organization",
    ),
    (Endpoint.ORBITS, "GET"): ("get_orbits", "List the orbits of an organization"),
    (Endpoint.ORBITS, "POST"): ("create_orbit", "Make an orbit"),
    (Endpoint.ORBIT, "GET"): ("get_orbit", "Read an orbit, and who is what in it"),
    (Endpoint.ORBIT, "DELETE"): ("delete_orbit", "Delete an orbit with all that is in it"),
    (Endpoint.ORBIT_MEMBER, "PUT"): (
        "put_orbit_member",
        "Give a user a role in an orbit, and no other",
    ),
    (Endpoint.ORBIT_MEMBER, "DELETE"): ("delete_orbit_member", "Take a user out of an orbit"),
}
"""By endpoint and method: what generated clients call the operation, and what it does."""

ADMINISTRATION_IDS: Final[Mapping[tuple[Endpoint, str], str]] = {
    asked: id_ for asked, (id_, _) in _OPERATIONS.items()
}
ADMINISTRATION_SUMMARIES: Final[Mapping[str, str]] = dict(_OPERATIONS.values())

ADMINISTRATION_ASKS: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.PROJECTS, "POST"): "NewProject",
    (Endpoint.PROJECT_KEYS, "POST"): "NewApiKey",
    (Endpoint.API_KEY_ROTATION, "POST"): "ApiKeyRotation",
    (Endpoint.API_USERS, "POST"): "NewProject",
    (Endpoint.API_USER_KEYS, "POST"): "NewApiKey",
    (Endpoint.ORGANIZATIONS, "POST"): "NewOrganization",
    (Endpoint.ORGANIZATION_MEMBER, "PUT"): "OrganizationMember",
    (Endpoint.ORBITS, "POST"): "NewOrbit",
    (Endpoint.ORBIT_MEMBER, "PUT"): "OrbitMember",
}

ADMINISTRATION_BODIES: Final[Mapping[Endpoint, str]] = dict.fromkeys(
    OF_ADMINISTRATORS, "Administered"
)

_NAME: Final[JsonObject] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
_YEAR_S: Final = 366 * 86_400
_LABEL: Final[JsonObject] = {"type": "string", "maxLength": 255}

ADMINISTRATION_DEFINITIONS: Final[JsonObject] = {
    "Administered": closed({"data": {"type": ["object", "array"]}}),
    "NewProject": closed({"name": _NAME}, label=_LABEL),
    "NewApiKey": closed(
        {},
        label=_LABEL,
        expires_in_s={
            "description": "Seconds; without it, it does not end.",
            "type": ["number", "null"],
            "minimum": 0,
            "exclusiveMinimum": True,
            "maximum": 10 * _YEAR_S,
        },
    ),
    "ApiKeyRotation": closed(
        {},
        overlap_s={
            "description": "Seconds for which both keys are good.",
            "type": "number",
            "minimum": 0,
            "maximum": _YEAR_S,
        },
    ),
    "NewOrganization": closed(
        {"name": _NAME},
        logo={"type": ["string", "null"]},
        owner={"type": ["string", "null"], "format": "uuid"},
    ),
    "OrganizationMember": closed({"role": one_of("owner", "admin", "member")}),
    "NewOrbit": closed({"name": _NAME}),
    "OrbitMember": closed({"role": one_of("admin", "member")}),
}

NEEDED: Final = frozenset(
    name
    for name, definition in ADMINISTRATION_DEFINITIONS.items()
    if isinstance(definition, dict) and "required" in definition
)
"""Bodies that cannot be left out."""
