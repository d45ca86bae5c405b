"""The schemas of objects: as they are given, as they are shown, and with their permissions."""

from collections.abc import Mapping, Sequence
from typing import Final

from muniment.domain.accounts import PERMISSION_NAMES as ACCOUNT_PERMISSIONS
from muniment.domain.accounts import USERNAME, USERNAME_CHARS_MAX
from muniment.domain.addresses import OBJECT_ID, OBJECT_ID_CHARS_MAX, Kind
from muniment.domain.fields import SECONDS_MAX
from muniment.domain.groups import MEMBER_BYTES_MAX
from muniment.domain.permissions import PERMISSION_NAMES
from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import JsonObject, JsonValue
from muniment.web.endpoints import Endpoint, Route
from muniment.web.openapi.schemas import (
    INTEGER,
    OBJECT,
    TEXT,
    TEXTS,
    closed,
    list_of,
    reference,
)
from muniment.web.openapi.webhooks import WEBHOOK_FIELDS, WEBHOOK_SHOWN

ACCOUNT: Final = "account"
WEBHOOK: Final = "webhook"

OBJECT_ID_SCHEMA: Final[JsonObject] = {
    "type": "string",
    "pattern": f"^{OBJECT_ID.pattern}$",
    "maxLength": OBJECT_ID_CHARS_MAX,
}
USERNAME_SCHEMA: Final[JsonObject] = {
    "type": "string",
    "pattern": f"^{USERNAME.pattern}$",
    "maxLength": USERNAME_CHARS_MAX,
}

_SCHEMA: Final[JsonObject] = {
    "description": "A JSON Schema: an object that Draft 7 allows. What is none is refused.",
    **OBJECT,
}

_SHOWN_FIELDS: Final[Mapping[str, Mapping[str, JsonObject]]] = {
    "bucket": {f"{kind}:schema": _SCHEMA for kind in ("collection", "group", "record")},
    "collection": {"schema": _SCHEMA, "cache_expires": INTEGER},
    "group": {"members": TEXTS},
    WEBHOOK: WEBHOOK_SHOWN,
}
"""The fields that have a type, as answers show them."""

REQUIRED: Final[Mapping[str, Sequence[str]]] = {ACCOUNT: ("password",), WEBHOOK: ("url",)}
"""Fields without which nothing can be created."""

_GIVEN_FIELDS: Final[Mapping[str, Mapping[str, JsonObject]]] = {
    **_SHOWN_FIELDS,
    "collection": {
        "schema": _SCHEMA,
        "cache_expires": {
            "description": "Seconds; what is text or a fraction becomes a whole number.",
            "type": ["number", "string", "null"],
            "minimum": -SECONDS_MAX,
            "maximum": SECONDS_MAX,
            "pattern": r"^\s*[+-]?[0-9]{1,15}\s*$",
        },
    },
    "group": {
        "members": {
            "description": "User ids, or `system.Authenticated`; no groups.",
            "type": "array",
            "items": {"type": "string", "maxLength": MEMBER_BYTES_MAX},
        }
    },
    ACCOUNT: {"password": TEXT},
    WEBHOOK: WEBHOOK_FIELDS,
}
"""The same as they are taken."""

_LAST_MODIFIED: Final[JsonObject] = {
    "description": "Milliseconds since the epoch to count as the time of the change; "
    "what is no integer, or not later than the object's own, is ignored.",
    "maximum": LAST_DATE,
}


def shown_name(resource: str) -> str:
    """An object with its permissions, as answers have it."""
    return f"{resource.capitalize()}WithPermissions"


def takes_key(route: Route, method: str) -> bool:
    """Whether an `Idempotency-Key` counts: where the log has what was done, in one stream."""
    match route.endpoint, method:
        case _, "GET":
            return False
        case ((Endpoint.BATCH | Endpoint.HISTORY | Endpoint.WEBHOOK_SECRETS), _):
            return True
        case _, "DELETE" if route.is_list and route.resource == Kind.BUCKET:
            return False
        case _:
            return route.resource is not None and route.resource != ACCOUNT


def created_name(resource: str) -> str:
    """What a POST takes."""
    return f"New{resource.capitalize()}"


def changed_name(resource: str) -> str:
    """What a PUT takes."""
    return f"{resource.capitalize()}Given"


def patched_name(resource: str) -> str:
    """What a PATCH takes."""
    return f"{resource.capitalize()}Patch"


def listed_name(resource: str) -> str:
    """A list of objects."""
    return f"{resource.capitalize()}List"


def resource_definitions(resource: str) -> JsonObject:
    """All that bodies about objects of one type refer to."""
    title = resource.capitalize()
    permissions = reference(f"{title}Permissions")
    return {
        title: _shown(resource),
        f"{title}Permissions": _permissions(resource),
        shown_name(resource): closed({"data": reference(title)}, permissions=permissions),
        listed_name(resource): list_of(title),
        created_name(resource): _given(resource, permissions, has_id=True),
        changed_name(resource): _given(resource, permissions, has_id=False),
        patched_name(resource): _patch(resource),
    }


def _shown(resource: str) -> JsonObject:
    """In lists this may be a tombstone; with `_fields` some fields may be missing."""
    return {
        "type": "object",
        "required": ["id", "last_modified"],
        "properties": {
            "id": _id_of(resource),
            "last_modified": INTEGER,
            **_SHOWN_FIELDS.get(resource, {}),
        },
    }


def _given(resource: str, permissions: JsonObject, *, has_id: bool) -> JsonObject:
    properties: dict[str, JsonValue] = {"id": _id_of(resource)} if has_id else {}
    properties |= {"last_modified": _LAST_MODIFIED, **_GIVEN_FIELDS.get(resource, {})}
    data: dict[str, JsonValue] = {"type": "object", "properties": properties}
    required = [*REQUIRED.get(resource, ())]
    if not required:
        return closed({}, data=data, permissions=permissions)
    if has_id and resource == ACCOUNT:
        required.insert(0, "id")
    data["required"] = required
    # Of a webhook that is there a PUT may change the permissions alone.
    if resource == WEBHOOK and not has_id:
        return closed({}, data=data, permissions=permissions)
    return closed({"data": data}, permissions=permissions)


def _id_of(resource: str) -> JsonObject:
    return USERNAME_SCHEMA if resource == ACCOUNT else OBJECT_ID_SCHEMA


def _patch(resource: str) -> JsonObject:
    empties: JsonObject = {"type": ["array", "null"], "items": TEXT}
    return {
        "description": "`data` and `permissions` to merge, or the operations of a JSON Patch.",
        **closed({}, data=OBJECT, permissions=_permissions(resource, holders=empties)),
        "type": ["object", "array"],
        "minProperties": 1,
        "items": reference("Operation"),
    }


def _permissions(resource: str, *, holders: JsonObject = TEXTS) -> JsonObject:
    names = ACCOUNT_PERMISSIONS if resource == ACCOUNT else PERMISSION_NAMES[Kind(resource)]
    return closed({}, **dict.fromkeys(names, holders))
