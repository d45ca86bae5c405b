"""Preconditions, ETags and dates."""

import pytest

from muniment.domain.commands import Preconditions
from muniment.domain.values import Timestamp
from muniment.web.conditions import (
    Verdict,
    etag,
    http_date,
    judge_read,
    not_modified,
    read_preconditions,
    revision_headers,
)

NOW = Timestamp(1767000123456)


def test_a_revision_is_told_twice() -> None:
    """Section 9.3: floor to the second; LIST-2."""
    assert revision_headers(Timestamp(1767000123999)) == {
        "ETag": '"1767000123999"',
        "Last-Modified": "Mon, 29 Dec 2025 09:22:03 GMT",
    }


@pytest.mark.parametrize("at_s", [0, -5, 10**15, 10**30])
def test_every_moment_has_a_date(at_s: int) -> None:
    assert http_date(at_s).endswith(" GMT")


@pytest.mark.parametrize(
    ("text", "parsed"), [('"1767000123456"', NOW), ("*", "*"), ('"0"', 0), (None, None)]
)
def test_a_tag_is_an_integer_in_quotes_or_a_star(text: str | None, parsed: object) -> None:
    """Section 9.3."""
    preconditions, faults = read_preconditions({} if text is None else {"If-Match": text})

    assert preconditions.if_match == parsed
    assert faults == ()


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "",
        '""',
        'W/"1"',
        '"1", "2"',
        "abc",
        '"-1"',
        '"1.5"',
        '"٣"',
        f'"{"9" * 5000}"',
        '"1"\n',
        "\udcff",
    ],
)
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_anything_else_is_a_fault(name: str, text: str) -> None:
    """ERR-22."""
    preconditions, [fault] = read_preconditions({name: text})

    assert preconditions == Preconditions()
    assert (fault.location, fault.name) == ("header", name)
    assert fault.description == "The value should be integer between double quotes."


@pytest.mark.parametrize(
    ("preconditions", "verdict"),
    [
        (Preconditions(), Verdict.GO_ON),
        (Preconditions(if_match=NOW), Verdict.GO_ON),
        (Preconditions(if_match="*"), Verdict.GO_ON),
        (Preconditions(if_match=Timestamp(NOW + 1)), Verdict.FAILED),
        (Preconditions(if_match=Timestamp(NOW - 1)), Verdict.FAILED),
        (Preconditions(if_none_match=NOW), Verdict.NOT_MODIFIED),
        (Preconditions(if_none_match=Timestamp(NOW + 1)), Verdict.GO_ON),
        (Preconditions(if_none_match=Timestamp(NOW - 1)), Verdict.GO_ON),
        (Preconditions(if_none_match="*"), Verdict.FAILED),
        (Preconditions(if_match=NOW, if_none_match="*"), Verdict.FAILED),
        (Preconditions(if_match=Timestamp(1), if_none_match=Timestamp(2)), Verdict.FAILED),
    ],
)
def test_reads_follow_the_truth_table(preconditions: Preconditions, verdict: Verdict) -> None:
    """Section 9.4, rows G and L; PRE-2."""
    assert judge_read(preconditions, NOW) is verdict


def test_not_modified_has_the_revision_and_nothing_else() -> None:
    """PRE-3 and CACHE-5."""
    response = not_modified(NOW)

    assert (response.status, response.body) == (304, None)
    assert set(response.headers) == {"ETag", "Last-Modified"}


def test_a_tag_that_was_told_is_understood() -> None:
    preconditions, _ = read_preconditions({"If-Match": etag(NOW)})

    assert preconditions.if_match == NOW
