"""Listings, counts and aggregates over plain HTTP (contract sections 6 and 7)."""

from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.clients.cocobase.project import Json, Project, detail_of

PEOPLE: Final[list[Json]] = [
    {"n": "ada", "age": 36, "city": "London", "tags": ["math"], "active": True, "score": 1.5},
    {"n": "bob", "age": 7, "city": "Paris", "tags": [], "active": False, "score": 2.25},
    {"n": "cyd", "age": 100, "city": "london", "active": True, "score": "9"},
    {"n": "dan", "age": None, "city": "Lyon", "user_id": 7, "score": -1},
    {"n": "eve", "city": "Oslo", "id": 5, "first_name": "Eve", "a.b": {"c": 1}},
]


@pytest.fixture(scope="module")
def people(project: Project) -> str:
    """The id of a collection with all of them, written one after another."""
    collection: str = project.collection()["id"]
    for one in PEOPLE:
        project.document(collection, one)
    return collection


def test_the_newest_come_first(project: Project, people: str) -> None:
    """Section 6."""
    names = [each["n"] for each in PEOPLE]

    assert [each["n"] for each in project.data(people)] == names[::-1]
    for query in ("order=asc", "sort_order=asc", "sort=created_at&order=asc", "?order=asc"):
        assert [each["n"] for each in project.data(people, query)] == names


def test_documents_of_one_batch_are_in_the_order_of_writing(project: Project) -> None:
    """Section 6: created in the same millisecond."""
    name = project.collection()["name"]
    documents = [{"n": n} for n in range(50)]
    project(
        "POST", f"/collections/{name}/batch/documents/create", {"documents": documents}
    ).raise_for_status()

    assert project.data(name) == documents[::-1]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sort=age&order=asc", "dan eve bob ada cyd"),
        ("sort=age", "cyd ada bob eve dan"),
        ("sort_by=city&sort_order=asc", "ada dan eve bob cyd"),
        ("sort=score&order=asc", "eve dan ada bob cyd"),
        ("sort=active&order=asc", "dan eve bob ada cyd"),
        ("sort=nothing", "eve dan cyd bob ada"),
        ("sort=id&order=desc&limit=1", "eve"),
    ],
)
def test_sorting_knows_numbers_and_texts(
    project: Project, people: str, query: str, names: str
) -> None:
    """Section 6: numbers as numbers, text by code points, missing fields lowest."""
    assert " ".join(each["n"] for each in project.data(people, query)) == names


def test_pages_are_slices(project: Project, people: str) -> None:
    names = [each["n"] for each in PEOPLE]

    assert [each["n"] for each in project.data(people, "order=asc&limit=2&offset=1")] == names[1:3]
    assert [each["n"] for each in project.data(people, "order=asc&offset=4")] == names[4:]
    assert project.data(people, "offset=5") == []
    assert project.data(people, "offset=9223372036854775807") == []


def test_a_page_has_a_hundred_documents_unless_told(project: Project) -> None:
    name = project.collection()["name"]
    body = {"documents": [{"n": n} for n in range(120)]}
    project("POST", f"/collections/{name}/batch/documents/create", body).raise_for_status()

    assert len(project.data(name)) == 100
    assert len(project.data(name, "limit=1000")) == 120


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=ten",
        "limit=",
        "limit=1.5",
        "offset=-1",
        "offset=x",
        "offset=9223372036854775808",
        "order=up",
        "order=DESC",
        "sort_order=down",
    ],
)
def test_a_page_out_of_range_is_unprocessable(project: Project, people: str, query: str) -> None:
    """Sections 2 and 6."""
    answer = project("GET", f"/collections/{people}/documents?{query}")

    assert answer.status_code == 422
    assert detail_of(answer)[0]["loc"][0] == "query"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("age=36", {"ada"}),
        ("age_gte=36", {"ada", "cyd"}),
        ("age__lt=36.5", {"ada", "bob"}),
        ("?age_gt=7&age_lt=100", {"ada"}),
        ("score_gt=1", {"ada", "bob", "cyd"}),
        ("city_contains=LON", {"ada", "cyd"}),
        ("city_startswith=L", {"ada", "cyd", "dan"}),
        ("city_endswith=o", {"eve"}),
        ("active=True", {"ada", "cyd"}),
        ("active_ne=true", {"bob"}),
        ("age_isnull=true", {"dan", "eve"}),
        ("age_isnull=True", {"dan", "eve"}),
        ("age_isnull=0", {"ada", "bob", "cyd"}),
        ("city_in=London, Oslo", {"ada", "eve"}),
        ("city_notin=London,Oslo", {"bob", "cyd", "dan"}),
        ("user_id=7", {"dan"}),
        ("first_name_contains=ev", {"eve"}),
        ("a.b_contains=c", {"eve"}),
        ("tags_contains=math", {"ada"}),
        ("[or]age=7&[or]city=Oslo", {"bob", "eve"}),
        ("[or:a]age=7&[or:a]age=36&[or:b]city=Paris", {"bob"}),
        ("city__or__n_startswith=l", {"ada", "cyd", "dan"}),
        ("n__and__city_contains=o", set[str]()),
        ("id=anything", {"ada", "bob", "cyd", "dan", "eve"}),
        ("nobody=1", set[str]()),
        ("age_gte=many", set[str]()),
        ("&&age=7&", {"bob"}),
    ],
)
def test_filters_find_what_they_say(
    project: Project, people: str, query: str, names: set[str]
) -> None:
    """Section 6; a count of the same is as many."""
    assert project.names(people, query) == names
    counted = project("GET", f"/collections/{people}/query/documents/count?{query}")
    assert (counted.status_code, counted.json()) == (200, {"count": len(names)})


def test_a_count_takes_no_notice_of_pages(project: Project, people: str) -> None:
    """Section 7."""
    path = f"/collections/{people}/query/documents/count?limit=1&offset=3&sort=age&order=asc"

    assert project("GET", path).json() == {"count": 5}


@pytest.mark.parametrize(
    ("asked", "query", "result"),
    [
        ("age sum", "", 143),
        ("age count", "", 3),
        ("age avg", "age_lt=50", 21.5),
        ("age min", "", 7),
        ("age max", "", 100),
        ("score sum", "", 2.75),
        ("score count", "", 4),
        ("score max", "", 2.25),
        ("id sum", "", 5),
        ("nobody sum", "", 0),
        ("nobody count", "", 0),
        ("nobody avg", "", None),
        ("nobody min", "", None),
        ("city max", "", None),
        ("age sum", "limit=1&&active=true&", 136),
    ],
)
def test_aggregates_are_of_the_numbers(
    project: Project, people: str, asked: str, query: str, result: Any
) -> None:
    """Section 7."""
    field, operation = asked.split()
    path = f"/collections/{people}/query/documents/aggregate"
    answer = project("GET", f"{path}?field={field}&operation={operation}&{query}")

    name = project("GET", f"/collections/{people}").json()["name"]
    assert answer.status_code == 200
    assert answer.json() == {
        "field": field,
        "operation": operation,
        "result": result,
        "collection": name,
    }


@pytest.mark.parametrize("query", ["", "operation=sum", "field=age", "field=age&operation=median"])
def test_an_aggregate_needs_field_and_operation(project: Project, people: str, query: str) -> None:
    answer = project("GET", f"/collections/{people}/query/documents/aggregate?{query}")

    assert answer.status_code == 422


@pytest.mark.parametrize("text", ["'); DROP TABLE record; --", "$1", "{x}", "%s"])
@pytest.mark.parametrize("key", ["n", "n_contains", "n_gt", "n_in", "sort", "'{0}"])
def test_whatever_is_asked_is_a_value(project: Project, people: str, key: str, text: str) -> None:
    """No text becomes SQL, and none is a fault of the server."""
    answer = project("GET", f"/collections/{people}/documents?{urlencode({key: text})}")

    assert answer.status_code == 200


@pytest.mark.parametrize("query", ["n=%00", "%00=n", "sort=%00", "n_in=a,%00", "n=%FF", "%FF=n"])
@pytest.mark.parametrize("path", ["documents", "query/documents/count"])
def test_a_query_that_is_no_text_is_refused(
    project: Project, people: str, path: str, query: str
) -> None:
    answer = project("GET", f"/collections/{people}/{path}?{query}")

    assert (answer.status_code, type(detail_of(answer))) == (400, str)
