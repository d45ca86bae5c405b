"""Where accounts are kept: a table of Postgres that nothing else holds a copy of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import asyncpg
import orjson

from muniment.accounts.durable import Durable
from muniment.domain.accounts import AccountChanged, AccountScene, scene_of
from muniment.domain.events import Action
from muniment.domain.permissions import listed, parse_permissions
from muniment.domain.queries.selection import Selection
from muniment.domain.states import ABSENT, Present, State, Tombstone
from muniment.domain.values import Principal, Timestamp
from muniment.readmodel.connection import Connection
from muniment.readmodel.lists.sql import Values, conditions, page
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "store.sql")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """An account as it is, with what is never shown of it."""

    scene: AccountScene
    password_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A change that is to be written, and the hash that the account has from then on."""

    change: AccountChanged
    password_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of the list of accounts."""

    list_at: Timestamp
    objects: Sequence[bytes]
    ids: Sequence[str]
    last: bytes | None
    """The sort values of the last object, if there is more than these."""


class AccountStore:
    """Reads and writes accounts; every method raises `Unavailable` while Postgres is away."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable

    async def password_hash(self, username: str) -> str | None:
        """The hash as of now; `None` where there is no such account."""
        async with self._durable.connection() as connection:
            found: str | None = await connection.fetchval(SQL.read_hash, username)
            return found

    async def renew_hash(self, username: str, old: str, new: str) -> None:
        """Put another hash of the same password in the old one's place, if that is still there."""
        async with self._durable.connection() as connection:
            await connection.execute(SQL.renew_hash, username, old, new)

    async def read(self, username: str) -> StoredAccount:
        """The account, or that there is none."""
        async with self._durable.connection() as connection:
            return _stored(await connection.fetchrow(SQL.read_account, username))

    async def change(
        self,
        username: str,
        decide: "Callable[[StoredAccount], Approved | T]",
    ) -> "AccountChanged | T":
        """Decide on the account as it is, and write what is answered together with the hash.

        Nobody else changes the account meanwhile. What `decide` answers in place of a change is
        handed on, and nothing is written.
        """
        async with self._durable.connection() as connection, connection.transaction():
            await connection.execute(SQL.commit_to_disk)
            await connection.execute(SQL.take_turn, username)
            row = await connection.fetchrow(SQL.read_account, username)
            answer = decide(_stored(row))
            if not isinstance(answer, Approved):
                return answer
            await _write(connection, answer)
            return answer.change

    async def list_at(self, visible_to: str | None) -> Timestamp:
        """The list timestamp of the accounts that are visible."""
        values = Values()
        statement = SQL.list_at.format(visible=_visible(visible_to, values))
        async with self._durable.connection() as connection:
            return Timestamp(await connection.fetchval(statement, *values.all))

    async def page(
        self, selection: Selection, *, visible_to: str | None, with_tombstones: bool
    ) -> Page:
        """A page of the list: all accounts, or only that of the username (ACC-6)."""
        values = Values()
        visible = _visible(visible_to, values)
        where = conditions(selection, values, with_tombstones=with_tombstones)
        after, order, sort_values = page(selection, values)
        statement = SQL.page.format(
            visible=visible,
            where=where,
            after=after,
            order=order,
            sort_values=sort_values,
            limit=values.bind(selection.limit, "integer"),
        )
        at, rows = await self._snapshot(visible_to, statement, values.all)
        shown = rows[: selection.limit]
        return Page(
            list_at=at,
            objects=[row["data"] for row in shown],
            ids=[row["id"] for row in shown],
            last=shown[-1]["sort_values"] if len(rows) > len(shown) else None,
        )

    async def count(self, selection: Selection, *, visible_to: str | None) -> tuple[Timestamp, int]:
        """The list timestamp, and how many accounts match."""
        values = Values()
        statement = SQL.count.format(
            visible=_visible(visible_to, values),
            where=conditions(selection, values, with_tombstones=False),
        )
        at, rows = await self._snapshot(visible_to, statement, values.all)
        return at, int(rows[0]["count"])

    async def naming(self, principal: Principal) -> Sequence[str]:
        """The accounts whose ACEs name the principal."""
        async with self._durable.connection() as connection:
            rows = await connection.fetch(SQL.find_traces, principal)
        return [row["id"] for row in rows]

    async def delete_all(self) -> None:
        """The development flush (FL-1)."""
        async with self._durable.connection() as connection, connection.transaction():
            await connection.execute(SQL.delete_all)
            await connection.execute(SQL.delete_all_logins)

    async def _snapshot(
        self, visible_to: str | None, statement: str, bound: Sequence[object]
    ) -> tuple[Timestamp, Sequence[Any]]:
        """Rows and the list timestamp of one moment (E-1)."""
        values = Values()
        list_at = SQL.list_at.format(visible=_visible(visible_to, values))
        async with (
            self._durable.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            at = Timestamp(await connection.fetchval(list_at, *values.all))
            return at, await connection.fetch(statement, *bound)


async def _write(connection: Connection, approved: Approved) -> None:
    change = approved.change
    await connection.execute(
        SQL.write_account,
        change.username,
        change.last_modified,
        change.timeline.at,
        change.action is Action.DELETED,
        orjson.dumps(change.after.data),
        orjson.dumps(listed(change.after.permissions)),
        approved.password_hash,
    )


def _stored(row: "asyncpg.Record | None") -> StoredAccount:
    if row is None:
        return StoredAccount(scene=scene_of(ABSENT, Timestamp(0)), password_hash=None)
    return StoredAccount(
        scene=scene_of(_state(row), Timestamp(row["timeline_at"])),
        password_hash=row["password_hash"],
    )


def _state(row: "asyncpg.Record") -> State:
    at = Timestamp(row["last_modified"])
    if row["deleted"]:
        return Tombstone(last_modified=at)
    return Present(
        last_modified=at,
        data=orjson.loads(row["data"]),
        permissions=parse_permissions(orjson.loads(row["permissions"])),
    )


def _visible(visible_to: str | None, values: Values) -> str:
    return "TRUE" if visible_to is None else f"o.id = {values.bind(visible_to, 'text')}"
