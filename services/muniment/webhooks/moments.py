"""What objects were at a moment, from the history: what a snapshot is told of.

What the history has lost is told of as it is now, except for groups and webhooks.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg
import orjson

from muniment.domain.addresses import parse_uri
from muniment.domain.events import Action, Cause, EventId, ObjectChanged, Snapshot
from muniment.domain.permissions import parse_permissions
from muniment.domain.values import Principal, Timestamp, Uid
from muniment.readmodel.connection import Pool, lent
from muniment.readmodel.sql import Statements
from muniment.webhooks.endpoints import Endpoint

SQL: Final = Statements(__package__, "moments.sql")

BUILT_PAUSE_S: Final = 0.1

_ACTIONS: Final = {"create": Action.CREATED, "update": Action.UPDATED}


class HistoricMoments:
    """See `muniment.webhooks.rereading.Moments`; the read model is asked."""

    def __init__(self, pool: Pool) -> None:
        """The pool is one of the read model's."""
        self._pool = pool

    async def objects(
        self, endpoint: Endpoint, *, as_of: Timestamp, after: Timestamp, limit: int
    ) -> Sequence[ObjectChanged]:
        """As of the protocol; waits until the history has come to that moment.

        Raises what Postgres does.
        """
        while True:
            async with lent(self._pool) as connection:
                built_to = await connection.fetchval(SQL.built_to, endpoint.partition)
                if built_to is not None and built_to > endpoint.opened_at:
                    rows = await connection.fetch(
                        SQL.objects,
                        endpoint.bucket_uid,
                        after,
                        as_of,
                        limit,
                        endpoint.bucket_id,
                    )
                    return [_event(row, endpoint) for row in rows]
            await asyncio.sleep(BUILT_PAUSE_S)


def _event(row: asyncpg.Record, endpoint: Endpoint) -> ObjectChanged:
    """The change as it was; what came before it is not kept here."""
    data = orjson.loads(row["data"])
    user_id: str | None = row["user_id"]
    collection_uid = row["collection_uid"]
    at = Timestamp(row["last_modified"])
    return ObjectChanged(
        id=EventId(str(row["id"])),
        action=_ACTIONS[row["action"]],
        address=parse_uri(row["uri"]),
        bucket_uid=endpoint.bucket_uid,
        collection_uid=None if collection_uid is None else Uid(str(collection_uid)),
        last_modified=data["last_modified"],
        stream_at=at,
        occurred_at=Timestamp(round(row["occurred_at"].timestamp() * 1000)),
        after=Snapshot(
            data=data,
            permissions=parse_permissions(orjson.loads(row["permissions"])),
            hidden=None if row["hidden"] is None else orjson.loads(row["hidden"]),
        ),
        before=None,
        cause=Cause(
            actor=None if user_id is None else Principal(user_id), request_id=row["request_id"]
        ),
    )
