"""What is sent, and headers that can't be more than headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.webhooks.http.request import UnfitHeader, check_header, request_bytes
from muniment.webhooks.http.target import Target, target_of


def target() -> Target:
    found = target_of("http://example.com/hook")
    assert found is not None
    return found


def test_a_request_is_head_headers_length_and_body() -> None:
    sent = request_bytes(target(), {"A": "b", "C": ""}, b"{}")

    assert sent == (
        b"POST /hook HTTP/1.1\r\nHost: example.com\r\nA: b\r\nC: \r\nContent-Length: 2\r\n\r\n{}"
    )


@given(name=st.text(max_size=10), value=st.text(max_size=20))
def test_a_header_is_one_line_or_refused(name: str, value: str) -> None:
    """Whatever it is, it can't make a second header or the end of the head."""
    try:
        sent = request_bytes(target(), {name: value}, b"{}")
    except UnfitHeader:
        return

    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == 3
    assert f"\r\n{name}: {value}\r\n".encode() in head
    assert body == b"{}"


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "TRANSFER-ENCODING", "Connection", "Expect", "Upgrade", "TE"),
        *("", "a b", "a:", "a\r\n", "a\x00", "ä", "a" * 129),
    ],
)
def test_some_names_are_no_names_or_ours(name: str) -> None:
    with pytest.raises(UnfitHeader):
        check_header(name, "x")


@pytest.mark.parametrize("value", ["a\r", "\n", "\x00", "\x7f", "ä", "x" * 8_193], ids=repr)
def test_some_values_are_refused_and_not_repeated(value: str) -> None:
    """A value may be a secret: the message does not tell it."""
    with pytest.raises(UnfitHeader) as refused:
        check_header("X-Key", f"hunter2{value}")

    assert "hunter2" not in str(refused.value)
