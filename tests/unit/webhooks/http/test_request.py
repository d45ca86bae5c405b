"""What is sent, and headers that can't be more than headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.webhooks.http.request import (
    UnfitHeader,
    check_header,
    request_bytes,
    shown_headers,
)
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


def test_what_is_shown_of_headers_holds_no_secret() -> None:
    """Whatever is not known to be none counts as one, also what begins like an open name."""
    aimed = target_of("http://nadia:hunter2@example.com/hunter2")
    assert aimed is not None
    headers = {
        "X-Key": "hunter2",
        "Hostile": "hunter2",
        "Content-Type": "application/json",
        "webhook-id": "evt_1",
        "webhook-signature": "v1,hunter2= v1a,hunter2==",
    }

    shown = shown_headers(request_bytes(aimed, headers, b"hunter2: x"))

    assert shown.split("\n") == [
        "Host: example.com",
        "Authorization: ***",
        "X-Key: ***",
        "Hostile: ***",
        "Content-Type: application/json",
        "webhook-id: evt_1",
        "webhook-signature: v1,*** v1a,***",
        "Content-Length: 10",
    ]


@given(value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30))
def test_no_value_of_an_own_header_is_shown(value: str) -> None:
    shown = shown_headers(request_bytes(target(), {"X-Key": value}, b""))

    assert shown == "Host: example.com\nX-Key: ***\nContent-Length: 0"
