"""Objects and lists as the query service answers them from a read model in a real Postgres."""

import asyncio
import uuid
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import orjson
import pytest
from multidict import CIMultiDict

from muniment.domain.addresses import Kind
from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.permissions import Acls, Granted, Right, may
from muniment.domain.queries.selection import Limits
from muniment.domain.values import JsonObject, Principal
from muniment.query.lists import SQL
from muniment.query.reads import Reads
from muniment.query.store import Store, open_store
from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import migrate
from muniment.web.cache import CachePolicy
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target
from tests.support.aces import note_aces
from tests.support.stack import Stack, new_database

NADIA: Final = authenticated(Principal("account:nadia"))
OMAR: Final = authenticated(Principal("account:omar"))
PIA: Final = authenticated(Principal("account:pia"))

BUCKET: Final = "/v1/buckets/atlas"
COLLECTION: Final = f"{BUCKET}/collections/stations"
RECORDS: Final = f"{COLLECTION}/records"
TIDES: Final = f"{BUCKET}/collections/tides/records"

ROUTES: Final = Routes(Features(groups=True, permissions=True))
ERRORS: Final = Errors()

BY_NADIA: Final = {"write": ["account:nadia"]}
SHARED: Final = {"write": ["account:nadia"], "read": ["account:pia", "system.Everyone"]}
ROOT: Final = uuid.UUID(int=0)
ATLAS: Final = uuid.UUID(int=1)
STATIONS: Final = uuid.UUID(int=2)
TIDES_UID: Final = uuid.UUID(int=3)

AT: Final = 1_767_000_000_000
"""The list timestamp of the stations' records; that of the last one, which is gone."""


class Server:
    """The query service without its connections."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self._runner.run(fill(url))
        self._opened = open_store(url, pool_size=4, statement_timeout_s=5)
        self.store = self._runner.run(self._opened.__aenter__())
        self._runner.run(until_up(self.store))

    def close(self) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def get(
        self,
        path: str,
        requester: Requester = NADIA,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        granted: Granted | None = None,
        cache: CachePolicy | None = None,
        limits: Limits | None = None,
    ) -> Response:
        url = urlsplit(path)
        target = ROUTES.match(url.path)
        assert isinstance(target, Target), path
        request = Request(
            method=method,
            raw_path=url.path,
            raw_query=url.query,
            headers=CIMultiDict(headers or {}),
            base_url="https://data.example.org",
            id="r1",
            target=target,
            requester=requester,
        )
        reads = Reads(
            self.store,
            granted=granted or Granted(),
            accounts=None,
            has_webhooks=True,
            cache=cache or CachePolicy(now_s=lambda: 0),
            errors=ERRORS,
            limits=limits or Limits(),
        )
        response = self._runner.run(reads.handle(request))
        assert isinstance(response, Response)
        return response

    def ids(self, path: str, requester: Requester = NADIA, **options: Any) -> list[str]:
        response = self.get(path, requester, **options)
        assert response.status == 200, response.body
        return [one["id"] for one in json_of(response)["data"]]


@pytest.fixture(scope="module")
def server(stack: Stack) -> Generator[Server]:
    with new_database(stack) as url:
        server = Server(url)
        yield server
        server.close()


async def until_up(store: Store) -> None:
    async with asyncio.timeout(30):
        while not await store.is_up():  # noqa: ASYNC110 - Postgres sets no event
            await asyncio.sleep(0.01)


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


def json_of(response: Response) -> Any:
    return orjson.loads(response.body or b"null")


def told(response: Response) -> tuple[int, int]:
    """Status and errno."""
    return response.status, json_of(response)["errno"]


def test_an_object_is_shown_with_its_permissions(server: Server) -> None:
    """8.4, 9.3, CACHE-1, PERM-19, PERM-20."""
    response = server.get(f"{RECORDS}/s1")

    assert response.status == 200
    assert json_of(response) == {
        "data": {"id": "s1", "last_modified": 10, "v": 1, "deep": {"a": 1, "b": 2}},
        "permissions": SHARED,
    }
    assert response.headers == {
        "ETag": '"10"',
        "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT",
        "Cache-Control": "no-cache, no-store",
    }


def test_readers_see_no_permissions(server: Server) -> None:
    """PERM-19."""
    for reader in (ANONYMOUS, PIA):
        assert json_of(server.get(f"{RECORDS}/s1", reader))["permissions"] == {}
    granted = Granted(by_kind={Kind.BUCKET: {"write": frozenset({Principal("account:omar")})}})
    assert json_of(server.get(BUCKET, OMAR, granted=granted))["permissions"] == {}


def test_fields_of_an_object_come_without_permissions(server: Server) -> None:
    """QF-1, QF-4."""
    response = server.get(f"{RECORDS}/s1?_fields=deep.a,nope&_limit=x")

    assert json_of(response) == {"data": {"id": "s1", "last_modified": 10, "deep": {"a": 1}}}


@pytest.mark.parametrize(
    ("path", "requester", "answer"),
    [
        (f"{RECORDS}/s2", ANONYMOUS, (401, 104)),
        (f"{RECORDS}/s2", OMAR, (403, 121)),
        (f"{RECORDS}/zz", ANONYMOUS, (401, 104)),
        (f"{RECORDS}/zz", OMAR, (403, 121)),
        (f"{RECORDS}/zz", NADIA, (404, 110)),
        (f"{RECORDS}/s5", NADIA, (404, 110)),
        (f"{RECORDS}/z!", NADIA, (400, 107)),
        (f"{RECORDS}/z!", OMAR, (403, 121)),
        (f"{BUCKET}/collections/none", NADIA, (404, 110)),
        (f"{BUCKET}/collections/none", OMAR, (403, 121)),
        (f"{BUCKET}/collections/none/records/s1", NADIA, (404, 111)),
        (f"{BUCKET}/collections/none/records/s1", OMAR, (403, 121)),
        (f"{BUCKET}/collections/none/records", NADIA, (404, 111)),
        (f"{BUCKET}/collections/none/records", OMAR, (403, 121)),
        (f"{BUCKET}/collections/none/records?_limit=x", NADIA, (404, 111)),
        (f"{BUCKET}/groups/none", NADIA, (404, 110)),
        (COLLECTION, PIA, (403, 121)),
        (f"{BUCKET}/groups", OMAR, (403, 121)),
        ("/v1/buckets/nope", NADIA, (403, 121)),
        ("/v1/buckets/nope/collections", NADIA, (403, 121)),
        ("/v1/buckets/nope/collections/x/records", ANONYMOUS, (401, 104)),
        ("/v1/buckets", ANONYMOUS, (401, 104)),
        (f"{BUCKET}/groups?_limit=x", OMAR, (403, 121)),
        (f"{TIDES}?_limit=x", NADIA, (400, 107)),
    ],
)
def test_who_may_not_know_is_told_first(
    server: Server, path: str, requester: Requester, answer: tuple[int, int]
) -> None:
    """2.3, PERM-2, PERM-21, BKT-5, REC-1, ID-3."""
    assert told(server.get(path, requester)) == answer


def test_the_query_of_a_shared_list_is_judged(server: Server) -> None:
    """2.3, PERM-6: one record is everybody's, so everybody may ask for the list."""
    assert told(server.get(f"{RECORDS}?_limit=x", ANONYMOUS)) == (400, 107)


def test_what_is_missing_is_named(server: Server) -> None:
    """Table 5.2, rows 15 and 16."""
    missing = json_of(server.get(f"{BUCKET}/collections/none"))
    parent_missing = json_of(server.get(f"{BUCKET}/collections/none/records"))

    details = {"id": "none", "resource_name": "collection"}
    assert missing["details"] == parent_missing["details"] == details


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"10"'}, 304),
        ({"If-None-Match": '"11"'}, 200),
        ({"If-None-Match": "*"}, 412),
        ({"If-Match": '"10"'}, 200),
        ({"If-Match": '"11"'}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-Match": "10"}, 400),
    ],
)
def test_preconditions_of_an_object(
    server: Server, headers: Mapping[str, str], status: int
) -> None:
    """Row G; PRE-1, PRE-3, ERR-22."""
    response = server.get(f"{RECORDS}/s1", headers=headers)

    assert response.status == status
    if status == 304:
        assert response.body is None
        assert set(response.headers) == {"ETag", "Last-Modified"}
    if status == 412:
        assert response.headers["ETag"] == '"10"'
        assert json_of(response)["details"]["existing"]["id"] == "s1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": f'"{AT}"'}, 304),
        ({"If-None-Match": '"10"'}, 200),
        ({"If-None-Match": "*"}, 412),
        ({"If-Match": f'"{AT}"'}, 200),
        ({"If-Match": '"10"'}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-None-Match": 'W/"1"'}, 400),
    ],
)
@pytest.mark.parametrize("requester", [NADIA, PIA], ids=["full", "shared"])
def test_preconditions_of_a_list(
    server: Server, headers: Mapping[str, str], status: int, requester: Requester
) -> None:
    """Row L; PERM-9."""
    response = server.get(RECORDS, requester, headers=headers)

    assert response.status == status
    if status == 412:
        assert response.headers["ETag"] == f'"{AT}"'
        assert "details" not in json_of(response)


def test_a_list_is_newest_first_with_the_timeline_s_timestamp(server: Server) -> None:
    """LIST-1, LIST-2, LIST-3, PERM-20."""
    response = server.get(RECORDS)

    assert json_of(response)["data"] == [
        {"id": "s4", "last_modified": 40},
        {"id": "s3", "last_modified": 30, "v": None},
        {"id": "s2", "last_modified": 20, "v": "1"},
        {"id": "s1", "last_modified": 10, "v": 1, "deep": {"a": 1, "b": 2}},
    ]
    assert response.headers == {
        "ETag": f'"{AT}"',
        "Last-Modified": "Mon, 29 Dec 2025 09:20:00 GMT",
        "Cache-Control": "no-cache, no-store",
    }


def test_head_counts_live_matches(server: Server) -> None:
    """LIST-4, row 50."""
    response = server.get(f"{RECORDS}?_since=0&has_v=true&_limit=1", method="HEAD")

    assert response.status == 200
    assert response.headers["Total-Records"] == response.headers["Total-Objects"] == "3"
    assert "Next-Page" not in response.headers
    assert server.get(RECORDS, PIA, method="HEAD").headers["Total-Records"] == "1"


def test_tombstones_are_shown_since_a_moment(server: Server) -> None:
    """LIST-6, C-7, QF-3."""
    assert server.ids(f"{RECORDS}?_since=30") == ["s5", "s4"]
    assert server.ids(f'{RECORDS}?_since="{AT}"') == []
    assert json_of(server.get(f"{RECORDS}?_since=40&_fields=v"))["data"] == [
        {"id": "s5", "last_modified": AT}
    ]


def test_pages_are_followed_by_their_urls(server: Server) -> None:
    """QP-2, QP-6, LIST-5; rows 62 and 63."""
    first = server.get(f"{RECORDS}?_sort=v&_limit=3&_fields=v&like_id=s*")

    url = urlsplit(first.headers["Next-Page"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"https://data.example.org{RECORDS}"
    given = dict(parse_qsl(url.query))
    assert given.pop("_token")
    assert given == {"_sort": "v", "_limit": "3", "_fields": "v", "like_id": "s*"}
    assert [one["id"] for one in json_of(first)["data"]] == ["s3", "s2", "s1"]
    second = server.get(f"{url.path}?{url.query}")
    assert json_of(second)["data"] == [{"id": "s4", "last_modified": 40}]
    assert "Next-Page" not in second.headers
    assert "Next-Page" not in server.get(f"{RECORDS}?_limit=4").headers
    assert "_limit=2" in server.get(RECORDS, limits=Limits(page_max=2)).headers["Next-Page"]
    assert "_limit=3" in server.get(RECORDS, limits=Limits(fetch_max=3)).headers["Next-Page"]


def test_pages_of_shared_objects_are_whole(server: Server) -> None:
    """PERM-6."""
    omars = server.get(f"{RECORDS}?_limit=1", OMAR)

    url = urlsplit(omars.headers["Next-Page"])
    assert [one["id"] for one in json_of(omars)["data"]] == ["s3"]
    assert server.ids(f"{url.path}?{url.query}", OMAR) == ["s1"]


def test_shared_objects_are_seen_by_their_own_aces(server: Server) -> None:
    """PERM-6, PERM-9, PERM-10; row 23."""
    assert server.ids(RECORDS, ANONYMOUS) == ["s1"]
    assert server.ids(RECORDS, OMAR) == ["s3", "s1"]
    assert server.ids(f"{RECORDS}?v=null", PIA) == []
    assert server.ids(f"{RECORDS}?_since=0", OMAR) == ["s3", "s1"]
    assert server.get(RECORDS, PIA).headers["ETag"] == f'"{AT}"'
    assert server.ids(f"{BUCKET}/collections", PIA) == ["tides"]


def test_a_creator_without_shared_objects_gets_an_empty_list(server: Server) -> None:
    """PERM-6, PERM-8; row 78."""
    assert server.ids("/v1/buckets", OMAR) == []
    assert server.ids("/v1/buckets", NADIA) == ["atlas"]
    assert server.get("/v1/buckets", OMAR).headers["ETag"] == '"5"'


def test_settings_grant_rights_on_a_kind(server: Server) -> None:
    """PERM-1, BKT-4."""
    omar = frozenset({Principal("account:omar")})
    granted = Granted(by_kind={Kind.BUCKET: {"read": omar}})
    on_records = Granted(by_kind={Kind.RECORD: {"read": omar}})

    assert server.ids("/v1/buckets", OMAR, granted=granted) == ["atlas"]
    assert server.get("/v1/buckets/nope", OMAR, granted=granted).status == 404
    assert server.ids(RECORDS, OMAR, granted=on_records) == ["s4", "s3", "s2", "s1"]
    assert server.get(f"{BUCKET}/collections", OMAR, granted=on_records).status == 200


def test_a_timeline_never_written_has_a_timestamp(server: Server) -> None:
    """TS-4, row 3."""
    first, second = (server.get(TIDES) for _ in range(2))

    assert json_of(first) == {"data": []}
    assert first.headers["ETag"] == second.headers["ETag"]


def test_records_may_be_kept_as_their_collection_says(server: Server) -> None:
    """CACHE-2, CACHE-3, CACHE-5, D-18."""
    assert server.get(TIDES, ANONYMOUS).headers["Cache-Control"] == "max-age=60"
    assert server.get(TIDES).headers["Cache-Control"] == "private, max-age=60"
    assert server.get(TIDES).headers["Expires"] == "Thu, 01 Jan 1970 00:01:00 GMT"
    collection = server.get(f"{BUCKET}/collections/tides")
    assert collection.headers["Cache-Control"] == "no-cache, no-store"


def test_all_faults_of_a_request_are_told(server: Server) -> None:
    """2.3 step 7; row 64."""
    response = server.get(
        f"{RECORDS}?_limit=x&_since=x&_token=x&id=1&x=%00", headers={"If-Match": "x"}
    )

    assert told(response) == (400, 107)
    names = [one["name"] for one in json_of(response)["details"]]
    assert names == ["If-Match", None, "_limit", "_since", "id", "x"]


def test_to_is_deprecated(server: Server) -> None:
    """SIG-5."""
    response = server.get(f"{RECORDS}?_to=20")

    assert [one["id"] for one in json_of(response)["data"]] == ["s1"]
    assert orjson.loads(response.headers["Alert"])["code"] == "soft-eol"


@pytest.mark.parametrize(
    "query",
    [
        "x=1e400",
        "x=" + "9" * 3000,
        "gt_x=1e-400",
        "x=" + "%5B" * 900 + "%5D" * 900,
        "in_x=" + ",".join(["1"] * 2000),
        "like_x=" + "%25_%5C" * 300,
        "_token=" + "A" * 3000,
        "_sort=" + "a." * 1000,
        "&".join(f"x{i}=1" for i in range(500)),
        "contains_x=%7B%7D",
        "last_modified=99999999999999999999",
        "_limit=1e308",
        "_limit=-1e308",
    ],
)
def test_no_query_string_makes_the_service_fail(server: Server, query: str) -> None:
    """D-7: never 500 for client input."""
    assert server.get(f"{RECORDS}?{query}").status in (200, 400)


@pytest.mark.parametrize("kind", [Kind.GROUP, Kind.COLLECTION, Kind.RECORD])
@pytest.mark.parametrize("where", ["bucket", "collection"])
@pytest.mark.parametrize("name", ["read", "write", "record:create", "collection:create", "x"])
def test_sql_and_domain_agree_on_who_sees_a_whole_list(
    server: Server, kind: Kind, where: str, name: str
) -> None:
    """Table 7.2: the statement's guard is the domain's rule."""
    principal = Principal("account:omar")
    aces = {name: frozenset({principal})}
    acls = Acls(bucket=aces) if where == "bucket" else Acls(collection=aces)
    guard = SQL.sees_all_in_collection if kind is Kind.RECORD else SQL.sees_all_in_bucket
    statement = guard.format(is_granted="FALSE", principals="$3::text[]")

    in_sql = server.run(
        fetch(
            server.url,
            f"SELECT coalesce({statement}, FALSE)"  # noqa: S608 - bound
            " FROM (VALUES ($1::jsonb)) AS b (permissions),"
            " (VALUES ($2::jsonb)) AS c (permissions)",
            orjson.dumps({name: ["account:omar"]} if where == "bucket" else {}),
            orjson.dumps({name: ["account:omar"]} if where == "collection" else {}),
            ["account:omar"],
        )
    )

    assert in_sql is may(frozenset({principal}), Right.LIST, kind, acls, Granted(by_kind={}))


async def fetch(url: str, statement: str, *values: object) -> object:
    async with open_connection(url, application="test") as connection:
        return await connection.fetchval(statement, *values)


async def test_a_store_without_a_database_is_unavailable_and_comes_up_later(
    stack: Stack,
) -> None:
    """Starts when Postgres is not up yet; 503, never 500."""
    async with open_store(
        "postgresql://nobody@127.0.0.1:1/none", pool_size=2, statement_timeout_s=1
    ) as store:
        await asyncio.sleep(0.2)
        assert not await store.is_up()
        with pytest.raises(Unavailable):
            await store.read_list("SELECT 1", ())


async def test_a_statement_that_lasts_too_long_is_unavailable(database: str) -> None:
    """Deadlines end in 503."""
    async with open_store(database, pool_size=2, statement_timeout_s=0.2) as store:
        await until_up(store)
        with pytest.raises(Unavailable):
            await store.read_object("SELECT pg_sleep(5)", ())
        with pytest.raises(Unavailable):
            await store.read_object("SELECT * FROM record", ())
        assert await store.is_up()


async def test_a_lost_connection_is_replaced(database: str) -> None:
    """A restart of Postgres costs a 503 or two."""
    async with open_store(database, pool_size=2, statement_timeout_s=5) as store:
        await until_up(store)
        other = await asyncpg.connect(database)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
        await other.close()
        await until_up(store)


@pytest.mark.parametrize("query", ["", "_sort=uri", "_sort=id", "_sort=resource_name"])
def test_a_settings_holder_is_told_of_every_object_of_the_type(server: Server, query: str) -> None:
    """PRM-4: buckets, collections and groups, each once; of records those that name them alone."""
    pia = frozenset({Principal("account:pia")})
    granted = Granted(
        by_kind={
            Kind.BUCKET: {"read": pia, "create": pia},
            Kind.COLLECTION: {"write": pia},
            Kind.GROUP: {"read": pia},
            Kind.RECORD: {"read": pia},
        }
    )

    pages: list[dict[str, Any]] = []
    path: str | None = f"/v1/permissions?_limit=2&{query}"
    while path is not None:
        response = server.get(path, PIA, granted=granted)
        pages += json_of(response)["data"]
        following = response.headers.get("Next-Page")
        path = following and following.removeprefix("https://data.example.org")

    told = {entry["uri"]: set(entry["permissions"]) for entry in pages}
    assert len(pages) == len(told)
    assert told == {
        "/": {"bucket:create"},
        "/buckets/atlas": {"read", "read:attributes"},
        "/buckets/atlas/collections/stations": {
            "write",
            "read",
            "read:attributes",
            "record:create",
        },
        "/buckets/atlas/collections/tides": {"write", "read", "read:attributes", "record:create"},
        "/buckets/atlas/collections/stations/records/s1": {"read"},
    }
    head = server.get("/v1/permissions", PIA, granted=granted, method="HEAD")
    assert head.headers["Total-Objects"] == "5"
