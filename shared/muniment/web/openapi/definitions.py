"""All schemas that have a name: those of objects, of batches, of past states, of errors."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.values import JsonObject, JsonValue
from muniment.readmodel.projection.rows import ACTION_NAMES
from muniment.web.batch import METHODS
from muniment.web.bodies import OPERATIONS
from muniment.web.openapi.administration import ADMINISTRATION_DEFINITIONS
from muniment.web.openapi.resources import resource_definitions
from muniment.web.openapi.schemas import (
    FLAG,
    INTEGER,
    OBJECT,
    TEXT,
    TEXTS,
    closed,
    list_of,
    one_of,
    reference,
)
from muniment.web.openapi.webhooks import WEBHOOK_DEFINITIONS

_PATH: Final[JsonObject] = {"type": "string", "pattern": "^/"}
_NUMBERS: Final[JsonObject] = {"type": "object", "additionalProperties": INTEGER}
_DELETED: Final[JsonObject] = {"type": "boolean", "enum": [True]}
_KINDS: Final = tuple(kind.value for kind in Kind)

_CHANGES: Final[JsonObject] = {
    "Operation": closed({"op": one_of(*OPERATIONS), "path": _PATH}, **{"from": _PATH, "value": {}}),
    "Changed": {
        "description": "The whole object, or what `Response-Behavior` asks for of its `data`.",
        **closed({"data": OBJECT}, permissions={"type": "object", "additionalProperties": TEXTS}),
    },
    "Tombstone": closed({"id": TEXT, "last_modified": INTEGER, "deleted": _DELETED}),
    "Deleted": closed({"data": reference("Tombstone")}),
    "TombstoneList": list_of("Tombstone"),
}

_OBJECT_IDS: Final[Mapping[str, JsonObject]] = {f"{kind}_id": TEXT for kind in _KINDS}

_LISTS: Final[JsonObject] = {
    # With `_fields` all but the first two may be missing, as they are in tombstones.
    "HistoryEntry": closed(
        {"id": {"type": "string", "format": "uuid"}, "last_modified": INTEGER},
        deleted=_DELETED,
        date={"type": "string", "format": "date-time"},
        action=one_of(*ACTION_NAMES.values()),
        resource_name=one_of(*_KINDS),
        uri=TEXT,
        user_id={"type": ["string", "null"]},
        target=OBJECT,
        **_OBJECT_IDS,
    ),
    "HistoryEntryList": list_of("HistoryEntry"),
    "PermissionEntry": closed(
        {},
        uri=TEXT,
        resource_name=one_of("root", "account", *_KINDS),
        permissions=TEXTS,
        id=TEXT,
        account_id=TEXT,
        **_OBJECT_IDS,
    ),
    "PermissionEntryList": list_of("PermissionEntry"),
}

_ITEM: Final[Mapping[str, JsonObject]] = {
    "path": _PATH,
    "method": one_of(*METHODS),
    "headers": {
        "type": "object",
        "additionalProperties": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "body": {
        "description": "An object; an array only for a JSON Patch.",
        "type": ["object", "array"],
        "items": OBJECT,
    },
}

_BATCHES: Final[JsonObject] = {
    # A path is required, be it here or in the defaults.
    "BatchRequest": closed({}, **_ITEM),
    "Batch": closed(
        {"requests": {"type": "array", "items": reference("BatchRequest")}},
        defaults=reference("BatchRequest"),
    ),
    "BatchResponse": closed(
        {
            "status": INTEGER,
            "path": TEXT,
            "headers": {"type": "object", "additionalProperties": TEXT},
            "body": {},
        }
    ),
    "Responses": closed(
        {"responses": {"type": "array", "items": reference("BatchResponse")}},
    ),
}

_UTILITIES: Final[JsonObject] = {
    "Root": closed(
        {
            "project_name": TEXT,
            "project_version": TEXT,
            "http_api_version": TEXT,
            "project_docs": TEXT,
            "url": TEXT,
            "config": {"type": ["object", "null"]},
            "settings": reference("PublicSettings"),
            "capabilities": {"type": "object", "additionalProperties": reference("Capability")},
        },
        user=closed({"id": TEXT, "principals": TEXTS}, bucket=TEXT, profile=OBJECT),
        eos={"type": "string", "format": "date"},
    ),
    "PublicSettings": closed(
        {"batch_max_requests": INTEGER, "readonly": FLAG, "explicit_permissions": FLAG}
    ),
    "Capability": {
        "type": "object",
        "required": ["description", "url"],
        "properties": {"description": TEXT, "url": TEXT},
    },
    "Heartbeat": {"type": "object", "additionalProperties": FLAG},
    "Counters": closed({"objects": _NUMBERS, "tombstones": _NUMBERS}),
    "Forgotten": closed({"data": closed({"principal": TEXT})}),
    "Nothing": closed({}),
    "Facts": OBJECT,
}

_ERRORS: Final[JsonObject] = {
    "Fault": closed(
        {
            "location": one_of("body", "querystring", "header", "path"),
            "name": {"type": ["string", "integer", "null"]},
            "description": TEXT,
        },
        errno=INTEGER,
    ),
    "Error": closed(
        {"code": INTEGER, "errno": INTEGER, "error": TEXT},
        message=TEXT,
        info=TEXT,
        details={"type": ["object", "array"]},
    ),
}


def definitions(resources: frozenset[str]) -> JsonObject:
    """All schemas that operations may refer to."""
    named: dict[str, JsonValue] = {}
    for part in (*map(resource_definitions, sorted(resources)), *_PARTS):
        named.update(part)
    return named


_PARTS: Final = (
    _CHANGES,
    _LISTS,
    _BATCHES,
    _UTILITIES,
    WEBHOOK_DEFINITIONS,
    ADMINISTRATION_DEFINITIONS,
    _ERRORS,
)
