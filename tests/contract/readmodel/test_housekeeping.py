"""What nobody can reach any more is deleted, and nothing else."""

import asyncpg

from muniment.domain.addresses import bucket, collection, record
from muniment.projector.housekeeping import ANALYZE_ROWS_MIN, ROWS_MAX, Housekeeping, Trim
from tests.support.projecting import append, log_of, project_all
from tests.support.read_model import view_of_log, view_of_postgres
from tests.support.story import ADDRESSES, PARTITIONS, WRITER, Story

ATLAS = bucket("atlas")
STATIONS = collection("atlas", "stations")

COUNT_ROWS = """
SELECT (SELECT count(*) FROM bucket) + (SELECT count(*) FROM collection)
     + (SELECT count(*) FROM "group") + (SELECT count(*) FROM record)
     + (SELECT count(*) FROM webhook)
     + (SELECT count(*) FROM history) + (SELECT count(*) FROM timeline)
     + (SELECT count(*) FROM past_acl WHERE bucket_uid NOT IN (SELECT uid FROM bucket))
     + (SELECT count(*) FROM entry_ace WHERE bucket_uid NOT IN (SELECT uid FROM bucket))
     + (SELECT count(*)
          FROM ace
         WHERE parent NOT IN (SELECT uid FROM bucket
                               UNION ALL
                              SELECT uid FROM collection
                               UNION ALL
                              SELECT '00000000-0000-0000-0000-000000000000'))
"""

COUNT_ENTRIES = """
SELECT resource_name, count(*) FROM history GROUP BY resource_name ORDER BY resource_name
"""


async def test_what_is_out_of_reach_is_swept_away(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Deleted buckets and collections, flushed partitions: only what can be reached stays."""
    story = Story().play([("write", address) for address in ADDRESSES])
    story.play([("delete", STATIONS), ("write", STATIONS), ("write", ADDRESSES[4])])
    story.flush(PARTITIONS[1])
    await project_all(log_of(story.entries), database)

    await _sweep_all(connection)

    view = view_of_log(story.entries)
    assert await view_of_postgres(connection) == view
    entries = sum(len(entries) for entries in view.history.values())
    assert await connection.fetchval(COUNT_ROWS) == (
        len(view.objects) + len(view.timestamps) + entries
    )


async def test_a_deleted_bucket_leaves_its_tombstone_only(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """One row, and the timestamp of the list of buckets."""
    story = Story().play([("write", address) for address in ADDRESSES if "atlas" in address.uri])
    log = log_of(story.entries)
    await project_all(log, database)
    done = len(story.entries)
    story.delete(ATLAS)
    append(log, story.entries[done:])
    await project_all(log, database)

    await _sweep_all(connection)

    assert await connection.fetchval(COUNT_ROWS) == 2


async def test_long_histories_are_cut(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """HIS-12: by type, and only when more than the threshold has gathered."""
    story = Story().play([("write", ATLAS), ("write", STATIONS)])
    story.play([("write", ADDRESSES[4]) for _ in range(9)])
    story.play([("write", ADDRESSES[1]) for _ in range(5)])
    await project_all(log_of(story.entries), database)
    patient = Housekeeping(connection, trim=Trim(entries_max=3, threshold=6))
    strict = Housekeeping(connection, trim=Trim(entries_max=3, threshold=1))

    gone = [await patient.trim(), await strict.trim(), await strict.trim()]

    assert gone == [0, 8, 0]
    assert list(map(tuple, await connection.fetch(COUNT_ENTRIES))) == [
        ("bucket", 1), ("collection", 1), ("group", 3), ("record", 3),
    ]  # fmt: skip


async def test_histories_are_cut_for_each_user_named(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """HIS-12: what others did stays."""
    story = Story().play([("write", ATLAS), ("write", STATIONS)])
    story.play([("write", ADDRESSES[4]) for _ in range(9)])
    await project_all(log_of(story.entries), database)
    other = Trim(entries_max=1, threshold=1, users=["account:omar"])
    writer = Trim(entries_max=1, threshold=1, users=["account:omar", WRITER])

    assert await Housekeeping(connection, trim=other).trim() == 0
    assert await Housekeeping(connection, trim=writer).trim() == 8


async def test_large_collections_go_in_pieces(
    database: str, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """No transaction of the sweep is long: projecting goes on beside it."""
    story = Story().play([("write", ATLAS), ("write", STATIONS)])
    for number in range(ROWS_MAX + 1):
        story.write(record("atlas", "stations", str(number)))
    story.delete(STATIONS)
    await project_all(log_of(story.entries), database)
    housekeeping = Housekeeping(connection)

    await housekeeping.sweep()

    assert await connection.fetchval("SELECT count(*) FROM record") == 1
    assert await connection.fetchval("SELECT count(*) FROM doomed") == 1


async def test_tables_that_have_outgrown_their_statistics_are_analysed(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A plan that was made for an empty table reads a full one slowly."""
    await connection.execute(
        "INSERT INTO timeline SELECT gen_random_uuid(), 'record', n FROM generate_series(0, $1) n",
        ANALYZE_ROWS_MIN + 1,
    )
    await connection.execute("SELECT pg_stat_force_next_flush()")
    housekeeping = Housekeeping(connection)

    assert await housekeeping.analyze() == ["timeline"]
    await connection.execute("SELECT pg_stat_force_next_flush()")
    assert await housekeeping.analyze() == []


async def _sweep_all(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    housekeeping = Housekeeping(connection)
    while await housekeeping.sweep() is not None:
        pass


async def test_keys_of_requests_are_forgotten_when_their_time_is_over(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """`idempotency_key_ttl_s`; some at a time."""
    await connection.execute(
        "INSERT INTO made_request (key, request, partition, last_offset, claim_offset, events,"
        " made_at) SELECT gen_random_uuid(), gen_random_uuid(), 0, n, 0, 1, n * 1000"
        " FROM generate_series(1, $1) AS n",
        ROWS_MAX + 10,
    )
    housekeeping = Housekeeping(connection, keys_ttl_s=5, now_s=lambda: ROWS_MAX + 10)

    gone = [await housekeeping.forget_keys() for _ in range(3)]

    assert gone == [ROWS_MAX, 5, 0]
    assert await connection.fetchval("SELECT min(last_offset) FROM made_request") == ROWS_MAX + 6
