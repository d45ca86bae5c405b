"""One connection to a receiver: sends a request, has the answer read, keeps the deadline."""

import asyncio
import ssl
import time
from typing import Final, cast

from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.outbox import Outbox
from muniment.webhooks.http.reading import AnswerReader

EARLY_S: Final = 0.001
"""A loop's timer may ring so much early."""
KEEP_ALIVE_MARGIN_S: Final = 1.0
"""A receiver that says for how long it keeps a connection may have begun to count earlier."""


class Connection(asyncio.Protocol):
    """Used for one exchange at a time; ended by anything that nobody asked for."""

    def __init__(self, *, outbox: Outbox, idle_s_max: float) -> None:
        self.reader = AnswerReader()
        self.address = ""
        self.idle_s_max = idle_s_max
        self.opened_at = self.idle_since = self.sent_at = self.first_byte_at = 0.0
        self.exchanges = 0
        self.is_closed = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._has_spoken_unasked = False
        self._outbox = outbox
        self._unsent: bytes | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None
        self._deadline = self._timer_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # --- Its use ----------------------------------------------------------------------------------

    @property
    def transport(self) -> asyncio.Transport:
        if self._transport is None:
            message = "the connection is not open"
            raise RuntimeError(message)
        return self._transport

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS of the connection; `None` for plain HTTP."""
        found: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object")
        return found

    def exchange(self, request: bytes, *, deadline: float) -> asyncio.Future[None]:
        """Send the request soon; what is awaited ends, never with an error, when `reader` is over.

        `deadline` is on the monotonic clock, in seconds; when it passes, the reader's failure is
        `timeout`.
        """
        answered = self._loop.create_future()
        self.reader.begin()
        self.sent_at = self.first_byte_at = 0.0
        self.exchanges += 1
        if self.is_closed:
            self._end_reader()
            answered.set_result(None)
            return answered
        self._answered = answered
        self._deadline = deadline
        # One timer serves many exchanges: setting one for each costs as much as the request's head.
        if self._timer is None or deadline < self._timer_at:
            self._set_timer(deadline)
        self._unsent = request
        self._outbox.add(self._send)
        return answered

    def drop(self) -> None:
        """End at once, whatever is under way."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self.opened_at = time.monotonic()

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._unsent is not None:
            # The reader may still hold the last answer.
            self._has_spoken_unasked = True
            self.drop()
            return
        if not self.first_byte_at:
            self.first_byte_at = time.monotonic()
        if self.reader.feed(data):
            self._finish()

    def eof_received(self) -> bool:
        """Nothing more will come; over TLS, `connection_lost` may follow a while later only."""
        if self._answered is not None:
            self.reader.end()
            self._finish()
        self.drop()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answered is not None:
            if exc is not None:
                # In TLS 1.3 a client's certificate is refused after the handshake.
                kind = Failure.TLS if isinstance(exc, ssl.SSLError) else Failure.CLOSED
                self.reader.give_up(kind, f"the connection broke: {exc}")
            self._end_reader()
            self._finish()
        self.reader.close()
        if not self.closed.done():
            self.closed.set_result(None)

    # --- Inside -----------------------------------------------------------------------------------

    def _send(self) -> None:
        request, self._unsent = self._unsent, None
        if request is not None and not self.is_closed:
            self.sent_at = time.monotonic()
            self.transport.write(request)

    def _end_reader(self) -> None:
        """Nothing comes any more."""
        # On a connection that had been used it may be about the last exchange, or that it lay idle.
        if self._has_spoken_unasked and self.exchanges == 1:
            self.reader.give_up(Failure.PROTOCOL, "the receiver spoke before it was asked")
        self.reader.end()

    def _finish(self) -> None:
        answered, self._answered = self._answered, None
        reader = self.reader
        if not reader.is_reusable or (
            # Answered before all of the request was sent: the rest would be taken for the next one.
            self._transport is not None and self._transport.get_write_buffer_size()
        ):
            self.drop()
        elif keep_alive := reader.headers.get(b"keep-alive"):
            self._heed(keep_alive)
        if answered is not None and not answered.done():
            answered.set_result(None)

    def _heed(self, keep_alive: bytes) -> None:
        """`Keep-Alive: timeout=5`: be the one that closes."""
        for part in keep_alive.split(b","):
            name, _, value = part.strip().partition(b"=")
            if name.lower() == b"timeout" and value.isdigit():
                told_s = float(value[:6]) - KEEP_ALIVE_MARGIN_S
                self.idle_s_max = max(min(self.idle_s_max, told_s), 0.0)

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(max(at - time.monotonic(), 0.0), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._answered is None:
            return
        if time.monotonic() + EARLY_S < self._deadline:
            self._set_timer(self._deadline)
            return
        self.reader.give_up(Failure.TIMEOUT, "no whole answer in time")
        self._finish()
