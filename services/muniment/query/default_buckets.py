"""Default buckets that a read misses are made by who may write them (DEF-3, DEF-4).

The query service alone changes nothing: it sends the `PUT` to the command service, as instances of
that do among themselves, and then reads on.
"""

from typing import Final

import orjson

from muniment.log.partitioner import partition_of_key
from muniment.query.store import Store
from muniment.readmodel.sql import Statements
from muniment.web.forwarding import Forwarder
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable

SQL: Final = Statements(__package__, "default_buckets.sql")


class DefaultBuckets:
    """Has a bucket, or a collection in it, made by the owner of its stream."""

    def __init__(self, store: Store, forwarder: Forwarder) -> None:
        self._store = store
        self._forwarder = forwarder

    async def make(self, request: Request) -> Response:
        """The owner's answer. Raises `Unavailable` where no owner answers."""
        row = await self._store.read_object(SQL.owners, ())
        urls: dict[str, str] = orjson.loads(row["urls"] or b"{}")
        if not urls:
            raise Unavailable("no instance of the command service has been here yet")
        partition = partition_of_key(request.target.bucket_id or "", partitions=row["partitions"])
        url = urls.get(str(partition))
        if url is None:
            raise Unavailable("nobody owns the partition at the moment")
        return await self._forwarder.forward(request, url)
