"""Objects, rights and preconditions as the query service answers them from a real Postgres."""

from collections.abc import Mapping
from typing import Final

import pytest

from muniment.domain.addresses import Kind
from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.permissions import Granted
from muniment.domain.values import Principal
from tests.integration.query.stations import BUCKET, COLLECTION, RECORDS, SHARED, TIDES
from tests.support.deciding import NADIA, OMAR
from tests.support.querying import QueryService, json_of, told

PIA: Final = authenticated(Principal("account:pia"))


def test_an_object_is_shown_with_its_permissions(server: QueryService) -> None:
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


def test_readers_see_no_permissions(server: QueryService) -> None:
    """PERM-19."""
    for reader in (ANONYMOUS, PIA):
        assert json_of(server.get(f"{RECORDS}/s1", reader))["permissions"] == {}
    granted = Granted(by_kind={Kind.BUCKET: {"write": frozenset({Principal("account:omar")})}})
    assert json_of(server.get(BUCKET, OMAR, granted=granted))["permissions"] == {}


def test_fields_of_an_object_come_without_permissions(server: QueryService) -> None:
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
    server: QueryService, path: str, requester: Requester, answer: tuple[int, int]
) -> None:
    """2.3, PERM-2, PERM-21, BKT-5, REC-1, ID-3."""
    assert told(server.get(path, requester)) == answer


def test_the_query_of_a_shared_list_is_judged(server: QueryService) -> None:
    """2.3, PERM-6: one record is everybody's, so everybody may ask for the list."""
    assert told(server.get(f"{RECORDS}?_limit=x", ANONYMOUS)) == (400, 107)


def test_what_is_missing_is_named(server: QueryService) -> None:
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
    server: QueryService, headers: Mapping[str, str], status: int
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


def test_settings_grant_rights_on_a_kind(server: QueryService) -> None:
    """PERM-1, BKT-4."""
    omar = frozenset({Principal("account:omar")})
    granted = Granted(by_kind={Kind.BUCKET: {"read": omar}})
    on_records = Granted(by_kind={Kind.RECORD: {"read": omar}})

    assert server.ids("/v1/buckets", OMAR, granted=granted) == ["atlas"]
    assert server.get("/v1/buckets/nope", OMAR, granted=granted).status == 404
    assert server.ids(RECORDS, OMAR, granted=on_records) == ["s4", "s3", "s2", "s1"]
    assert server.get(f"{BUCKET}/collections", OMAR, granted=on_records).status == 200


def test_records_may_be_kept_as_their_collection_says(server: QueryService) -> None:
    """CACHE-2, CACHE-3, CACHE-5, D-18."""
    assert server.get(TIDES, ANONYMOUS).headers["Cache-Control"] == "max-age=60"
    assert server.get(TIDES).headers["Cache-Control"] == "private, max-age=60"
    assert server.get(TIDES).headers["Expires"] == "Thu, 01 Jan 1970 00:01:00 GMT"
    collection = server.get(f"{BUCKET}/collections/tides")
    assert collection.headers["Cache-Control"] == "no-cache, no-store"


def test_all_faults_of_a_request_are_told(server: QueryService) -> None:
    """2.3 step 7; row 64."""
    response = server.get(
        f"{RECORDS}?_limit=x&_since=x&_token=x&id=1&x=%00", headers={"If-Match": "x"}
    )

    assert told(response) == (400, 107)
    names = [one["name"] for one in json_of(response)["details"]]
    assert names == ["If-Match", None, "_limit", "_since", "id", "x"]
