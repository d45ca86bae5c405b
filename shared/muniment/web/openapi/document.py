"""The document as a whole: which operations there are, and where their parts are described.

What exists is said by the routes: an endpoint or method that is switched off is not described.
Every status that an operation can answer is named; 500, which is a bug, is not.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import orjson

from muniment.domain.values import JsonObject, JsonValue
from muniment.web.endpoints import OF_ADMINISTRATORS, OF_DELIVERIES, Endpoint, Route
from muniment.web.http import JSON_TYPE, PREFIX
from muniment.web.media import JSON_PATCH_TYPE, MERGE_PATCH_TYPE
from muniment.web.openapi.administration import ADMINISTRATION_IDS, ADMINISTRATION_SUMMARIES
from muniment.web.openapi.definitions import definitions
from muniment.web.openapi.parameters import SHARED_PARAMETERS, parameters
from muniment.web.openapi.responses import responses, shared_responses
from muniment.web.project import Project

_UTILITY_IDS: Final[Mapping[Endpoint, str]] = {
    Endpoint.ROOT: "server_info",
    Endpoint.HEARTBEAT: "__heartbeat__",
    Endpoint.LBHEARTBEAT: "__lbheartbeat__",
    Endpoint.VERSION: "__version__",
    Endpoint.API: "get_openapi_spec",
    Endpoint.CONTRIBUTE: "contribute",
    Endpoint.BATCH: "batch",
    Endpoint.PERMISSIONS: "get_permissionss",
    Endpoint.SNAPSHOT: "get_history_snapshot",
    Endpoint.OPENID_LOGIN: "openid_login",
    Endpoint.OPENID_TOKEN: "openid_token",
    Endpoint.FLUSH: "flush_post",
    Endpoint.COUNTERS: "get_counters",
    Endpoint.USER_DATA: "delete_user_data",
    Endpoint.METRICS: "get_metrics",
    Endpoint.EVENT_TYPES: "get_event_types",
    Endpoint.EVENT_TYPE: "get_event_type",
    Endpoint.PORTAL: "get_portal",
    Endpoint.PORTAL_PART: "get_portal_part",
}

_IDS_BY_METHOD: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.HISTORY, "GET"): "get_history",
    (Endpoint.HISTORY, "DELETE"): "delete_history",
    (Endpoint.WEBHOOK_SECRETS, "GET"): "get_webhook_secrets",
    (Endpoint.WEBHOOK_SECRETS, "POST"): "rotate_webhook_secret",
    (Endpoint.WEBHOOK_STATUS, "GET"): "get_webhook_status",
    (Endpoint.WEBHOOK_ATTEMPTS, "GET"): "get_webhook_attempts",
    (Endpoint.WEBHOOK_DAYS, "GET"): "get_webhook_days",
    (Endpoint.WEBHOOK_EVENTS, "GET"): "get_webhook_events",
    (Endpoint.WEBHOOK_MESSAGES, "POST"): "send_webhook_message",
    (Endpoint.WEBHOOK_REPLAYS, "GET"): "get_webhook_replays",
    (Endpoint.WEBHOOK_REPLAYS, "POST"): "create_webhook_replay",
    (Endpoint.WEBHOOK_REPLAY, "GET"): "get_webhook_replay",
    (Endpoint.WEBHOOK_REPLAY, "PATCH"): "patch_webhook_replay",
    **ADMINISTRATION_IDS,
}

_LIST_VERBS: Final = {"GET": "get_{}s", "POST": "create_{}", "DELETE": "delete_{}s"}
_OBJECT_VERBS: Final = {
    "GET": "get_{}",
    "PUT": "update_{}",
    "PATCH": "patch_{}",
    "DELETE": "delete_{}",
}

_SUMMARIES: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.LIST, "GET"): "List the {}s that you may read",
    (Endpoint.LIST, "POST"): "Create a {}, or be told the one that has the id",
    (Endpoint.LIST, "DELETE"): "Delete the {}s that you may write",
    (Endpoint.OBJECT, "GET"): "Read a {}",
    (Endpoint.OBJECT, "PUT"): "Create or replace a {}",
    (Endpoint.OBJECT, "PATCH"): "Change some fields of a {}",
    (Endpoint.OBJECT, "DELETE"): "Delete a {}, and all that is in it",
}

_OTHER_SUMMARIES: Final[Mapping[str, str]] = {
    "server_info": "What the server is, what it can, and who you are to it",
    "__heartbeat__": "Whether the server and all that it needs are well",
    "__lbheartbeat__": "Whether the server lives",
    "__version__": "What is deployed",
    "get_openapi_spec": "This description",
    "contribute": "How to contribute to the project",
    "batch": "Several requests in one; what they change in one bucket is one change",
    "get_permissionss": "List what you are named in the permissions of",
    "get_history": "List the changes in a bucket",
    "delete_history": "Remove entries from a bucket's history",
    "get_history_snapshot": "Read a collection as it was at a moment",
    "openid_login": "Begin a login at an OpenID provider",
    "openid_token": "End a login at an OpenID provider",
    "flush_post": "Remove all data",
    "get_webhook_status": "How far the deliveries of a webhook are",
    "get_webhook_attempts": "List the attempts to deliver, newest first",
    "get_webhook_days": "The sums of the attempts of each day, newest first",
    "get_webhook_events": "Read the events of a webhook by a cursor of one's own",
    "send_webhook_message": "Send one message at once: a ping, a sample, or that of an event",
    "get_webhook_replays": "List the last replays",
    "create_webhook_replay": "Send a part of the past again, or count what that would be",
    "get_webhook_replay": "How far a replay is",
    "patch_webhook_replay": "Pause a replay, go on with it, or cancel it",
    "get_counters": "Count what there is",
    "delete_user_data": "Forget a user",
    "get_webhook_secrets": "Read the keys that a webhook's deliveries are signed with",
    "rotate_webhook_secret": "Have a webhook's deliveries signed with another key",
    "get_event_types": "List the types of messages that webhooks send",
    "get_event_type": "The JSON Schema of a type's messages, with examples",
    "get_portal": "The page for those who operate webhooks",
    "get_portal_part": "A part of that page: its style or its script",
    "get_metrics": "Metrics in Prometheus' text format",
    **ADMINISTRATION_SUMMARIES,
}

_EVENTS: Final = (
    "With `Accept: text/event-stream` the same as a stream that goes on as events happen: `id` is "
    "what `_after` and `Last-Event-ID` take, `event` the type, `data` the message. It has no "
    "`_limit`, and sends a comment now and then."
)

_OF_WEBHOOKS: Final = OF_DELIVERIES | {
    Endpoint.WEBHOOK_SECRETS,
    Endpoint.EVENT_TYPES,
    Endpoint.EVENT_TYPE,
    Endpoint.PORTAL,
    Endpoint.PORTAL_PART,
}

_REFERENCE: Final = re.compile(r'"#/definitions/(\w+)"')

_SECURITY: Final[JsonObject] = {
    "basic": {"type": "basic"},
    # OpenAPI 2.0 has no name for a bearer token.
    "bearer": {"type": "apiKey", "in": "header", "name": "Authorization"},
}


def openapi(routes: tuple[Route, ...], project: Project, base_url: str) -> bytes:
    """The document as JSON."""
    # What lies beside the base path has no place in this form of OpenAPI.
    routes = tuple(route for route in routes if route.template.startswith(PREFIX))
    scheme, _, host = base_url.partition("://")
    resources = frozenset(route.resource for route in routes if route.resource)
    document: dict[str, JsonValue] = {
        "swagger": "2.0",
        "info": {"title": project.name, "version": project.version},
        "host": host,
        "schemes": [scheme],
        "basePath": PREFIX,
        "consumes": [JSON_TYPE],
        "produces": [JSON_TYPE],
        "securityDefinitions": _SECURITY,
        # Anonymous requesters may do what `system.Everyone` may.
        "security": [*({name: []} for name in _SECURITY), {}],
        "tags": [{"name": tag} for tag in _tags(routes)],
        "paths": {
            route.template.removeprefix(PREFIX): dict(_operations(route)) for route in routes
        },
        "parameters": SHARED_PARAMETERS,
        "responses": shared_responses(),
    }
    document["definitions"] = _used(definitions(resources), document)
    return orjson.dumps(document)


def operation_id(route: Route, method: str) -> str:
    """What generated clients call the operation."""
    if route.resource is not None:
        verbs = _LIST_VERBS if route.is_list else _OBJECT_VERBS
        return verbs[method].format(route.resource)
    return _IDS_BY_METHOD.get((route.endpoint, method)) or _UTILITY_IDS[route.endpoint]


def _used(schemas: JsonObject, document: JsonObject) -> JsonObject:
    """Those of the schemas that something in the document refers to."""
    used: dict[str, JsonValue] = {}
    parts: list[JsonValue] = [document]
    while parts:
        names = set(_REFERENCE.findall(orjson.dumps(parts).decode())) - set(used)
        parts = [schemas[name] for name in names]
        used |= dict(zip(names, parts, strict=True))
    return dict(sorted(used.items()))


def _operations(route: Route) -> Iterator[tuple[str, JsonObject]]:
    for method in route.methods:
        # HEAD goes with GET, and generators would give it a second name.
        if method != "HEAD":
            yield method.lower(), _operation(route, method)


def _operation(route: Route, method: str) -> JsonObject:
    operation: dict[str, JsonValue] = {
        "operationId": operation_id(route, method),
        "summary": _summary(route, method),
        "tags": [_tag(route)],
        "parameters": list(parameters(route, method)),
        "responses": dict(responses(route, method)),
    }
    if method == "PATCH" and route.resource is not None:
        operation["consumes"] = [JSON_TYPE, MERGE_PATCH_TYPE, JSON_PATCH_TYPE]
    if route.endpoint is Endpoint.EVENT_TYPE:
        operation["produces"] = ["application/schema+json", JSON_TYPE]
    if route.endpoint is Endpoint.WEBHOOK_EVENTS:
        operation["produces"] = [JSON_TYPE, "text/event-stream"]
        operation["description"] = _EVENTS
    if route.endpoint is Endpoint.PORTAL:
        operation["produces"] = ["text/html", JSON_TYPE]
    if route.endpoint is Endpoint.PORTAL_PART:
        operation["produces"] = ["text/css", "text/javascript", JSON_TYPE]
    if route.endpoint is Endpoint.METRICS:
        operation["produces"] = ["text/plain", JSON_TYPE]
    return operation


def _summary(route: Route, method: str) -> str:
    if route.resource is None:
        return _OTHER_SUMMARIES[operation_id(route, method)]
    shape = Endpoint.LIST if route.is_list else Endpoint.OBJECT
    return _SUMMARIES[shape, method].format(route.resource)


def _tags(routes: tuple[Route, ...]) -> Sequence[str]:
    return tuple(dict.fromkeys(map(_tag, routes)))


def _tag(route: Route) -> str:
    if route.endpoint in (Endpoint.HISTORY, Endpoint.SNAPSHOT):
        return "History"
    if route.endpoint in _OF_WEBHOOKS:
        return "Webhooks"
    if route.endpoint in OF_ADMINISTRATORS:
        return "Administration"
    return "Utilities" if route.resource is None else f"{route.resource.capitalize()}s"
