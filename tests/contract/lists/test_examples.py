"""Rows 52 to 64 of the contract's conformance table, and cases that once were hard."""

from collections.abc import Sequence
from typing import Final

import pytest

from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.values import JsonObject, JsonValue, Principal, Timestamp
from muniment.readmodel.lists.pages import read_token
from muniment.readmodel.lists.parameters import parse_selection
from tests.contract.lists.table import OWNER_ONLY, Table

NOW: Final = Timestamp(1_767_000_000_000)

STATIONS: Final[Sequence[JsonObject]] = [
    {"id": "s1", "last_modified": 1, "v": 1, "t": "Apple", "l": ["x", "y"]},
    {"id": "s2", "last_modified": 2, "v": "1", "t": "fig", "l": "x"},
    {"id": "s3", "last_modified": 3, "v": None},
    {"id": "s4", "last_modified": 4},
]


def selection(*query: tuple[str, str]) -> Selection:
    parsed = parse_selection(query, now=NOW, limits=Limits())
    assert isinstance(parsed, Selection), parsed
    return parsed


def stored(object_id: str, at: int, **fields: JsonValue) -> JsonObject:
    return {"id": object_id, "last_modified": at, **fields}


def found(table: Table, objects: Sequence[JsonObject], *query: tuple[str, str]) -> list[str]:
    """The ids on all pages."""
    table.fill(objects)
    return [str(one["id"]) for page in table.all_pages(selection(*query)) for one in page]


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("v", "1", "s1"),
        ("v", '"1"', "s2"),
        ("v", "null", "s3"),
        ("v", "1.0", "s1"),
        ("gt_v", "0", "s1 s4"),
        ("lt_v", "5", "s1 s2 s3"),
        ("not_v", "1", "s2 s3 s4"),
        ("has_v", "true", "s1 s2 s3"),
        ("has_v", "false", "s4"),
        ("in_v", "1,null", "s1 s3"),
        ("exclude_v", "1,null", "s2 s4"),
        ("in_v", "", ""),
        ("exclude_v", "", "s1 s2 s3 s4"),
        ("like_t", "app", "s1"),
        ("like_t", "*e", "s1"),
        ("like_t", "APP*", "s1"),
        ("like_t", "", "s1 s2"),
        ("like_v", '"1"', "s1 s2"),
        ("contains_l", '["x","y"]', "s1"),
        ("contains_any_l", '["x","z"]', "s1"),
        ("contains_l", "[]", "s1"),
        ("contains_any_l", "[]", ""),
        ("contains_l", "x,y", ""),
        ("v", "NaN", ""),
        ("not_v", "NaN", "s1 s2 s3 s4"),
        ("v.x", "1", ""),
        ("l.0", "x", ""),
        ("id", "s2", "s2"),
        ("like_id", "S*", "s1 s2 s3 s4"),
        ("in_id", "s1,s4,", "s1 s4"),
        ("last_modified", "2", "s2"),
        ("like_last_modified", '"2"', "s2"),
        ("has_last_modified", "1", "s1 s2 s3 s4"),
        ("_since", '"2"', "s3 s4"),
        ("_before", "2", "s1"),
        ("gt_v", "1e400", "s1 s4"),
        ("gt_v", "1" + "0" * 1000, "s1 s4"),
        ("v", "9" * 40, ""),
    ],
)
def test_filters_as_in_the_table(table: Table, name: str, text: str, ids: str) -> None:
    """Rows 52 to 60; BASE-8."""
    assert found(table, STATIONS, (name, text), ("_sort", "id")) == ids.split()


def test_sorts_as_in_the_table(table: Table) -> None:
    """Row 61."""
    assert found(table, STATIONS, ("_sort", "v")) == ["s3", "s2", "s1", "s4"]
    assert found(table, STATIONS, ("_sort", "-v")) == ["s4", "s1", "s2", "s3"]


def test_pages_as_in_the_table(table: Table) -> None:
    """Row 62."""
    table.fill(STATIONS)

    pages = table.all_pages(selection(("_sort", "v"), ("_limit", "3")))

    assert [[one["id"] for one in page] for page in pages] == [["s3", "s2", "s1"], ["s4"]]


def test_values_are_in_the_contract_s_order(table: Table) -> None:
    """10.3: also the empty array, which bare `jsonb` puts first."""
    values: Sequence[JsonObject] = [
        {"v": None},
        {"v": ""},
        {"v": "B"},
        {"v": "a"},
        {"v": "é"},
        {"v": "😀"},
        {"v": -1e300},
        {"v": 2},
        {"v": 9_007_199_254_740_993},
        {"v": False},
        {"v": True},
        {"v": []},
        {"v": [2]},
        {"v": [1, 1]},
        {"v": {}},
        {"v": {"b": 1}},
        {"v": {"a": 1, "b": 1}},
        {},
    ]
    ids = [f"o{i:02}" for i in range(len(values))]
    objects = [
        stored(one, at, **value) for at, (one, value) in enumerate(zip(ids, values, strict=True))
    ]

    assert found(table, objects, ("_sort", "v"), ("_limit", "4")) == ids
    assert found(table, objects, ("_sort", "-v"), ("_limit", "4")) == ids[::-1]
    assert found(table, objects, ("_sort", "v"), ("gt_v", "true")) == ids[11:]
    assert found(table, objects, ("_sort", "v"), ("max_v", "[]")) == ids[:12]


def test_tombstones_are_found_by_what_they_have(table: Table) -> None:
    """LIST-6, QO-9, QS-5."""
    dead = stored("s5", 5, deleted=True)
    objects = [*STATIONS, dead]

    assert found(table, objects) == ["s4", "s3", "s2", "s1"]
    assert found(table, objects, ("_since", "0"), ("deleted", "true")) == ["s5"]
    assert found(table, objects, ("_since", "3"), ("not_deleted", "true")) == ["s4"]
    assert found(table, objects, ("_since", "0"), ("_sort", "deleted"))[0] == "s5"
    assert found(table, objects, ("_since", "0"), ("has_v", "false")) == ["s5", "s4"]
    assert found(table, objects, ("_since", "0"), ("deleted", "false")) == []


def test_two_objects_of_one_timestamp_are_both_shown(table: Table) -> None:
    """A list is complete whatever was written to it."""
    objects = [stored(f"o{i}", 7) for i in range(5)]

    assert found(table, objects, ("_limit", "2")) == ["o0", "o1", "o2", "o3", "o4"]


def test_as_many_parameters_as_are_taken_make_one_statement(table: Table) -> None:
    """Long query strings are no failures."""
    many = [(f"not_f{i}.{'x.' * 40}y", "1") for i in range(150)]
    sorts = ",".join(f"g{i}.h" for i in range(30))
    ids = ",".join(f"id{i}" for i in range(5000))

    query = [*many, ("_sort", sorts), ("exclude_id", ids), ("_limit", "1")]

    assert found(table, STATIONS, *query) == ["s4", "s3", "s2", "s1"]


def test_a_bulk_delete_goes_on_where_its_token_says(table: Table) -> None:
    """DELL-4."""
    table.fill(STATIONS)
    first = selection(("_sort", "v"), ("_limit", "3"))

    selected = table.select_for_delete(first)

    assert selected.ids == ["s3", "s2", "s1"]
    token = selected.next_token or ""
    rest = selection(("_sort", "v"), ("_limit", "3"), ("_token", token))
    assert rest.nonce == "once"
    assert table.select_for_delete(rest).ids == ["s4"]
    assert read_token(token, selection().order) is None


@pytest.mark.parametrize("limit", ["2", "100"])
def test_a_page_of_a_bulk_delete_ends_where_its_objects_are_too_large(
    table: Table, limit: str
) -> None:
    """DELL-4: each page takes something, and the next goes on where it ended."""
    table.fill(STATIONS)
    query = [("_sort", "id"), ("_limit", limit)]
    sizes = [each.size_bytes for each in table.select_for_delete(selection(*query)).found]
    pages: list[Sequence[str]] = []
    more: list[tuple[str, str]] | None = []

    while more is not None:
        selected = table.select_for_delete(selection(*query, *more), bytes_max=sizes[0])
        pages.append(selected.ids)
        more = [("_token", selected.next_token)] if selected.next_token else None

    assert min(sizes) > 0
    assert [id_ for page in pages for id_ in page] == ["s1", "s2", "s3", "s4"]
    assert len(pages[0]) == 1
    assert all(pages)


def test_a_bulk_delete_leaves_what_its_requester_may_not_write(table: Table) -> None:
    """PERM-7."""
    omar, pia = (frozenset({Principal(name)}) for name in ("account:omar", "account:pia"))
    shared = {"write": ["account:nadia", "account:omar"], "read": ["account:pia"]}
    table.fill(STATIONS, permissions=[shared, OWNER_ONLY, shared, OWNER_ONLY])

    assert table.select_for_delete(selection(), omar).ids == ["s3", "s1"]
    assert table.select_for_delete(selection(), pia).ids == []
    assert table.has_writable(omar)
    assert not table.has_writable(pia)
