"""The query string of lists: contract section 10, read without a database."""

from typing import Final

import pytest

from muniment.domain.queries.parameters import FILTERS_MAX, split_name
from muniment.domain.queries.selection import Filter, Limits, Operator, Path, Selection
from muniment.domain.refusals import Fault, Invalid
from muniment.domain.values import JsonValue, Timestamp
from muniment.readmodel.lists.parameters import (
    SORTS_MAX,
    FixedFields,
    parse_fields,
    parse_selection,
)

NOW: Final = Timestamp(1_767_000_000_000)
DAY_MS: Final = 86_400_000


def selected(*query: tuple[str, str], page_max: int | None = None) -> Selection:
    """The selection, where there must be no faults."""
    parsed = parse_selection(query, now=NOW, limits=Limits(page_max=page_max))
    assert isinstance(parsed, Selection), parsed
    return parsed


def refused(*query: tuple[str, str]) -> tuple[Fault, ...]:
    """The faults, where there must be some."""
    parsed = parse_selection(query, now=NOW, limits=Limits())
    assert isinstance(parsed, Invalid), parsed
    return parsed.faults


def only(name: str, text: str) -> tuple[Operator, JsonValue]:
    """Operator and value of the filter that one parameter makes."""
    [found] = selected((name, text)).filters
    return found.operator, found.value


def fault(name: str | None, description: str) -> Fault:
    return Fault(location="querystring", name=name, description=description)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3.0", 3.0),
        ("1e0", 1.0),
        ("-1", -1),
        ("true", True),
        ("null", None),
        ('"3"', "3"),
        ("[1,2]", [1, 2]),
        ('{"a":1}', {"a": 1}),
        ("True", "True"),
        ("01", "01"),
        ("0x1", "0x1"),
        ("", ""),
        ("1e400", "1e400"),
        ("1" * 30, float("1" * 30)),
        ("1" + "0" * 1000, "1" + "0" * 1000),
        ('"open', '"open'),
        (r'"\ud800"', r'"\ud800"'),
    ],
)
def test_a_value_is_json_or_else_the_text(text: str, value: JsonValue) -> None:
    """QV-1, BASE-8."""
    assert only("x", text) == (Operator.EQ, value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_matches_nothing(text: str) -> None:
    """QV-1."""
    assert only("x", text) == (Operator.IN, [])
    assert only("gt_x", text) == (Operator.IN, [])
    assert only("in_x", f"1,{text}") == (Operator.IN, [1])
    assert selected(("not_x", text)).filters == ()


@pytest.mark.parametrize(
    ("name", "operator", "path"),
    [
        ("title", Operator.EQ, ("title",)),
        ("eq_title", Operator.EQ, ("title",)),
        ("min_age", Operator.MIN, ("age",)),
        ("eq_min_age", Operator.EQ, ("min_age",)),
        ("contains_any_l", Operator.CONTAINS_ANY, ("l",)),
        ("contains_l", Operator.CONTAINS, ("l",)),
        ("contains_any", Operator.CONTAINS, ("any",)),
        ("LT_x", Operator.EQ, ("LT_x",)),
        ("lt_", Operator.EQ, ("lt_",)),
        ("lt_a-b", Operator.EQ, ("lt_a-b",)),
        ("not_a.b.c", Operator.NOT, ("a", "b", "c")),
        ("gt_größe", Operator.GT, ("größe",)),
    ],
)
def test_a_name_is_an_operator_and_a_field(name: str, operator: Operator, path: Path) -> None:
    """QV-2, QV-3, QV-6."""
    assert split_name(name) == (operator, path)


def test_blanks_around_a_name_are_cut() -> None:
    """QV-2."""
    assert selected((" lt_x ", "1")).filters == (
        Filter(path=("x",), operator=Operator.LT, value=1),
    )


def test_unknown_names_with_an_underscore_are_ignored() -> None:
    """QV-4."""
    assert selected(("_hello", "1"), ("_", "x")) == Selection()


def test_a_name_given_twice_is_one_filter_on_the_texts() -> None:
    """QV-5."""
    assert selected(("x", "1"), ("x", "2")).filters == (
        Filter(path=("x",), operator=Operator.EQ, value=["1", "2"]),
    )
    assert refused(("_limit", "1"), ("_limit", "2"))[0].name == "_limit"
    assert refused(("_since", "1"), ("_since", "2"))[0].name == "_since"
    assert refused(("_sort", "a"), ("_sort", "b"))[0].name == "_sort"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("st-1,", ["st-1"]),
        ("", []),
        ('""', [""]),
        ('"Apple","fig"', ["Apple", "fig"]),
        ("1,null,1.5,x", [1, None, 1.5, "x"]),
    ],
)
def test_in_splits_at_commas(text: str, value: JsonValue) -> None:
    """QO-1, QO-2."""
    assert only("in_x", text) == (Operator.IN, value)
    assert only("exclude_x", text) == (Operator.EXCLUDE, value)


@pytest.mark.parametrize("text", ["1", "true", "null", "[1]"])
def test_like_takes_strings_only(text: str) -> None:
    """QO-3."""
    assert refused(("like_x", text))[0].name == "like_x"
    assert only("like_x", f'"{text}"') == (Operator.LIKE, text)


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("false", False),
        ("0", False),
        ('""', False),
        ("null", False),
        ("", False),
        ("true", True),
        ("1", True),
        ('"false"', True),
        ("yes", True),
    ],
)
def test_has_takes_a_truth(text: str, is_there: bool) -> None:
    """10.2."""
    assert only("has_x", text) == (Operator.HAS, is_there)


def test_contains_takes_one_value_or_an_array() -> None:
    """QO-4."""
    assert only("contains_x", "a,b") == (Operator.CONTAINS, ["a,b"])
    assert only("contains_x", '["a","b"]') == (Operator.CONTAINS, ["a", "b"])
    assert only("contains_any_x", '{"a":1}') == (Operator.CONTAINS_ANY, [{"a": 1}])


@pytest.mark.parametrize("field", ["id", "last_modified"])
def test_the_server_s_fields_are_no_arrays(field: str) -> None:
    """QO-5, ERR-32."""
    description = f"Field '{field}' is not an array"
    assert refused((f"contains_{field}", "1")) == (fault(f"contains_{field}", description),)
    assert refused((f"contains_any_{field}", "[]"))[0].description == description


def test_ids_are_strings() -> None:
    """QO-6, ERR-31."""
    assert only("id", '"12"') == (Operator.EQ, "12")
    assert only("gt_id", "st-1") == (Operator.GT, "st-1")
    assert only("in_id", 'a,"12",') == (Operator.IN, ["a", "12"])
    assert refused(("id", "12")) == (fault("id", "12 is not a string"),)
    assert refused(("in_id", "a,12"))[0].name == "in_id"


@pytest.mark.parametrize(
    "name", ["_since", "_before", "_to", "last_modified", "gt_last_modified", "not_last_modified"]
)
def test_timestamps_are_whole_numbers_up_to_a_day_from_now(name: str) -> None:
    """QO-7, QO-8, ERR-26, C-3."""
    assert only(name, "12")[1] == 12
    assert only(name, '"12"')[1] == 12
    assert only(name, str(NOW + DAY_MS - 1))[1] == NOW + DAY_MS - 1
    told = (fault(name, f"Invalid value for {name}"),)
    for text in ("", "x", "-1", "1.5", "1e3", "true", "[1]", '"x"', str(NOW + DAY_MS), "9" * 40):
        assert refused((name, text)) == told, text


def test_since_and_before_bound_without_their_ends() -> None:
    """QO-8, D-17."""
    assert only("_since", "12")[0] is Operator.GT
    assert only("_before", "12")[0] is Operator.LT
    assert only("_to", "12")[0] is Operator.LT
    assert selected(("_since", "null")) == Selection()
    assert refused(("last_modified", "null"))


def test_lists_of_timestamps_are_taken() -> None:
    """QO-7: the reference refuses them by a slip."""
    assert only("in_last_modified", '1,"2"') == (Operator.IN, [1, 2])
    assert refused(("in_last_modified", "1,x"))


def test_tombstones_are_shown_when_a_filter_is_on_last_modified() -> None:
    """LIST-6."""
    assert selected(("_since", "0")).shows_tombstones
    assert selected(("last_modified", "3")).shows_tombstones
    assert not selected(("deleted", "true")).shows_tombstones


@pytest.mark.parametrize(
    "pair",
    [
        ("x", "a\0b"),
        ("x", '"a\\u0000b"'),
        ("x", '[{"k":["\\u0000"]}]'),
        ("x", '{"\\u0000":1}'),
        ("x\0", "1"),
        ("in_x", "a,\0"),
        ("in_x", '"\\u0000",a'),
        ("like_x", "\0"),
    ],
)
def test_nul_is_refused(pair: tuple[str, str]) -> None:
    """QO-10, ERR-33."""
    assert refused(pair) == (fault(pair[0], "Invalid character 0x00"),)


def test_a_value_nested_too_deep_is_refused_or_text() -> None:
    """Bad input is a 4xx or matches nothing, never a 5xx."""
    assert refused(("x", "[" * 300 + "]" * 300))[0].name == "x"
    assert only("x", "[" * 5000 + "]" * 5000)[0] is Operator.EQ


def test_all_faults_are_told() -> None:
    """Order 2.3, step 7."""
    faults = refused(("_limit", "x"), ("_since", "y"), ("id", "1"), ("_token", "z"))
    assert {one.name for one in faults} == {"_limit", "_since", "id", None}


def test_the_order_ends_where_no_two_are_alike() -> None:
    """QS-1, QS-2."""
    assert [sort.text for sort in selected().order] == ["-last_modified", "id"]
    assert [sort.text for sort in selected(("_sort", "a, -b.c ,+d")).order] == [
        "a",
        "-b.c",
        "d",
        "-last_modified",
        "id",
    ]
    assert [sort.text for sort in selected(("_sort", "last_modified,a")).order] == [
        "last_modified",
        "a",
        "id",
    ]
    assert [sort.text for sort in selected(("_sort", "-id,a")).order] == ["-id"]
    assert [sort.text for sort in selected(("_sort", "a,-a,a")).order][:1] == ["a"]


def test_sort_fields_of_another_form_are_ignored() -> None:
    """QS-3."""
    assert selected(("_sort", "--a,b-c,,größe,\0")) == Selection()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("7", 7),
        ('"7"', 7),
        ("+5", 5),
        ("1e1", 10),
        ("2.9", 2),
        ("-0.5", 10_000),
        ("0", 10_000),
        ("", 10_000),
        ("null", 10_000),
        ("10001", 10_000),
        ("9" * 30, 10_000),
    ],
)
def test_a_limit_is_a_number_not_below_zero(text: str, limit: int) -> None:
    """QP-1, LIST-5."""
    assert selected(("_limit", text)).limit == limit


def test_the_settings_bound_the_limit() -> None:
    """LIST-5, QP-1."""
    assert selected(page_max=20).limit == 20
    assert selected(("_limit", "50"), page_max=20).limit == 20
    assert selected(("_limit", "5"), page_max=20).limit == 5
    assert selected(page_max=20_000).limit == 10_000


@pytest.mark.parametrize("text", ["abc", "true", "[1]", "{}", '"1e1"', "NaN", "9" * 5000])
def test_another_limit_is_refused(text: str) -> None:
    """ERR-24."""
    assert refused(("_limit", text)) == (fault("_limit", f'"{text}" is not a number'),)


def test_a_negative_limit_is_refused() -> None:
    """ERR-25."""
    assert refused(("_limit", "-1")) == (fault("_limit", "-1 is less than minimum value 0"),)


def test_fields_are_parted_by_commas_with_their_blanks() -> None:
    """QF-1."""
    assert selected(("_fields", "a, b,c.d")).fields == (("a",), (" b",), ("c", "d"))
    assert selected(("_fields", "")).fields is None
    assert parse_fields([("_fields", "a"), ("_since", "x")]) == (("a",),)
    assert parse_fields([("x", "\0")]) is None


def test_what_would_make_statements_grow_without_end_is_refused() -> None:
    """Everything has a limit."""
    assert refused(("_sort", ",".join(f"f{i}" for i in range(SORTS_MAX + 1))))
    assert refused(*[(f"f{i}", "1") for i in range(FILTERS_MAX + 1)])
    assert refused(("a." * 1000 + "b", "1"))
    assert refused(("_sort", "a." * 1000 + "b"))


FIXED = FixedFields(
    names=frozenset({"id", "last_modified", "uri", "record_id", "target"}),
    texts=frozenset({"record_id"}),
)


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        (("colour", "1"), ("querystring", "colour", "Unknown filter field 'colour'")),
        (("min_a.b", "1"), ("querystring", "min_a.b", "Unknown filter field 'a.b'")),
        (("_sort", "uri,-colour"), ("querystring", None, "Unknown sort field 'colour'")),
        (
            ("_fields", "colour,uri,shape.x"),
            ("body", "Invalid _fields parameter", "Fields colour,shape do not exist"),
        ),
    ],
)
def test_fixed_fields_are_the_only_ones(
    query: tuple[str, str], fault: tuple[str, str | None, str]
) -> None:
    """QV-7, ERR-28, ERR-29, ERR-30."""
    parsed = parse_selection([query], now=NOW, limits=Limits(), fixed=FIXED)

    assert isinstance(parsed, Invalid)
    assert [(f.location, f.name, f.description) for f in parsed.faults] == [fault]


@pytest.mark.parametrize(
    "query", [("uri", "/a"), ("target.data.x", "1"), ("_since", "1"), ("_unknown", "1")]
)
def test_fixed_fields_and_what_is_in_them_are_taken(query: tuple[str, str]) -> None:
    """QV-4, QV-7: judged by the part before the first dot."""
    assert isinstance(parse_selection([query], now=NOW, limits=Limits(), fixed=FIXED), Selection)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("record_id", "12", "12"),
        ("record_id", "1.50", "1.50"),
        ("record_id", '"12"', "12"),
        ("record_id", "007", "007"),
        ("record_id", "true", True),
        ("in_record_id", "12,a,", ["12", "a"]),
        ("min_record_id", "3", "3"),
        ("like_record_id", "3", "3"),
    ],
)
def test_numbers_are_texts_where_the_field_is_text(name: str, text: str, value: JsonValue) -> None:
    """HIS-9: written as they came."""
    parsed = parse_selection([(name, text)], now=NOW, limits=Limits(), fixed=FIXED)

    assert isinstance(parsed, Selection)
    assert parsed.filters[0].value == value
