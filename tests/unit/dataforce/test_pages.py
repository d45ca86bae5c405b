"""Cursors and the queries of listings."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.dataforce.errors import DataForceError
from muniment.dataforce.pages import COLUMNS, Listing, read_cursor, read_listing, write_cursor

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)


@given(id_=TEXTS, value=TEXTS, column=st.sampled_from(["name", "description", "type"]))
def test_a_cursor_of_texts_comes_back(id_: str, value: str, column: str) -> None:
    """Whatever names and ids hold, and in letters that URLs carry as they are."""
    cursor = write_cursor((value, id_), column)

    assert re.fullmatch("[A-Za-z0-9_-]+", cursor)
    assert read_cursor(cursor, column) == (value, id_)


@given(value=NUMBERS, column=st.sampled_from(["created_at", "total"]))
def test_a_cursor_of_numbers_comes_back(value: int, column: str) -> None:
    """Those that the database can hold."""
    assert read_cursor(write_cursor((value, "id"), column), column) == (value, "id")


@given(text=st.text(), column=st.sampled_from(sorted(COLUMNS)))
def test_any_text_is_a_cursor_or_none(text: str, column: str) -> None:
    """Section 5: what cannot be read is ignored, and never an error."""
    read_cursor(text, column)


@pytest.mark.parametrize("sort_by", sorted(COLUMNS))
def test_a_cursor_is_for_its_own_order(sort_by: str) -> None:
    """Section 5: made for another column, it is ignored."""
    value = "v" if COLUMNS[sort_by].type == "text" else 1
    cursor = write_cursor((value, "id"), sort_by)

    assert [other for other in COLUMNS if read_cursor(cursor, other)] == [sort_by]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ((), Listing(limit=None)),
        ((("limit", ""),), Listing(limit=50)),
        ((("limit", "100"), ("order", "asc")), Listing(limit=100, order="asc")),
        ((("sort_by", "collection_type"),), Listing(limit=50, sort_by="type")),
        ((("sort_by", "total_models"),), Listing(limit=50, sort_by="total")),
        ((("tags", "a"), ("tags", "b")), Listing(limit=None, tags=("a", "b"))),
        ((("search", "x"), ("types", "mixed")), Listing(limit=50, search="x", kinds=("mixed",))),
        ((("unknown", "x"),), Listing(limit=None)),
    ],
    ids=str,
)
def test_what_a_plain_listing_asks_for(query: Any, expected: Listing) -> None:
    """Section 1: an array, unless one of five parameters is there."""
    assert read_listing(query, is_always_page=False) == expected


def test_a_listing_under_v1_is_a_page() -> None:
    """Section 1."""
    assert read_listing((), is_always_page=True) == Listing(limit=50)


@pytest.mark.parametrize(
    "query", [("limit", "0"), ("limit", "1e2"), ("order", "DESC"), ("sort_by", "id")], ids=str
)
def test_what_cannot_be_listed(query: tuple[str, str]) -> None:
    """Section 5: 422, and where the fault is."""
    with pytest.raises(DataForceError) as raised:
        read_listing((query,), is_always_page=False)

    detail: Any = raised.value.detail
    assert raised.value.status == 422
    assert [each["loc"] for each in detail] == [["query", query[0]]]
