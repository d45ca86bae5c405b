"""What an operation answers: every status it can have, with its headers and its body."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from muniment.domain.values import JsonObject, JsonValue
from muniment.web.endpoints import OF_ADMINISTRATORS, OF_DELIVERIES, Endpoint, Route
from muniment.web.openapi.administration import ADMINISTRATION_BODIES
from muniment.web.openapi.resources import listed_name, shown_name, takes_key
from muniment.web.openapi.schemas import TEXT, closed, reference
from muniment.web.request_keys import REPLAYED

_DESCRIPTIONS: Final = {
    200: "Done.",
    201: "Created.",
    202: "Accepted.",
    304: "As it was: the client has it already.",
    307: "Go on there.",
    400: "Something is wrong with the request; `details` say what.",
    401: "Who asks must say who they are.",
    403: "Who asks may not do this.",
    404: "There is no such thing.",
    405: "The server does not take this now, as it is read-only.",
    406: "The client accepts no JSON.",
    408: "The body did not arrive in time.",
    409: "Two writes collided; try again.",
    410: "The service has ended; `Alert` says where to go.",
    412: "A precondition failed: it was changed meanwhile.",
    413: "The body is too large.",
    415: "The body is of a media type that is not taken here.",
    422: "The `Idempotency-Key` was used for another request.",
    503: "Not now; try again after the time in `Retry-After`.",
}

_ERRNOS: Final[Mapping[int, Sequence[int]]] = {
    400: (107,),
    401: (104,),
    403: (121,),
    404: (110, 111),
    405: (115,),
    406: (107,),
    408: (107,),
    409: (122,),
    410: (202,),
    412: (114,),
    413: (113,),
    415: (107,),
    422: (107,),
    503: (201,),
}
"""Of each status that is an error (contract table 5.2)."""

_ANYWHERE: Final[Sequence[int]] = (400, 408, 410, 413, 503)

_MORE: Final[Mapping[Endpoint, Sequence[int]]] = {
    Endpoint.BATCH: (415,),
    Endpoint.VERSION: (404,),
    Endpoint.EVENT_TYPE: (404,),
    Endpoint.PORTAL_PART: (404,),
    Endpoint.OPENID_LOGIN: (404,),
    Endpoint.OPENID_TOKEN: (404,),
    Endpoint.USER_DATA: (401, 403, 404),
    Endpoint.PERMISSIONS: (406,),
    Endpoint.HISTORY: (401, 403, 404, 406, 412),
    Endpoint.SNAPSHOT: (401, 403, 404, 406),
    Endpoint.WEBHOOK_SECRETS: (401, 403, 404, 406, 412),
    **dict.fromkeys(OF_DELIVERIES | OF_ADMINISTRATORS, (401, 403, 404)),
}
"""Of what no objects of a resource live at."""

_FAULTS: Final[JsonObject] = {"type": "array", "items": reference("Fault"), "minItems": 1}
_MISSING: Final = closed({"id": TEXT, "resource_name": TEXT})
_EXISTING: Final = closed({"existing": {"type": "object"}})
_DETAILS: Final[Mapping[int, JsonObject]] = {
    400: _FAULTS,
    404: _MISSING,
    406: _FAULTS,
    412: _EXISTING,
    415: _FAULTS,
    422: _FAULTS,
}

_ETAG: Final[JsonObject] = {"type": "string", "pattern": '^"[0-9]+"$'}
_REVISION: Final[JsonObject] = {"ETag": _ETAG, "Last-Modified": TEXT}
_CACHE: Final[JsonObject] = {"Cache-Control": TEXT, "Expires": TEXT, "Pragma": TEXT}
_SIGNALS: Final[JsonObject] = {"Backoff": {"type": "integer"}, "Alert": TEXT}
_AGAIN: Final[JsonObject] = {"Retry-After": {"type": "integer", "minimum": 0}}

_HEADERS: Final[Mapping[int, JsonObject]] = {
    401: {"WWW-Authenticate": TEXT},
    405: {"Allow": TEXT},
    409: _AGAIN,
    412: _REVISION,
    503: _AGAIN,
}

_BODIES: Final[Mapping[Endpoint, str]] = {
    Endpoint.ROOT: "Root",
    Endpoint.HEARTBEAT: "Heartbeat",
    Endpoint.LBHEARTBEAT: "Nothing",
    Endpoint.VERSION: "Facts",
    Endpoint.API: "Facts",
    Endpoint.CONTRIBUTE: "Facts",
    Endpoint.BATCH: "Responses",
    Endpoint.PERMISSIONS: "PermissionEntryList",
    Endpoint.HISTORY: "HistoryEntryList",
    Endpoint.SNAPSHOT: "RecordList",
    Endpoint.FLUSH: "Nothing",
    Endpoint.COUNTERS: "Counters",
    Endpoint.USER_DATA: "Forgotten",
    Endpoint.EVENT_TYPES: "EventTypes",
    Endpoint.EVENT_TYPE: "Facts",
    Endpoint.WEBHOOK_SECRETS: "Keys",
    Endpoint.WEBHOOK_STATUS: "DeliveryStatus",
    Endpoint.WEBHOOK_ATTEMPTS: "AttemptList",
    Endpoint.WEBHOOK_DAYS: "DayList",
    Endpoint.WEBHOOK_EVENTS: "EventList",
    Endpoint.WEBHOOK_MESSAGES: "MessageResult",
    Endpoint.WEBHOOK_REPLAYS: "Replays",
    Endpoint.WEBHOOK_REPLAY: "Replays",
    **ADMINISTRATION_BODIES,
}
"""Of what is answered where no object of a resource is."""


def shared_responses() -> JsonObject:
    """Every error, by its status."""
    return {str(status): _error(status) for status in _ERRNOS}


def responses(route: Route, method: str) -> Iterator[tuple[str, JsonObject]]:
    """Every status of an operation, the errors by reference."""
    for status in _successes(route, method):
        yield str(status), _success(route, method, status)
    for status in sorted(_refusals(route, method)):
        yield str(status), {"$ref": f"#/responses/{status}"}
    if route.endpoint is Endpoint.HEARTBEAT:
        yield "503", {"description": "Not all is well.", "schema": reference("Heartbeat")}


def _successes(route: Route, method: str) -> Sequence[int]:
    match route.endpoint, method:
        case Endpoint.FLUSH, _:
            return (202,)
        case ((Endpoint.OPENID_LOGIN | Endpoint.OPENID_TOKEN), _):
            return (307,)
        case ((Endpoint.SNAPSHOT | Endpoint.PERMISSIONS | Endpoint.WEBHOOK_SECRETS), _):
            return (200,)
        case ((Endpoint.PORTAL | Endpoint.PORTAL_PART), _):
            return (200, 304)
        case Endpoint.WEBHOOK_REPLAYS, "POST":
            return (200, 201)
        case endpoint, "POST" if endpoint in OF_ADMINISTRATORS:
            return (201,)
        case _, "GET" if route.is_resource:
            return (200, 304)
        case _, "POST" | "PUT" if route.is_resource:
            return (200, 201)
        case _:
            return (200,)


def _refusals(route: Route, method: str) -> set[int]:
    statuses = {*_ANYWHERE, *_MORE.get(route.endpoint, ())}
    is_change = method != "GET"
    if route.endpoint is Endpoint.HEARTBEAT:
        statuses.remove(503)  # Its own.
    if route.endpoint is Endpoint.WEBHOOK_SECRETS and is_change:
        statuses |= {409, 415}
    if is_change or "{bucket_id}" in route.template:
        statuses.add(405)  # Of the alias `default` also to readers, as it cannot be made (DEF-1).
    if takes_key(route, method) and route.endpoint is not Endpoint.BATCH:
        statuses.add(422)
    if route.resource is not None:
        statuses |= {401, 403, 404, 406, 412}
        statuses |= {409} if is_change else set()
        statuses |= {415} if method in ("POST", "PUT", "PATCH") else set()
    return statuses


def _success(route: Route, method: str, status: int) -> JsonObject:
    response: dict[str, JsonValue] = {
        "description": _DESCRIPTIONS[status],
        "headers": _headers(route, method, status),
    }
    if status != HTTPStatus.NOT_MODIFIED and (definition := _body(route, method)):
        response["schema"] = reference(definition)
    return response


def _headers(route: Route, method: str, status: int) -> JsonObject:
    headers = dict(_SIGNALS)
    if status == HTTPStatus.TEMPORARY_REDIRECT:
        headers["Location"] = TEXT
    if not route.is_resource:
        return headers
    if takes_key(route, method):
        headers[REPLAYED] = TEXT
    if route.endpoint is not Endpoint.SNAPSHOT:
        headers |= _REVISION
    if method == "GET" and status == HTTPStatus.OK:
        headers |= _CACHE
    if route.is_list and method != "POST" and status == HTTPStatus.OK:
        headers["Next-Page"] = TEXT
    return headers


def _body(route: Route, method: str) -> str | None:
    """The definition of the body of a success; metrics are text."""
    if route.resource is None:
        deleted = "TombstoneList" if method == "DELETE" and route.is_list else None
        return deleted or _BODIES.get(route.endpoint)
    match method, route.is_list:
        case "DELETE", True:
            return "TombstoneList"
        case "DELETE", False:
            return "Deleted"
        case "GET", True:
            return listed_name(route.resource)
        case "PATCH", _:
            return "Changed"
        case _:
            return shown_name(route.resource)


def _error(status: int) -> JsonObject:
    told: dict[str, JsonValue] = {
        "code": {"type": "integer", "enum": [status]},
        "errno": {"type": "integer", "enum": list(_ERRNOS[status])},
    }
    if status in _DETAILS:
        told["details"] = _DETAILS[status]
    return {
        "description": _DESCRIPTIONS[status],
        "headers": {**_SIGNALS, **_HEADERS.get(status, {})},
        "schema": {"allOf": [reference("Error"), {"type": "object", "properties": told}]},
    }
