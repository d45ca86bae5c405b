"""The description of the API in OpenAPI 2.0, written from the route table (HB-4)."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from muniment.domain.addresses import Kind
from muniment.domain.values import JsonObject
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

_LIST_PARAMETERS: Final = ("_since", "_before", "_sort", "_limit", "_token", "_fields")

_SUMMARIES: Final[Mapping[tuple[Endpoint, str], str]] = {
    (Endpoint.LIST, "GET"): "List the {}s",
    (Endpoint.LIST, "POST"): "Create a {}",
    (Endpoint.LIST, "DELETE"): "Delete {}s",
    (Endpoint.OBJECT, "GET"): "Read a {}",
    (Endpoint.OBJECT, "PUT"): "Create or replace a {}",
    (Endpoint.OBJECT, "PATCH"): "Change a {}",
    (Endpoint.OBJECT, "DELETE"): "Delete a {}",
}


def openapi(routes: tuple[Route, ...], project: Project, base_url: str) -> bytes:
    """The document as JSON."""
    scheme, _, host = base_url.partition("://")
    paths: dict[str, JsonObject] = {}
    for route in routes:
        paths[route.template.removeprefix(PREFIX)] = dict(_operations(route))
    document: JsonObject = {
        "swagger": "2.0",
        "info": {"title": project.name, "version": project.version},
        "host": host,
        "schemes": [scheme],
        "basePath": PREFIX,
        "consumes": [JSON_TYPE],
        "produces": [JSON_TYPE],
        "securityDefinitions": {"basicauth": {"type": "basic"}},
        "tags": [{"name": tag} for tag in ("Utilities", *(_tag(kind) for kind in Kind))],
        "paths": paths,
        "definitions": _DEFINITIONS,
    }
    return orjson.dumps(document)


def operation_id(route: Route, method: str) -> str:
    """What generated clients call the operation."""
    if route.endpoint is Endpoint.LIST:
        return _LIST_VERBS[method].format(route.kind)
    if route.endpoint is Endpoint.OBJECT:
        return _OBJECT_VERBS[method].format(route.kind)
    if route.endpoint is Endpoint.HISTORY:
        return "delete_history" if method == "DELETE" else "get_history"
    return _UTILITY_IDS[route.endpoint]


def _operations(route: Route) -> Iterator[tuple[str, JsonObject]]:
    for method in route.methods:
        if method != "HEAD":
            yield method.lower(), _operation(route, method)


def _operation(route: Route, method: str) -> JsonObject:
    summary = _SUMMARIES.get((route.endpoint, method), "").format(route.kind)
    operation: dict[str, JsonObject | list[JsonObject] | list[str] | str] = {
        "operationId": operation_id(route, method),
        "tags": [_tag(route.kind) if route.kind else "Utilities"],
        "parameters": list(_parameters(route, method)),
        "responses": {
            "201" if method == "POST" and route.is_resource else "200": {"description": "Done."},
            "default": {"description": "Refused.", "schema": {"$ref": "#/definitions/Error"}},
        },
    }
    if summary:
        operation["summary"] = summary
    if method == "PATCH":
        operation["consumes"] = [JSON_TYPE, MERGE_PATCH_TYPE, JSON_PATCH_TYPE]
    return operation


def _parameters(route: Route, method: str) -> Iterator[JsonObject]:
    for name in _PARAMETER.findall(route.template):
        yield {"name": name, "in": "path", "required": True, "type": "string"}
    if not route.is_resource:
        return
    for name in ("If-Match", "If-None-Match"):
        yield {"name": name, "in": "header", "type": "string"}
    if method in ("POST", "PUT", "PATCH"):
        yield {"name": "body", "in": "body", "schema": {"$ref": "#/definitions/Object"}}
    if method == "PATCH":
        yield {
            "name": "Response-Behavior",
            "in": "header",
            "type": "string",
            "enum": ["full", "light", "diff"],
        }
    if route.endpoint is Endpoint.LIST and method in ("GET", "DELETE"):
        for name in _LIST_PARAMETERS:
            yield {"name": name, "in": "query", "type": "string"}


def _tag(kind: Kind) -> str:
    return f"{kind.capitalize()}s"


_DEFINITIONS: Final[JsonObject] = {
    "Object": {
        "type": "object",
        "properties": {
            "data": {"type": "object"},
            "permissions": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            },
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
