"""GET and HEAD of one object (contract section 8.4)."""

from collections.abc import Mapping
from typing import Final

import asyncpg
import orjson

from muniment.domain.addresses import Address, CollectionId, Kind, is_valid_id
from muniment.domain.commands import joined
from muniment.domain.permissions import Acls, Granted, Right, may, visible_permissions
from muniment.domain.queries.selection import Path
from muniment.domain.refusals import (
    INVALID_ID,
    CollectionMissing,
    Invalid,
    NotAllowed,
    ObjectMissing,
    ObjectModified,
    Refusal,
)
from muniment.domain.values import Permissions, Timestamp
from muniment.query.answers import Headers, permissions_of
from muniment.query.store import Store
from muniment.readmodel.lists.fields import project_object
from muniment.readmodel.lists.parameters import parse_fields
from muniment.readmodel.principals import groups, members_for
from muniment.readmodel.sql import Statements
from muniment.web.conditions import Verdict, judge_read, read_preconditions, revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response

SQL: Final = Statements(__package__, "objects.sql")

_STATEMENTS: Final[Mapping[Kind, str]] = {
    kind: statement.format(groups=groups("$1::text[]"))
    for kind, statement in {
        Kind.BUCKET: SQL.read_bucket,
        Kind.GROUP: SQL.read_group,
        Kind.COLLECTION: SQL.read_collection,
        Kind.RECORD: SQL.read_record,
        Kind.WEBHOOK: SQL.read_webhook,
    }.items()
}


class ObjectReads:
    """Answers reads of objects with what one statement finds."""

    def __init__(self, store: Store, *, granted: Granted, headers: Headers, errors: Errors) -> None:
        self._store = store
        self._granted = granted
        self._headers = headers
        self._errors = errors

    async def authorize(self, request: Request, address: Address, right: Right) -> Response | None:
        """Refuse who has not the right, or what is not there. Raises `Unavailable`."""
        row = await self._find(request, address)
        own = permissions_of(row["permissions"])
        refusal = self._refuse(request, address, row, own, right) or _refuse_missing(address, row)
        return None if refusal is None else self._errors.refuse(refusal, request.requester)

    async def handle(self, request: Request) -> Response:
        """The object, or why not. Raises `Unavailable`."""
        address = request.target.address(request.target.id or "")
        row = await self._find(request, address)
        own = permissions_of(row["permissions"])
        preconditions, faults = read_preconditions(request.headers)
        fields = parse_fields(request.query) if request.raw_query else None
        if isinstance(fields, Invalid):
            faults, fields = (*faults, *fields.faults), None

        refusal = self._refuse(request, address, row, own, Right.READ)
        if refusal is None and (faults := (*request.faults, *faults)):
            refusal = Invalid(faults)
        if refusal is None:
            refusal = _refuse_missing(address, row)
        if refusal is not None:
            return self._errors.refuse(refusal, request.requester)

        at = Timestamp(row["last_modified"])
        match judge_read(preconditions, at):
            case Verdict.NOT_MODIFIED:
                return Response(status=304, headers=revision_headers(at))
            case Verdict.FAILED:
                modified = ObjectModified(current=at, existing=orjson.loads(row["data"]))
                return self._errors.refuse(modified, request.requester)
            case Verdict.GO_ON:
                headers = self._headers.of(request, at, row["cache_expires"])
                return Response(headers=headers, body=_body(request, row, own, fields))

    async def _find(self, request: Request, address: Address) -> asyncpg.Record:
        """What there is at the address; the requester is in their groups after this."""
        values = (members_for(request.requester), *_ids(address))
        row = await self._store.read_object(_STATEMENTS[address.kind], values)
        if row["groups"]:
            request.requester = joined(request.requester, row["groups"])
        return row

    def _refuse(
        self,
        request: Request,
        address: Address,
        row: asyncpg.Record,
        own: Permissions,
        right: Right,
    ) -> Refusal | None:
        """First who may know, then whether there is where it would be (section 2.3)."""
        acls = Acls(
            bucket=permissions_of(row["bucket_permissions"]),
            collection=permissions_of(row["collection_permissions"]),
            own=own,
        )
        if not may(request.requester.principals, right, address.kind, acls, self._granted):
            return NotAllowed()
        if address.kind is Kind.RECORD and row["collection_permissions"] is None:
            return CollectionMissing(CollectionId(address.collection_id or ""))
        return None


def _refuse_missing(address: Address, row: asyncpg.Record) -> Refusal | None:
    if not is_valid_id(address.id):
        return Invalid((INVALID_ID,))
    return ObjectMissing(address) if row["data"] is None else None


def _ids(address: Address) -> tuple[str, ...]:
    """The values of the statement of the address's kind."""
    match address.kind:
        case Kind.BUCKET:
            return (address.id,)
        case Kind.GROUP | Kind.COLLECTION | Kind.WEBHOOK:
            return (address.bucket_id, address.id)
        case Kind.RECORD:
            return (address.bucket_id, address.collection_id or "", address.id)


def _body(
    request: Request,
    row: asyncpg.Record,
    own: Permissions,
    fields: tuple[Path, ...] | None,
) -> bytes:
    data: bytes = row["data"]
    if fields is not None:
        return b'{"data":' + project_object(data, fields) + b"}"
    # Stored in the form in which they are shown: all of them, or none (PERM-19).
    is_shown = visible_permissions(own, request.requester.principals)
    shown: bytes = row["permissions"] if is_shown else b"{}"
    return b'{"permissions":' + shown + b',"data":' + data + b"}"
