"""Reads one answer after another off a connection, whatever is sent, and never much of it."""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from muniment.webhooks.http.answer import Failure

ANSWER_BYTES_MAX: Final = 16 * 1024
"""Of one answer, its head and what comes before it included; then the connection is dropped."""
BODY_BYTES_KEPT: Final = 4 * 1024
DETAIL_CHARS_MAX: Final = 200

HEADERS_KEPT: Final = frozenset(
    {
        *(b"content-length", b"transfer-encoding", b"keep-alive"),
        *(b"retry-after", b"location", b"webhook-delivery"),
    }
)


class AnswerReader:
    """Fed with what comes, in pieces of any size; what it finds does not depend on the pieces.

    Answers of status 1xx are skipped. What is broken after a whole answer does not spoil it, only
    the connection.
    """

    __slots__ = (
        "_is_interim",
        "_made",
        "body",
        "bytes_read",
        "detail",
        "failure",
        "headers",
        "is_head_whole",
        "is_over",
        "is_reusable",
        "is_whole",
        "status",
    )

    def __init__(self) -> None:
        self._made: HttpResponseParser | None = None
        self.begin()

    def begin(self) -> None:
        """Expect an answer; after one that left the connection reusable."""
        self.status: int | None = None
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.bytes_read = 0
        self.failure: Failure | None = None
        self.detail = ""
        self.is_head_whole = False
        self.is_whole = False
        self.is_over = False
        """Whole, failed, or more of it than is read."""
        self.is_reusable = False
        self._is_interim = False

    def feed(self, data: bytes) -> bool:
        """Take in what has come; true when the answer is over."""
        room = ANSWER_BYTES_MAX - self.bytes_read
        is_cut = len(data) > room
        if is_cut:
            data = data[:room]
        self.bytes_read += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail(Failure.PROTOCOL, "the protocol was switched, which nobody had asked for")
        except HttpParserError as error:
            self.is_reusable = False
            self._fail(Failure.PROTOCOL, str(error))
        if is_cut:
            self.is_reusable = False
        if not self.is_over and self.bytes_read >= ANSWER_BYTES_MAX:
            self._stop_reading()
        return self.is_over

    def end(self) -> None:
        """The connection was closed by the other side."""
        if self.is_over:
            return
        if self.is_head_whole and self._lasts_until_close():
            self.is_whole = self.is_over = True
            self._judge()
        elif self.bytes_read == 0:
            self._fail(Failure.CLOSED, "the connection was closed before the answer")
        else:
            self._fail(Failure.CLOSED, "the connection was closed in the middle of the answer")

    def give_up(self, failure: Failure, detail: str) -> None:
        """Expect nothing more."""
        self.is_reusable = False
        self._fail(failure, detail)

    def close(self) -> None:
        """There is nothing more to feed it with; what it has found stays.

        Parser and reader hold each other: left to the collector, which comes rarely, what a
        receiver has sent would lie about in memory until then.
        """
        self._made = None

    def header(self, name: bytes) -> str | None:
        """A header of the answer, without characters that are none to be shown."""
        value = self.headers.get(name)
        if value is None:
            return None
        text = value.decode("latin-1")
        return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)

    # --- Called by the parser ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.is_whole:
            # More than was asked for: whose answer would come next on this connection?
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in HEADERS_KEPT and not self.is_head_whole:
            self.headers[name] = value

    def on_headers_complete(self) -> None:
        if self.is_whole:
            return
        status = self._parser.get_status_code()
        self._is_interim = 100 <= status < 200 and status != 101
        if self._is_interim:
            self.headers = {}
        else:
            self.status = status
            self.is_head_whole = True

    def on_body(self, body: bytes) -> None:
        if len(self.body) < BODY_BYTES_KEPT and not self.is_whole:
            self.body += body[: BODY_BYTES_KEPT - len(self.body)]

    def on_message_complete(self) -> None:
        if self.is_whole:
            return
        if self._is_interim:
            self._is_interim = False
            return
        self.is_whole = self.is_over = True
        self.is_reusable = self._parser.should_keep_alive()
        self._judge()

    # --- Inside -----------------------------------------------------------------------------------

    @property
    def _parser(self) -> HttpResponseParser:
        if self._made is None:
            self._made = HttpResponseParser(self)
            # RFC 9112 has clients take folded headers (5.2) and bare line feeds (2.2). What would
            # let the ends of two answers be told apart differently stays strict.
            self._made.set_dangerous_leniencies(
                lenient_headers=True,
                lenient_optional_cr_before_lf=True,
                lenient_spaces_after_chunk_size=True,
            )
        return self._made

    def _judge(self) -> None:
        status = self.status or 0
        if status < 200:
            self.is_reusable = False
            self.failure = Failure.PROTOCOL
            self.detail = f"{status} is no final status"
        elif status >= 300:
            self.failure = Failure.STATUS

    def _stop_reading(self) -> None:
        """The status of an answer that is too long has said it all."""
        if self.is_head_whole:
            self.is_over = True
            self._judge()
        else:
            self._fail(Failure.TOO_LARGE, f"no head of an answer within {ANSWER_BYTES_MAX} bytes")

    def _fail(self, failure: Failure, detail: str) -> None:
        if self.is_over:
            return
        self.failure, self.detail = failure, detail[:DETAIL_CHARS_MAX]
        self.is_over = True

    def _lasts_until_close(self) -> bool:
        """An answer without a length; a chunked one ends itself."""
        coding = self.headers.get(b"transfer-encoding", b"").lower()
        return b"content-length" not in self.headers and not coding.rstrip().endswith(b"chunked")
