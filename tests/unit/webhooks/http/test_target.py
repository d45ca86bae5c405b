"""The beginning of each request to a URL."""

import pytest

from muniment.webhooks.http.target import shown, target_of


@pytest.mark.parametrize(
    ("url", "head"),
    [
        ("https://Example.com/a?b", b"POST /a?b HTTP/1.1\r\nHost: example.com\r\n"),
        ("http://[::1]:81", b"POST / HTTP/1.1\r\nHost: [::1]:81\r\n"),
        ("http://bücher.example/ü", b"POST /%C3%BC HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n"),
        (
            "https://us%65r:p%C3%A4ss@example.com/",
            b"POST / HTTP/1.1\r\nHost: example.com\r\nAuthorization: Basic dXNlcjpww6Rzcw==\r\n",
        ),
    ],
)
def test_a_request_begins_with_where_it_goes(url: str, head: bytes) -> None:
    target = target_of(url)

    assert target is not None
    assert target.head == head


def test_what_cannot_be_called_is_no_target() -> None:
    assert target_of("http://1.2.3.4.5/") is None
    assert shown("http://1.2.3.4.5/secret") == "(no URL)"


def test_logs_show_neither_path_nor_credentials() -> None:
    assert shown("https://user:secret@example.com:8443/token?x=y") == "https://example.com:8443"
