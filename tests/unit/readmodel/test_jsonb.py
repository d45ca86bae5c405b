"""JSON on its way to Postgres."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.readmodel.jsonb import jsonb_text

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=values)
def test_nothing_is_changed_by_it(value: Any) -> None:
    """Values and their kinds are what they were."""
    read = orjson.loads(jsonb_text({"value": value, "text": "e+"}))

    assert orjson.dumps(read) == orjson.dumps({"value": value, "text": "e+"})


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e16, b"10000000000000000.0"),
        (-4.955381773552442e16, b"-49553817735524420.0"),
        (1e21, b"1000000000000000000000.0"),
        (1e15, b"1000000000000000.0"),
        (1e-7, b"1e-7"),
        (10**16, b"10000000000000000"),
    ],
)
def test_a_floating_point_number_has_a_fraction(number: float, text: bytes) -> None:
    """CocoBase section 5: number kinds are kept."""
    assert jsonb_text({"n": [number]}) == b'{"n":[%b]}' % text
