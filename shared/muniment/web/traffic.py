"""Counts requests by route for the metrics, and names each one in the log at level debug."""

import logging
import time
from functools import lru_cache
from typing import Final

from prometheus_client import Counter, Histogram

from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import HTTP_REQUEST_SECONDS, HTTP_REQUESTS, HTTP_REQUESTS_IN_HAND
from muniment.web.http import Request, Response

log: Final = get_logger(__name__)

_LABELS_KEPT_MAX: Final = 1024

# Asked before a line is made: the way through structlog to where it is dropped costs more.
_LEVEL: Final = logging.getLogger(__name__)


class Traffic:
    """The HTTP metrics of one service; looking up their labels costs more than counting."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._in_hand = HTTP_REQUESTS_IN_HAND.labels(service)
        self._answered = lru_cache(maxsize=_LABELS_KEPT_MAX)(self._metrics)

    def begin(self) -> float:
        """A request came; answers with the clock for `count`."""
        self._in_hand.inc()
        return time.perf_counter()

    def end(self) -> None:
        """It is no longer in hand, answered or not."""
        self._in_hand.dec()

    def count(self, request: Request, response: Response, began_s: float) -> None:
        """A request was answered."""
        endpoint = request.target.route.template
        count, seconds = self._answered(request.method, endpoint, response.status)
        count.inc()
        took_s = time.perf_counter() - began_s
        seconds.observe(took_s)
        if _LEVEL.isEnabledFor(logging.DEBUG):
            log.debug(
                "request.answered",
                method=request.method,
                path=request.raw_path,
                status=response.status,
                took_ms=round(took_s * 1000, 3),
                request_id=request.id,
            )

    def _metrics(self, method: str, endpoint: str, status: int) -> tuple[Counter, Histogram]:
        return (
            HTTP_REQUESTS.labels(self._service, method, endpoint, str(status)),
            HTTP_REQUEST_SECONDS.labels(self._service, method, endpoint),
        )
