"""Snapshots and counters, as the query service answers them from a real Postgres."""

from collections.abc import Generator
from typing import Any

import orjson
import pytest

from muniment.domain.commands import ANONYMOUS, Requester
from tests.integration.query.pasts import ATLAS, TRIP, TRIPS, WIM, a_past, faults, over, uris_of
from tests.support.deciding import NADIA, NOW, Asked
from tests.support.past import Past
from tests.support.querying import QueryService, json_of, told
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def server(stack: Stack) -> Generator[QueryService]:
    with over(stack, a_past()) as service:
        yield service


def at(server: QueryService, number: int, requester: Requester = NADIA) -> list[tuple[str, Any]]:
    path = f"/v1/buckets/atlas/snapshot/collections/stations@{NOW + number * 1_000}"
    return [(one["id"], one["n"]) for one in server.data(path, requester)]


def test_a_collection_can_be_read_as_it_was(server: QueryService) -> None:
    """SNAP-1, SNAP-2: changed and deleted records from history, later ones left out."""
    assert at(server, 1) == []
    assert at(server, 2) == [("one", 1)]
    assert at(server, 3) == [("two", 2), ("one", 1)]
    assert at(server, 4) == [("one", 3), ("two", 2)]
    assert at(server, 8) == [("12", 4), ("one", 3), ("two", 2)]
    assert at(server, 9) == [("12", 4), ("one", 3)]
    assert at(server, 10) == [("two", 5), ("12", 4), ("one", 3)]
    assert at(server, 10**18) == at(server, 10)


def test_a_snapshot_has_no_etag(server: QueryService) -> None:
    """SNAP-1."""
    response = server.get(f"/v1/buckets/atlas/snapshot/collections/stations@{NOW}")

    assert "ETag" not in response.headers


@pytest.mark.parametrize("number", [4, 10], ids=["past", "now"])
def test_a_snapshot_that_is_too_large_is_refused(server: QueryService, number: int) -> None:
    """SNAP-1 has no pages, and Postgres makes no text of more than a gigabyte: 413, not 503."""
    path = f"/v1/buckets/atlas/snapshot/collections/stations@{NOW + number * 1_000}"
    whole = server.get(path).body or b""
    size = len(orjson.dumps(orjson.loads(whole)["data"])) * 2

    assert server.snapshot(path, NADIA, bytes_max=size).body == whole
    assert told(server.snapshot(path, NADIA, bytes_max=60)) == (413, 113)
    assert told(server.snapshot(path, WIM, bytes_max=60)) == (403, 121)


@pytest.mark.parametrize("moment", ["abc", "-1", "1.5", "", '"1"'])
def test_a_snapshots_moment_is_a_whole_number(server: QueryService, moment: str) -> None:
    """SNAP-3."""
    response = server.get(f"/v1/buckets/atlas/snapshot/collections/stations@{moment}")

    assert faults(response) == [("path", "timestamp", f"Invalid timestamp '{moment}'")]


def test_a_snapshot_is_for_who_may_read_the_collection(server: QueryService) -> None:
    """SNAP-4, SNAP-5: 404 only where there is no such endpoint."""
    path = "/v1/buckets/atlas/snapshot/collections"
    assert told(server.get(f"{path}/stations@1", WIM)) == (403, 121)
    assert told(server.get(f"{path}/stations@1", ANONYMOUS)) == (401, 104)
    assert server.data(f"{path}/unknown@1") == []
    assert told(server.get(f"{path}/stations", NADIA)) == (404, 111)


def test_what_there_is_is_counted(server: QueryService) -> None:
    """CNT-1: without zeros, for anybody."""
    response = server.get("/v1/__counters__", ANONYMOUS)

    assert json_of(response) == {
        "objects": {"bucket": 1, "collection": 1, "record": 3, "history": 11},
        "tombstones": {},
    }


def test_a_deleted_collection_lives_on_in_snapshots(stack: Stack) -> None:
    """SNAP-2, HIS-5: one entry for the collection, none for its records; lives are told apart."""
    past = Past()
    past.happens(
        Asked(address=ATLAS).put({}),
        Asked(address=TRIPS).put({}),
        Asked(address=TRIP).put({"n": 1}),
        Asked(address=TRIPS).delete(),
        Asked(address=TRIPS).put({}),
        Asked(address=TRIP).put({"n": 2}),
    )
    with over(stack, past) as server:
        snapshots = [
            [
                one["n"]
                for one in server.data(
                    f"/v1/buckets/atlas/snapshot/collections/trips@{NOW + number * 1_000}"
                )
            ]
            for number in range(6)
        ]

        assert snapshots == [[], [], [1], [], [], [2]]
        assert len(uris_of(server)) == 6
