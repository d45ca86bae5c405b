"""Tokens of pages: what was written comes back, anything else is no token."""

import base64
from collections.abc import Sequence
from typing import Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.queries.selection import DEFAULT_ORDER, ID, LAST_MODIFIED, Sort
from muniment.domain.values import JsonValue, Timestamp
from muniment.readmodel.lists.pages import Place, read_token, write_token

BY_NAME: Final = (Sort(path=("name",)), *DEFAULT_ORDER)


def token_of(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


NAMES: Final[Sequence[JsonValue]] = [None, [None], ["Bay"], [1.5], [[1, {"a": []}]]]


@pytest.mark.parametrize("name", NAMES)
def test_a_token_comes_back(name: JsonValue) -> None:
    """QP-3, QP-5: a missing value is not a stored null."""
    token = write_token(
        BY_NAME, orjson.dumps([name, 12, "st-1"]), nonce="n", begun_at=Timestamp(15)
    )

    place = Place(values=[name, 12, "st-1"], nonce="n", begun_at=Timestamp(15))
    assert read_token(token, BY_NAME) == place


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "x",
        {},
        {"last_object": {"last_modified": 1}, "nonce": "x"},
        {"sort": "-last_modified,id", "last": [1, "a"], "more": 1},
        {"sort": "-last_modified,id", "last": [1]},
        {"sort": "-last_modified,id", "last": [1, "a", 2]},
        {"sort": "-last_modified,id", "last": {}},
        {"sort": "-last_modified,id", "last": ["1", "a"]},
        {"sort": "-last_modified,id", "last": [True, "a"]},
        {"sort": "-last_modified,id", "last": [1.0, "a"]},
        {"sort": "-last_modified,id", "last": [-1, "a"]},
        {"sort": "-last_modified,id", "last": [2**63, "a"]},
        {"sort": "-last_modified,id", "last": [1, 2]},
        {"sort": "-last_modified,id", "last": [1, None]},
        {"sort": "-last_modified,id", "last": [1, "\0"]},
        {"sort": "-last_modified,id", "last": [1, "a"], "nonce": 3},
        {"sort": "-last_modified,id", "last": [1, "a"], "begun_at": "1"},
        {"sort": "-last_modified,id", "last": [1, "a"], "begun_at": True},
        {"sort": "-last_modified,id", "last": [1, "a"], "begun_at": -1},
        {"sort": "-last_modified,id", "last": [1, "a"], "begun_at": 2**63},
        {"sort": "name,-last_modified,id", "last": [["x"], 1, "a"]},
    ],
)
def test_another_content_is_no_token(content: object) -> None:
    """QP-3: 400, never 500."""
    assert read_token(token_of(content), DEFAULT_ORDER) is None


MISFITS: Final[Sequence[JsonValue]] = ["x", 1, [], [1, 2], {}, ["\0"], [{"\0": 1}]]


@pytest.mark.parametrize("value", MISFITS)
def test_another_value_is_no_token(value: JsonValue) -> None:
    """QP-3."""
    content = {"sort": "name,-last_modified,id", "last": [value, 1, "a"]}
    assert read_token(token_of(content), BY_NAME) is None


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbled_text_is_no_token(text: str) -> None:
    """QP-3."""
    assert read_token(text, DEFAULT_ORDER) is None


def test_numbers_keep_their_values() -> None:
    """A place is found again exactly."""
    order = (Sort(path=("n",)), Sort(path=LAST_MODIFIED), Sort(path=ID))
    last = [[0.1], 9_007_199_254_740_993, "a"]

    place = read_token(write_token(order, orjson.dumps(last)), order)

    assert place is not None
    assert place.values == last
