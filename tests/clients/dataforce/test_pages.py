"""Listings: order, pages, search and filters, also while others write (section 5)."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.clients.dataforce.site import Client, Site, create, names

NAMES: Final = ("b", "C", "a", "B", "ä", "c", "A")
BY_CODE_POINTS: Final = ["A", "B", "C", "a", "b", "c", "ä"]


def pages(client: Client, orbit: str, **query: Any) -> list[list[str]]:
    """The names of each page, until there is no cursor."""
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client("GET", f"{orbit}/collections", query={**query, "cursor": cursor})
        assert page.status_code == 200
        found.append(names(page))
        cursor = page.json()["cursor"]
    return found


def flat(lists: Iterable[list[str]]) -> list[str]:
    """All of them as one."""
    return list(chain.from_iterable(lists))


@pytest.fixture(scope="module")
def filled(site: Site) -> str:
    """An orbit with seven collections."""
    orbit = site.new_orbit()
    for number, name in enumerate(NAMES):
        create(
            site.owner,
            orbit,
            name,
            description=f"{9 - number}",
            type="dataset" if number % 2 else "model",
            tags=["odd"] if number % 2 else ["Even", "50%"],
        )
    return orbit


def test_newest_first(site: Site, filled: str) -> None:
    """The default, in pages and in the array."""
    assert names(site.owner("GET", f"{filled}/collections")) == list(NAMES[::-1])
    assert pages(site.owner, filled, limit=3) == [
        ["A", "c", "ä"],
        ["B", "a", "C"],
        ["b"],
    ]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
@pytest.mark.parametrize(
    ("sort_by", "ascending"),
    [
        ("created_at", list(NAMES)),
        ("name", BY_CODE_POINTS),
        ("description", list(NAMES[::-1])),
        ("type", ["C", "B", "c", "b", "a", "ä", "A"]),
        ("collection_type", ["C", "B", "c", "b", "a", "ä", "A"]),
        ("total_models", list(NAMES)),
        ("total_artifacts", list(NAMES)),
    ],
)
def test_every_order_in_pages_of_every_size(
    site: Site, filled: str, sort_by: str, ascending: list[str], limit: int
) -> None:
    """The sort column, then the id, both in the same direction."""
    up = pages(site.owner, filled, sort_by=sort_by, order="asc", limit=limit)
    down = pages(site.owner, filled, sort_by=sort_by, order="desc", limit=limit)

    assert flat(up) == ascending
    assert flat(down) == ascending[::-1]
    assert all(len(page) == limit for page in up[:-1])


def test_a_last_page_that_is_full_has_no_cursor(site: Site, filled: str) -> None:
    """Null exactly when nothing follows."""
    page = site.owner("GET", f"{filled}/collections", query={"limit": 7}).json()

    assert (len(page["items"]), page["cursor"]) == (7, None)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("b", {"b", "B"}),
        ("Ä", {"ä"}),
        ("EVEN", {"b", "a", "ä", "A"}),
        ("0%", {"b", "a", "ä", "A"}),
        ("%", {"b", "a", "ä", "A"}),
        ("_", set[str]()),
        ("nothing", set[str]()),
    ],
)
def test_search_is_of_names_and_tags(site: Site, filled: str, search: str, found: set[str]) -> None:
    """Case makes no difference; `%` and `_` are ordinary characters."""
    page = site.owner("GET", f"{filled}/collections", query={"search": search})

    assert set(names(page)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"types": "dataset"}, {"C", "B", "c"}),
        ({"types": ["dataset", "model"]}, set(NAMES)),
        ({"types": "mixed"}, set[str]()),
        ({"tags": "odd"}, {"C", "B", "c"}),
        ({"tags": ["odd", "50%"]}, set(NAMES)),
        ({"tags": "even"}, set[str]()),
        ({"types": "model", "search": "b"}, {"b"}),
        ({"tags": "odd", "types": "model"}, set[str]()),
    ],
    ids=str,
)
def test_filters(site: Site, filled: str, query: Any, found: set[str]) -> None:
    """One of the kinds, at least one of the tags, exactly."""
    page = site.client("owner", prefix="/v1")("GET", f"{filled}/collections", query=query)

    assert set(names(page)) == found


@pytest.mark.parametrize(
    "cursor",
    ["nonsense", "W10", "WyJhIiwiYiIsImMiXQ", "bnVsbA", "é", "WzEsMiwzXQ", "a" * 3000],
)
def test_a_cursor_that_nobody_gave_out_begins_anew(site: Site, filled: str, cursor: str) -> None:
    """No error, for clients keep them."""
    query = {"cursor": cursor, "limit": 3}

    assert names(site.owner("GET", f"{filled}/collections", query=query)) == ["A", "c", "ä"]


def test_a_cursor_of_another_order_begins_anew(site: Site, filled: str) -> None:
    """It is for the order that it was made for."""
    listing = f"{filled}/collections"
    cursor = site.owner("GET", listing, query={"sort_by": "name", "limit": 3}).json()["cursor"]

    query = {"sort_by": "description", "limit": 3, "cursor": cursor}
    assert names(site.owner("GET", listing, query=query)) == ["b", "C", "a"]


def test_cursors_need_no_escaping(site: Site, orbit: str) -> None:
    """Clients may put them into a URL as they are."""
    for name in ("???>>>~~~", "ÿÿÿ"):
        create(site.owner, orbit, name)

    query = {"limit": 1, "sort_by": "name"}
    cursor = site.owner("GET", f"{orbit}/collections", query=query).json()["cursor"]
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_pages_under_change_neither_repeat_nor_skip(site: Site, orbit: str) -> None:
    """Also where the row that the cursor names is gone."""
    made = [create(site.owner, orbit, f"{number}") for number in range(6)]
    listing = f"{orbit}/collections"
    first = site.owner("GET", listing, query={"limit": 2}).json()
    assert [each["name"] for each in first["items"]] == ["5", "4"]

    create(site.owner, orbit, "new")
    site.owner("DELETE", f"{listing}/{made[4]['id']}")
    site.owner("DELETE", f"{listing}/{made[2]['id']}")
    rest = site.owner("GET", listing, query={"limit": 100, "cursor": first["cursor"]})

    assert names(rest) == ["3", "1", "0"]


def test_collections_made_at_once_are_all_there(site: Site, orbit: str) -> None:
    """Each has an id of its own, and every answered one is in the next listing."""
    clients = [site.client("owner") for _ in range(8)]

    def work(client: Client) -> list[str]:
        ids: list[str] = []
        for _ in range(5):
            ids.append(str(create(client, orbit, "same")["id"]))
            listed = client("GET", f"{orbit}/collections").json()
            assert ids[-1] in [each["id"] for each in listed]
        return ids

    with ThreadPoolExecutor(len(clients)) as threads:
        made = flat(threads.map(work, clients))

    assert len(set(made)) == 40
    seen = flat(pages(site.owner, orbit, limit=7))
    assert len(seen) == 40


def test_changes_of_different_fields_at_once_all_survive(site: Site, orbit: str) -> None:
    """A PATCH changes what it names, whoever else writes."""
    path = f"{orbit}/collections/{create(site.owner, orbit)['id']}"
    changes: list[Any] = [{"name": "n"}, {"description": "d"}, {"tags": ["t"]}]
    clients = [site.client("owner") for _ in changes]

    def change(number: int) -> int:
        return clients[number]("PATCH", path, changes[number]).status_code

    with ThreadPoolExecutor(len(changes)) as threads:
        statuses = list(threads.map(change, range(len(changes))))

    assert statuses == [200, 200, 200]
    found = site.owner("GET", path).json()
    assert {name: found[name] for name in ("name", "description", "tags")} == {
        "name": "n",
        "description": "d",
        "tags": ["t"],
    }


def test_of_deletions_at_once_one_deletes(site: Site, orbit: str) -> None:
    """The others find nothing."""
    path = f"{orbit}/collections/{create(site.owner, orbit)['id']}"
    clients = [site.client("owner") for _ in range(4)]

    def delete(client: Client) -> int:
        return client("DELETE", path).status_code

    with ThreadPoolExecutor(len(clients)) as threads:
        statuses = sorted(threads.map(delete, clients))

    assert statuses == [204, 404, 404, 404]


def test_a_listing_of_an_unknown_orbit(site: Site) -> None:
    """404, and not an empty page."""
    assert site.owner("GET", f"{site.orbits}/{uuid4()}/collections").status_code == 404
