"""Histories, snapshots and counters, as the query service answers them from a real Postgres."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import pytest
from multidict import CIMultiDict

from muniment.domain.addresses import bucket, collection, record
from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.events import entry_id
from muniment.domain.permissions import Granted
from muniment.domain.queries.selection import Limits
from muniment.domain.values import Principal
from muniment.query.history import SETS_MAX
from muniment.query.reads import Reads
from muniment.query.snapshots import Snapshots
from muniment.query.store import open_store
from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import migrate
from muniment.readmodel.projection.recording import Recording
from muniment.web.cache import CachePolicy
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target
from tests.support.deciding import NADIA, NOW, OMAR, Asked
from tests.support.past import Past
from tests.support.stack import Stack, new_database

PIA: Final = authenticated(Principal("account:pia"))
WIM: Final = authenticated(Principal("account:wim"))

ATLAS: Final = bucket("atlas")
STATIONS: Final = collection("atlas", "stations")
ONE: Final = record("atlas", "stations", "one")
TWO: Final = record("atlas", "stations", "two")
NUMBER: Final = record("atlas", "stations", "12")
TRIPS: Final = collection("atlas", "trips")
TRIP: Final = record("atlas", "trips", "first")

HISTORY: Final = "/v1/buckets/atlas/history"
ROUTES: Final = Routes(Features(groups=True, history=True, counters=True))


class Server:
    """The query service without its connections, over one past."""

    def __init__(
        self, url: str, past: Past, recording: Recording | None = None, *, at_once: int = 3
    ) -> None:
        self.past = past
        self._runner = asyncio.Runner()
        self._runner.run(fill(url, past, recording, at_once))
        self._opened = open_store(url, pool_size=4, statement_timeout_s=5)
        self._store = self._runner.run(self._opened.__aenter__())
        self._runner.run(self._until_up())

    def close(self) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    async def _until_up(self) -> None:
        async with asyncio.timeout(30):
            while not await self._store.is_up():  # noqa: ASYNC110 - Postgres sets no event
                await asyncio.sleep(0.01)

    def get(
        self,
        path: str,
        requester: Requester = NADIA,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        request = routed(path, requester, method=method, headers=headers)
        reads = Reads(
            self._store,
            granted=Granted(),
            accounts=None,
            has_webhooks=True,
            cache=CachePolicy(),
            errors=Errors(),
            limits=Limits(),
        )
        return self._runner.run(reads.handle(request))

    def snapshot(self, path: str, requester: Requester, *, bytes_max: int) -> Response:
        """Of a server that tells no more than so many bytes of records."""
        snapshots = Snapshots(self._store, errors=Errors(), bytes_max=bytes_max)
        return self._runner.run(snapshots.handle(routed(path, requester)))

    def data(self, path: str, requester: Requester = NADIA) -> list[dict[str, Any]]:
        response = self.get(path, requester)
        assert response.status == 200, response.body
        data: list[dict[str, Any]] = orjson.loads(response.body or b"")["data"]
        return data

    def uris(self, path: str = HISTORY, requester: Requester = NADIA) -> list[tuple[str, str]]:
        """What was done to what, the last of it first."""
        return [(entry["action"], entry["uri"]) for entry in self.data(path, requester)]


def routed(
    path: str,
    requester: Requester,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request as the pipeline hands it on."""
    url = urlsplit(path)
    target = ROUTES.match(url.path)
    assert isinstance(target, Target), path
    return Request(
        method=method,
        raw_path=url.path,
        raw_query=url.query,
        headers=CIMultiDict(headers or {}),
        base_url="https://data.example.org",
        id="r1",
        target=target,
        requester=requester,
    )


async def fill(url: str, past: Past, recording: Recording | None, at_once: int) -> None:
    async with open_connection(url, application="test") as connection:
        await migrate(connection)
        await past.project(connection, recording=recording, at_once=at_once)


def told(response: Response) -> tuple[int, int]:
    return response.status, orjson.loads(response.body or b"")["errno"]


def faults(response: Response) -> list[tuple[str, str | None, str]]:
    assert response.status == 400, response.body
    details = orjson.loads(response.body or b"")["details"]
    return [(each["location"], each["name"], each["description"]) for each in details]


def a_past() -> Past:
    """Nadia's atlas; omar may read one record, pia the stations until they change their minds."""
    past = Past()
    past.happens(
        Asked(address=ATLAS).put({}, {"read": ["account:early"]}),
        Asked(address=STATIONS).put(
            {}, {"read": ["account:pia"], "record:create": ["account:omar"]}
        ),
        Asked(address=ONE).put({"n": 1, "name": "Bay"}, {"read": ["account:wim"]}),
        Asked(address=TWO).put({"n": 2}),
        Asked(address=ONE).patch({"n": 3}),
        Asked(address=STATIONS).patch(None, {"read": []}),
        Asked(address=ATLAS).patch(None, {"read": []}),
        Asked(address=ONE).patch(None, {"read": []}),
        Asked(address=NUMBER).put({"n": 4}),
        Asked(address=TWO).delete(),
    )
    past.happens(Asked(address=TWO).put({"n": 5}))
    return past


@pytest.fixture(scope="module")
def server(stack: Stack) -> Generator[Server]:
    with new_database(stack) as url:
        made = Server(url, a_past())
        yield made
        made.close()


def test_every_change_is_an_entry_newest_first(server: Server) -> None:
    """HIS-1, HIS-9, HIS-13: also a change of ACEs alone."""
    assert server.uris() == [
        ("create", TWO.uri),
        ("delete", TWO.uri),
        ("create", NUMBER.uri),
        ("update", ONE.uri),
        ("update", ATLAS.uri),
        ("update", STATIONS.uri),
        ("update", ONE.uri),
        ("create", TWO.uri),
        ("create", ONE.uri),
        ("create", STATIONS.uri),
        ("create", ATLAS.uri),
    ]


def test_an_entry_has_the_fields_that_clients_know(server: Server) -> None:
    """HIS-2, HIS-3, HIS-4."""
    *_, created, of_collection, of_bucket = server.data(HISTORY)
    event = server.past.events[2]

    assert created == {
        "id": entry_id(event.id),
        "last_modified": created["last_modified"],
        "date": "2025-12-29T09:21:42.000000+00:00",
        "action": "create",
        "resource_name": "record",
        "uri": ONE.uri,
        "collection_id": "stations",
        "record_id": "one",
        "user_id": "account:nadia",
        "target": {
            "data": {"id": "one", "last_modified": NOW + 2_000, "n": 1, "name": "Bay"},
            "permissions": {"read": ["account:wim"], "write": ["account:nadia"]},
        },
    }
    assert {"collection_id", "bucket_id"} & of_collection.keys() == {"collection_id"}
    assert {"collection_id", "bucket_id"} & of_bucket.keys() == {"bucket_id"}


def test_a_deletion_shows_the_tombstone(server: Server) -> None:
    """HIS-3."""
    [entry] = server.data(f"{HISTORY}?action=delete")

    assert entry["target"]["data"].keys() == {"id", "last_modified", "deleted"}
    assert entry["target"]["permissions"] == {}


def test_headers_are_those_of_the_historys_timeline(server: Server) -> None:
    """HIS-4, HIS-10, LIST-2, LIST-3, LIST-4: with totals, which the reference leaves out."""
    newest = server.data(HISTORY)[0]["last_modified"]

    response = server.get(HISTORY, method="HEAD")

    assert response.body is None
    assert response.headers["ETag"] == f'"{newest}"'
    assert response.headers["Cache-Control"] == "no-cache, no-store"
    assert response.headers["Total-Objects"] == response.headers["Total-Records"] == "11"
    assert server.get(HISTORY, headers={"If-None-Match": f'"{newest}"'}).status == 304
    assert told(server.get(HISTORY, headers={"If-Match": '"1"'})) == (412, 114)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("resource_name=record&action=create", 4),
        ("resource_name=collection", 2),
        (f"uri={ONE.uri}", 3),
        (f"uri={STATIONS.uri}", 2),
        (f"in_uri={ONE.uri},{TWO.uri}", 6),
        (f"not_uri={ONE.uri}", 8),
        ("like_uri=*stations*", 9),
        ("bucket_id=atlas", 2),
        ("collection_id=stations", 9),
        ("record_id=one", 3),
        ("record_id=stations", 0),
        ("has_record_id=false", 4),
        ("user_id=account:nadia", 11),
        ("user_id=account:omar", 0),
        ("target.data.n=3", 2),
        ("target.data.name=Bay", 3),
        (f"min_target.data.last_modified={NOW + 9_000}", 2),
        ("has_target.data.deleted=true", 1),
        ("contains_target.permissions.write=account:nadia", 10),
        ("action=update&_since=0", 4),
        ("deleted=true&_since=0", 0),
        ("gt_date=2025-12-29T09:21:50", 1),
    ],
)
def test_entries_are_filtered_by_their_fields(server: Server, query: str, count: int) -> None:
    """HIS-9."""
    assert len(server.data(f"{HISTORY}?{query}")) == count
    head = server.get(f"{HISTORY}?{query}", method="HEAD")
    assert head.headers["Total-Objects"] == str(count)


@pytest.mark.parametrize("query", ["record_id=12", 'record_id="12"', "in_record_id=12,13"])
def test_ids_that_look_like_numbers_are_texts(server: Server, query: str) -> None:
    """HIS-9."""
    assert server.uris(f"{HISTORY}?{query}") == [("create", NUMBER.uri)]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("colour=1", ("querystring", "colour", "Unknown filter field 'colour'")),
        ("min_age=1", ("querystring", "min_age", "Unknown filter field 'age'")),
        ("_sort=colour", ("querystring", None, "Unknown sort field 'colour'")),
        ("_fields=uri,colour", ("body", "Invalid _fields parameter", "Fields colour do not exist")),
        ("_since=x", ("querystring", "_since", "Invalid value for _since")),
        ("_token=x", ("querystring", None, "_token has invalid content")),
    ],
)
def test_other_fields_are_refused(
    server: Server, query: str, fault: tuple[str, str | None, str]
) -> None:
    """ERR-28, ERR-29, ERR-30, QV-7."""
    assert faults(server.get(f"{HISTORY}?{query}")) == [fault]


def test_a_stranger_is_told_of_rights_before_faults(server: Server) -> None:
    """Section 2.3, steps 5 and 7."""
    stranger = authenticated(Principal("account:stranger"))
    assert told(server.get(f"{HISTORY}?colour=1", stranger)) == (403, 121)


def test_fields_are_picked(server: Server) -> None:
    """HIS-9, QF-1; row 79 of the conformance table."""
    path = f"{HISTORY}?resource_name=record&action=delete&_fields=uri,target.data.id"

    [entry] = server.data(path)

    assert entry.keys() == {"id", "last_modified", "uri", "target"}
    assert entry["target"] == {"data": {"id": "two"}}


@pytest.mark.parametrize("sort", ["", "&_sort=uri", "&_sort=-target.data.n,action"])
def test_pages_hold_all_entries_once(server: Server, sort: str) -> None:
    """HIS-9, QP-2, QP-5."""
    whole = [entry["id"] for entry in server.data(f"{HISTORY}?{sort[1:]}")]

    path: str | None = f"{HISTORY}?_limit=4{sort}"
    paged: list[str] = []
    while path is not None:
        response = server.get(path)
        paged += [entry["id"] for entry in orjson.loads(response.body or b"")["data"]]
        following = response.headers.get("Next-Page")
        path = following and following.removeprefix("https://data.example.org")

    assert paged == whole


@pytest.mark.parametrize(
    ("requester", "expected"),
    [
        (
            authenticated(Principal("account:early")),
            [ONE, STATIONS, ONE, TWO, ONE, STATIONS, ATLAS],
        ),
        (PIA, [ONE, TWO, ONE, STATIONS]),
        (WIM, [ONE, ONE]),
        (OMAR, [STATIONS, STATIONS]),
    ],
    ids=["bucket", "collection", "record", "creator"],
)
def test_others_see_what_they_could_read_then(
    server: Server, requester: Requester, expected: Sequence[Any]
) -> None:
    """HIS-8: by the ACEs of the object, its collection or bucket, whatever became of them since."""
    uris = [uri for _, uri in server.uris(HISTORY, requester)]

    if requester.user_id == "account:early":
        expected = expected[1:]  # The record's last change came after the bucket's ACEs.
    assert uris == [address.uri for address in expected]


def test_who_sees_nothing_is_refused(server: Server) -> None:
    """HIS-8, BKT-5."""
    stranger = authenticated(Principal("account:stranger"))
    assert told(server.get(HISTORY, stranger)) == (403, 121)
    assert told(server.get(HISTORY, ANONYMOUS)) == (401, 104)
    assert told(server.get("/v1/buckets/none/history", NADIA)) == (403, 121)
    assert server.uris(f"{HISTORY}?action=delete", WIM) == []


def test_who_sees_many_entries_sees_the_right_ones(stack: Stack) -> None:
    """HIS-8: with more sets of ACEs than are gone through one by one, in pages and counted."""
    past = Past()
    past.happens(
        Asked(address=ATLAS).put({}),
        Asked(address=TRIPS).put({}),
        Asked(address=TRIP).put({}, {"read": ["account:omar"]}),
        Asked(address=STATIONS).put({}, {"read": ["account:pia"]}),
    )
    many = [record("atlas", "stations", f"r{number}") for number in range(SETS_MAX + 1)]
    for number, address in enumerate(many):
        readers = ["account:wim", f"account:{number}"]
        past.happens(Asked(address=address).put({"n": number}, {"read": readers}))
    past.happens(Asked(address=STATIONS).patch(None, {"read": []}))
    past.happens(Asked(address=many[0]).patch({"n": 0}, {"read": ["account:omar"]}))
    uris = [address.uri for address in reversed(many)]
    with new_database(stack) as url:
        server = Server(url, past, at_once=200)

        of_wim = [uri for _, uri in server.uris(HISTORY, WIM)]
        of_pia = [uri for _, uri in server.uris(HISTORY, PIA)]
        page = server.uris(f"{HISTORY}?_limit=2&_sort=target.data.n&resource_name=record", WIM)
        counted = server.get(HISTORY, PIA, method="HEAD").headers["Total-Objects"]
        one = [uri for _, uri in server.uris(HISTORY, authenticated(Principal("account:7")))]

        assert of_wim == uris
        assert of_pia == [*uris, STATIONS.uri]
        assert [uri for _, uri in page] == [many[0].uri, many[1].uri]
        assert counted == str(len(many) + 1)
        assert one == [many[7].uri]
        assert [uri for _, uri in server.uris(HISTORY, OMAR)] == [many[0].uri, TRIP.uri]
        server.close()


def test_entries_outlive_the_collection_they_are_of(stack: Stack) -> None:
    """HIS-5, HIS-8: for who could read a record, or the collection while it was."""
    past = Past()
    past.happens(
        Asked(address=ATLAS).put({}),
        Asked(address=STATIONS).put({}, {"read": ["account:pia"]}),
        Asked(address=ONE).put({}, {"read": ["account:wim"]}),
        Asked(address=STATIONS).delete(),
        Asked(address=STATIONS).put({}),
        Asked(address=TWO).put({}),
    )
    with new_database(stack) as url:
        server = Server(url, past)

        assert [uri for _, uri in server.uris(HISTORY, WIM)] == [ONE.uri]
        assert [uri for _, uri in server.uris(HISTORY, PIA)] == [ONE.uri, STATIONS.uri]
        server.close()


def at(server: Server, number: int, requester: Requester = NADIA) -> list[tuple[str, Any]]:
    path = f"/v1/buckets/atlas/snapshot/collections/stations@{NOW + number * 1_000}"
    return [(one["id"], one["n"]) for one in server.data(path, requester)]


def test_a_collection_can_be_read_as_it_was(server: Server) -> None:
    """SNAP-1, SNAP-2: changed and deleted records from history, later ones left out."""
    assert at(server, 1) == []
    assert at(server, 2) == [("one", 1)]
    assert at(server, 3) == [("two", 2), ("one", 1)]
    assert at(server, 4) == [("one", 3), ("two", 2)]
    assert at(server, 8) == [("12", 4), ("one", 3), ("two", 2)]
    assert at(server, 9) == [("12", 4), ("one", 3)]
    assert at(server, 10) == [("two", 5), ("12", 4), ("one", 3)]
    assert at(server, 10**18) == at(server, 10)


def test_a_snapshot_has_no_etag(server: Server) -> None:
    """SNAP-1."""
    response = server.get(f"/v1/buckets/atlas/snapshot/collections/stations@{NOW}")

    assert "ETag" not in response.headers


@pytest.mark.parametrize("number", [4, 10], ids=["past", "now"])
def test_a_snapshot_that_is_too_large_is_refused(server: Server, number: int) -> None:
    """SNAP-1 has no pages, and Postgres makes no text of more than a gigabyte: 413, not 503."""
    path = f"/v1/buckets/atlas/snapshot/collections/stations@{NOW + number * 1_000}"
    whole = server.get(path).body or b""
    size = len(orjson.dumps(orjson.loads(whole)["data"])) * 2

    assert server.snapshot(path, NADIA, bytes_max=size).body == whole
    assert told(server.snapshot(path, NADIA, bytes_max=60)) == (413, 113)
    assert told(server.snapshot(path, WIM, bytes_max=60)) == (403, 121)


@pytest.mark.parametrize("moment", ["abc", "-1", "1.5", "", '"1"'])
def test_a_snapshots_moment_is_a_whole_number(server: Server, moment: str) -> None:
    """SNAP-3."""
    response = server.get(f"/v1/buckets/atlas/snapshot/collections/stations@{moment}")

    assert faults(response) == [("path", "timestamp", f"Invalid timestamp '{moment}'")]


def test_a_snapshot_is_for_who_may_read_the_collection(server: Server) -> None:
    """SNAP-4, SNAP-5: 404 only where there is no such endpoint."""
    path = "/v1/buckets/atlas/snapshot/collections"
    assert told(server.get(f"{path}/stations@1", WIM)) == (403, 121)
    assert told(server.get(f"{path}/stations@1", ANONYMOUS)) == (401, 104)
    assert server.data(f"{path}/unknown@1") == []
    assert told(server.get(f"{path}/stations", NADIA)) == (404, 111)


def test_what_there_is_is_counted(server: Server) -> None:
    """CNT-1: without zeros, for anybody."""
    response = server.get("/v1/__counters__", ANONYMOUS)

    assert orjson.loads(response.body or b"") == {
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
    with new_database(stack) as url:
        server = Server(url, past)

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
        assert len(server.uris()) == 6
        server.close()


def test_what_is_excluded_makes_no_entry(stack: Stack) -> None:
    """HIS-12: nor does what is below it; the history's clock goes on all the same."""
    past = a_past()
    past.happens(
        Asked(address=TRIPS).put({}), Asked(address=TRIP, by=NADIA).put({"n": 1}),
        Asked(address=STATIONS, by=NADIA).patch({"x": 1}, {"write": ["account:omar"]}),
        Asked(address=ONE, by=OMAR).patch({"n": 9}),
    )  # fmt: skip
    recording = Recording(
        excluded_uris=frozenset({TRIPS.uri, NUMBER.uri}),
        excluded_user_ids=frozenset({"account:omar"}),
    )
    with new_database(stack) as url:
        server = Server(url, past, recording)

        uris = [uri for _, uri in server.uris()]

        assert not {TRIPS.uri, TRIP.uri, NUMBER.uri} & set(uris)
        assert uris.count(ONE.uri) == 3
        server.close()


def test_removed_entries_are_tombstones(stack: Stack) -> None:
    """HIS-11, LIST-6, DELL-3, DELL-5: seen by who sees all, and only with a filter on time."""
    past = a_past()
    first, second = past.world.events[2], past.world.events[3]
    trimmed = past.trims(first, second)
    with new_database(stack) as url:
        server = Server(url, past)

        assert len(server.uris()) == 9
        tombstones = server.data(f"{HISTORY}?_since=0&deleted=true")
        assert tombstones == [
            {"id": entry_id(second.id), "last_modified": trimmed.stream_at, "deleted": True},
            {"id": entry_id(first.id), "last_modified": trimmed.stream_at - 1, "deleted": True},
        ]
        assert server.get(HISTORY).headers["ETag"] == f'"{trimmed.stream_at}"'
        assert server.get(f"{HISTORY}?_since=0", method="HEAD").headers["Total-Objects"] == "9"
        assert ("create", ONE.uri) not in server.uris(HISTORY, PIA)
        server.close()
