"""From a routed request to the command that the domain decides on.

What is wrong with headers, query or body travels inside the command: a requester who may not do
what is asked is told that first (contract section 2.3).
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, TypeVar

from muniment.domain.addresses import BucketId, Kind, webhook
from muniment.domain.commands import (
    Body,
    Command,
    Create,
    Delete,
    DeleteHistory,
    DeleteList,
    DeleteMany,
    FieldsPatch,
    JsonPatch,
    MergePatch,
    Patch,
    Preconditions,
    Put,
    ReadSecrets,
    RotateSecret,
)
from muniment.domain.events import Cause, RequestKey
from muniment.domain.refusals import Fault
from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import Timestamp
from muniment.web.bodies import Faults, quoted, read_body, read_operations, require_a_part
from muniment.web.conditions import read_preconditions
from muniment.web.endpoints import Endpoint
from muniment.web.http import Request
from muniment.web.identifiers import id_of_digest, make_object_id, traceparent
from muniment.web.json_text import body_fault
from muniment.web.media import JSON_PATCH_TYPE, MERGE_PATCH_TYPE, content_type
from muniment.web.request_keys import read_request_key
from muniment.web.webhook_secrets import read_new_key

C = TypeVar("C", bound=Command)

Behavior: TypeAlias = Literal["full", "light", "diff"]

BEHAVIORS: Final[tuple[Behavior, ...]] = ("full", "light", "diff")

_INTEGER: Final = re.compile(r'(-?[0-9]{1,18})|"(-?[0-9]{1,18})"')


class NoCommand(Exception):
    """The request's endpoint and method ask for no change of an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReader:
    """Reads commands out of requests."""

    json_depth_max: int = 100

    def read(self, request: Request) -> Command | DeleteList:
        """What the request orders. Raises `NoCommand` for one that orders no change."""
        kind = request.target.kind
        if request.target.endpoint is Endpoint.WEBHOOK_SECRETS:
            return self._secrets(request)
        match request.method, request.target.is_list:
            case "POST", True if kind is not None:
                return self._create(request, kind)
            case "PUT", False if kind is not None:
                return self._put(request, kind)
            case "PATCH", False if kind is not None:
                return self._patch(request, kind)
            case "DELETE", False if kind is not None:
                return _delete(request)
            case "DELETE", True if kind is not None:
                return _delete_many(request, kind)
            case "DELETE", _ if request.target.endpoint is Endpoint.HISTORY:
                return _delete_history(request)
            case _:
                raise NoCommand

    def _create(self, request: Request, kind: Kind) -> Create:
        read = read_body(request.body, kind, depth_max=self.json_depth_max)
        preconditions, cause, faults = _read_head(request)
        data = read.body.data
        is_given = data is not None and "id" in data
        given = data["id"] if data is not None and is_given else _made_id(kind, cause.key)
        return Create(
            # Not text: the address holds what is no valid id, for the domain to refuse (ID-4).
            address=request.target.address(given if isinstance(given, str) else ""),
            id_from_client=is_given,
            body=read.body,
            requester=request.requester,
            cause=cause,
            preconditions=preconditions,
            faults=faults + read.faults,
        )

    def _put(self, request: Request, kind: Kind) -> Put:
        read = read_body(request.body, kind, depth_max=self.json_depth_max)
        preconditions, cause, faults = _read_head(request)
        object_id = request.target.id or ""
        return Put(
            address=request.target.address(object_id),
            body=read.body,
            requester=request.requester,
            cause=cause,
            preconditions=preconditions,
            faults=faults + read.faults + id_faults(read.body, object_id),
        )

    def _patch(self, request: Request, kind: Kind) -> Patch:
        preconditions, cause, faults = _read_head(request)
        behavior, behavior_faults = read_behavior(request)
        object_id = request.target.id or ""
        change, body_faults = self.read_change(request, kind, object_id)
        return Patch(
            address=request.target.address(object_id),
            change=change,
            behavior=behavior,
            requester=request.requester,
            cause=cause,
            preconditions=preconditions,
            faults=faults + behavior_faults + body_faults,
        )

    def _secrets(self, request: Request) -> RotateSecret | ReadSecrets:
        preconditions, cause, faults = _read_head(request)
        target = request.target
        address = webhook(target.bucket_id or "", target.id or "")
        if request.method != "POST":
            return ReadSecrets(
                address=address,
                requester=request.requester,
                cause=cause,
                preconditions=preconditions,
                faults=faults,
            )
        new_key, body_faults = read_new_key(request.body, depth_max=self.json_depth_max)
        return RotateSecret(
            address=address,
            new_key=new_key,
            requester=request.requester,
            cause=cause,
            preconditions=preconditions,
            faults=faults + body_faults,
        )

    def read_change(
        self, request: Request, kind: Kind, object_id: str
    ) -> tuple[FieldsPatch | MergePatch | JsonPatch, Faults]:
        """What a PATCH wants changed, by its media type (MT-3)."""
        media_type = content_type(request.headers)
        if media_type == JSON_PATCH_TYPE:
            return read_operations(request.body, depth_max=self.json_depth_max)
        read = read_body(
            request.body, kind, depth_max=self.json_depth_max, null_permissions_allowed=True
        )
        faults = require_a_part(read) + id_faults(read.body, object_id)
        if media_type == MERGE_PATCH_TYPE:
            return MergePatch(body=read.body), faults
        return FieldsPatch(body=read.body), faults


def _read_head(request: Request) -> tuple[Preconditions, Cause, Faults]:
    """Preconditions and cause, with the key of the request, and what is wrong with the headers."""
    preconditions, faults = read_conditions(request)
    key, key_faults = read_request_key(request)
    return preconditions, replace(cause_of(request), key=key), faults + key_faults


def cause_of(request: Request) -> Cause:
    """Who asked, and by which request."""
    return Cause(
        actor=request.requester.user_id,
        request_id=request.id,
        traceparent=traceparent(request.headers),
    )


def named_by_key(request: Request, command: C) -> C:
    """The command as the one that the request's `Idempotency-Key` names, if it has one.

    The request's requester must be known by then: keys belong to who sends them.
    """
    key, faults = read_request_key(request)
    return replace(
        command, cause=replace(command.cause, key=key), faults=(*command.faults, *faults)
    )


def _made_id(kind: Kind, key: RequestKey | None) -> str:
    """An id for a new object; a bucket's says which stream it is of, so it stays with the key."""
    return make_object_id(kind) if key is None or kind is not Kind.BUCKET else id_of_digest(key.id)


def _delete(request: Request) -> Delete:
    preconditions, cause, faults = _read_head(request)
    last_modified, query_faults = read_last_modified(request)
    return Delete(
        address=request.target.address(request.target.id or ""),
        last_modified=last_modified,
        requester=request.requester,
        cause=cause,
        preconditions=preconditions,
        faults=faults + query_faults,
    )


def _delete_many(request: Request, kind: Kind) -> DeleteMany:
    preconditions, cause, faults = _read_head(request)
    return DeleteMany(
        kind=kind,
        bucket_id=request.target.bucket_id,
        collection_id=request.target.collection_id,
        requester=request.requester,
        cause=cause,
        preconditions=preconditions,
        faults=faults,
        query=request.query,
    )


def _delete_history(request: Request) -> DeleteHistory:
    preconditions, cause, faults = _read_head(request)
    return DeleteHistory(
        bucket_id=request.target.bucket_id or BucketId(""),
        requester=request.requester,
        cause=cause,
        preconditions=preconditions,
        faults=faults,
        query=request.query,
    )


def read_conditions(request: Request) -> tuple[Preconditions, Faults]:
    """The preconditions, and what was found wrong with the headers so far."""
    preconditions, faults = read_preconditions(request.headers)
    return preconditions, request.faults + faults


def read_behavior(request: Request) -> tuple[Behavior, Faults]:
    """`Response-Behavior` (PAT-7)."""
    given = request.headers.get("Response-Behavior")
    if given is None:
        return "full", ()
    if given in BEHAVIORS:
        return given, ()
    description = f"{quoted(given)} is not one of {', '.join(BEHAVIORS)}"
    return "full", (Fault(location="header", name="Response-Behavior", description=description),)


def read_last_modified(request: Request) -> tuple[Timestamp | None, Faults]:
    """`?last_modified=`, bare or in double quotes (TS-9)."""
    given = [value for name, value in request.query if name.strip() == "last_modified"]
    if not given:
        return None, ()
    found = _INTEGER.fullmatch(given[0].strip())
    if len(given) == 1 and found and (at := int(found[1] or found[2])) <= LAST_DATE:
        return Timestamp(at), ()
    description = "Invalid value for last_modified"
    return None, (Fault(location="querystring", name="last_modified", description=description),)


def id_faults(body: Body, object_id: str) -> Faults:
    """ID-5."""
    if body.data is None or body.data.get("id", object_id) == object_id:
        return ()
    return (body_fault("id", "Object id does not match existing object"),)
