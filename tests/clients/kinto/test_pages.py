"""Sections 10.4 to 10.6: sorting, pages, choosing fields."""

import base64
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients.requester import Atlas, Requester, data, ids, refusal, without

PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "a": {"n": 2, "t": "x", "o": {"k": 1}},
    "b": {"n": 1, "t": "y", "o": {"k": 2}},
    "c": {"n": 2, "t": "y"},
    "d": {"t": "x", "ok": True},
    "e": {"n": 1, "t": "x", "ok": False},
}


@pytest.fixture
def people(atlas: Atlas) -> Atlas:
    """Records `a` to `e`, made in this order."""
    atlas.fill(PEOPLE)
    return atlas


def listed(atlas: Atlas, query: str) -> str:
    return "".join(ids(atlas.nadia("GET", f"{atlas.records}?{query}")))


def all_pages(atlas: Atlas, query: str) -> list[str]:
    """The ids of each page, by `Next-Page` to the last."""
    answer = atlas.nadia("GET", f"{atlas.records}?{query}")
    found = ["".join(ids(answer))]
    while "Next-Page" in answer.headers:
        answer = atlas.nadia("GET", answer.headers["Next-Page"])
        found.append("".join(ids(answer)))
    return found


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "edcba"),
        ("last_modified", "abcde"),
        ("-last_modified", "edcba"),
        ("n", "ebcad"),
        ("-n", "dcaeb"),
        ("t,-n", "daecb"),
        ("n,id", "beacd"),
        ("%2Bn, id", "beacd"),
        (" -n , id ", "dacbe"),
        ("o.k", "abedc"),
        ("ok", "edcba"),
        ("colour", "edcba"),
        ("n;drop,id", "abcde"),
        ("!,,id", "abcde"),
    ],
)
def test_sorting(people: Atlas, sort: str, order: str) -> None:
    """QS-1 to QS-4: newest first at the end; false before true; what is none is ignored."""
    assert listed(people, f"_sort={sort}") == order


def test_sorting_by_deletion(people: Atlas) -> None:
    """QS-5: tombstones first, as what lives lacks the field; by other fields they are last."""
    people.nadia("DELETE", f"{people.records}/c")

    assert listed(people, "_since=0&_sort=deleted")[0] == "c"
    assert listed(people, "_since=0&_sort=t")[-1] == "c"


@pytest.mark.parametrize(
    ("limit", "count"),
    [("2", 2), ('"2"', 2), ("2e0", 2), ("2.9", 2), ("0", 5), ("", 5), ("null", 5), ("9", 5)],
)
def test_limits(people: Atlas, limit: str, count: int) -> None:
    """QP-1."""
    assert len(listed(people, f"_limit={limit}")) == count


def test_the_next_page_is_an_absolute_url(people: Atlas) -> None:
    """QP-2, LIST-5, C-4: of the request, with the limit and a token."""
    query = "_sort=t&has_t=true&_fields=t&_limit=2"

    page = people.nadia("GET", f"{people.records}?{query}").headers["Next-Page"]

    parts = urlsplit(page)
    parameters = parse_qs(parts.query)
    assert f"{parts.scheme}://{parts.netloc}" == people.nadia.origin
    assert parts.path == people.records
    assert without(parameters, "_token") == parse_qs(query)
    assert parameters["_token"]


@pytest.mark.parametrize(("limit", "pages"), [(5, ["edcba"]), (4, ["edcb", "a"]), (9, ["edcba"])])
def test_there_is_a_next_page_if_there_is_more(people: Atlas, limit: int, pages: list[str]) -> None:
    """QP-2, QP-6: none when exactly as many match."""
    assert all_pages(people, f"_limit={limit}") == pages


@pytest.mark.parametrize("sort", ["", "n", "-n", "t,n", "-t,-n", "ok", "-ok", "o.k", "-o.k", "id"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_together_are_the_list(people: Atlas, sort: str, limit: int) -> None:
    """QP-5, QP-2: nothing is lost or repeated, also where sort values are equal or missing."""
    whole = listed(people, f"_sort={sort}")

    pages = all_pages(people, f"_sort={sort}&_limit={limit}")

    assert "".join(pages) == whole
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_tokens_may_be_used_again_and_with_another_limit(people: Atlas) -> None:
    """QP-3."""
    page = people.nadia("GET", f"{people.records}?_sort=id&_limit=1").headers["Next-Page"]

    first, again = people.nadia("GET", page), people.nadia("GET", page)
    longer = people.nadia("GET", page.replace("_limit=1", "_limit=3"))

    assert ids(first) == ids(again) == ["b"]
    assert ids(longer) == ["b", "c", "d"]


FOREIGN: Final = [
    "x",
    "%00",
    "null",
    "eyJ",
    base64.b64encode(b'{"last_object":{"last_modified":1},"offset":1,"nonce":"x"}').decode(),
    base64.b64encode(b"[]").decode(),
    base64.b64encode(b'{"last_object":{"n":{}}}').decode(),
    "A" * 5000,
]


@pytest.mark.parametrize("token", FOREIGN, ids=range(len(FOREIGN)))
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_foreign_tokens_are_refused(people: Atlas, method: str, token: str) -> None:
    """QP-3, ERR-27: 400 and never 500, and nothing is deleted."""
    answer = people.nadia(method, f"{people.records}?_limit=1&_token={token}")

    assert refusal(answer) == (400, 107)
    assert len(listed(people, "")) == 5


def test_pages_go_on_while_the_list_changes(people: Atlas) -> None:
    """QP-4: what changes moves to its new place; `If-Match` tells of it."""
    first = people.nadia("GET", f"{people.records}?_sort=id&_limit=2")
    page, etag = first.headers["Next-Page"], {"If-Match": first.headers["ETag"]}
    people.nadia("DELETE", f"{people.records}/c")
    people.record("bb")

    unaware = people.nadia("GET", page)
    aware = people.nadia("GET", page, headers=etag)

    assert ids(unaware) == ["bb", "d"]
    assert refusal(aware) == (412, 114)


def test_pages_of_the_default_bucket_show_its_real_id(new_user: Requester) -> None:
    """QP-7, DEF-5."""
    records = "/v1/buckets/default/collections/tides/records"
    for id_ in "ab":
        data(new_user("PUT", f"{records}/{id_}"))
    real_id = new_user("GET", "/v1/").json()["user"]["bucket"]

    first = new_user("GET", f"{records}?_sort=id&_limit=1")

    assert f"/v1/buckets/{real_id}/collections/tides/records?" in first.headers["Next-Page"]
    assert ids(new_user("GET", first.headers["Next-Page"])) == ["b"]


# --- Fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ("n", {"n": 1}),
        ("n,t", {"n": 1, "t": "x"}),
        ("o.k", {"o": {"k": 1}}),
        ("o.k,o.m", {"o": {"k": 1, "m": 2}}),
        ("o.m.x", {"o": {"m": 2}}),
        ("l.x", {"l": [1]}),
        ("none", {}),
        ("n, t", {"n": 1}),
        ("", {"n": 1, "t": "x", "o": {"k": 1, "m": 2, "z": 3}, "l": [1]}),
    ],
)
def test_chosen_fields(atlas: Atlas, chosen: str, shown: dict[str, Any]) -> None:
    """QF-1 to QF-4, C-19: of a list and of an object, always with id and time."""
    atlas.record("a", {"n": 1, "t": "x", "o": {"k": 1, "m": 2, "z": 3}, "l": [1]})

    [in_list] = data(atlas.nadia("GET", f"{atlas.records}?_fields={chosen}"))
    alone = atlas.nadia("GET", f"{atlas.records}/a?_fields={chosen}")

    assert in_list == data(alone)
    assert {"id", "last_modified"} <= set(in_list)
    assert without(in_list, "id", "last_modified") == shown
    assert ("permissions" in alone.json()) is (not chosen)


def test_tombstones_lose_what_is_not_chosen(people: Atlas) -> None:
    """QF-3: also that they are some."""
    people.nadia("DELETE", f"{people.records}/a")

    [plain] = data(people.nadia("GET", f"{people.records}?_since=0&id=a&_fields=n"))
    [told] = data(people.nadia("GET", f"{people.records}?_since=0&id=a&_fields=id,deleted"))

    assert set(plain) == {"id", "last_modified"}
    assert told["deleted"] is True
