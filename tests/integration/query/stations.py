"""A read model of few rows: nadia's atlas with two collections, some of it shared."""

import uuid
from collections.abc import Sequence
from typing import Final

import orjson

from muniment.domain.values import JsonObject
from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import migrate
from tests.support.aces import note_aces

BUCKET: Final = "/v1/buckets/atlas"
COLLECTION: Final = f"{BUCKET}/collections/stations"
RECORDS: Final = f"{COLLECTION}/records"
TIDES: Final = f"{BUCKET}/collections/tides/records"

BY_NADIA: Final = {"write": ["account:nadia"]}
SHARED: Final = {"write": ["account:nadia"], "read": ["account:pia", "system.Everyone"]}
ROOT: Final = uuid.UUID(int=0)
ATLAS: Final = uuid.UUID(int=1)
STATIONS: Final = uuid.UUID(int=2)
TIDES_UID: Final = uuid.UUID(int=3)

AT: Final = 1_767_000_000_000
"""The list timestamp of the stations' records; that of the last one, which is gone."""


async def fill(url: str) -> None:
    """Atlas with two collections, stations in one of them, one of those shared and one gone."""
    stations: Sequence[tuple[str, int, JsonObject, JsonObject]] = [
        ("s1", 10, {"v": 1, "deep": {"a": 1, "b": 2}}, SHARED),
        ("s2", 20, {"v": "1"}, BY_NADIA),
        ("s3", 30, {"v": None}, {**BY_NADIA, "read": ["account:omar"]}),
        ("s4", 40, {}, BY_NADIA),
    ]
    async with open_connection(url, application="test") as connection:
        await migrate(connection)
        await connection.execute(INSERT_BUCKET, ROOT, "atlas", 5, *stored("atlas", 5), ATLAS)
        bare = {**BY_NADIA, "record:create": ["account:wim"]}
        stations_row = stored("stations", 7, {}, bare)
        await connection.execute(INSERT_COLLECTION, ATLAS, "stations", 7, *stations_row, STATIONS)
        public = {**BY_NADIA, "read": ["system.Everyone"]}
        tides_row = stored("tides", 7, {"cache_expires": 60}, public)
        await connection.execute(INSERT_COLLECTION, ATLAS, "tides", 7, *tides_row, TIDES_UID)
        for name, at, fields, permissions in stations:
            both = stored(name, at, fields, permissions)
            await connection.execute(INSERT_RECORD, STATIONS, name, at, False, *both)
        gone = stored("s5", AT, {"deleted": True}, {})
        await connection.execute(INSERT_RECORD, STATIONS, "s5", AT, True, *gone)
        for parent, kind, at in (
            (ROOT, "bucket", 5),
            (ATLAS, "collection", 7),
            (STATIONS, "record", AT),
        ):
            await connection.execute(INSERT_TIMELINE, parent, kind, at)
        await note_aces(connection)


def stored(
    name: str, at: int, fields: JsonObject | None = None, permissions: JsonObject = BY_NADIA
) -> tuple[bytes, bytes]:
    data = {"id": name, "last_modified": at, **(fields or {})}
    return orjson.dumps(data), orjson.dumps(permissions)


INSERT_BUCKET: Final = """
INSERT INTO bucket (parent, id, last_modified, data, permissions, uid, deleted, partition)
VALUES ($1, $2, $3, $4, $5, $6, FALSE, 0)
"""
INSERT_COLLECTION: Final = """
INSERT INTO collection (parent, id, last_modified, data, permissions, uid, deleted)
VALUES ($1, $2, $3, $4, $5, $6, FALSE)
"""
INSERT_RECORD: Final = """
INSERT INTO record (parent, id, last_modified, deleted, data, permissions)
VALUES ($1, $2, $3, $4, $5, $6)
"""
INSERT_TIMELINE: Final = "INSERT INTO timeline (parent, kind, last_modified) VALUES ($1, $2, $3)"
