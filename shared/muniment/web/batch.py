"""The envelope of `POST /v1/batch`: requests in a request, answers in an answer (section 16)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote

import orjson
from multidict import CIMultiDict

from muniment.domain.refusals import Fault, Invalid
from muniment.domain.values import JsonObject, JsonValue
from muniment.web.bodies import not_a_mapping, not_an_envelope, quoted, unrecognized
from muniment.web.http import (
    JSON_TYPE,
    PREFIX,
    Headers,
    Request,
    Response,
    Undecodable,
    decode_path,
)
from muniment.web.json_text import body_fault, parse_json
from muniment.web.media import JSON_PATCH_TYPE, content_type
from muniment.web.request_keys import HEADER as KEY_HEADER
from muniment.web.request_keys import key_within, read_request_key

METHODS: Final = ("GET", "HEAD", "DELETE", "TRACE", "POST", "PUT", "PATCH")

_BATCH_PATHS: Final = frozenset({f"{PREFIX}/batch", "/batch"})
_ENVELOPE_KEYS: Final = frozenset({"requests", "defaults"})
_REQUEST_KEYS: Final = frozenset({"method", "path", "headers", "body"})
_NO_DEFAULTS: Final[JsonObject] = {}
_UNRESERVED: Final = "/%!$&'()*+,;=:@~"

# Of the batch request alone, as they are about its body.
_NOT_INHERITED: Final = (
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Transfer-Encoding",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReader:
    """Reads batches; `requests_max` is the setting `batch_max_requests`."""

    requests_max: int = 25
    json_depth_max: int = 100

    def read(self, request: Request) -> Sequence[Request] | Invalid:
        """The requests within, or all that is wrong with the envelope: then none of them runs."""
        envelope = parse_json(request.body or b"{}", depth_max=self.json_depth_max + 3)
        if isinstance(envelope, Fault):
            return Invalid((envelope,))
        if not isinstance(envelope, Mapping):
            return Invalid((not_an_envelope(envelope),))
        _, key_faults = read_request_key(request)
        faults = (*key_faults, *self._faults(envelope))
        if faults:
            return Invalid(faults)
        defaults = envelope.get("defaults", _NO_DEFAULTS)
        items = envelope["requests"]
        assert isinstance(defaults, Mapping)  # noqa: S101 - its faults were looked for
        assert isinstance(items, Sequence)  # noqa: S101 - its faults were looked for
        return [
            _request(request, _merged(defaults, item), index)
            for index, item in enumerate(items)
            if isinstance(item, Mapping)
        ]

    def _faults(self, envelope: JsonObject) -> Iterator[Fault]:
        unknown = {key: value for key, value in envelope.items() if key not in _ENVELOPE_KEYS}
        if unknown:
            yield unrecognized("", unknown)
        if "defaults" in envelope:
            yield from _item_faults("defaults", envelope["defaults"])
        items = envelope.get("requests")
        if "requests" not in envelope:
            yield body_fault("requests", "Required")
        elif not isinstance(items, list):
            yield body_fault("requests", f"{quoted(items)} is not iterable")
        elif len(items) > self.requests_max:
            yield body_fault("requests", f"Number of requests is limited to {self.requests_max}")
        else:
            given = envelope.get("defaults")
            defaults = given if isinstance(given, Mapping) else _NO_DEFAULTS
            for index, item in enumerate(items):
                yield from _item_faults(f"requests.{index}", item, defaults=defaults)


def batch_response(requests: Sequence[Request], responses: Sequence[Response]) -> Response:
    """All answers in the order of the requests (BAT-13)."""
    items = [
        {
            "status": response.status,
            "path": unquote(request.raw_path),
            "headers": _headers_of(response),
            "body": _body_of(request, response),
        }
        for request, response in zip(requests, responses, strict=True)
    ]
    return Response(body=orjson.dumps({"responses": items}))


def bundled(requests: Sequence[Request]) -> Request:
    """A batch of these requests, to be sent on to another instance.

    Its own headers are those that all of them have: there each one inherits them (BAT-10).
    """
    first, *others = requests
    shared = CIMultiDict(
        (name, value)
        for name, value in first.headers.items()
        if all(other.headers.getall(name, []) == first.headers.getall(name) for other in others)
    )
    for name in (*_NOT_INHERITED, KEY_HEADER):
        shared.popall(name, None)
    return replace(
        first,
        method="POST",
        raw_path=f"{PREFIX}/batch",
        raw_query="",
        headers=shared,
        body=orjson.dumps({"requests": [_item(request, shared) for request in requests]}),
    )


def read_responses(body: bytes) -> Sequence[Response]:
    """The answers in a batch's answer, as `batch_response` wrote them."""
    items = orjson.loads(body)["responses"]
    return [
        Response(
            status=item["status"],
            headers=item["headers"],
            body=None if item["body"] == "" else orjson.dumps(item["body"]),
        )
        for item in items
    ]


def _item_faults(
    name: str, item: JsonValue, *, defaults: JsonObject | None = None
) -> Iterator[Fault]:
    """What is wrong with a request, or with the defaults themselves, which may lack a path."""
    if not isinstance(item, Mapping):
        yield body_fault(name, not_a_mapping(item))
        return
    unknown = {key: value for key, value in item.items() if key not in _REQUEST_KEYS}
    if unknown:
        yield unrecognized(name, unknown)
    method = item.get("method", "GET")
    if method not in METHODS:
        listed = ", ".join(METHODS)
        yield body_fault(f"{name}.method", f"{quoted(method)} is not one of {listed}")
    is_path_needed = defaults is not None and "path" not in defaults
    yield from _path_faults(f"{name}.path", item, is_needed=is_path_needed)
    headers = item.get("headers", {})
    if not isinstance(headers, Mapping):
        yield body_fault(f"{name}.headers", not_a_mapping(headers))
    elif not all(_is_header(field, value) for field, value in headers.items()):
        yield body_fault(f"{name}.headers", "Headers are strings of printable characters")
    yield from _body_faults(f"{name}.body", _merged(defaults or _NO_DEFAULTS, item))


def _path_faults(name: str, item: JsonObject, *, is_needed: bool) -> Iterator[Fault]:
    if "path" not in item:
        if is_needed:
            yield body_fault(name, "Required")
        return
    path = item["path"]
    if not isinstance(path, str):
        yield body_fault(name, f"{quoted(path)} is not a string: a path is text")
    elif not path.startswith("/"):
        yield body_fault(name, "String does not match expected pattern")
    elif _is_batch(path):
        yield body_fault(name, "Recursive call on /batch endpoint is forbidden.")


def _is_batch(path: str) -> bool:
    raw_path, _, _ = path.partition("?")
    try:
        return decode_path(raw_path).rstrip("/") in _BATCH_PATHS
    except Undecodable:
        return False  # The pipeline refuses it.


def _body_faults(name: str, item: JsonObject) -> Iterator[Fault]:
    """An object; for a JSON Patch also an array (BAT-4, BAT-11)."""
    body = item.get("body", {})
    if isinstance(body, Mapping) or (isinstance(body, list) and _is_json_patch(item)):
        return
    yield body_fault(name, not_a_mapping(body))


def _is_json_patch(item: JsonObject) -> bool:
    given = item.get("headers")
    if not isinstance(given, Mapping):
        return False
    return content_type(_headers(CIMultiDict(), given)) == JSON_PATCH_TYPE


def _is_header(field: str, value: JsonValue) -> bool:
    return isinstance(value, str) and all(
        text.isprintable() and text.isascii() for text in (field, value)
    )


def _merged(defaults: JsonObject, item: JsonObject) -> JsonObject:
    """What the request lacks comes from the defaults, down into objects (BAT-5)."""
    # What is given comes last: of headers with the same name in another case it counts then.
    merged: dict[str, JsonValue] = dict(defaults)
    for name, given in item.items():
        default = merged.get(name)
        if isinstance(given, Mapping) and isinstance(default, Mapping):
            merged[name] = _merged(default, given)
        else:
            merged[name] = given
    return merged


def _request(outer: Request, item: JsonObject, index: int) -> Request:
    path = str(item["path"])
    raw_path, _, raw_query = path.partition("?")
    if raw_path != PREFIX and not raw_path.startswith(f"{PREFIX}/"):
        raw_path = f"{PREFIX}{raw_path}"
    given = item.get("headers")
    body = item.get("body")
    return Request(
        method=str(item.get("method", "GET")),
        raw_path=quote(raw_path, safe=_UNRESERVED),
        raw_query=quote(raw_query, safe=f"{_UNRESERVED}?[]"),
        headers=_headers(_inherited(outer, index), given if isinstance(given, Mapping) else {}),
        body=b"" if body is None else orjson.dumps(body),
        base_url=outer.base_url,
        id=outer.id,
    )


def _inherited(outer: Request, index: int) -> Headers:
    """The batch's headers; its key is not that of one request, which has one of its own by it."""
    key = outer.headers.get(KEY_HEADER)
    if key is None:
        return outer.headers
    inherited = CIMultiDict(outer.headers)
    inherited[KEY_HEADER] = key_within(key, index)
    return inherited


def _headers(inherited: Headers, given: Mapping[str, JsonValue]) -> Headers:
    """The batch's own, less those of its body; what the request gives overrides (BAT-10)."""
    headers = CIMultiDict(inherited)
    for name in _NOT_INHERITED:
        headers.popall(name, None)
    for name, value in given.items():
        headers[name] = str(value)
    return headers


def _headers_of(response: Response) -> dict[str, str]:
    """With the type of what is there; of a 304 nothing is (PRE-3)."""
    if response.status == HTTPStatus.NOT_MODIFIED:
        return response.headers
    return {"Content-Type": JSON_TYPE, **response.headers}


def _body_of(request: Request, response: Response) -> JsonValue:
    if request.method == "HEAD" or not response.body:
        return ""
    try:
        body: JsonValue = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return response.body.decode(errors="replace")  # Metrics are text.
    return body


def _item(request: Request, shared: Headers) -> JsonObject:
    query = f"?{request.raw_query}" if request.raw_query else ""
    own = {
        str(name): value  # Names that the server has parsed are of a type that orjson refuses.
        for name, value in request.headers.items()
        if name not in shared and _is_header(name, value)
    }
    return {
        "method": request.method,
        "path": f"{request.raw_path}{query}",
        "headers": own,
        "body": orjson.loads(request.body) if request.body else {},
    }
