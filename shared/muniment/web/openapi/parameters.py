"""What an operation takes: in its path, its query, its headers and its body."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import JsonObject
from muniment.domain.webhooks.selection import EVENT_TYPES
from muniment.web.commands import BEHAVIORS
from muniment.web.endpoints import Endpoint, Route
from muniment.web.openapi.administration import ADMINISTRATION_ASKS, NEEDED
from muniment.web.openapi.resources import (
    ACCOUNT,
    OBJECT_ID_SCHEMA,
    REQUIRED,
    USERNAME_SCHEMA,
    changed_name,
    created_name,
    patched_name,
    takes_key,
)
from muniment.web.openapi.schemas import reference
from muniment.web.request_keys import CHARS_MAX
from muniment.web.request_keys import HEADER as KEY

_NAME: Final = re.compile(r"{(\w+)}")

_NAMED: Final[JsonObject] = {"type": "string", "minLength": 1}
_PATH_TYPES: Final[Mapping[str, JsonObject]] = {
    "account_id": USERNAME_SCHEMA,
    "timestamp": {"type": "integer", "minimum": 0},
    "provider": _NAMED,
    "principal": _NAMED,
    "part": {"type": "string", "enum": ["portal.css", "portal.js"]},
    "event_type": {"type": "string", "enum": ["webhook.ping", *EVENT_TYPES]},
}
"""What is no id of an object."""

_TIMESTAMP: Final = '^("[0-9]+"|[0-9]+|null)$'

SHARED_PARAMETERS: Final[JsonObject] = {
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "type": "string",
        "pattern": r'^("[0-9]{1,18}"|\*)$',
        "description": "Go on only if the object or list still has this `ETag`; `*`: any.",
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "type": "string",
        "pattern": r'^("[0-9]{1,18}"|\*)$',
        "description": "Go on only if it has another `ETag`; `*`: only if there is none yet.",
    },
    "Response-Behavior": {
        "name": "Response-Behavior",
        "in": "header",
        "type": "string",
        "enum": list(BEHAVIORS),
        "description": "What the answer shows: all, what changed, or what the server changed.",
    },
    KEY: {
        "name": KEY,
        "in": "header",
        "type": "string",
        "maxLength": CHARS_MAX,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
        "description": "What the client calls this write, to send it again safely: made once, "
        "and given the first answer again.",
    },
    "_since": {
        "name": "_since",
        "in": "query",
        "type": "string",
        "pattern": _TIMESTAMP,
        "description": "What was changed after this timestamp, tombstones included.",
    },
    "_before": {
        "name": "_before",
        "in": "query",
        "type": "string",
        "pattern": _TIMESTAMP,
        "description": "What was last changed before this timestamp, tombstones included.",
    },
    "_sort": {
        "name": "_sort",
        "in": "query",
        "type": "string",
        "description": "Fields to sort by, joined by commas; `-` before one sorts downwards.",
    },
    "_limit": {
        "name": "_limit",
        "in": "query",
        "type": "number",
        "minimum": -1,
        "exclusiveMinimum": True,
        "x-nullable": True,
        "description": "How many objects a page holds, fractions cut; 0: as many as may be.",
    },
    "_token": {
        "name": "_token",
        "in": "query",
        "type": "string",
        "description": "The place of the next page, as `Next-Page` has it.",
    },
    "_fields": {
        "name": "_fields",
        "in": "query",
        "type": "string",
        "description": "Fields to show, joined by commas; `id` and `last_modified` always are.",
    },
}

_OF_LISTS: Final = ("_since", "_before", "_sort", "_limit", "_token", "_fields")

_FILTERS: Final[Mapping[Endpoint, Sequence[str]]] = {
    Endpoint.HISTORY: (
        "uri",
        "resource_name",
        "action",
        "collection_id",
        "record_id",
        "webhook_id",
        "user_id",
    ),
    Endpoint.PERMISSIONS: (
        "uri",
        "resource_name",
        "bucket_id",
        "collection_id",
        "group_id",
        "record_id",
        "webhook_id",
    ),
}
"""Lists whose fields are known; all others are filtered by whatever field their objects have."""

_REQUIRED: Final[Mapping[Endpoint, Sequence[str]]] = {
    Endpoint.OPENID_LOGIN: ("callback", "scope"),
    Endpoint.OPENID_TOKEN: ("code", "state"),
}

_OF_DELIVERIES: Final[Mapping[Endpoint, Sequence[str]]] = {
    Endpoint.WEBHOOK_ATTEMPTS: (
        *("outcome", "status", "uri", "message_id", "type"),
        *("_since", "_before", "_limit"),
    ),
    Endpoint.WEBHOOK_DAYS: ("_since", "_before", "_limit"),
    Endpoint.WEBHOOK_EVENTS: ("_after", "_limit"),
}

_TYPES_OF_DELIVERIES: Final[Mapping[str, JsonObject]] = {
    "_limit": {"type": "integer", "minimum": 1, "maximum": 1_000},
    "_after": {"type": "integer", "minimum": 0},
    "_since": {"type": "string", "format": "date-time"},
    "status": {"type": "string", "pattern": "^([1-5]xx|[1-5][0-9]{2})$"},
}

_DATE: Final[JsonObject] = {"type": "string", "format": "date"}
_DATES: Final[Mapping[str, JsonObject]] = {"_since": _DATE, "_before": _DATE}

_LAST_EVENT: Final[JsonObject] = {
    "name": "Last-Event-ID",
    "in": "header",
    "type": "string",
    "pattern": "^[0-9]{0,18}$",
    "description": "The `id` of the last event that came; stronger than `_after`.",
}

_ASKS: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.WEBHOOK_MESSAGES, "POST"): "MessageAsk",
    (Endpoint.WEBHOOK_REPLAYS, "POST"): "ReplayAsk",
    (Endpoint.WEBHOOK_REPLAY, "PATCH"): "ReplayWish",
    **ADMINISTRATION_ASKS,
}


def parameters(route: Route, method: str) -> Iterator[JsonObject]:
    """All parameters of an operation, in the order in which a request shows them."""
    for name in _NAME.findall(route.template):
        yield {"name": name, "in": "path", "required": True, **_path_type(route, name)}
    for name in _REQUIRED.get(route.endpoint, ()):
        yield {"name": name, "in": "query", "required": True, "type": "string", "minLength": 1}
    if route.endpoint is Endpoint.OPENID_LOGIN:
        yield {"name": "prompt", "in": "query", "type": "string", "enum": ["none"]}
    if takes_key(route, method):
        yield _shared(KEY)
    if route.endpoint is Endpoint.BATCH:
        yield _body("Batch", is_required=True)
    if (body := _ASKS.get((route.endpoint, method))) is not None:
        yield _body(body, is_required=body in NEEDED)
    is_by_day = route.endpoint is Endpoint.WEBHOOK_DAYS
    for name in _OF_DELIVERIES.get(route.endpoint, ()):
        type_ = _DATES.get(name) if is_by_day else None
        type_ = type_ or _TYPES_OF_DELIVERIES.get(name, {"type": "string"})
        yield {"name": name, "in": "query", **type_}
    if route.endpoint is Endpoint.WEBHOOK_EVENTS:
        yield _LAST_EVENT
    if route.is_resource and route.endpoint is not Endpoint.SNAPSHOT:
        yield from _of_resource(route, method)


def _path_type(route: Route, name: str) -> JsonObject:
    # A past state of a collection that cannot be is as empty as of one that was not (SNAP-4).
    if route.endpoint is Endpoint.SNAPSHOT and name == "collection_id":
        return _NAMED
    return _PATH_TYPES.get(name, OBJECT_ID_SCHEMA)


def _of_resource(route: Route, method: str) -> Iterator[JsonObject]:
    yield from (_shared(name) for name in ("If-Match", "If-None-Match"))
    if route.endpoint is Endpoint.WEBHOOK_SECRETS:
        if method == "POST":
            yield _body("NewKey", is_required=False)
        return
    resource = route.resource
    if method == "POST" and resource:
        yield _body(created_name(resource), is_required=resource in REQUIRED)
    elif method == "PUT" and resource:
        yield _body(changed_name(resource), is_required=resource == ACCOUNT)
    elif method == "PATCH" and resource:
        yield _body(patched_name(resource), is_required=True)
        yield _shared("Response-Behavior")
    elif route.is_list:
        yield from (_shared(name) for name in _OF_LISTS)
        for name in _FILTERS.get(route.endpoint, ()):
            yield {"name": name, "in": "query", "type": "string"}
    elif method == "GET":
        yield _shared("_fields")
    else:
        yield {
            "name": "last_modified",
            "in": "query",
            "type": "integer",
            "minimum": 1 - 10**18,
            "maximum": LAST_DATE,
            "description": "The timestamp of the tombstone, if it is greater than the object's.",
        }


def _body(definition: str, *, is_required: bool) -> JsonObject:
    return {
        "name": "body",
        "in": "body",
        "required": is_required,
        "schema": reference(definition),
    }


def _shared(name: str) -> JsonObject:
    return {"$ref": f"#/parameters/{name}"}
