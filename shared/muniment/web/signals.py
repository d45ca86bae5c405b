"""What operators tell all clients: slow down, or look for another service (section 3.4)."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import orjson

from muniment.web.errors import error
from muniment.web.http import Response


def alert(code: str, message: str, url: str | None) -> str:
    """The value of an `Alert` header (SIG-3): compact JSON in ASCII."""
    facts = {"code": code, "message": message} | ({"url": url} if url else {})
    text = orjson.dumps(facts).decode()
    return "".join(char if char.isascii() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    """What JSON writes for a character outside ASCII, which a header cannot carry."""
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The settings of signals, and the headers they make."""

    backoff_s: int | None = None
    backoff_percentage: int | None = None
    eos: date | None = None
    eos_message: str | None = None
    eos_url: str | None = None
    chance: Callable[[], float] = random.random
    today: Callable[[], date] = _today

    @property
    def are_silent(self) -> bool:
        """Whether no answer carries any."""
        return self.backoff_s is None and self.eos is None

    def headers(self) -> dict[str, str]:
        """What the next answer carries (SIG-1, SIG-4)."""
        headers: dict[str, str] = {}
        if self.backoff_s is not None and self._is_drawn():
            headers["Backoff"] = str(self.backoff_s)
        if self.eos is not None:
            headers["Alert"] = self._alert()
        return headers

    def gone(self) -> Response | None:
        """410 for every request once the service has ended (SIG-4)."""
        if not self._is_over():
            return None
        message = "The service you are trying to connect no longer exists at this location."
        return error(410, 202, message)

    def _is_drawn(self) -> bool:
        return self.backoff_percentage is None or self.chance() * 100 < self.backoff_percentage

    def _is_over(self) -> bool:
        return self.eos is not None and self.eos <= self.today()

    def _alert(self) -> str:
        code = "hard-eol" if self._is_over() else "soft-eol"
        return alert(code, self.eos_message or "", self.eos_url)
