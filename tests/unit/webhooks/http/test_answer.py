"""What an answer says beyond its status."""

import time
from email.utils import formatdate

import pytest

from muniment.webhooks.http.answer import Answer, Failure, retry_after_s


@pytest.mark.parametrize(
    ("value", "low_s", "high_s"),
    [
        ("600", 600, 600),
        (" 600 ", 600, 600),
        ("999999999", 86_400, 86_400),
        ("9" * 400, 86_400, 86_400),
    ],
)
def test_a_retry_after_in_seconds_is_read(value: str, low_s: float, high_s: float) -> None:
    wait_s = retry_after_s(value)

    assert wait_s is not None
    assert low_s <= wait_s <= high_s


@pytest.mark.parametrize(("ahead_s", "low_s", "high_s"), [(9_000, 8_000, 9_000), (-100, 0, 0)])
def test_a_retry_after_that_is_a_date_is_read(ahead_s: float, low_s: float, high_s: float) -> None:
    wait_s = retry_after_s(formatdate(time.time() + ahead_s, usegmt=True))

    assert wait_s is not None
    assert low_s <= wait_s <= high_s


@pytest.mark.parametrize("value", ["", "soon", "-5", "²", "1.5", "Thu, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:
    assert retry_after_s(value) is None


def test_a_success_asks_for_no_pause() -> None:
    assert Answer(failure=None, status=200, retry_after="60").retry_after_s is None
    assert Answer(failure=Failure.STATUS, status=503, retry_after="60").retry_after_s == 60


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(failure=Failure.STATUS, status=500), "status 500"),
        (Answer(failure=Failure.TIMEOUT), "timeout"),
        (Answer(failure=Failure.CLOSED, status=200), "closed"),
    ],
)
def test_the_reason_is_short(answer: Answer, reason: str) -> None:
    assert answer.reason == reason
