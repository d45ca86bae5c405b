"""Rows 52 to 64 of the conformance table (contract, section 26): the query language."""

from typing import Any

import pytest

from tests.clients.requester import Atlas, data, ids, refusal, without

SPECIMENS: dict[str, dict[str, Any]] = {
    "s1": {"v": 1, "t": "Apple", "l": ["x", "y"]},
    "s2": {"v": "1", "t": "fig", "l": "x"},
    "s3": {"v": None},
    "s4": {},
}


@pytest.fixture
def specimens(atlas: Atlas) -> Atlas:
    """Row 52: records of all kinds of values."""
    atlas.fill(SPECIMENS)
    return atlas


def test_row_52_values_of_all_types(specimens: Atlas) -> None:
    """Row 52: kept as they were given."""
    found = data(specimens.nadia("GET", f"{specimens.records}?_sort=id"))

    assert [without(each, "id", "last_modified") for each in found] == [*SPECIMENS.values()]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("v=1", "s1", id="row_53_number"),
        pytest.param('v="1"', "s2", id="row_53_string"),
        pytest.param("v=null", "s3", id="row_53_null"),
        pytest.param("gt_v=0", "s1 s4", id="row_54_greater_or_missing"),
        pytest.param("lt_v=5", "s1 s2 s3", id="row_55_smaller"),
        pytest.param("not_v=1", "s2 s3 s4", id="row_56_not"),
        pytest.param("has_v=true", "s1 s2 s3", id="row_57_has"),
        pytest.param("has_v=false", "s4", id="row_57_has_not"),
        pytest.param("in_v=1,null", "s1 s3", id="row_58_in"),
        pytest.param("exclude_v=1,null", "s2 s4", id="row_58_exclude"),
        pytest.param("like_t=app", "s1", id="row_59_contains"),
        pytest.param("like_t=*e", "s1", id="row_59_ends"),
        pytest.param("like_t=APP*", "s1", id="row_59_begins"),
        pytest.param('contains_l=["x","y"]', "s1", id="row_60_contains_all"),
        pytest.param('contains_any_l=["x","z"]', "s1", id="row_60_contains_any"),
    ],
)
def test_rows_53_to_60_filters(specimens: Atlas, query: str, found: str) -> None:
    """Rows 53 to 60: types matter, and missing is greatest."""
    assert sorted(ids(specimens.nadia("GET", f"{specimens.records}?{query}"))) == found.split()


def test_row_61_sorted_by_values_of_all_types(specimens: Atlas) -> None:
    """Row 61: null, strings, numbers, missing."""
    assert ids(specimens.nadia("GET", f"{specimens.records}?_sort=v")) == ["s3", "s2", "s1", "s4"]


def test_row_62_pages_of_sorted_values(specimens: Atlas) -> None:
    """Row 62: the second page begins where the first ended, and is the last."""
    first = specimens.nadia("GET", f"{specimens.records}?_sort=v&_limit=3")

    second = specimens.nadia("GET", first.headers["Next-Page"])

    assert ids(first) == ["s3", "s2", "s1"]
    assert ids(second) == ["s4"]
    assert "Next-Page" not in second.headers


def test_row_63_chosen_fields(specimens: Atlas) -> None:
    """Row 63: those asked for, id and last_modified."""
    found = data(specimens.nadia("GET", f"{specimens.records}?_fields=v&_sort=id"))

    assert [set(each) for each in found] == [
        *[{"id", "last_modified", "v"}] * 3,
        {"id", "last_modified"},
    ]


@pytest.mark.parametrize("query", ["_limit=-1", "_limit=x", "_since=x", "_token=x"])
def test_row_64_wrong_parameters(atlas: Atlas, query: str) -> None:
    """Row 64: 400/107 each."""
    assert refusal(atlas.nadia("GET", f"{atlas.records}?{query}")) == (400, 107)
