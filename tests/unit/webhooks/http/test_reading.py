"""Reading answers: any bytes in any pieces."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.reading import ANSWER_BYTES_MAX, AnswerReader


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader made of an answer; `None` for `failure` is a success."""

    failure: Failure | None
    status: int | None
    body: bytes = b""
    is_reusable: bool = False


def read(*pieces: bytes, ends: bool = False) -> Found | None:
    """What comes of the pieces; `None` if the answer is not over by them."""
    reader = AnswerReader()
    for piece in pieces:
        if reader.feed(piece):
            break
    if ends:
        reader.end()
    if not reader.is_over:
        return None
    return Found(reader.failure, reader.status, reader.body, reader.is_reusable)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS: dict[str, tuple[bytes, Found | None]] = {
    "length": (OK + b"Content-Length: 2\r\n\r\nhi", Found(None, 200, b"hi", True)),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", Found(None, 200, b"", True)),
    "no-reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Found(None, 200, b"", True)),
    "204": (b"HTTP/1.1 204 X\r\n\r\n", Found(None, 204, b"", True)),
    "304": (b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", Found(Failure.STATUS, 304, b"", True)),
    "500": (
        b"HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\noops",
        Found(Failure.STATUS, 500, b"oops", True),
    ),
    "close": (OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nx", Found(None, 200, b"x")),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", Found(None, 200, b"x")),
    "1.0-kept": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
        Found(None, 200, b"x", True),
    ),
    "until-close": (OK + b"\r\nbody", Found(None, 200, b"body")),
    "1.0-until-close": (b"HTTP/1.0 200 OK\r\n\r\nbody", Found(None, 200, b"body")),
    "gzip-until-close": (OK + b"Transfer-Encoding: gzip\r\n\r\nx", Found(None, 200, b"x")),
    "chunked": (CHUNKED + b"2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n", Found(None, 200, b"hi!", True)),
    "chunk-extension": (CHUNKED + b"2;a=b\r\nhi\r\n0\r\n\r\n", Found(None, 200, b"hi", True)),
    "trailer": (CHUNKED + b"0\r\nRetry-After: 1\r\n\r\n", Found(None, 200, b"", True)),
    "100": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
        Found(None, 200, b"", True),
    ),
    "103-102-100": (
        b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\nHTTP/1.1 100 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
        Found(None, 204, b"", True),
    ),
    "folded": (OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n", Found(None, 200, b"", True)),
    "bare-lf": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", Found(None, 200, b"", True)),
    "cut-length": (OK + b"Content-Length: 9\r\n\r\nhi", Found(Failure.CLOSED, 200, b"hi")),
    "cut-chunk": (CHUNKED + b"9\r\nhi", Found(Failure.CLOSED, 200, b"hi")),
    "cut-head": (OK + b"Content-Le", Found(Failure.CLOSED, None)),
    "cut-after-100": (b"HTTP/1.1 100 Continue\r\n\r\n", Found(Failure.CLOSED, None)),
    "nothing": (b"", Found(Failure.CLOSED, None)),
    "101": (
        b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        Found(Failure.PROTOCOL, 101),
    ),
    "099": (b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", Found(Failure.PROTOCOL, 99)),
    "1000": (b"HTTP/1.1 1000 X\r\n\r\n", Found(Failure.PROTOCOL, None)),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", Found(Failure.PROTOCOL, None)),
    "http2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Found(Failure.PROTOCOL, None)),
    "tls-alert": (b"\x15\x03\x01\x00\x02\x02\x0a", Found(Failure.PROTOCOL, None)),
    "chunk-no-number": (CHUNKED + b"zz\r\n", Found(Failure.PROTOCOL, 200)),
    "chunk-negative": (CHUNKED + b"-1\r\nx\r\n", Found(Failure.PROTOCOL, 200)),
    "chunk-overflow": (CHUNKED + b"f" * 17 + b"\r\n", Found(Failure.PROTOCOL, 200)),
    "chunk-too-short": (CHUNKED + b"1\r\nhello\r\n", Found(Failure.PROTOCOL, 200, b"h")),
    "length-negative": (OK + b"Content-Length: -5\r\n\r\n", Found(Failure.PROTOCOL, None)),
    "length-overflow": (OK + b"Content-Length: %d\r\n\r\n" % 10**24, Found(Failure.PROTOCOL, None)),
    "two-lengths": (
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        Found(Failure.PROTOCOL, None),
    ),
    "length-and-chunked": (
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        Found(Failure.PROTOCOL, None),
    ),
    "no-name": (OK + b": x\r\n\r\n", Found(Failure.PROTOCOL, None)),
    "blank-in-name": (OK + b"A b: x\r\n\r\n", Found(Failure.PROTOCOL, None)),
    "head-flood": (OK + b"A: b\r\n" * 4_000, Found(Failure.TOO_LARGE, None)),
    "one-header": (OK + b"A: " + b"b" * 20_000, Found(Failure.TOO_LARGE, None)),
    "status-line": (b"HTTP/1.1 200 " + b"b" * 20_000, Found(Failure.TOO_LARGE, None)),
    "100-flood": (b"HTTP/1.1 100 C\r\n\r\n" * 1_000, Found(Failure.TOO_LARGE, None)),
    "body-flood": (
        OK + b"Content-Length: 400000000\r\n\r\n" + b"b" * 20_000,
        Found(None, 200, b"b" * 4_096),
    ),
    "body-flood-500": (
        b"HTTP/1.1 500 X\r\n\r\n" + b"b" * 20_000,
        Found(Failure.STATUS, 500, b"b" * 4_096),
    ),
    "chunk-flood": (CHUNKED + b"1\r\nb\r\n" * 5_000, None),
    "extension-flood": (CHUNKED + b"1;" + b"x" * 20_000, Found(None, 200)),
}
"""What comes, closed at its end, and what is found."""
ANSWERS["chunk-flood"] = (
    ANSWERS["chunk-flood"][0],
    Found(None, 200, b"b" * ((ANSWER_BYTES_MAX - len(CHUNKED) + 3) // 6)),
)


@pytest.mark.parametrize(("answer", "found"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_in_one_piece(answer: bytes, found: Found) -> None:
    assert read(answer, ends=True) == found


@pytest.mark.parametrize(("answer", "found"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_byte_by_byte(answer: bytes, found: Found) -> None:
    assert read(*(answer[at : at + 1] for at in range(len(answer))), ends=True) == found


@pytest.mark.parametrize(("answer", "found"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_in_two_pieces_wherever_it_is_cut(answer: bytes, found: Found) -> None:
    """Every place in what is short, every hundredth in what is long."""
    step = 1 if len(answer) < 1_000 else 101
    for at in range(0, len(answer), step):
        assert read(answer[:at], answer[at:], ends=True) == found, at


@given(
    answer=st.sampled_from([answer for answer, _ in ANSWERS.values()]),
    cuts=st.lists(st.integers(min_value=0, max_value=25_000), max_size=12),
)
def test_what_is_found_does_not_depend_on_the_pieces(answer: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]

    pieces = [answer[a:b] for a, b in itertools.pairwise(places)]

    assert read(*pieces, ends=True) == read(answer, ends=True)


@given(noise=st.binary(max_size=400), prefix=st.sampled_from([b"", OK, CHUNKED, OK + b"\r\n"]))
def test_no_bytes_at_all_do_harm(noise: bytes, prefix: bytes) -> None:
    """Whatever comes, there is an answer or a failure, and never an exception."""
    found = read(prefix + noise, ends=True)

    assert found is not None
    assert len(found.body) <= 4_096
    assert found.failure is not None or found.status is not None


@given(
    answers=st.lists(
        st.sampled_from([a for a, found in ANSWERS.values() if found and found.is_reusable]),
        min_size=2,
        max_size=5,
    )
)
def test_one_reader_reads_many_answers(answers: list[bytes]) -> None:
    """Nothing of one answer is left in the next."""
    reader = AnswerReader()
    for answer in answers:
        reader.begin()
        assert reader.feed(answer)
        found = Found(reader.failure, reader.status, reader.body, reader.is_reusable)
        assert found == read(answer)


@pytest.mark.parametrize(
    "more",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"garbage", b"\x00", b"H"],
    ids=repr,
)
def test_what_follows_an_answer_spoils_the_connection_only(more: bytes) -> None:
    assert read(b"HTTP/1.1 204 X\r\n\r\n" + more) == Found(None, 204, b"", False)


def test_an_answer_of_just_the_most_that_is_read_is_whole() -> None:
    head = OK + b"Content-Length: %d\r\n\r\n"
    length = ANSWER_BYTES_MAX - len(head % 10_000)
    answer = head % length + b"b" * length

    assert len(answer) == ANSWER_BYTES_MAX
    assert read(answer) == Found(None, 200, b"b" * 4_096, True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"120", "120"), (b"a\x00b\x1bc", "a b c"), (b"\xff\xfe", "ÿþ"), (b"x\r\n y", "x y")],
)
def test_a_header_is_text_that_can_be_shown(value: bytes, shown: Any) -> None:
    """It goes to logs and to a database that takes no NUL."""
    reader = AnswerReader()
    reader.feed(OK + b"Retry-AFTER: " + value + b"\r\nContent-Length: 0\r\n\r\n")

    text = reader.header(b"retry-after")

    assert text is not None
    assert text.isprintable()
    assert text.split() == shown.split()
