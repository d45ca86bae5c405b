"""`/buckets/default`: the requester's own bucket by an alias (contract section 17).

A request for the alias becomes one for the bucket's real id before any handler sees it. What it
takes to exist is made when a handler says that it is missing: asking beforehand would cost every
request something, and a memory of what exists would be wrong after a delete on another instance.
Nothing was changed by a request that was refused, so it can be put again.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import quote
from uuid import UUID

import orjson
from multidict import CIMultiDict

from muniment.domain.addresses import Kind, is_valid_id
from muniment.domain.commands import OWN_BUCKET, Requester
from muniment.domain.refusals import INVALID_ID, Fault
from muniment.domain.values import JsonObject, JsonValue, Principal
from muniment.web.errors import Errors, invalid, method_not_allowed
from muniment.web.http import PREFIX, Handler, Request, Response, Undecodable, decode_path
from muniment.web.media import refuse_media
from muniment.web.request_keys import HEADER as KEY_HEADER
from muniment.web.routes import Routes, Target

ALIAS: Final = "default"

_ALIASED_PATH: Final = f"{PREFIX}/buckets/{ALIAS}"
_INVALID_COLLECTION: Final = Fault(location="path", name=None, description="Invalid collection id")
_MADE_OR_THERE: Final = frozenset(
    {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.PRECONDITION_FAILED}
)
_CACHED_IDS_MAX: Final = 4096

# Of the request that needs the bucket, and not of the one that makes it.
_NOT_INHERITED: Final = (
    "Content-Length",
    "Content-Type",
    "Expect",
    KEY_HEADER,
    "If-Match",
    "Prefer",
    "Response-Behavior",
    "Transfer-Encoding",
)


class DefaultBucket:
    """Sees to the requests for one's own default bucket."""

    def __init__(
        self, *, hmac_secret: str, routes: Routes, errors: Errors, is_readonly: bool = False
    ) -> None:
        self._secret = hmac_secret.encode()
        self._routes = routes
        self._errors = errors
        self._is_readonly = is_readonly
        self.id_of = lru_cache(maxsize=_CACHED_IDS_MAX)(self._id_of)

    def resolve(self, request: Request) -> Response | None:
        """Put the real id in the alias's place, or answer why the request cannot be.

        Requests for anything else stay as they are.
        """
        target, user_id = request.target, request.requester.user_id
        if target.kind is Kind.BUCKET and target.is_list and request.method == "POST":
            return self._refuse_alias_as_id(request)
        if target.bucket_id == ALIAS:
            if self._is_readonly:
                return method_not_allowed("OPTIONS")
            if user_id is None:
                return self._errors.unauthorized()
            if not is_valid_id(_collection_of(target) or ALIAS):
                return invalid((_INVALID_COLLECTION,))
            self._rewrite(request, self.id_of(user_id))
        if user_id is not None and request.method == "PUT":
            request.requester = self._with_right_to_own(request.requester, request.target)
        return None

    async def answer(self, request: Request, handler: Handler, writes: Handler) -> Response:
        """The handler's answer; what is missing for it is made by `writes` first (DEF-3, DEF-4)."""
        response = await handler(request)
        if not _may_miss_a_parent(response):
            return response
        for making in self._missing(request):
            made = await writes(making)
            if made.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return made
            if made.status not in _MADE_OR_THERE:
                return response
        return await handler(request)

    def spelled_out(self, requests: Sequence[Request]) -> Sequence[tuple[Request, bool]]:
        """A batch's requests with those that make what they need; `True` for the batch's own.

        In a batch nothing is known of what a request will miss, as changes are made together.
        What is there already is left as it is, by a precondition.
        """
        planned: list[tuple[Request, bool]] = []
        seen_to: set[tuple[str, str]] = set()
        for request in requests:
            for making in self._making_within_batch(request):
                key = (making.headers.get("Authorization", ""), making.raw_path)
                if key not in seen_to:
                    seen_to.add(key)
                    planned.append((making, False))
            planned.append((request, True))
            if request.method == "DELETE":
                seen_to.clear()  # Whatever it was, it may be missing now (DEF-9).
        return planned

    def _id_of(self, user_id: Principal) -> str:
        """The real id of the user's bucket (DEF-2)."""
        digest = hmac.new(self._secret, user_id.encode(), "sha256").hexdigest()
        return str(UUID(digest[:32]))

    def _refuse_alias_as_id(self, request: Request) -> Response | None:
        """No bucket is called as the alias is: nobody could reach it (DEF-11, D-24)."""
        return invalid((INVALID_ID,)) if _data_id(request.body) == ALIAS else None

    def _rewrite(self, request: Request, bucket_id: str) -> None:
        _, _, _, _, *below = request.raw_path.split("/")
        request.raw_path = "/".join((f"{PREFIX}/buckets/{bucket_id}", *below))
        match = self._routes.match(decode_path(request.raw_path))
        assert isinstance(match, Target)  # noqa: S101 - only an id in the path is another
        request.target = match
        is_of_bucket = match.kind is Kind.BUCKET and request.method in ("PUT", "PATCH")
        if is_of_bucket and _data_id(request.body) == ALIAS:
            body = orjson.loads(request.body)
            body["data"]["id"] = bucket_id
            request.body = orjson.dumps(body)

    def _with_right_to_own(self, requester: Requester, target: Target) -> Requester:
        user_id = requester.user_id
        is_bucket = target.kind is Kind.BUCKET and not target.is_list
        if not is_bucket or user_id is None or target.id != self.id_of(user_id):
            return requester
        return replace(requester, principals=requester.principals | {OWN_BUCKET})

    def _missing(self, request: Request) -> Iterator[Request]:
        """Requests that make the bucket and the collection, if they are not there."""
        target = request.target
        if _is_put_of(request, Kind.BUCKET):
            return
        yield self._making(request, f"{PREFIX}/buckets/{target.bucket_id}")
        collection_id = _collection_of(target)
        if collection_id is not None and not _is_put_of(request, Kind.COLLECTION):
            path = f"{PREFIX}/buckets/{target.bucket_id}/collections/{collection_id}"
            yield self._making(request, path)

    def _making(self, request: Request, path: str) -> Request:
        making = _put_unless_there(request, path)
        match = self._routes.match(path)
        assert isinstance(match, Target)  # noqa: S101 - the request was for what is in it
        making.target = match
        making.requester = self._with_right_to_own(request.requester, match)
        return making

    def _making_within_batch(self, request: Request) -> Iterator[Request]:
        target = self._aliased(request)
        if target is None:
            return
        if not (request.method == "PUT" and target.kind is Kind.BUCKET):
            yield _put_unless_there(request, _ALIASED_PATH)
        collection_id = _collection_of(target)
        is_put = request.method == "PUT" and target.kind is Kind.COLLECTION
        if collection_id is not None and not is_put:
            yield _put_unless_there(request, f"{_ALIASED_PATH}/collections/{collection_id}")

    def _aliased(self, request: Request) -> Target | None:
        """What in the default bucket the request is for; its slashes at the end are no matter.

        Nothing is needed for one that will be refused whatever there is.
        """
        try:
            match = self._routes.match(decode_path(request.raw_path).rstrip("/"))
        except Undecodable:
            return None
        if not isinstance(match, Target) or match.bucket_id != ALIAS:
            return None
        is_in_order = request.method in match.route.methods and is_valid_id(
            _collection_of(match) or ALIAS
        )
        return match if is_in_order and not refuse_media(request.method, request.headers) else None


def _put_unless_there(request: Request, path: str) -> Request:
    headers = CIMultiDict(request.headers)
    for name in _NOT_INHERITED:
        headers.popall(name, None)
    headers["If-None-Match"] = "*"
    return Request(
        method="PUT",
        raw_path=quote(path, safe="/"),
        headers=headers,
        base_url=request.base_url,
        id=request.id,
    )


def _is_put_of(request: Request, kind: Kind) -> bool:
    """Whether the request may itself be what makes such an object (DEF-6)."""
    return request.method == "PUT" and request.target.kind is kind


def _collection_of(target: Target) -> str | None:
    """The collection that the path names."""
    is_object = target.kind is Kind.COLLECTION and not target.is_list
    return target.id if is_object else target.collection_id


def _may_miss_a_parent(response: Response) -> bool:
    """Whether a bucket or collection may be what kept the request from being answered.

    That an id is wrong is told before anybody looks for the bucket (2.3, step 4).
    """
    if response.status == HTTPStatus.FORBIDDEN:
        return True
    if response.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST) or not response.body:
        return False
    error: JsonObject = orjson.loads(response.body)
    match error.get("details"):
        case {"resource_name": "bucket" | "collection"} | [{"location": "path"}, *_]:
            return True
        case _:
            return False


def _data_id(text: bytes) -> JsonValue:
    """`data.id` of a body; `None` where there is none, or no body that one could read."""
    try:
        body: JsonValue = orjson.loads(text or b"{}")
    except orjson.JSONDecodeError:
        return None
    data = body.get("data") if isinstance(body, Mapping) else None
    return data.get("id") if isinstance(data, Mapping) else None
