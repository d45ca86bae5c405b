"""Where keys are kept: tables of Postgres that nothing else holds a copy of."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType

import asyncpg
import orjson
from uuid_utils import uuid7

from muniment.accounts.durable import Durable
from muniment.domain.values import JsonObject, Principal, Uid
from muniment.keys.principals import project_principal, user_of, user_principal
from muniment.keys.texts import KeyHasher, make_text, shown_prefix
from muniment.readmodel.connection import Connection
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "store.sql")

KeyId = NewType("KeyId", str)
"""A UUID version 7 in text."""

UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How ids of keys and users are written."""


class TenantKind(StrEnum):
    """What an administrator makes a bucket to be."""

    PROJECT = "project"
    ORGANIZATION = "organization"
    ORBIT = "orbit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a bucket is to be; who wants an equal thing may go on with what another has begun."""

    kind: TenantKind
    asked: JsonObject
    """All that decides how the bucket is made."""
    parent_id: str | None = None
    """An orbit's organization."""
    key_label: str | None = None
    """Of its first key; a project alone has keys of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as lists show it, without its text."""

    id: KeyId
    prefix: str
    principal: Principal
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    """To the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made: the only time that its text is known."""

    key: ApiKey
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """A bucket that was just made to be something."""

    id: str
    key: NewKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUser:
    """Who is meant by the principal `user:ID`."""

    id: str
    name: str
    created_at: datetime


class KeyStore:
    """Reads and writes keys; every method raises `Unavailable` while Postgres is away."""

    def __init__(self, durable: Durable, hasher: KeyHasher) -> None:
        self._durable = durable
        self._hasher = hasher

    async def find(self, text: str) -> tuple[KeyId, Principal] | None:
        """Whose key the text is, if it is good now."""
        row = await self._row(SQL.find, self._hasher.hash(text))
        return None if row is None else (KeyId(str(row["id"])), Principal(row["principal"]))

    async def create(
        self, principal: Principal, *, label: str, expires_in_s: float | None = None
    ) -> NewKey:
        """Make a key."""
        async with self._writing() as connection:
            return await self._create(connection, principal, label, expires_in_s)

    async def list_of(self, principal: Principal) -> Sequence[ApiKey]:
        """All keys of a principal, also those that are of no use any more, the oldest first."""
        return [_key(row) for row in await self._rows(SQL.list_of, principal)]

    async def read(self, id_: KeyId) -> ApiKey | None:
        """One key."""
        row = await self._row(SQL.read, id_)
        return None if row is None else _key(row)

    async def revoke(self, id_: KeyId) -> ApiKey | None:
        """End a key for ever; `None` if there is none of that id."""
        async with self._writing() as connection:
            row = await connection.fetchrow(SQL.revoke, id_)
        return None if row is None else _key(row)

    async def rotate(self, id_: KeyId, *, overlap_s: float) -> NewKey | None:
        """A new key in place of one that ends after the overlap; `None` if that has ended."""
        async with self._writing() as connection:
            row = await connection.fetchrow(SQL.read_usable, id_)
            if row is None:
                return None
            await connection.execute(SQL.end_later, id_, overlap_s)
            return await self._create(connection, Principal(row["principal"]), row["label"], None)

    async def begin_tenant(self, bucket_id: str, wanted: Wanted) -> str:
        """Note what is to be made under the id; or the id of what was begun alike, and not done."""
        asked = orjson.dumps(wanted.asked, option=orjson.OPT_SORT_KEYS)
        async with self._writing() as connection:
            row = await connection.fetchrow(
                SQL.begin_tenant, bucket_id, wanted.kind, wanted.parent_id, asked
            )
        assert row is not None  # noqa: S101 - the one or the other
        return str(row["bucket_id"])

    async def finish_tenant(
        self, bucket_id: str, bucket_uid: Uid, wanted: Wanted
    ) -> NewTenant | None:
        """This life of the bucket is what was wanted. `None` if another has said so before."""
        async with self._writing() as connection:
            if await connection.fetchrow(SQL.finish_tenant, bucket_id, bucket_uid) is None:
                return None
            key = None
            if wanted.key_label is not None:
                owner = project_principal(bucket_id)
                key = await self._create(connection, owner, wanted.key_label, None)
            return NewTenant(id=bucket_id, key=key)

    async def end_tenant(self, bucket_id: str) -> None:
        """Forget what it was made to be, and end its keys."""
        async with self._writing() as connection:
            await connection.execute(SQL.revoke_all_of, project_principal(bucket_id))
            await connection.execute(SQL.remove_tenant, bucket_id)

    async def tenants(self, kind: TenantKind, *, parent_id: str | None = None) -> Sequence[str]:
        """Ids of the buckets that are such a thing, of one parent or of any, the oldest first."""
        return [row["bucket_id"] for row in await self._rows(SQL.tenants, kind, parent_id)]

    async def is_tenant(self, bucket_id: str, kind: TenantKind) -> bool:
        """Whether the bucket was made to be such a thing."""
        return await self._row(SQL.tenant, bucket_id, kind) is not None

    async def add_user(self, name: str, *, key_label: str) -> tuple[KeyUser, NewKey]:
        """Someone new, and their first key."""
        async with self._writing() as connection:
            row = await connection.fetchrow(SQL.add_user, str(uuid7()), name)
            assert row is not None  # noqa: S101 - an INSERT returns what it wrote
            user = _user(row)
            key = await self._create(connection, user_principal(user.id), key_label, None)
        return user, key

    async def users(self) -> Sequence[KeyUser]:
        """All of them, the oldest first."""
        return [_user(row) for row in await self._rows(SQL.users)]

    async def user(self, id_: str | None) -> KeyUser | None:
        """One of them, if the id is one."""
        if id_ is None or not UUID.fullmatch(id_):
            return None
        row = await self._row(SQL.user, id_)
        return None if row is None else _user(row)

    async def forget(self, principal: Principal) -> None:
        """Delete the keys of a principal, and what is known of a user (UD-1)."""
        user = user_of(principal)
        async with self._writing() as connection:
            await connection.execute(SQL.delete_keys_of, principal)
            if user is not None and UUID.fullmatch(user):
                await connection.execute(SQL.delete_user, user)

    async def delete_all(self) -> None:
        """The development flush (FL-1)."""
        async with self._writing() as connection:
            await connection.execute(SQL.delete_all)
            await connection.execute(SQL.delete_all_begun)
            await connection.execute(SQL.delete_all_tenants)
            await connection.execute(SQL.delete_all_users)

    async def _create(
        self,
        connection: Connection,
        principal: Principal,
        label: str,
        expires_in_s: float | None,
    ) -> NewKey:
        text = make_text()
        row = await connection.fetchrow(
            SQL.create,
            str(uuid7()),
            self._hasher.hash(text),
            shown_prefix(text),
            principal,
            label,
            expires_in_s,
        )
        assert row is not None  # noqa: S101 - an INSERT returns what it wrote
        return NewKey(key=_key(row), text=text)

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[Connection]:
        async with self._durable.connection() as connection, connection.transaction():
            await connection.execute(SQL.commit_to_disk)
            yield connection

    async def _row(self, statement: str, *arguments: object) -> "asyncpg.Record | None":
        async with self._durable.connection() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def _rows(self, statement: str, *arguments: object) -> Sequence[Any]:
        async with self._durable.connection() as connection:
            return await connection.fetch(statement, *arguments)


def _key(row: "asyncpg.Record") -> ApiKey:
    return ApiKey(
        id=KeyId(str(row["id"])),
        prefix=row["prefix"],
        principal=Principal(row["principal"]),
        label=row["label"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        used_at=row["used_at"],
    )


def _user(row: "asyncpg.Record") -> KeyUser:
    return KeyUser(id=str(row["id"]), name=row["name"], created_at=row["created_at"])
