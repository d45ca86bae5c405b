"""Paths and queries decoded."""

import pytest

from muniment.web.http import Undecodable, decode_path, parse_query
from tests.unit.web.building import request


@pytest.mark.parametrize(
    ("raw", "path"),
    [("/v1/a", "/v1/a"), ("/v1/%C3%A9", "/v1/é"), ("/v1/é", "/v1/é"), ("/v1/%", "/v1/%")],
)
def test_a_path_is_decoded_as_utf_8(raw: str, path: str) -> None:
    assert decode_path(raw) == path


@pytest.mark.parametrize("raw", ["/v1/%82%AC", "/v1/\udcff", "/v1/%00", "/v1/a%00b"])
def test_a_path_that_is_not_utf_8_or_holds_nul_is_undecodable(raw: str) -> None:
    """RT-8; U+0000 would fail in Postgres (D-1)."""
    with pytest.raises(Undecodable):
        decode_path(raw)


def test_a_query_is_read_in_order_with_empty_values() -> None:
    assert parse_query("b=1&a=&b=x+y%2C") == (("b", "1"), ("a", ""), ("b", "x y,"))


@pytest.mark.parametrize("raw", ["n=%FF", "n=\udcff", "&".join(["a=1"] * 2000)])
def test_a_query_that_is_not_utf_8_or_too_long_is_undecodable(raw: str) -> None:
    """RT-9."""
    with pytest.raises(Undecodable):
        parse_query(raw)


def test_a_request_knows_its_own_url() -> None:
    """BASE-7."""
    assert request(path="/v1/buckets", query="a=1").url == "http://data.example.org/v1/buckets?a=1"


def test_header_names_are_found_in_any_case() -> None:
    assert request(headers={"if-match": "*"}).headers["If-Match"] == "*"
