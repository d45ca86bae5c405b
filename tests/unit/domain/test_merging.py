"""Merge patches made from what was and what became; test_patches applies them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.merging import difference, merged, same

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5, "", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text("ab", max_size=2), VALUES, max_size=4)


@given(before=OBJECTS, after=OBJECTS)
def test_the_patch_makes_of_the_one_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """RFC 7396; it has no word for a field that is null, so there are none here."""
    patch = difference(before, after)

    assert same(merged(before, patch), after)
    assert (patch == {}) is same(before, after)


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": [0]}, {"a": [False]}, {"a": [False]}),
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"a": None}, {"a": None}),
    ],
)
def test_only_what_is_another_value_is_in_it(before: Any, after: Any, patch: Any) -> None:
    """As JSON has it: `1` is `1.0`, and not `true`."""
    assert same(difference(before, after), patch)


def test_the_same_change_is_the_same_text() -> None:
    """A delivery has the same bytes on every attempt, by whichever process it is made."""
    before = dict.fromkeys("fbdace", 1)

    assert list(difference(before, {"z": 1, "y": 1})) == [*"fbdace", "z", "y"]
