"""The description of the API in OpenAPI 2.0, written from the route table (HB-4).

What exists is said by the routes: an endpoint or method that is switched off is not described.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import orjson

from muniment.domain.values import JsonObject, JsonValue
from muniment.web.http import JSON_TYPE, PREFIX
from muniment.web.media import JSON_PATCH_TYPE, MERGE_PATCH_TYPE
from muniment.web.project import Project
from muniment.web.routes import Endpoint, Route

_PARAMETER: Final = re.compile(r"{(\w+)}")

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
    "get_counters": "Count what there is",
    "delete_user_data": "Forget a user",
    "get_metrics": "Metrics in Prometheus' text format",
}

_DESCRIPTIONS: Final = {
    200: "Done.",
    201: "Created.",
    202: "Accepted.",
    304: "As it was: the client has it already.",
    307: "Go on there.",
    400: "Something is wrong with the request; `details` say what.",
    401: "Who asks must say who they are.",
    403: "Who asks may not do this.",
    404: "There is no such object.",
    406: "The client accepts no JSON.",
    409: "Two writes collided; try again.",
    412: "A precondition failed: it was changed meanwhile.",
    413: "The body is too large.",
    415: "The body is of a media type that is not taken here.",
    503: "Not now; try again after the time in `Retry-After`.",
}


def openapi(routes: tuple[Route, ...], project: Project, base_url: str) -> bytes:
    """The document as JSON."""
    scheme, _, host = base_url.partition("://")
    document: JsonObject = {
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
        "parameters": _PARAMETERS,
        "responses": {str(status): _error(status) for status in _ERRORS},
        "definitions": _DEFINITIONS,
    }
    return orjson.dumps(document)


def operation_id(route: Route, method: str) -> str:
    """What generated clients call the operation."""
    if route.resource is not None:
        verbs = _LIST_VERBS if route.is_list else _OBJECT_VERBS
        return verbs[method].format(route.resource)
    if route.endpoint is Endpoint.HISTORY:
        return "delete_history" if method == "DELETE" else "get_history"
    return _UTILITY_IDS[route.endpoint]


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
        "parameters": list(_parameters(route, method)),
        "responses": dict(_responses(route, method)),
    }
    if method == "PATCH":
        operation["consumes"] = [JSON_TYPE, MERGE_PATCH_TYPE, JSON_PATCH_TYPE]
    if route.endpoint is Endpoint.METRICS:
        operation["produces"] = ["text/plain"]
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
    return "Utilities" if route.resource is None else f"{route.resource.capitalize()}s"


# --- Parameters ----------------------------------------------------------------------------------


def _parameters(route: Route, method: str) -> Iterator[JsonObject]:
    for name in _PARAMETER.findall(route.template):
        yield {"name": name, "in": "path", "required": True, "type": "string"}
    if route.endpoint is Endpoint.BATCH:
        yield _body("Batch")
    for name, is_required in _QUERIES.get(route.endpoint, ()):
        yield {"name": name, "in": "query", "required": is_required, "type": "string"}
    if not route.is_resource or route.endpoint is Endpoint.SNAPSHOT:
        return
    yield from (_shared(name) for name in ("If-Match", "If-None-Match"))
    if method in ("POST", "PUT"):
        yield _body("Object")
    if method == "PATCH":
        yield _body("Patch")
        yield _shared("Response-Behavior")
    if route.is_list and method in ("GET", "DELETE"):
        yield from (_shared(name) for name in _LIST_PARAMETERS)
    elif method == "GET":
        yield _shared("_fields")
    if not route.is_list and method == "DELETE":
        yield {"name": "last_modified", "in": "query", "type": "string"}


def _body(definition: str) -> JsonObject:
    return {"name": "body", "in": "body", "schema": {"$ref": f"#/definitions/{definition}"}}


def _shared(name: str) -> JsonObject:
    return {"$ref": f"#/parameters/{name}"}


_QUERIES: Final[Mapping[Endpoint, Sequence[tuple[str, bool]]]] = {
    Endpoint.OPENID_LOGIN: (("callback", True), ("scope", True), ("prompt", False)),
    Endpoint.OPENID_TOKEN: (("code", True), ("state", True)),
}

_PARAMETERS: Final[JsonObject] = {
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "type": "string",
        "description": "Go on only if the object or list still has this `ETag`.",
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "type": "string",
        "description": "Go on only if it has another `ETag`; `*`: only if there is none yet.",
    },
    "Response-Behavior": {
        "name": "Response-Behavior",
        "in": "header",
        "type": "string",
        "enum": ["full", "light", "diff"],
        "description": "What the answer shows: all, what changed, or what the server changed.",
    },
    "_since": {
        "name": "_since",
        "in": "query",
        "type": "string",
        "description": "What was changed after this timestamp, tombstones included.",
    },
    "_before": {
        "name": "_before",
        "in": "query",
        "type": "string",
        "description": "What was last changed before this timestamp.",
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
        "type": "integer",
        "minimum": 0,
        "description": "How many objects a page holds.",
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
        "description": "Fields to show, joined by commas.",
    },
}

_LIST_PARAMETERS: Final = ("_since", "_before", "_sort", "_limit", "_token", "_fields")

# --- Responses -----------------------------------------------------------------------------------

_ERRORS: Final = (400, 401, 403, 404, 406, 409, 412, 413, 415, 503)


def _responses(route: Route, method: str) -> Iterator[tuple[str, JsonObject]]:
    for status in _successes(route, method):
        yield str(status), _success(route, method, status)
    for status in _refusals(route, method):
        yield str(status), {"$ref": f"#/responses/{status}"}
    yield (
        "default",
        {"description": "Refused.", "schema": {"$ref": "#/definitions/Error"}},
    )


def _successes(route: Route, method: str) -> Sequence[int]:
    match route.endpoint, method:
        case Endpoint.FLUSH, _:
            return (202,)
        case ((Endpoint.OPENID_LOGIN | Endpoint.OPENID_TOKEN), _):
            return (307,)
        case _, "GET" if route.is_resource and route.endpoint is not Endpoint.SNAPSHOT:
            return (200, 304)
        case _, "POST" | "PUT" if route.is_resource:
            return (200, 201)
        case _:
            return (200,)


def _refusals(route: Route, method: str) -> Iterator[int]:
    if route.is_resource:
        yield from (400, 401, 403, 404, 406, 412)
        if method != "GET":
            yield from (409, 413)
        if method in ("POST", "PUT", "PATCH"):
            yield 415
    elif route.endpoint in (Endpoint.BATCH, Endpoint.OPENID_LOGIN, Endpoint.OPENID_TOKEN):
        yield 400
    elif route.endpoint is Endpoint.USER_DATA:
        yield from (401, 403)
    yield 503


def _success(route: Route, method: str, status: int) -> JsonObject:
    response: dict[str, JsonValue] = {"description": _DESCRIPTIONS[status]}
    if route.is_resource and route.endpoint is not Endpoint.SNAPSHOT:
        response["headers"] = _headers(route, method, status)
    if status in (HTTPStatus.OK, HTTPStatus.CREATED) and (definition := _shown(route, method)):
        response["schema"] = {"$ref": f"#/definitions/{definition}"}
    return response


def _headers(route: Route, method: str, status: int) -> JsonObject:
    headers = {"ETag": {"type": "string"}, "Last-Modified": {"type": "string"}}
    if route.is_list and method != "POST" and status == HTTPStatus.OK:
        headers["Next-Page"] = {"type": "string"}
    return headers


def _shown(route: Route, method: str) -> str | None:
    """The definition of the body of a success."""
    if route.endpoint is Endpoint.SNAPSHOT or (route.is_list and method in ("GET", "DELETE")):
        return "List"
    if route.is_resource:
        return "Tombstone" if method == "DELETE" else "Object"
    return "Responses" if route.endpoint is Endpoint.BATCH else None


def _error(status: int) -> JsonObject:
    return {"description": _DESCRIPTIONS[status], "schema": {"$ref": "#/definitions/Error"}}


_SECURITY: Final[JsonObject] = {
    "basic": {"type": "basic"},
    # OpenAPI 2.0 has no name for a bearer token.
    "bearer": {"type": "apiKey", "in": "header", "name": "Authorization"},
}

_PERMISSIONS: Final[JsonObject] = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}

_DEFINITIONS: Final[JsonObject] = {
    "Object": {
        "type": "object",
        "properties": {"data": {"type": "object"}, "permissions": _PERMISSIONS},
    },
    "Patch": {
        "description": "`data` and `permissions` to merge, or the operations of a JSON Patch.",
        "type": ["object", "array"],
        "items": {"type": "object"},
    },
    "List": {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": {"type": "object"}}},
    },
    "Tombstone": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "type": "object",
                "required": ["id", "last_modified", "deleted"],
                "properties": {
                    "id": {"type": "string"},
                    "last_modified": {"type": "integer"},
                    "deleted": {"type": "boolean", "enum": [True]},
                },
            }
        },
    },
    "BatchRequest": {
        "type": "object",
        "properties": {
            "method": {"type": "string", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]},
            "path": {"type": "string"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "body": {"type": ["object", "array"], "items": {"type": "object"}},
        },
    },
    "Batch": {
        "type": "object",
        "required": ["requests"],
        "properties": {
            "defaults": {"$ref": "#/definitions/BatchRequest"},
            "requests": {"type": "array", "items": {"$ref": "#/definitions/BatchRequest"}},
        },
    },
    "Responses": {
        "type": "object",
        "required": ["responses"],
        "properties": {
            "responses": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["status", "path", "headers"],
                    "properties": {
                        "status": {"type": "integer"},
                        "path": {"type": "string"},
                        "headers": {"type": "object"},
                        "body": {},
                    },
                },
            }
        },
    },
    "Error": {
        "type": "object",
        "required": ["code", "errno", "error"],
        "properties": {
            "code": {"type": "integer"},
            "errno": {"type": "integer"},
            "error": {"type": "string"},
            "message": {"type": "string"},
            "info": {"type": "string"},
            "details": {},
        },
    },
}
