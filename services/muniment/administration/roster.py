"""Who is in which group of a bucket, read for who changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muniment.domain.values import Timestamp
from muniment.query.store import Store as ReadModel
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "roster.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as it is."""

    id: str
    last_modified: Timestamp | None
    """`None`: there is none yet."""
    members: Sequence[str]


class Roster:
    """Reads buckets and their groups; every method raises `Unavailable`."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model

    async def buckets(self, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The `data` of buckets, in the order of the ids; of one that is gone the `id` alone."""
        row = await self._read_model.read_object(SQL.buckets, (ids,))
        return orjson.loads(row["found"])  # type: ignore[no-any-return]  # as the statement has it

    async def lives(self, bucket_id: str) -> bool:
        """Whether the bucket is there."""
        [data] = await self.buckets([bucket_id])
        return "last_modified" in data

    async def is_anothers(self, bucket_id: str) -> bool:
        """Whether somebody has made a bucket under the id of one that is gone."""
        row = await self._read_model.read_object(SQL.is_anothers, (bucket_id,))
        found: bool = row["found"]
        return found

    async def groups(self, bucket_id: str) -> Sequence[Group]:
        """The groups of a bucket."""
        row = await self._read_model.read_object(SQL.groups, (bucket_id,))
        return [
            Group(
                id=each["id"],
                last_modified=Timestamp(each["last_modified"]),
                members=each["data"].get("members", []),
            )
            for each in orjson.loads(row["found"])
        ]
