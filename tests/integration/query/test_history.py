"""Histories, as the query service answers them from a real Postgres."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from muniment.domain.addresses import record
from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.events import entry_id
from muniment.domain.values import Principal
from muniment.query.history import SETS_MAX
from muniment.readmodel.projection.recording import Recording
from tests.integration.query.pasts import (
    ATLAS,
    HISTORY,
    NUMBER,
    ONE,
    PIA,
    STATIONS,
    TRIP,
    TRIPS,
    TWO,
    WIM,
    a_past,
    faults,
    over,
    uris_of,
)
from tests.support.deciding import NADIA, NOW, OMAR, Asked
from tests.support.past import Past
from tests.support.querying import QueryService, json_of, told
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def past() -> Past:
    return a_past()


@pytest.fixture(scope="module")
def server(stack: Stack, past: Past) -> Generator[QueryService]:
    with over(stack, past) as service:
        yield service


def test_every_change_is_an_entry_newest_first(server: QueryService) -> None:
    """HIS-1, HIS-9, HIS-13: also a change of ACEs alone."""
    assert uris_of(server) == [
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


def test_an_entry_has_the_fields_that_clients_know(server: QueryService, past: Past) -> None:
    """HIS-2, HIS-3, HIS-4."""
    *_, created, of_collection, of_bucket = server.data(HISTORY)
    event = past.events[2]

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


def test_a_deletion_shows_the_tombstone(server: QueryService) -> None:
    """HIS-3."""
    [entry] = server.data(f"{HISTORY}?action=delete")

    assert entry["target"]["data"].keys() == {"id", "last_modified", "deleted"}
    assert entry["target"]["permissions"] == {}


def test_headers_are_those_of_the_historys_timeline(server: QueryService) -> None:
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
def test_entries_are_filtered_by_their_fields(server: QueryService, query: str, count: int) -> None:
    """HIS-9."""
    assert len(server.data(f"{HISTORY}?{query}")) == count
    head = server.get(f"{HISTORY}?{query}", method="HEAD")
    assert head.headers["Total-Objects"] == str(count)


@pytest.mark.parametrize("query", ["record_id=12", 'record_id="12"', "in_record_id=12,13"])
def test_ids_that_look_like_numbers_are_texts(server: QueryService, query: str) -> None:
    """HIS-9."""
    assert uris_of(server, f"{HISTORY}?{query}") == [("create", NUMBER.uri)]


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
    server: QueryService, query: str, fault: tuple[str, str | None, str]
) -> None:
    """ERR-28, ERR-29, ERR-30, QV-7."""
    assert faults(server.get(f"{HISTORY}?{query}")) == [fault]


def test_a_stranger_is_told_of_rights_before_faults(server: QueryService) -> None:
    """Section 2.3, steps 5 and 7."""
    stranger = authenticated(Principal("account:stranger"))
    assert told(server.get(f"{HISTORY}?colour=1", stranger)) == (403, 121)


def test_fields_are_picked(server: QueryService) -> None:
    """HIS-9, QF-1; row 79 of the conformance table."""
    path = f"{HISTORY}?resource_name=record&action=delete&_fields=uri,target.data.id"

    [entry] = server.data(path)

    assert entry.keys() == {"id", "last_modified", "uri", "target"}
    assert entry["target"] == {"data": {"id": "two"}}


@pytest.mark.parametrize("sort", ["", "&_sort=uri", "&_sort=-target.data.n,action"])
def test_pages_hold_all_entries_once(server: QueryService, sort: str) -> None:
    """HIS-9, QP-2, QP-5."""
    whole = [entry["id"] for entry in server.data(f"{HISTORY}?{sort[1:]}")]

    path: str | None = f"{HISTORY}?_limit=4{sort}"
    paged: list[str] = []
    while path is not None:
        response = server.get(path)
        paged += [entry["id"] for entry in json_of(response)["data"]]
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
    server: QueryService, requester: Requester, expected: Sequence[Any]
) -> None:
    """HIS-8: by the ACEs of the object, its collection or bucket, whatever became of them since."""
    uris = [uri for _, uri in uris_of(server, HISTORY, requester)]

    if requester.user_id == "account:early":
        expected = expected[1:]  # The record's last change came after the bucket's ACEs.
    assert uris == [address.uri for address in expected]


def test_who_sees_nothing_is_refused(server: QueryService) -> None:
    """HIS-8, BKT-5."""
    stranger = authenticated(Principal("account:stranger"))
    assert told(server.get(HISTORY, stranger)) == (403, 121)
    assert told(server.get(HISTORY, ANONYMOUS)) == (401, 104)
    assert told(server.get("/v1/buckets/none/history", NADIA)) == (403, 121)
    assert uris_of(server, f"{HISTORY}?action=delete", WIM) == []


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
    with over(stack, past, at_once=200) as server:
        of_wim = [uri for _, uri in uris_of(server, HISTORY, WIM)]
        of_pia = [uri for _, uri in uris_of(server, HISTORY, PIA)]
        page = uris_of(server, f"{HISTORY}?_limit=2&_sort=target.data.n&resource_name=record", WIM)
        counted = server.get(HISTORY, PIA, method="HEAD").headers["Total-Objects"]
        one = [uri for _, uri in uris_of(server, HISTORY, authenticated(Principal("account:7")))]

        assert of_wim == uris
        assert of_pia == [*uris, STATIONS.uri]
        assert [uri for _, uri in page] == [many[0].uri, many[1].uri]
        assert counted == str(len(many) + 1)
        assert one == [many[7].uri]
        assert [uri for _, uri in uris_of(server, HISTORY, OMAR)] == [many[0].uri, TRIP.uri]


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
    with over(stack, past) as server:
        assert [uri for _, uri in uris_of(server, HISTORY, WIM)] == [ONE.uri]
        assert [uri for _, uri in uris_of(server, HISTORY, PIA)] == [ONE.uri, STATIONS.uri]


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
    with over(stack, past, recording) as server:
        uris = [uri for _, uri in uris_of(server)]

        assert not {TRIPS.uri, TRIP.uri, NUMBER.uri} & set(uris)
        assert uris.count(ONE.uri) == 3


def test_removed_entries_are_tombstones(stack: Stack) -> None:
    """HIS-11, LIST-6, DELL-3, DELL-5: seen by who sees all, and only with a filter on time."""
    past = a_past()
    first, second = past.world.events[2], past.world.events[3]
    trimmed = past.trims(first, second)
    with over(stack, past) as server:
        assert len(uris_of(server)) == 9
        tombstones = server.data(f"{HISTORY}?_since=0&deleted=true")
        assert tombstones == [
            {"id": entry_id(second.id), "last_modified": trimmed.stream_at, "deleted": True},
            {"id": entry_id(first.id), "last_modified": trimmed.stream_at - 1, "deleted": True},
        ]
        assert server.get(HISTORY).headers["ETag"] == f'"{trimmed.stream_at}"'
        assert server.get(f"{HISTORY}?_since=0", method="HEAD").headers["Total-Objects"] == "9"
        assert ("create", ONE.uri) not in uris_of(server, HISTORY, PIA)
