"""What came of one attempt: all that the log of attempts tells about it."""

import email.utils
import time
from enum import StrEnum
from typing import Final, NamedTuple

RETRY_AFTER_S_MAX: Final = 24 * 3600.0
DELIVERED: Final = "delivered"


class Failure(StrEnum):
    """Why an attempt did not succeed."""

    STATUS = "status"
    """A whole answer, whose status is not 2xx."""
    URL = "invalid_url"
    HEADER = "invalid_header"
    BLOCKED = "blocked_address"
    """The settings or the address guard forbid it."""
    DNS = "dns"
    REFUSED = "connect_refused"
    CONNECT = "connect_failed"
    """No route, no free socket."""
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    TIMEOUT = "timeout"
    """Connected, but not over within the deadline."""
    CLOSED = "closed"
    """The connection ended before the answer did."""
    PROTOCOL = "protocol"
    """What came is not HTTP/1."""
    TOO_LARGE = "too_large"
    """The head of the answer did not end within what is read of an answer."""
    LOST = "not_on_the_log"
    SECRET = "unreadable_secret"  # noqa: S105 - the name of a failure


class Answer(NamedTuple):
    """One attempt; `status` is `None` where no head of an answer came.

    A tuple, as one is made for each delivery: a frozen dataclass of it takes twice as long.
    """

    failure: Failure | None
    status: int | None = None
    detail: str = ""
    """What a person wants to know beyond the failure: `certificate has expired`."""
    retry_after: str | None = None
    """The header as it came."""
    delivery_control: str | None = None
    """The header `webhook-delivery`."""
    location: str | None = None
    """Where a redirect would lead; it is never followed."""
    body: bytes = b""
    """At most the first 4 KiB of what came."""
    address: str | None = None
    """`192.0.2.1:443`, `[2001:db8::1]:443`; `None` where no connection came about."""
    is_reused: bool = False
    """The connection had been used before."""
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    """From the request to the first byte of what came."""
    total_ms: float = 0.0
    request_headers: str | None = None
    """As they were sent, one a line, secrets masked; `None` where nothing was."""

    @property
    def is_delivered(self) -> bool:
        return self.failure is None

    @property
    def outcome(self) -> str:
        """`delivered`, or the class of the error: in metrics and the log of attempts."""
        return DELIVERED if self.failure is None else str(self.failure)

    @property
    def is_gone(self) -> bool:
        """The receiver says that it will never take anything again."""
        return self.status == 410

    @property
    def is_refusal(self) -> bool:
        """The receiver does not want this request, now or later."""
        status = self.status or 0
        return 300 <= status < 500 and status not in {408, 429}

    @property
    def reason(self) -> str:
        """For logs and the parked delivery: `status 500`, `timeout` and so on."""
        return f"status {self.status}" if self.failure is Failure.STATUS else f"{self.failure}"

    @property
    def retry_after_s(self) -> float | None:
        """Seconds for which the receiver wants to be left alone; `None` for a success."""
        if self.failure is None or self.retry_after is None:
            return None
        return retry_after_s(self.retry_after)


def retry_after_s(value: str) -> float | None:
    """`Retry-After` in both its forms as seconds from now, at most a day; `None` for nonsense."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), RETRY_AFTER_S_MAX)
    try:
        wait_s = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), RETRY_AFTER_S_MAX)
