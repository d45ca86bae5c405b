"""Sections 10.1 to 10.3: how parameters are read, what operators find, the order of values."""

from typing import Any, Final
from urllib.parse import quote

import orjson
import pytest

from tests.clients.requester import Atlas, data, detail, ids, refusal


def found(atlas: Atlas, query: str) -> str:
    """The ids that match, sorted, in one text."""
    return " ".join(sorted(ids(atlas.nadia("GET", f"{atlas.records}?{query}"))))


# --- Reading a parameter --------------------------------------------------------------------------

VALUES: Final[dict[str, dict[str, Any]]] = {
    "int": {"v": 3},
    "neg": {"v": -1},
    "yes": {"v": True},
    "no": {"v": False},
    "nil": {"v": None},
    "three": {"v": "3"},
    "cased": {"v": "True"},
    "zeroed": {"v": "01"},
    "hex": {"v": "0x1"},
    "nan": {"v": "NaN"},
    "empty": {"v": ""},
    "arr": {"v": [1, 2]},
    "obj": {"v": {"a": 1}},
}


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("3", "int"),
        ("3.0", "int"),
        ("3e0", "int"),
        ("-1", "neg"),
        ("true", "yes"),
        ("false", "no"),
        ("null", "nil"),
        ('"3"', "three"),
        ("True", "cased"),
        ("01", "zeroed"),
        ("0x1", "hex"),
        ("", "empty"),
        ('""', "empty"),
        ("[1,2]", "arr"),
        ("[2,1]", ""),
        ('{"a":1}', "obj"),
        ('{"a":2}', ""),
    ],
)
def test_a_value_is_json_or_a_text(atlas: Atlas, value: str, match: str) -> None:
    """QV-1, Section 10.2: equal in type and value."""
    atlas.fill(VALUES)

    assert found(atlas, f"v={quote(value)}") == match


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_matches_nothing_but_its_text(atlas: Atlas, value: str) -> None:
    """QV-1."""
    atlas.fill({"n": {"v": 1}, "s": {"v": "x"}})

    assert found(atlas, f"v={value}") == ""


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("%20v%20=3", "a"),
        ("min_v=3", "a b"),
        ("MIN_v=3", ""),
        ("contains_any_l=[1,9]", "a"),
        ("contains_l=[1,9]", ""),
        ("eq_v=3", "a"),
        ("hàs=1", "b"),
    ],
)
def test_a_name_is_an_operator_and_a_field(atlas: Atlas, query: str, match: str) -> None:
    """QV-2: blanks cut, lower case, the longer operator first."""
    atlas.fill({"a": {"v": 3, "l": [1, 2]}, "b": {"v": 4, "hàs": 1}})

    assert found(atlas, query) == match


def test_a_field_that_begins_like_an_operator(atlas: Atlas) -> None:
    """QV-3: has no plain equality, but `eq_`."""
    atlas.fill({"a": {"min_age": 3, "age": 5}, "b": {"min_age": 5, "age": 2}})

    assert found(atlas, "min_age=3") == "a"
    assert found(atlas, "eq_min_age=3") == "a"
    assert found(atlas, "eq_min_age=5") == "b"


@pytest.mark.parametrize("query", ["_unknown=1", "_sinc=x", "_colour", "__=2"])
def test_names_with_an_underscore_are_kept_for_us(atlas: Atlas, query: str) -> None:
    """QV-4, E-14: unknown ones are ignored, so that more can come."""
    atlas.fill({"a": {}})

    assert found(atlas, query) == "a"


def test_unknown_headers_are_ignored(atlas: Atlas) -> None:
    """E-14: so opt-in headers are safe."""
    headers = {"X-Mine": "1", "Idempotency-Key": "k", "Prefer": "handling=lenient"}

    assert atlas.nadia("PUT", f"{atlas.records}/a", {}, headers).status_code == 201


def test_filters_are_joined_and_not_repeated(atlas: Atlas) -> None:
    """QV-5: a name given twice matches nothing; a typed one is refused."""
    atlas.fill({"a": {"v": 1, "w": 1}, "b": {"v": 1, "w": 2}})

    assert found(atlas, "v=1&w=2") == "b"
    assert found(atlas, "v=1&v=2") == ""
    assert detail(atlas.nadia("GET", f"{atlas.records}?_limit=1&_limit=2"))["name"] == "_limit"


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("a.b.c=1", "deep"),
        ("has_a.b=true", "deep"),
        ("has_a.b.c.d=true", ""),
        ("not_a.b.c=1", "dot flat list"),
        ("gt_a.b=0", "deep dot flat list"),
        ("a.0=1", ""),
    ],
)
def test_dots_reach_into_objects(atlas: Atlas, query: str, match: str) -> None:
    """QV-6: a path through anything else is missing; literal dots are not reached."""
    atlas.fill(
        {"deep": {"a": {"b": {"c": 1}}}, "flat": {"a": 1}, "list": {"a": [1]}, "dot": {"a.b": 1}}
    )

    assert found(atlas, query) == match


def test_any_field_may_be_asked_for(atlas: Atlas) -> None:
    """QV-7: of records; one that none has equals nothing."""
    atlas.fill({"a": {}})

    assert found(atlas, "colour=red") == ""


# --- Operators ------------------------------------------------------------------------------------

NUMBERS: Final[dict[str, dict[str, Any]]] = {
    "one": {"v": 1},
    "two": {"v": 2.0},
    "text": {"v": "2"},
    "nil": {"v": None},
    "none": {},
}


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("v=2", "two"),
        ("not_v=2", "nil none one text"),
        ("gt_v=1", "none two"),
        ("min_v=1", "none one two"),
        ("lt_v=2", "nil one text"),
        ("max_v=2", "nil one text two"),
        ('gt_v="1"', "none one text two"),
        ("in_v=1,2", "one two"),
        ("exclude_v=1,2", "nil none text"),
        ("has_v=true", "nil one text two"),
        ("has_v=false", "none"),
        ("has_v=0", "none"),
        ("has_v=", "none"),
        ("has_v=null", "none"),
        ('has_v="false"', "nil one text two"),
    ],
)
def test_operators(atlas: Atlas, query: str, match: str) -> None:
    """Section 10.2, BASE-8: types matter, and what is missing is the greatest."""
    atlas.fill(NUMBERS)

    assert found(atlas, query) == match


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ('in_t="Apple","fig"', "apple fig"),
        ("in_t=Apple,", "apple"),
        ("in_t=", ""),
        ('in_t=""', "empty"),
        ("exclude_t=", "apple empty fig none"),
        ("exclude_t=Apple,fig", "empty none"),
        ("in_id=apple,fig,", "apple fig"),
    ],
)
def test_lists_of_values(atlas: Atlas, query: str, match: str) -> None:
    """QO-1, QO-2, C-17: cut at commas; a trailing one is fine; an empty list excludes nothing."""
    atlas.fill({"apple": {"t": "Apple"}, "fig": {"t": "fig"}, "empty": {"t": ""}, "none": {}})

    assert found(atlas, query) == match


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("like_t=app", "apple"),
        ("like_t=APP*", "apple"),
        ("like_t=*e", "apple"),
        ("like_t=a*e", "apple"),
        ("like_t=p*p", ""),
        ("like_t=", "apple number percent under"),
        ("like_t=%25", "percent"),
        ("like_t=_", "under"),
        ('like_t="1"', "number"),
    ],
)
def test_patterns(atlas: Atlas, query: str, match: str) -> None:
    """QO-3, D-16: without regard to case, on the text of any value; `*` is the only wildcard."""
    atlas.fill(
        {
            "apple": {"t": "Apple"},
            "percent": {"t": "5%"},
            "under": {"t": "a_b"},
            "number": {"t": 10},
            "nil": {"t": None},
            "none": {},
        },
    )

    assert found(atlas, query) == match


def test_a_pattern_is_a_text(atlas: Atlas) -> None:
    """QO-3: a bare number is refused."""
    assert detail(atlas.nadia("GET", f"{atlas.records}?like_t=1"))["name"] == "like_t"


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("contains_l=x", "both"),
        ('contains_l=["x","y"]', "both"),
        ('contains_l=["x","z"]', ""),
        ('contains_any_l=["x","z"]', "both"),
        ("contains_l=a,b", "comma"),
        ("contains_l=[]", "both comma empty objects"),
        ("contains_any_l=[]", ""),
        ('contains_l=[{"a":1}]', "objects"),
        ('contains_l={"a":1}', "objects"),
    ],
)
def test_what_arrays_hold(atlas: Atlas, query: str, match: str) -> None:
    """QO-4: one value or an array; what is no array never matches."""
    atlas.fill(
        {
            "both": {"l": ["x", "y"]},
            "comma": {"l": ["a,b"]},
            "empty": {"l": []},
            "objects": {"l": [{"a": 1, "b": 2}]},
            "text": {"l": "x"},
            "object": {"l": {"x": 1}},
            "none": {},
        },
    )

    assert found(atlas, query) == match


@pytest.mark.parametrize("operator", ["contains_", "contains_any_"])
@pytest.mark.parametrize("field", ["id", "last_modified"])
def test_fields_of_the_server_are_no_arrays(atlas: Atlas, operator: str, field: str) -> None:
    """QO-5, ERR-32."""
    answer = atlas.nadia("GET", f"{atlas.records}?{operator}{field}=1")

    assert detail(answer)["description"] == f"Field '{field}' is not an array"


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ('id="12"', "12"),
        ("id=a1", "a1"),
        ("like_id=1", None),
        ('like_id="1"', "12 a1"),
        ("gt_id=A", "a1"),
        ("not_id=a1", "12 A"),
        ("id=12", None),
        ("in_id=12,a1", None),
        ("exclude_id=12", None),
    ],
)
def test_ids_are_texts(atlas: Atlas, query: str, match: str | None) -> None:
    """QO-6, ERR-31: in the order of bytes; a bare number is refused."""
    atlas.fill({"12": {}, "A": {}, "a1": {}})

    answer = atlas.nadia("GET", f"{atlas.records}?{query}")

    assert answer.status_code == (400 if match is None else 200)
    assert match is None or sorted(ids(answer)) == match.split()


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("last_modified=2000", "b"),
        ('last_modified="2000"', "b"),
        ("not_last_modified=2000", "a c"),
        ("gt_last_modified=2000", "c"),
        ("min_last_modified=2000", "b c"),
        ("lt_last_modified=2000", "a"),
        ("max_last_modified=2000", "a b"),
        ("_since=2000", "c"),
        ('_since="2000"', "c"),
        ("_before=2000", "a"),
        ("_to=2000", "a"),
        ("_since=null", "a b c"),
        ("_since=1000&_before=3000", "b"),
    ],
)
def test_times(atlas: Atlas, query: str, match: str) -> None:
    """QO-7, QO-8, D-17, C-3: bounds without their ends; the ETag as it is, with its quotes."""
    atlas.record("z")
    atlas.nadia("DELETE", f"{atlas.records}/z")
    times = {"a": 1000, "b": 2000, "c": 3000}
    atlas.fill({id_: {"last_modified": at, "v": 1} for id_, at in times.items()})

    assert found(atlas, f"{query}&v=1") == match


@pytest.mark.parametrize("name", ["last_modified", "gt_last_modified", "_since", "_before", "_to"])
@pytest.mark.parametrize("value", ["x", "-1", "1.5", '"x"', "", "[1]", "true", "9" * 16])
def test_what_is_no_time_is_refused(atlas: Atlas, name: str, value: str) -> None:
    """QO-7, QO-8, ERR-26: no integer, or later than a day from now."""
    answer = atlas.nadia("GET", f"{atlas.records}?{name}={quote(value)}")

    assert detail(answer)["name"] == name
    assert detail(answer)["description"] == f"Invalid value for {name}"


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("_since=0&deleted=true", "gone"),
        ("_since=0&not_deleted=true", "alive"),
        ("_since=0&deleted=false", ""),
        ("_since=0&v=1", "alive"),
        ("_since=0&has_v=false", "gone"),
        ("_since=0&id=gone", "gone"),
    ],
)
def test_tombstones_have_three_fields(atlas: Atlas, query: str, match: str) -> None:
    """QO-9: all else is missing."""
    atlas.fill({"gone": {"v": 1}, "alive": {"v": 1}})
    atlas.nadia("DELETE", f"{atlas.records}/gone")

    assert found(atlas, query) == match


@pytest.mark.parametrize("query", ["v=%00", "v=a%00b", "%00=1", 'v=["%00"]', "in_v=a,%00"])
def test_nul_is_refused(atlas: Atlas, query: str) -> None:
    """QO-10, ERR-33."""
    answer = atlas.nadia("GET", f"{atlas.records}?{query}")

    assert refusal(answer) == (400, 107)


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
@pytest.mark.parametrize(
    ("query", "count"), [("min_v=2", 2), ("has_t=true", 1), ("not_v=1", 2), ("like_t=b", 1)]
)
def test_filters_count_for_head_and_delete(
    atlas: Atlas, method: str, query: str, count: int
) -> None:
    """QO-11."""
    atlas.fill({"a": {"v": 1}, "b": {"v": 2}, "c": {"v": 3, "t": "b"}})

    answer = atlas.nadia(method, f"{atlas.records}?{query}")

    counted = answer.headers.get("Total-Records") or str(len(data(answer)))
    assert counted == str(count)


# --- Order ----------------------------------------------------------------------------------------

IN_ORDER: Final[list[Any]] = [
    *(None, "", "A", "Z", "a", "é", "😀"),
    *(-1.5, 0, 1, 1.5, 10),
    *(False, True),
    *([], [9], [1, 2], [1, 3], [2, 1]),
    *({}, {"a": 9}, {"a": 1, "b": 1}),
]


def test_values_of_all_types_have_one_order(atlas: Atlas) -> None:
    """Section 10.3, QS-4: ascending with what is missing at its end; descending the reverse."""
    names = [f"v{place:02}" for place in range(len(IN_ORDER))]
    atlas.fill({name: {"v": value} for name, value in zip(names, IN_ORDER, strict=True)})
    atlas.record("zz")

    ascending = ids(atlas.nadia("GET", f"{atlas.records}?_sort=v"))
    descending = ids(atlas.nadia("GET", f"{atlas.records}?_sort=-v"))

    assert ascending == [*names, "zz"]
    assert descending == ascending[::-1]


@pytest.mark.parametrize("place", [0, 3, 8, 12, 14, 19])
def test_filters_agree_with_the_order(atlas: Atlas, place: int) -> None:
    """Section 10.3: what is greater in it is greater for `gt_`."""
    names = [f"v{number:02}" for number in range(len(IN_ORDER))]
    atlas.fill({name: {"v": value} for name, value in zip(names, IN_ORDER, strict=True)})
    value = quote(orjson.dumps(IN_ORDER[place]))

    assert found(atlas, f"gt_v={value}").split() == names[place + 1 :]
    assert found(atlas, f"lt_v={value}").split() == names[:place]
