"""When a lane may send: its window, its rate, the pauses it was asked for, and its breaker."""

from typing import Final

from muniment.webhooks.breaker import Breaker
from muniment.webhooks.terms import Terms

WINDOW_MIN: Final = 1.0


class Pace:
    """Told of every request and its end; knows no clock, each call brings the time.

    The window adapts as TCP's does: halved by an answer that asks to slow down, widened by one
    request for each window of successes, up to what the terms allow.
    """

    def __init__(self, terms: Terms, *, seed: str = "") -> None:
        self._terms = terms
        self.breaker = Breaker(terms.schedule, terms.bounds, seed=seed)
        self._window = float(terms.window)
        self._deaf_for = 0
        """So many answers belong to requests from before the window was last halved."""
        self._paused_until = 0.0
        self._tokens = self._burst
        self._counted_at = 0.0
        self.in_flight = 0
        """Requests."""
        self.failing_since: float | None = None
        """The first failure after which nothing has succeeded."""

    @property
    def terms(self) -> Terms:
        return self._terms

    @terms.setter
    def terms(self, terms: Terms) -> None:
        was_widest = self._window >= self._terms.window
        self._terms = terms
        self._window = float(terms.window if was_widest else min(self._window, terms.window))
        self.breaker.schedule, self.breaker.bounds = terms.schedule, terms.bounds
        self._tokens = min(self._tokens, self._burst)

    @property
    def is_open(self) -> bool:
        """Whether only probes go out, one at a time."""
        return self.breaker.is_open

    @property
    def window(self) -> int:
        """Requests that may be under way now."""
        return int(self._window)

    @property
    def paused_until(self) -> float:
        """Before this nothing is sent: the endpoint has asked for that."""
        return self._paused_until

    def may_send(self, now: float) -> bool:
        """Whether one more request may go out."""
        if now < self._paused_until or self.in_flight >= self.window:
            return False
        if self.is_open and (self.in_flight or now < self.breaker.probe_at):
            return False
        return self._has_tokens(now)

    def open_at(self, now: float) -> float | None:
        """From when on `may_send` holds, if nothing else happens; `None` if it waits for answers.

        Never before `now`.
        """
        if self.in_flight and (self.is_open or self.in_flight >= self.window):
            return None
        at = max(now, self._paused_until)
        if self.is_open:
            at = max(at, self.breaker.probe_at)
        if self._terms.rate is not None and not self._has_tokens(at):
            at += (1.0 - self._tokens) / self._terms.rate
        return at

    def sent(self, now: float, events: int) -> None:
        """A request with so many events is under way."""
        self.in_flight += 1
        self.breaker.sent()
        if self._has_tokens(now) and self._terms.rate is not None:
            # A batch may take more than there is: what comes after it waits the longer.
            self._tokens -= events

    def succeeded(self, now: float, *, took_s: float = 0.0) -> bool:
        """Count a success; true when the endpoint was away and is back by it."""
        self._answered()
        self._window = min(self._window + 1 / self._window, float(self._terms.window))
        self.failing_since = None
        return self.breaker.succeeded(now, took_s)

    def failed(self, now: float, *, is_overload: bool, retry_after_s: float | None) -> bool:
        """Count a failure; true when the endpoint counts as away by it."""
        is_news = self._deaf_for == 0
        self._answered()
        if is_overload and is_news:
            self._window = max(self._window / 2, WINDOW_MIN)
            self._deaf_for = self.in_flight
        if retry_after_s is not None:
            self._paused_until = max(self._paused_until, now + retry_after_s)
        if self.failing_since is None:
            self.failing_since = now
        return self.breaker.failed(now)

    def is_out_of_patience(self, now: float) -> bool:
        """Whether the endpoint has failed for longer than its terms allow."""
        return self._has_failed_for(self._terms.patience_s, now)

    def is_half_out_of_patience(self, now: float) -> bool:
        """Whether half of that time is over: somebody should be told."""
        return self._has_failed_for(self._terms.patience_s / 2, now)

    @property
    def disabled_at(self) -> float | None:
        """When the endpoint is to be disabled, if nothing succeeds before."""
        return None if self.failing_since is None else self.failing_since + self._terms.patience_s

    def _has_failed_for(self, seconds: float, now: float) -> bool:
        return self.failing_since is not None and now - self.failing_since >= seconds

    def _answered(self) -> None:
        self.in_flight -= 1
        self._deaf_for = max(self._deaf_for - 1, 0)

    @property
    def _burst(self) -> float:
        return max(self._terms.rate or 1.0, 1.0)

    def _has_tokens(self, now: float) -> bool:
        rate = self._terms.rate
        if rate is None:
            return True
        self._tokens = min(self._tokens + max(now - self._counted_at, 0.0) * rate, self._burst)
        self._counted_at = max(now, self._counted_at)
        # As floats add up, the last token may come a hair late; a timer must not chase it.
        return self._tokens >= 1.0 - 1e-6
