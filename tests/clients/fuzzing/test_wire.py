"""Bytes over a socket that are no good HTTP, against a server with real Kafka and Postgres.

Each is answered by a clear 4xx or by the end of the connection, never by a 5xx (D-7); afterwards
the server is as well as it was, and its logs know of no bug.
"""

import base64
from collections import Counter
from typing import Final

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.clients.fuzzing.serving import SEED
from tests.clients.fuzzing.wire import hear
from tests.support.server import MunimentServer

CREDENTIALS: Final = base64.b64encode(b"nadia:secret")
HEAD: Final = b"Host: a\r\nAuthorization: Basic " + CREDENTIALS + b"\r\n"
GET: Final = b"GET /v1/ HTTP/1.1\r\n"
PUT: Final = b"PUT /v1/buckets/wire HTTP/1.1\r\n" + HEAD
CHUNKED: Final = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED: Final = b"PUT /v1/buckets/smuggled HTTP/1.1\r\n" + HEAD + b"Content-Length: 0\r\n\r\n"
LAST: Final = b"GET /v1/__lbheartbeat__ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def _get(target: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def _length(value: bytes) -> bytes:
    return PUT + b"Content-Length: " + value + b"\r\n\r\n{}"


def _coded(value: bytes) -> bytes:
    return PUT + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n"


REFUSED: Final = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http-1.2": b"GET /v1/ HTTP/1.2\r\nHost: a\r\n\r\n",
    "http-1.10": b"GET /v1/ HTTP/1.10\r\nHost: a\r\n\r\n",
    "version-in-lower-case": b"GET /v1/ http/1.1\r\nHost: a\r\n\r\n",
    "method-in-lower-case": b"get /v1/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "bare-line-feeds": b"GET /v1/ HTTP/1.1\nHost: a\n\n",
    "no-host": GET + b"\r\n",
    "two-hosts": GET + b"Host: a\r\nHost: b\r\n\r\n",
    "target-with-a-space": _get(b"/v1/ x"),
    "target-with-a-control": _get(b"/v1/\x01"),
    "target-with-bytes": _get(b"/v1/\xff\xfe"),
    "target-without-slash": _get(b"v1/"),
    "target-of-a-query": _get(b"?a=1"),
    "target-of-a-fragment": _get(b"#a"),
    "absolute-form-with-a-wrong-port": _get(b"http://x:port/v1/"),
    "absolute-form-with-a-huge-port": _get(b"http://u:p@x:99999/v1/"),
    "absolute-form-with-half-an-address": _get(b"http://[::zz/v1/"),
    "endless-target": b"GET /" + b"a" * 1_000_000,
    "endless-header": GET + b"X: " + b"a" * 1_000_000,
    "endless-headers": GET + b"X: y\r\n" * 100_000,
    "many-headers": GET + b"Host: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "header-without-colon": GET + b"Host: a\r\nno colon\r\n\r\n",
    "header-without-name": GET + b"Host: a\r\n: a\r\n\r\n",
    "header-with-a-space": GET + b"Host: a\r\nX Y: a\r\n\r\n",
    "header-with-nul": GET + b"Host: a\r\nX: a\0b\r\n\r\n",
    "header-with-a-return": GET + b"Host: a\r\nX: a\rb\r\n\r\n",
    "folded-header": GET + b"Host: a\r\nX: a\r\n b\r\n\r\n",
    **{
        f"length-{name}": _length(value)
        for name, value in {
            "empty": b"",
            "positive": b"+2",
            "negative": b"-2",
            "hexadecimal": b"0x2",
            "listed": b"2, 2",
            "underlined": b"1_0",
            "superscript": b"\xb2",
            "with-more": b"2;a",
            "huge": b"9" * 30,
        }.items()
    },
    "length-before-a-blank": PUT + b"Content-Length : 2\r\n\r\n{}",
    "two-lengths": PUT + b"Content-Length: 0\r\nContent-Length: 2\r\n\r\n{}",
    **{
        f"coding-{name}": _coded(value)
        for name, value in {
            "unknown": b"xchunked",
            "identity": b"identity",
            "after-a-tab": b"\x0bchunked",
            "not-last": b"chunked, gzip",
            "twice": b"chunked\r\nTransfer-Encoding: identity",
        }.items()
    },
    "chunk-overflow": CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n{}",
    "chunk-negative": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunk-hexadecimal": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "chunk-too-long": CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n",
    "chunk-of-nothing": CHUNKED + b"\r\n\r\n",
    "trailers": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
    "trailer-flood": CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "gzip-that-is-none": PUT + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "deflate-that-is-none": PUT + b"Content-Encoding: deflate\r\nContent-Length: 3\r\n\r\nabc",
}
"""What is answered by one 400, whatever follows."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_http_is_refused(fuzzed: MunimentServer, name: str) -> None:
    """D-7, ERR-1: one 400 in due form, and the end of the connection."""
    [heard] = hear(fuzzed.port, [REFUSED[name]])

    assert heard.statuses == [400]
    assert orjson.loads(heard.bodies[0])["code"] == 400


@pytest.mark.parametrize(
    "ambiguous",
    [
        pytest.param(
            PUT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="both"
        ),
        pytest.param(
            PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", id="both-0"
        ),
        pytest.param(_coded(b"identity"), id="identity"),
        pytest.param(PUT + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}", id="two-lengths"),
        pytest.param(PUT + b"Content-Length : 2\r\n\r\n{}", id="blank"),
        pytest.param(PUT + b"X: a\r\n Content-Length: 9\r\n\r\n{}", id="folded"),
        pytest.param(b"BAD\r\n\r\n", id="garbage"),
    ],
)
def test_no_request_is_smuggled_behind_an_ambiguous_one(
    fuzzed: MunimentServer, ambiguous: bytes
) -> None:
    """A gateway may read its end elsewhere: nothing after it may be taken for a request."""
    hear(fuzzed.port, [ambiguous + SMUGGLED, SMUGGLED])

    look = b"GET /v1/buckets/smuggled HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
    [heard] = hear(fuzzed.port, [look])
    assert heard.statuses == [403]


TOO_MUCH: Final = {
    "announced": [PUT + b"Content-Length: 10000000000\r\n\r\n{}"],
    "sent": [PUT + b"Content-Length: 11000000\r\n\r\n", b" " * 11_000_000],
    "in-chunks": [CHUNKED, *[b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 170],
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_large_a_body_is_refused(fuzzed: MunimentServer, name: str) -> None:
    """Table 5.2: errno 113, however much of it comes."""
    [heard] = hear(fuzzed.port, TOO_MUCH[name])

    assert heard.statuses == [413]
    assert orjson.loads(heard.bodies[0])["errno"] == 113


ANSWERED: Final = {
    "empty-lines": (b"\r\n\r\n\r\n" + _get(b"/v1/"), 200),
    "two-slashes": (_get(b"//x/v1/"), 307),
    "absolute-form": (_get(b"http://other.example/v1/"), 200),
    "absolute-form-without-path": (_get(b"http://other.example"), 307),
    "absolute-form-of-another-scheme": (_get(b"ftp://other.example/v1/"), 200),
    "absolute-form-with-percents": (_get(b"http://%ff/v1/"), 200),
    "asterisk-form": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    "unknown-method": (b"QUERY /v1/ HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "path-that-is-no-utf-8": (_get(b"/v1/%82%AC"), 400),
    "query-that-is-no-utf-8": (_get(b"/v1/?n=%FF"), 400),
    "body-where-none-is-due": (GET + b"Host: a\r\nContent-Length: 5\r\n\r\nhello", 200),
    "unknown-expectation": (PUT + b"Expect: fish\r\nContent-Length: 2\r\n\r\n{}", 200),
    "upgrade-to-websocket": (
        GET + b"Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        200,
    ),
    "tiny-chunks": (CHUNKED + b"1\r\n{\r\n" + b"1\r\n \r\n" * 5000 + b"1\r\n}\r\n0\r\n\r\n", 200),
    "long-chunk-extension": (CHUNKED + b"2;a=" + b"x" * 5000 + b"\r\n{}\r\n0\r\n\r\n", 200),
}
"""What is good HTTP, or taken for it, and what is answered; then comes another request."""


@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_strange_but_http_is_answered(fuzzed: MunimentServer, name: str) -> None:
    """And the connection goes on, so that its end was found."""
    hear(fuzzed.port, [PUT + b"Content-Length: 0\r\nConnection: close\r\n\r\n"])
    request, status = ANSWERED[name]

    [heard] = hear(fuzzed.port, [request + LAST])

    assert heard.statuses == [status, 200]


def test_an_offer_of_http_2_is_declined(fuzzed: MunimentServer) -> None:
    """Java's own client makes one with every request; its body must not get lost."""
    offer = (
        b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
    )

    [heard] = hear(fuzzed.port, [PUT + offer + b'Content-Length: 16\r\n\r\n{"data":{"a":1', b"}}"])

    assert orjson.loads(heard.bodies[0])["data"]["a"] == 1


def test_pipelined_requests_are_answered_in_their_order(fuzzed: MunimentServer) -> None:
    """Five hundred at once, of which every tenth is refused."""
    good, bad = _get(b"/v1/__lbheartbeat__"), _get(b"/v1/nowhere")

    [heard] = hear(fuzzed.port, [(good * 9 + bad) * 50 + LAST])

    assert heard.statuses == ([200] * 9 + [404]) * 50 + [200]


SILENT: Final = {
    "nothing": b"",
    "half-a-line": b"GET /v1/ HT",
    "http-0.9": b"GET /v1/\r\n",
    "half-a-head": GET + b"Host: a\r\nX",
    "half-a-body": PUT + b"Content-Length: 10\r\n\r\n{}",
    "half-a-chunk": CHUNKED + b"5\r\n{}",
    "half-the-chunks": CHUNKED + b"2\r\n{}\r\n",
}


@pytest.mark.parametrize("name", SILENT)
def test_a_client_that_leaves_too_early_gets_nothing(fuzzed: MunimentServer, name: str) -> None:
    """What has not come whole is not done."""
    [heard] = hear(fuzzed.port, [SILENT[name]], hangs_up=True)

    assert heard.statuses == []


# --- By chance ------------------------------------------------------------------------------------

BASES: Final = (
    GET + b"Host: a\r\n\r\n",
    _get(b"/v1/buckets/wire/collections/c/records?_sort=-a&_limit=3"),
    _get(b"http://other.example/v1/buckets/%F0%9F%98%80?a=%22b%22"),
    b"OPTIONS /v1/buckets HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n\r\n",
    b"GET /v1/ HTTP/1.0\r\n\r\n",
    PUT + b'If-Match: "1"\r\nContent-Length: 0\r\n\r\n',
    PUT + b'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"data":{"a":"b"}}',
    PUT + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    CHUNKED + b'7;x=y\r\n{"data"\r\n4\r\n:{}}\r\n0\r\n\r\n',
    _coded(b"chunked"),
    b"POST /v1/batch HTTP/1.1\r\n" + HEAD + b'Content-Length: 15\r\n\r\n{"requests":[]}',
    b"DELETE /v1/buckets/wire HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
)

PAYLOADS: Final = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%00", b"\xff", b"\r\n\r\n"),
            *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Host: b\r\n"),
            *(b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
            *(b"Content-Encoding: gzip\r\n", b"0\r\n\r\n", b"HTTP/1.1", b"9" * 40, b"x" * 20_000),
        ]
    ),
)


@st.composite
def mangled(draw: st.DrawFn) -> list[bytes]:
    """One or two requests with some bytes cut out, put in or doubled; in one or more pieces."""
    text = b"".join(draw(st.lists(st.sampled_from(BASES), min_size=1, max_size=2)))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 20)))
        text = text[:begin] + draw(PAYLOADS | st.just(text[begin:end] * 2)) + text[end:]
    cut = draw(st.integers(0, len(text)))
    return [text[:cut], text[cut:], LAST]


CONVERSATIONS: Final = st.lists(
    mangled() | st.binary(min_size=1, max_size=300).map(lambda some: [some, LAST]),
    min_size=8,
    max_size=8,
)


def converse(fuzzed: MunimentServer, *, examples: int, chance: int) -> Counter[int]:
    """Eight connections at a time, so many times; how often there was which status."""
    found: Counter[int] = Counter()

    @seed(chance)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(CONVERSATIONS)
    def speak(conversations: list[list[bytes]]) -> None:
        for heard in hear(fuzzed.port, *conversations, hangs_up=True):
            found.update(heard.statuses)
            assert not any(status >= 500 for status in heard.statuses), conversations

    speak()
    print(f"seed {chance}: {examples * 8} connections, {dict(sorted(found.items()))}")
    return found


def test_mangled_requests_do_no_harm(fuzzed: MunimentServer) -> None:
    """D-7: some are answered, some refused, none makes the server fail."""
    found = converse(fuzzed, examples=60, chance=SEED)

    assert found[200] > 100
    assert found[400] > 100


@pytest.mark.long
def test_20_000_mangled_requests_do_no_harm(fuzzed: MunimentServer, chance: int) -> None:
    """D-7."""
    found = converse(fuzzed, examples=2_500, chance=chance)

    assert found.total() > 10_000
