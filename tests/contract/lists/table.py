"""A list in a real Postgres, to run selections on."""

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import asyncpg
import orjson

from muniment.domain.addresses import Kind
from muniment.domain.queries.selection import Selection
from muniment.domain.values import JsonObject, Principal, Uid
from muniment.readmodel.connection import open_connection
from muniment.readmodel.jsonb import jsonb_text
from muniment.readmodel.lists.deletion import Selected, has_writable, select_for_delete
from muniment.readmodel.lists.pages import read_token, write_token
from muniment.readmodel.lists.sql import Values, conditions, page
from muniment.readmodel.migrate import migrate
from tests.support.aces import note_aces

T = TypeVar("T")

OWNER_ONLY: Final = {"write": ["account:nadia"]}


class Table:
    """The table of records; each `fill` starts another list in it."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._opened = open_connection(url, application="test")
        self._connection = self.run(self._opened.__aenter__())
        self.run(migrate(self._connection))
        self._parent = Uid("")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    def fill(
        self, objects: Sequence[JsonObject], *, permissions: Sequence[JsonObject] | None = None
    ) -> None:
        """Start a list with these objects."""
        self._parent = Uid(str(uuid.uuid4()))
        aces = permissions or [OWNER_ONLY] * len(objects)
        rows = [
            (
                self._parent,
                one["id"],
                one["last_modified"],
                one.get("deleted") is True,
                jsonb_text(one),
                orjson.dumps(aces[i]),
            )
            for i, one in enumerate(objects)
        ]
        self.run(self._connection.executemany(_INSERT, rows))
        self.run(note_aces(self._connection))

    def all_pages(self, selection: Selection) -> Sequence[Sequence[JsonObject]]:
        """Page after page, by tokens as a client gets them."""
        pages: list[Sequence[JsonObject]] = []
        here: Selection | None = selection
        while here is not None:
            rows = self.run(self._rows(here))
            pages.append([orjson.loads(row["data"]) for row in rows[: here.limit]])
            here = _after(here, rows)
        return pages

    def select_for_delete(
        self,
        selection: Selection,
        writable_by: frozenset[Principal] | None = None,
        *,
        bytes_max: int | None = None,
    ) -> Selected:
        return self.run(
            select_for_delete(
                self._connection,
                kind=Kind.RECORD,
                parent=self._parent,
                selection=selection,
                writable_by=writable_by,
                nonce="once",
                bytes_max=bytes_max,
            )
        )

    def has_writable(self, principals: frozenset[Principal]) -> bool:
        return self.run(
            has_writable(
                self._connection, kind=Kind.RECORD, parent=self._parent, principals=principals
            )
        )

    async def _rows(self, selection: Selection) -> Sequence[asyncpg.Record]:
        values = Values()
        parent = values.bind(self._parent, "uuid")
        where = conditions(selection, values, with_tombstones=True)
        after, order, sort_values = page(selection, values)
        limit = values.bind(selection.limit + 1, "bigint")
        statement = (
            f"SELECT o.data, {sort_values} AS sort_values FROM record AS o"  # noqa: S608 - bound
            f" WHERE o.parent = {parent} AND {where} AND {after} ORDER BY {order} LIMIT {limit}"
        )
        return await self._connection.fetch(statement, *values.all)


def _after(selection: Selection, rows: Sequence[asyncpg.Record]) -> Selection | None:
    if len(rows) <= selection.limit:
        return None
    token = write_token(selection.order, rows[selection.limit - 1]["sort_values"])
    place = read_token(token, selection.order)
    assert place is not None, token
    return replace(selection, after=place.values)


_INSERT: Final = """
INSERT INTO record (parent, id, last_modified, deleted, data, permissions)
VALUES ($1, $2, $3, $4, $5, $6)
"""
