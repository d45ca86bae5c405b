"""Statements 1 to 7 of the user's page (contract, section 27), by PyPI `kinto-http`: lists."""

from http import HTTPStatus
from typing import Any

import kinto_http
import pytest

from tests.clients.kinto.stock import endpoint, headers, plain, stranger, user_id
from tests.clients.requester import EVERYONE
from tests.support.stack import new_name


def test_collection_belongs_to_a_bucket_and_stores_records(client: Any) -> None:
    """Statement 1, Sections 1.2 and 12.1: id, last_modified and any other field."""
    data = {"status": "open", "displayFields": ["title"], "sort": "-title"}
    client.update_collection(data=data)
    record = client.create_record(data={"title": "Bay"})["data"]

    collection = client.get_collection()["data"]

    assert collection == {
        "id": "stations",
        "last_modified": collection["last_modified"],
        **data,
    }
    assert isinstance(collection["last_modified"], int)
    assert client.get_records() == [record]


def test_permissions_are_those_of_the_collection(client: Any) -> None:
    """Statement 2, Section 7: whoever is let reads, and only reads."""
    client.patch_collection(permissions=EVERYONE)
    client.create_record(id="a", data={"n": 1})
    nobody = stranger(client, auth=None)

    assert client.get_collection()["permissions"] == {**EVERYONE, "write": [user_id(client)]}
    assert [record["id"] for record in nobody.get_records()] == ["a"]
    with pytest.raises(kinto_http.KintoException) as refused:
        nobody.create_record(data={"n": 2})
    assert refused.value.response.status_code == HTTPStatus.UNAUTHORIZED


def test_bucket_of_ones_own(client: Any) -> None:
    """Statement 3, DEF-3, DEF-4, DEF-7: made when it is looked at; others reach its real id."""
    own = {"bucket": "default", "collection": f"c{new_name()}"}
    real_id = client.server_info()["user"]["bucket"]

    assert client.get_records(**own) == []
    record = client.create_record(data={"n": 1}, **own)["data"]

    assert client.get_bucket(id="default")["data"]["id"] == real_id
    assert client.get_bucket(id="default")["permissions"] == {"write": [user_id(client)]}
    with pytest.raises(kinto_http.KintoException) as refused:
        stranger(client).get_records(bucket=real_id, collection=own["collection"])
    assert refused.value.response.status_code == HTTPStatus.FORBIDDEN
    client.patch_collection(id=own["collection"], bucket="default", permissions=EVERYONE)
    shared = stranger(client).get_records(bucket=real_id, collection=own["collection"])
    assert shared == [record]


def test_list_of_collections(client: Any) -> None:
    """Statement 4, LIST-1 to LIST-3, CORS-3, PERM-6: newest first, with what clients read."""
    client.create_collection(id="tides")

    found = client.get_collections()
    answer = headers(client, "get", "collections")

    assert [collection["id"] for collection in found] == ["tides", "stations"]
    assert answer["ETag"] == f'"{found[0]["last_modified"]}"'
    assert answer["Last-Modified"]
    assert answer["Cache-Control"] == "no-cache, no-store"
    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert exposed >= {"ETag", "Last-Modified", "Next-Page", "Retry-After", "Backoff", "Alert"}


def test_strangers_list_no_collections(client: Any) -> None:
    """Statement 4, PERM-6: authentication alone lets nobody see another's."""
    with pytest.raises(kinto_http.KintoException) as refused:
        stranger(client).get_collections()

    assert refused.value.response.status_code == HTTPStatus.FORBIDDEN


@pytest.fixture
def depths(client: Any) -> Any:
    """A client of a collection with records `a` to `e`, of depths 1 to 5."""
    for depth, id_ in enumerate("abcde", start=1):
        client.create_record(id=id_, data={"depth": depth, "name": f"Station {id_}"})
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"_sort": "depth"}, "a b c d e", id="sort"),
        pytest.param({"_sort": "-depth"}, "e d c b a", id="sort-descending"),
        pytest.param({}, "e d c b a", id="newest-first"),
        pytest.param({"depth": 3}, "c", id="equal"),
        pytest.param({"min_depth": 3, "_sort": "depth"}, "c d e", id="min"),
        pytest.param({"lt_depth": 3, "_sort": "depth"}, "a b", id="lt"),
        pytest.param({"not_depth": 3, "_sort": "depth"}, "a b d e", id="not"),
        pytest.param({"in_id": ["a", "e"], "_sort": "id"}, "a e", id="in"),
        pytest.param({"in_id": "a"}, "a", id="in-one-with-trailing-comma"),
        pytest.param({"exclude_id": ["a", "e"], "_sort": "id"}, "b c d", id="exclude"),
        pytest.param({"like_name": "station b"}, "b", id="like"),
        pytest.param({"has_depth": False}, "", id="has-not"),
        pytest.param({"min_depth": 2, "max_depth": 4, "_sort": "-depth"}, "d c b", id="combined"),
    ],
)
def test_filters_and_sorts(depths: Any, query: dict[str, Any], found: str) -> None:
    """Statement 5, Section 10, C-17: filters as the client writes them, joined by AND."""
    assert [record["id"] for record in depths.get_records(**query)] == found.split()


def test_since_and_before(depths: Any) -> None:
    """Statement 5, QO-8, LIST-6, C-3: what changed since, tombstones too; and what was before."""
    since = depths.get_record(id="c")["data"]["last_modified"]
    tombstone = depths.delete_record(id="a")

    changed = depths.get_records(_since=f'"{since}"')

    assert changed[0] == tombstone
    assert [record["id"] for record in changed] == ["a", "e", "d"]
    assert [record["id"] for record in depths.get_records(_before=str(since))] == ["b"]


def test_nothing_is_newer_than_the_list(depths: Any) -> None:
    """Statement 5, C-2, C-6: the list's timestamp moves only with what `_since` shows."""
    timestamp = depths.get_records_timestamp()

    assert depths.get_records(_since=timestamp) == []
    assert headers(depths, "head", "records")["ETag"] == f'"{timestamp}"'


def test_pages(depths: Any) -> None:
    """Statement 5, QP-1, QP-2, C-4: by `Next-Page`, which carries token and limit."""
    pages = plain(depths).get_paginated_records(_sort="depth", _limit=2)

    assert [[record["id"] for record in page["data"]] for page in pages] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]


def test_all_pages_at_once(depths: Any) -> None:
    """Statement 5, QP-4: sorted, filtered and in pages, nothing is lost or repeated."""
    found = depths.get_records(_sort="-depth", min_depth=2, _limit=2, pages=float("inf"))

    assert [record["id"] for record in found] == ["e", "d", "c", "b"]


def test_chosen_fields(depths: Any) -> None:
    """Statement 5, QF-1, C-19: those asked for, with id and last_modified."""
    [record] = depths.get_records(id="a", _fields="depth")

    assert record == {"id": "a", "last_modified": record["last_modified"], "depth": 1}


def test_not_modified_list(depths: Any) -> None:
    """Statement 5, Section 9.4 row L, C-14: 304 without a body."""
    timestamp = depths.get_records_timestamp()

    assert depths.get_records(if_none_match=timestamp) == []


def test_list_that_must_be_as_it_was(depths: Any) -> None:
    """Statement 5, Section 9.4: it is read with its ETag, and no more when it has changed."""
    etag = f'"{depths.get_records_timestamp()}"'
    read = {"headers": {"If-Match": etag}, "params": {"_limit": 1}}
    path = endpoint(depths, "records")

    unchanged, _ = depths.session.request("get", path, **read)
    depths.delete_record(id="a")
    with pytest.raises(kinto_http.KintoException) as refused:
        depths.session.request("get", path, **read)

    assert [record["id"] for record in unchanged["data"]] == ["e"]
    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED


def test_all_of_the_query_together(depths: Any) -> None:
    """Statement 5: filter, time, order, page and fields in one request, and in its next page."""
    since = depths.get_record(id="a")["data"]["last_modified"]
    query = {"_since": f'"{since}"', "lt_depth": 5, "_sort": "-depth", "_fields": "depth"}

    pages = [*plain(depths).get_paginated_records(**query, _limit=2)]

    assert [[record["id"] for record in page["data"]] for page in pages] == [["d", "c"], ["b"]]
    assert set(pages[1]["data"][0]) == {"id", "last_modified", "depth"}


def test_head_counts(depths: Any) -> None:
    """Statement 6, LIST-4, C-5: all that match, without regard to the page, without tombstones."""
    depths.delete_record(id="a")

    answer = headers(depths, "head", "records", params={"_limit": 1})

    assert answer["Total-Records"] == answer["Total-Objects"] == "4"


def test_delete_of_all_collections(client: Any) -> None:
    """Statement 7, DELL-1, DELL-7: a tombstone for each, and their records with them."""
    client.create_record(data={"n": 1})
    client.create_collection(id="tides")

    tombstones = client.delete_collections()

    assert {each["id"] for each in tombstones} == {"stations", "tides"}
    assert all(each["deleted"] is True for each in tombstones)
    assert client.get_collections() == []
    with pytest.raises(kinto_http.KintoException) as refused:
        client.get_records()
    assert refused.value.response.status_code == HTTPStatus.NOT_FOUND


def test_delete_of_those_one_may_write(client: Any) -> None:
    """Statement 7, PERM-7: of the collections each that is writable, and no other."""
    omar = stranger(client)
    client.create_collection(id="tides", permissions={"write": [user_id(omar)]})

    tombstones = omar.delete_collections()

    assert [each["id"] for each in tombstones] == ["tides"]
    assert [each["id"] for each in client.get_collections()] == ["stations"]


def test_delete_page_by_page(depths: Any) -> None:
    """Statement 7, DELL-4: pages of a deletion by its `Next-Page`."""
    path = endpoint(depths, "records")
    first, answer = depths.session.request("delete", path, params={"_limit": 3, "_sort": "id"})
    second, last = depths.session.request("delete", answer["Next-Page"])

    assert sorted(each["id"] for each in first["data"]) == ["a", "b", "c"]
    assert sorted(each["id"] for each in second["data"]) == ["d", "e"]
    assert "Next-Page" not in last
    assert depths.get_records() == []


def test_delete_of_those_that_match(depths: Any) -> None:
    """Statement 7, DELL-2, DELL-3: filters count, and each tombstone has a timestamp of its own."""
    path = endpoint(depths, "records")

    body, answer = depths.session.request("delete", path, params={"lt_depth": 3})

    assert sorted(each["id"] for each in body["data"]) == ["a", "b"]
    assert len({each["last_modified"] for each in body["data"]}) == 2
    greatest = max(each["last_modified"] for each in body["data"])
    assert answer["ETag"] == f'"{greatest}"'


def test_delete_of_a_list_that_changed(depths: Any) -> None:
    """Statement 7, Section 9.4 row B: 412, and everything is still there."""
    with pytest.raises(kinto_http.KintoException) as refused:
        depths.delete_records(if_match=1)

    assert refused.value.response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert len(depths.get_records()) == 5
