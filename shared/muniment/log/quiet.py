"""Keeps an outage of Kafka to a few lines in the log: aiokafka says a hundred a second."""

import logging
from typing import Final

_LOGGERS: Final = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)
_TEMPLATES_MAX: Final = 1000


class OncePerPeriod(logging.Filter):
    """Lets a message through once in a period, whatever values are filled in."""

    def __init__(self, period_s: float) -> None:
        super().__init__()
        self._period_s = period_s
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        template = str(record.msg)
        said_at = self._said_at.get(template)
        if said_at is not None and record.created - said_at < self._period_s:
            return False
        if len(self._said_at) >= _TEMPLATES_MAX:
            self._said_at.clear()
        self._said_at[template] = record.created
        return True


_SPARINGLY: Final = OncePerPeriod(period_s=60.0)


def quieten_aiokafka() -> None:
    """Have aiokafka repeat itself once a minute; calling this again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_SPARINGLY)
