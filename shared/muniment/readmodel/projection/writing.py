"""Writes a folded batch: all its rows and the checkpoints that say how far they are, or nothing."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from muniment.log.protocol import Partition, Start
from muniment.readmodel.acls import acl_of, object_acl
from muniment.readmodel.connection import Connection
from muniment.readmodel.projection.acls import ListAcl, WrittenAcls, left_by_buckets
from muniment.readmodel.projection.fold import ALL_BUCKETS, Batch
from muniment.readmodel.projection.recording import Recording
from muniment.readmodel.projection.rows import (
    acl_columns,
    columns,
    made_columns,
    membership_columns,
    past_acl_columns,
    removal_columns,
)
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "writing.sql")

_WRITE_ACLS: Final = SQL.write_acls.format(
    acl_in_list=acl_of("acl.permissions", "acl.parent"),
    acl_in_place=acl_of("acl.permissions", "acl.place"),
)
_DROP_BUCKET_ACLS: Final = SQL.drop_bucket_acls.format(
    acl_of_old=acl_of("old.permissions", f"'{ALL_BUCKETS}'"), bucket_acl=object_acl("bucket")
)
_DROP_FLUSHED_ACLS: Final = SQL.drop_flushed_acls.format(bucket_acl=object_acl("bucket"))

Places: TypeAlias = Mapping[Partition, Start]


class Overtaken(Exception):
    """The checkpoints are not where the batch begins: somebody else has moved them."""


class BatchWriter:
    """Writes batches one after another over one connection."""

    def __init__(self, connection: Connection, *, recording: Recording) -> None:
        self._connection = connection
        self._recording = recording
        self._acls = WrittenAcls()

    async def write(self, batch: Batch, *, before: Places, after: Places) -> None:
        """Write what leads from there to there. Raises `Overtaken`, and then nothing is written."""
        parameters = columns(batch, before=before, after=after, recording=self._recording)
        acls, left = self._acls.lacking(batch.changes), left_by_buckets(batch.changes)
        if acls or left or batch.has_more:
            async with self._connection.transaction():
                if batch.flushed:
                    await self._connection.execute(SQL.flush_partitions, batch.flushed)
                await self._write(parameters)
                await self._write_principals(batch, acls)
                await self._write_history(batch)
                await self._drop_acls(batch, left)
            self._acls.remember(acls)
            self._acls.forget(left)
        else:
            await self._write(parameters)

    def forget(self) -> None:
        """Take nothing for written: what was committed last may be lost."""
        self._acls.clear()

    async def _write(self, parameters: Sequence[Sequence[object]]) -> None:
        if not await self._connection.fetch(SQL.apply_batch, *parameters):
            raise Overtaken

    async def _write_principals(self, batch: Batch, acls: Collection[ListAcl]) -> None:
        """Who is in which group, and which objects name whom: both seldom change."""
        if batch.memberships:
            await self._connection.execute(SQL.change_memberships, *membership_columns(batch))
        if acls:
            await self._connection.execute(_WRITE_ACLS, *acl_columns(acls))

    async def _drop_acls(self, batch: Batch, left: Collection[ListAcl]) -> None:
        """What leads to no bucket any more, once it is known which buckets there are."""
        if left:
            await self._connection.execute(_DROP_BUCKET_ACLS, [acl.permissions for acl in left])
        if batch.flushed:
            await self._connection.execute(_DROP_FLUSHED_ACLS)
            self._acls.clear()

    async def _write_history(self, batch: Batch) -> None:
        """What only some batches bring, and what must come after the rows of the batch."""
        if batch.past_acls:
            await self._connection.execute(SQL.keep_past_acls, *past_acl_columns(batch))
        if batch.removals:
            await self._connection.execute(SQL.trim_history, *removal_columns(batch))
        if batch.made:
            await self._connection.execute(SQL.note_made, *made_columns(batch))
