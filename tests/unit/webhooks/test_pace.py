"""When a lane may send: windows that adapt, rates, pauses and patience."""

from dataclasses import replace

import pytest

from muniment.webhooks.breaker import FAILURES_TO_OPEN
from muniment.webhooks.pace import Pace
from muniment.webhooks.retry import Schedule
from muniment.webhooks.terms import Terms

NOW = 1_000.0
TERMS = Terms(schedule=Schedule(waits_s=(0, 5), jitter=0.0), window=8)


def send_all(pace: Pace, now: float = NOW) -> int:
    """How many requests may go out at once."""
    count = 0
    while pace.may_send(now):
        pace.sent(now, 1)
        count += 1
    return count


def fail(pace: Pace, now: float = NOW, *, is_overload: bool = False) -> bool:
    return pace.failed(now, is_overload=is_overload, retry_after_s=None)


def test_an_overloaded_receiver_halves_the_window_once_for_all_that_was_under_way() -> None:
    pace = Pace(TERMS)
    send_all(pace)

    for _ in range(8):
        fail(pace, is_overload=True)

    assert pace.window == 4


def test_successes_widen_it_again_up_to_the_terms() -> None:
    pace = Pace(TERMS)
    pace.sent(NOW, 1)
    fail(pace, is_overload=True)
    narrow = pace.window
    widths: list[int] = []
    for _ in range(40):
        pace.sent(NOW, 1)
        pace.succeeded(NOW)
        widths.append(pace.window)

    assert narrow == 4
    assert widths[3] == 4
    assert widths[5] == 5
    assert widths[-1] == 8


def test_other_failures_leave_the_window() -> None:
    pace = Pace(TERMS)
    pace.sent(NOW, 1)
    fail(pace)

    assert pace.window == 8


def test_a_rate_is_kept_on_average_with_bursts_of_a_second() -> None:
    pace = Pace(replace(TERMS, rate=10.0, window=1_000))
    burst = send_all(pace)
    sent = 0
    for step in range(1, 101):
        sent += send_all(pace, NOW + step / 20)

    assert burst == 10
    assert sent == 50


def test_a_batch_counts_with_all_its_events() -> None:
    pace = Pace(replace(TERMS, rate=2.0, window=1_000))
    pace.sent(NOW, 10)

    assert pace.open_at(NOW) == pytest.approx(NOW + 4.5)
    assert not pace.may_send(NOW + 4)
    assert pace.may_send(NOW + 4.5)


def test_slow_rates_let_single_events_through() -> None:
    pace = Pace(replace(TERMS, rate=0.1))

    assert send_all(pace) == 1
    assert pace.open_at(NOW) == pytest.approx(NOW + 10)


def test_what_is_full_opens_with_an_answer_only() -> None:
    pace = Pace(TERMS)
    send_all(pace)

    assert pace.open_at(NOW) is None


def test_patience_is_a_matter_of_time_not_of_a_count() -> None:
    pace = Pace(replace(TERMS, patience_s=100))
    for _ in range(1_000):
        pace.sent(NOW, 1)
        fail(pace, NOW)
    early = (pace.is_half_out_of_patience(NOW + 49), pace.is_out_of_patience(NOW + 99))
    late = (pace.is_half_out_of_patience(NOW + 50), pace.is_out_of_patience(NOW + 100))
    pace.sent(NOW, 1)
    pace.succeeded(NOW)

    assert (early, late) == ((False, False), (True, True))
    assert not pace.is_out_of_patience(NOW + 1_000)


def test_one_success_among_a_thousand_failures_begins_the_time_anew() -> None:
    pace = Pace(replace(TERMS, patience_s=100))
    for second in range(200):
        pace.sent(NOW + second, 1)
        if second == 150:
            pace.succeeded(NOW + second)
        else:
            fail(pace, NOW + second)

    assert not pace.is_out_of_patience(NOW + 250)
    assert pace.is_out_of_patience(NOW + 251)


def test_an_open_breaker_lets_one_probe_through_at_its_time() -> None:
    pace = Pace(TERMS)
    for _ in range(FAILURES_TO_OPEN):
        pace.sent(NOW, 1)
        fail(pace)
    probe_at = pace.open_at(NOW)

    assert probe_at == NOW + 1
    assert send_all(pace, NOW + 0.5) == 0
    assert send_all(pace, NOW + 1) == 1


def test_terms_that_change_count_at_once() -> None:
    pace = Pace(TERMS)
    pace.terms = replace(TERMS, window=2)
    narrowed = send_all(pace)
    pace.terms = replace(TERMS, window=20)

    assert narrowed == 2
    assert pace.window == 20
