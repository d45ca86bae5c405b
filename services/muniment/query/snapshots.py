"""GET of a collection as it was at a moment (contract section 20.2)."""

import re
from typing import Final

import asyncpg

from muniment.domain.commands import joined
from muniment.domain.permissions import holds
from muniment.domain.refusals import Fault, Invalid, NotAllowed
from muniment.domain.timelines import LAST_DATE
from muniment.query.answers import permissions_of
from muniment.query.history import READERS
from muniment.query.store import Store
from muniment.readmodel.principals import groups, members_for
from muniment.readmodel.sql import Statements
from muniment.web.cache import UNCACHED
from muniment.web.errors import Errors, error, unknown_path
from muniment.web.http import Request, Response

SQL: Final = Statements(__package__, "snapshots.sql")

_INTEGER: Final = re.compile(r"[0-9]+")

_TOO_LARGE: Final = (
    "The snapshot has more than {bytes_max} bytes; the collection's records can be listed in pages."
)


class Snapshots:
    """Answers reads of past states, which are made from the history."""

    def __init__(self, store: Store, *, errors: Errors, bytes_max: int) -> None:
        """`bytes_max`: of the records of one answer."""
        self._store = store
        self._errors = errors
        self._bytes_max: Final = bytes_max
        self._statement = SQL.snapshot.format(groups=groups("$4::text[]"), bytes_max=bytes_max)

    async def handle(self, request: Request) -> Response:
        """All records of the collection at that moment, newest first. Raises `Unavailable`."""
        collection_id, at_sign, moment = (request.target.id or "").rpartition("@")
        if not at_sign:
            return unknown_path()
        at = int(moment[:20]) if _INTEGER.fullmatch(moment) else None
        row = await self._store.read_list(
            self._statement,
            (
                request.target.bucket_id,
                collection_id,
                min(LAST_DATE, at or 0),
                members_for(request.requester),
            ),
        )
        request.requester = joined(request.requester, row["groups"] or ())
        if not _may_read(request, row):
            return self._errors.refuse(NotAllowed(), request.requester)
        faults = request.faults if at is not None else (*request.faults, _invalid(moment))
        if faults:
            return self._errors.refuse(Invalid(faults), request.requester)
        body: bytes | None = row["body"]
        if body is None:
            return error(413, 113, _TOO_LARGE.format(bytes_max=self._bytes_max))
        return Response(headers=dict(UNCACHED), body=body)


def _may_read(request: Request, row: asyncpg.Record) -> bool:
    """SNAP-4: by the ACEs of bucket or collection as they are now."""
    return any(
        holds(request.requester.principals, permissions_of(row[acl]), *READERS)
        for acl in ("bucket_permissions", "collection_permissions")
    )


def _invalid(moment: str) -> Fault:
    return Fault(location="path", name="timestamp", description=f"Invalid timestamp '{moment}'")
