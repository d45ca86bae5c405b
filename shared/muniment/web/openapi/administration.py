"""What administrators ask for and are told: projects, keys."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.values import JsonObject
from muniment.web.openapi.schemas import closed
from muniment.web.routes import Endpoint

ADMINISTRATION_IDS: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.PROJECTS, "GET"): "get_projects",
    (Endpoint.PROJECTS, "POST"): "create_project",
    (Endpoint.PROJECT, "GET"): "get_project",
    (Endpoint.PROJECT, "DELETE"): "delete_project",
    (Endpoint.PROJECT_KEYS, "GET"): "get_project_keys",
    (Endpoint.PROJECT_KEYS, "POST"): "create_project_key",
    (Endpoint.API_KEY, "GET"): "get_key",
    (Endpoint.API_KEY, "DELETE"): "revoke_key",
    (Endpoint.API_KEY_ROTATION, "POST"): "rotate_key",
}

ADMINISTRATION_SUMMARIES: Final[Mapping[str, str]] = {
    "get_projects": "List the projects",
    "create_project": "Make a project and its first key, whose text is told only now",
    "get_project": "Read a project",
    "delete_project": "Delete a project with all that is in it, and end its keys",
    "get_project_keys": "List the keys of a project, without their texts",
    "create_project_key": "Make one more key of a project",
    "get_key": "Read about a key",
    "revoke_key": "End a key for ever",
    "rotate_key": "Make a key in place of one that ends after the overlap",
}

ADMINISTRATION_ASKS: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.PROJECTS, "POST"): "NewProject",
    (Endpoint.PROJECT_KEYS, "POST"): "NewApiKey",
    (Endpoint.API_KEY_ROTATION, "POST"): "ApiKeyRotation",
}

ADMINISTRATION_BODIES: Final[Mapping[Endpoint, str]] = {
    Endpoint.PROJECTS: "Administered",
    Endpoint.PROJECT: "Administered",
    Endpoint.PROJECT_KEYS: "Administered",
    Endpoint.API_KEY: "Administered",
    Endpoint.API_KEY_ROTATION: "Administered",
}

_NAME: Final[JsonObject] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
_LABEL: Final[JsonObject] = {"type": "string", "maxLength": 255}

ADMINISTRATION_DEFINITIONS: Final[JsonObject] = {
    "Administered": closed({"data": {"type": ["object", "array"]}}),
    "NewProject": closed({"name": _NAME}, label=_LABEL),
    "NewApiKey": closed(
        {},
        label=_LABEL,
        expires_in_s={"description": "Seconds; without it, it does not end.", "type": "number"},
    ),
    "ApiKeyRotation": closed(
        {},
        overlap_s={
            "description": "Seconds for which both keys are good.",
            "type": "number",
            "minimum": 0,
        },
    ),
}
