"""Random query strings of lists, histories and `/permissions`."""

from typing import Final

from hypothesis import strategies as st

# --- Queries --------------------------------------------------------------------------------------

_filter_values: Final = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "2.0",
        '"1"',
        "Bay",
        "bay",
        "true",
        "null",
        "",
        "[]",
        '["Bay"]',
        '{"x":1}',
        "-1",
    ]
)
_filters: Final = st.one_of(
    st.tuples(
        st.builds(
            "{}{}".format,
            st.sampled_from(["", "eq_", "not_", "gt_", "min_", "lt_", "max_"]),
            st.sampled_from(["n", "s", "o", "o.x", "l", "title", "schema"]),
        ),
        _filter_values,
    ),
    st.tuples(
        st.sampled_from(["in_n", "exclude_n", "in_s", "exclude_s", "in_o.x"]),
        st.sampled_from(["1,2", "Bay", "1,Bay,", "", '""', "null,true", '"1"']),
    ),
    st.tuples(
        st.sampled_from(["like_s", "like_title", "like_n"]),
        st.sampled_from(["ba", "*y", "b*", "", "_", "%", "B*Y", '"1"', "1"]),
    ),
    st.tuples(
        st.sampled_from(["has_n", "has_o", "has_o.x", "has_s"]),
        st.sampled_from(["true", "false", "0", "1", ""]),
    ),
    st.tuples(
        st.sampled_from(["contains_l", "contains_any_l", "contains_members", "contains_s"]),
        st.sampled_from(["1", "Bay", "[1,2]", '["Bay",1]', "[]", "null", "$nadia"]),
    ),
    st.tuples(
        st.sampled_from(["id", "in_id", "exclude_id", "gt_id", "like_id", "contains_id", "not_id"]),
        st.sampled_from(["r1", "r1,r2", "12", '"r1"', "r"]),
    ),
    st.tuples(
        st.sampled_from(["_since", "_before", "last_modified", "gt_last_modified"]),
        st.sampled_from(["0", "$list", '"$list"', "$other", '"$other"', "$list+-1", "x", "", "-1"]),
    ),
    st.sampled_from([("_since", "null"), ("_since", "0"), ("_unknown", "1"), ("deleted", "true")]),
)  # fmt: skip
_pages: Final = st.one_of(
    st.tuples(
        st.just("_sort"),
        st.sampled_from(
            [
                "n",
                "-n",
                "s",
                "-s,n",
                "o.x",
                "l",
                "last_modified",
                "-id",
                "id",
                "o",
                "-title,-l",
                "!",
            ]
        ),
    ),
    st.tuples(
        st.just("_limit"), st.sampled_from(["1", "1", "2", "2", "3", '"2"', "0", "", "-1", "x"])
    ),
    st.tuples(st.just("_fields"), st.sampled_from(["n", "n,o.x", "s,title", "", "id", "o.y,o.x"])),
    st.just(("_token", "x")),
)
queries: Final = st.one_of(
    st.just(()),
    st.lists(st.one_of(_filters, _pages), max_size=3, unique_by=lambda one: one[0]).map(tuple),
    st.lists(st.one_of(_pages), min_size=1, max_size=2, unique_by=lambda one: one[0]).map(tuple),
)
