"""Header fields and ids that no well-meaning client sends."""

import base64
from collections.abc import Iterable, Iterator
from typing import Final


def _each(names: str | Iterable[str], *values: bytes) -> Iterator[tuple[str, bytes]]:
    for name in (names,) if isinstance(names, str) else names:
        yield from ((name, value) for value in values)


def _basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


BAD_TAGS: Final = tuple(
    _each(
        ("If-Match", "If-None-Match"),
        *(b"", b"1", b'W/"1"', b'"1", "2"', b'"-1"', b'"1.5"', b"**", b'"\xb2"', b'"\xff"'),
        b'"' + b"9" * 30 + b'"',
    )
)
"""ERR-22: a resource can only answer them by a 4xx."""

HEADERS: Final = (
    *BAD_TAGS,
    *_each(("If-Match", "If-None-Match"), b'"0"', b"*", b'"1767000000000"'),
    *_each(
        "Authorization",
        *(b"", b"Basic", b"Basic ", b"Basic !!!!", b"Bearer", b"Bearer a.b.c", b"\xff\xff\xff"),
        *(b"Digest username=nadia", b"account:nadia", b"Bearer eyJhbGciOiJub25lIn0.e30."),
        *map(_basic, (b"no colon", b":", b"\xff\xfe:\xff", b"nadia\0:\0", "日本:😀".encode())),
        _basic(b"u" * 5000 + b":" + b"p" * 5000),
        b"Bearer " + b"x" * 8000,
    ),
    *_each(
        "Content-Type",
        *(b"", b"text/plain", b"APPLICATION/JSON", b"application/\xff", b";" * 500),
        *(b"application/json; charset=utf-16", b"application/json;;;="),
        *(b"application/json-patch+json", b"application/merge-patch+json"),
        b"application/json-patch+json; charset=latin-1",
        b"multipart/form-data; boundary=x",
    ),
    *_each("Accept", b"", b"text/html", b"*/*;q=0", b"application/json;q=x", b"\xff", b"," * 900),
    *_each("Response-Behavior", b"", b"loud", b"light", b"diff", b"LIGHT", b"\xe9"),
    *_each("Prefer", b"respond-async", b"respond-async, wait=x", b"\xff", b"=;="),
    *_each("Idempotency-Key", b"", b"k", b'"k"', b"k" * 5000, b"\xe9\xff", b"a, b", b'"', b"1"),
    *_each(
        ("X-Request-Id", "X-Correlation-Id", "traceparent", "tracestate"),
        *(b"", b"\xff", b"a" * 4000, b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"),
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    *_each("Origin", b"null", b"https://example.org", b"\xff", b"x" * 4000),
    *_each("Host", b"", b"a b", b"\xff", b"[::1]:99999", b"h" * 5000, b"x@y"),
    *_each(
        ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"),
        *(b"", b"\xff", b'for="[::1]:x"; proto=\xe9'),
    ),
    *_each("Range", b"bytes=0-1", b"bytes=-"),
    *_each("If-Modified-Since", b"yesterday", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    *_each("Expect", b"100-continue"),
    *_each("Content-Encoding", b"identity"),
    *_each("Cookie", b"=\xff; a"),
    *_each("X-HTTP-Method-Override", b"DELETE"),
)

BAD_IDS: Final = (
    *(
        "é",
        "日本",
        "😀",
        "a b",
        "a\n",
        "\n",
        "\0",
        "a\0b",
        "\x7f",
        "%",
        "%2F",
        "/",
        "a/",
        "a/b",
        "a\\b",
    ),
    *("a;b", "a?b", "a#b", "-a", "_a", "*", "'; DROP TABLE record; --", "<script>"),
    *("e\u0301", "ａ", "\u202e", "\ufeffa", "٣", "x" * 513, "x" * 9000),
)
"""ID-3: where an id is due, a request that has one of them can only be answered by a 4xx."""
