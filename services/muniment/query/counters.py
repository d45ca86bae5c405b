"""`GET /__counters__`: how much there is (contract CNT-1). For operators: it counts every row."""

from typing import Final

import orjson

from muniment.query.store import Store
from muniment.readmodel.sql import Statements
from muniment.web.http import Request, Response

SQL: Final = Statements(__package__, "counters.sql")


class Counters:
    """Counts what can be reached, by type; what waits to be swept away is not there any more."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle(self, _: Request) -> Response:
        """Objects and tombstones by type, without those of which there are none."""
        row = await self._store.read_list(SQL.count_all, ())
        counted: dict[str, dict[str, int]] = {"objects": {}, "tombstones": {}}
        for kind, deleted, count in orjson.loads(row["counts"] or b"[]"):
            counted["tombstones" if deleted else "objects"][kind] = count
        return Response(body=orjson.dumps(counted))
