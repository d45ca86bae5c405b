"""An outage must not drown what else the log says."""

import logging

from muniment.log.quiet import OncePerPeriod


def line(template: str, *, at: float) -> logging.LogRecord:
    record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, template, (at,), None)
    record.created = at
    return record


def test_a_repetition_is_dropped_until_the_period_is_over() -> None:
    """The values differ, the message is the same."""
    once = OncePerPeriod(period_s=60)

    said = [once.filter(line("no node %s", at=at)) for at in (0, 1, 59, 60, 61)]

    assert said == [True, False, False, True, False]


def test_another_message_is_let_through() -> None:
    """It may say why."""
    once = OncePerPeriod(period_s=60)

    assert once.filter(line("no node %s", at=0))
    assert once.filter(line("no answer %s", at=0))
