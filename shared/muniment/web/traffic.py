"""Counts requests by route, for the metrics."""

import time
from functools import lru_cache

from prometheus_client import Counter, Histogram

from muniment.runtime.metrics import HTTP_REQUEST_SECONDS, HTTP_REQUESTS, HTTP_REQUESTS_IN_HAND
from muniment.web.http import Request, Response

_LABELS_KEPT_MAX = 1024


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
        seconds.observe(time.perf_counter() - began_s)

    def _metrics(self, method: str, endpoint: str, status: int) -> tuple[Counter, Histogram]:
        return (
            HTTP_REQUESTS.labels(self._service, method, endpoint, str(status)),
            HTTP_REQUEST_SECONDS.labels(self._service, method, endpoint),
        )
