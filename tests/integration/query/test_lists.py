"""Lists as the query service answers them from a read model in a real Postgres."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from muniment.domain.addresses import Kind
from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.permissions import Acls, Granted, Right, may
from muniment.domain.queries.selection import Limits
from muniment.domain.values import Principal
from muniment.query.lists import SQL
from muniment.readmodel.connection import open_connection
from tests.integration.query.stations import AT, BUCKET, RECORDS, TIDES
from tests.support.deciding import NADIA, OMAR
from tests.support.querying import ORIGIN, QueryService, json_of

PIA: Final = authenticated(Principal("account:pia"))


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
    server: QueryService, headers: Mapping[str, str], status: int, requester: Requester
) -> None:
    """Row L; PERM-9."""
    response = server.get(RECORDS, requester, headers=headers)

    assert response.status == status
    if status == 412:
        assert response.headers["ETag"] == f'"{AT}"'
        assert "details" not in json_of(response)


def test_a_list_is_newest_first_with_the_timeline_s_timestamp(server: QueryService) -> None:
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


def test_head_counts_live_matches(server: QueryService) -> None:
    """LIST-4, row 50."""
    response = server.get(f"{RECORDS}?_since=0&has_v=true&_limit=1", method="HEAD")

    assert response.status == 200
    assert response.headers["Total-Records"] == response.headers["Total-Objects"] == "3"
    assert "Next-Page" not in response.headers
    assert server.get(RECORDS, PIA, method="HEAD").headers["Total-Records"] == "1"


def test_tombstones_are_shown_since_a_moment(server: QueryService) -> None:
    """LIST-6, C-7, QF-3."""
    assert server.ids(f"{RECORDS}?_since=30") == ["s5", "s4"]
    assert server.ids(f'{RECORDS}?_since="{AT}"') == []
    assert json_of(server.get(f"{RECORDS}?_since=40&_fields=v"))["data"] == [
        {"id": "s5", "last_modified": AT}
    ]


def test_pages_are_followed_by_their_urls(server: QueryService) -> None:
    """QP-2, QP-6, LIST-5; rows 62 and 63."""
    first = server.get(f"{RECORDS}?_sort=v&_limit=3&_fields=v&like_id=s*")

    url = urlsplit(first.headers["Next-Page"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{ORIGIN}{RECORDS}"
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


def test_pages_of_shared_objects_are_whole(server: QueryService) -> None:
    """PERM-6."""
    omars = server.get(f"{RECORDS}?_limit=1", OMAR)

    url = urlsplit(omars.headers["Next-Page"])
    assert [one["id"] for one in json_of(omars)["data"]] == ["s3"]
    assert server.ids(f"{url.path}?{url.query}", OMAR) == ["s1"]


def test_shared_objects_are_seen_by_their_own_aces(server: QueryService) -> None:
    """PERM-6, PERM-9, PERM-10; row 23."""
    assert server.ids(RECORDS, ANONYMOUS) == ["s1"]
    assert server.ids(RECORDS, OMAR) == ["s3", "s1"]
    assert server.ids(f"{RECORDS}?v=null", PIA) == []
    assert server.ids(f"{RECORDS}?_since=0", OMAR) == ["s3", "s1"]
    assert server.get(RECORDS, PIA).headers["ETag"] == f'"{AT}"'
    assert server.ids(f"{BUCKET}/collections", PIA) == ["tides"]


def test_a_creator_without_shared_objects_gets_an_empty_list(server: QueryService) -> None:
    """PERM-6, PERM-8; row 78."""
    assert server.ids("/v1/buckets", OMAR) == []
    assert server.ids("/v1/buckets", NADIA) == ["atlas"]
    assert server.get("/v1/buckets", OMAR).headers["ETag"] == '"5"'


def test_a_timeline_never_written_has_a_timestamp(server: QueryService) -> None:
    """TS-4, row 3."""
    first, second = (server.get(TIDES) for _ in range(2))

    assert json_of(first) == {"data": []}
    assert first.headers["ETag"] == second.headers["ETag"]


def test_to_is_deprecated(server: QueryService) -> None:
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
def test_no_query_string_makes_the_service_fail(server: QueryService, query: str) -> None:
    """D-7: never 500 for client input."""
    assert server.get(f"{RECORDS}?{query}").status in (200, 400)


@pytest.mark.parametrize("kind", [Kind.GROUP, Kind.COLLECTION, Kind.RECORD])
@pytest.mark.parametrize("where", ["bucket", "collection"])
@pytest.mark.parametrize("name", ["read", "write", "record:create", "collection:create", "x"])
def test_sql_and_domain_agree_on_who_sees_a_whole_list(
    server: QueryService, kind: Kind, where: str, name: str
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


@pytest.mark.parametrize("query", ["", "_sort=uri", "_sort=id", "_sort=resource_name"])
def test_a_settings_holder_is_told_of_every_object_of_the_type(
    server: QueryService, query: str
) -> None:
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
        path = following and following.removeprefix(ORIGIN)

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


async def fetch(url: str, statement: str, *values: object) -> object:
    async with open_connection(url, application="test") as connection:
        return await connection.fetchval(statement, *values)
