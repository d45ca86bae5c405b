"""Which URLs can be called, and what of one goes where."""

import socket
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from muniment.domain.webhooks.urls import destination_of, parse_url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://example.com",
        "https://user:secret@example.com:8443/a?b=c%2Fd",
        "http://127.0.0.1:9999/hook",
        "http://[::1]:9999/hook",
        "http://localhost:1/x",
        "https://bücher.example/ü",
        "http://under_score.example/",
        "http://xn--bcher-kva.example./",
        "HTTP://EXAMPLE.COM/",
    ],
)
def test_a_whole_url_is_taken_as_it_is(url: str) -> None:
    assert parse_url(url) == url


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        ["http://example.com"],
        "",
        "example.com/hook",
        "/hook",
        "ftp://example.com/",
        "http://",
        "http:///path",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:-1/",
        "http://exa mple.com/",
        "http://example.com/\r\nX-Evil: 1",
        "http://example.com/\x7f",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[::1%251]/",
        "http://[v1.fe80::a+en1]/",
        "javascript:alert(1)",
        "http://example.com/" + "x" * 2_048,
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://127.0.0.1.1.0x/",
        "http://example.0x7f/",
        "http://09.1.1.1/",
        "http://example.com\\@127.0.0.1/",
        "http://a..b/",
        "http://.example.com/",
        "http://example.com../",
        "http://-a.example/",
        "http://a%00.example/",
        "http://a%2eb.example/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 130}example/",
    ],
    ids=repr,
)
def test_what_cannot_be_called_is_none(value: Any) -> None:
    assert parse_url(value) is None


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://example.com", "/"),
        ("http://example.com/a%2fb?c=%7e", "/a%2fb?c=%7e"),
        ("http://example.com/a/../b/./c//", "/a/../b/./c//"),
        ("http://example.com?x", "/?x"),
        ("http://example.com/?", "/?"),
        ("http://example.com/a#b", "/a"),
        ("http://example.com#b/c", "/"),
        ("http://example.com/ü?ü", "/%C3%BC?%C3%BC"),
    ],
)
def test_an_ascii_url_is_called_exactly_as_given(url: str, path: str) -> None:
    destination = destination_of(url)

    assert destination is not None
    assert destination.path == path


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("http://Example.COM/", "example.com", 80, "example.com"),
        ("https://example.com/", "example.com", 443, "example.com"),
        ("https://example.com:80/", "example.com", 80, "example.com:80"),
        ("http://example.com:080/", "example.com", 80, "example.com"),
        ("http://example.com./", "example.com", 80, "example.com"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
        ("http://[::1]:81/", "::1", 81, "[::1]:81"),
        ("http://[0:0::0001]/", "::1", 80, "[::1]"),
        ("http://127.1/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://0x7f000001/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://0x7F.1/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://0177.0.0.01/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://127.0.0.1./", "127.0.0.1", 80, "127.0.0.1"),
        ("http://0/", "0.0.0.0", 80, "0.0.0.0"),
        ("http://127.0.0.1/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://a@b@example.com/", "example.com", 80, "example.com"),
        ("http://example.com:80@127.0.0.1:81/", "127.0.0.1", 81, "127.0.0.1:81"),
    ],
)
def test_there_is_one_notation_of_a_host(url: str, host: str, port: int, authority: str) -> None:
    """Judged, connected to, verified and sent is the same; no two parsers can disagree."""
    destination = destination_of(url)

    assert destination is not None
    assert (destination.host, destination.port, destination.authority) == (host, port, authority)


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "[::1]", "2130706433"])
def test_an_address_is_never_looked_up(host: str) -> None:
    destination = destination_of(f"http://{host}/")

    assert destination is not None
    assert destination.address is not None


def test_a_trailing_dot_is_for_the_name_server_only() -> None:
    destination = destination_of("https://example.com./")

    assert destination is not None
    assert (destination.host, destination.lookup) == ("example.com", "example.com.")


def test_credentials_are_kept_apart() -> None:
    destination = destination_of("https://us%65r:p%C3%A4ss@example.com/")

    assert destination is not None
    assert destination.credentials == ("user", "päss")


def test_logs_show_neither_path_nor_credentials() -> None:
    destination = destination_of("https://user:secret@example.com:8443/token?x=y")

    assert destination is not None
    assert destination.origin == "https://example.com:8443"


@given(st.text(alphabet="0123456789abcdefx.:%[]@\\-/ü１", max_size=24))
@example("[]@")
def test_any_host_is_one_or_none(text: str) -> None:
    """What is taken has a host that is a name or the one notation of its address."""
    destination = destination_of(f"http://{text}/")

    assert (
        destination is None
        or destination.address is None
        or (ip_address(destination.host) == destination.address)
    )


@given(st.integers(min_value=0, max_value=2**32 - 1), st.sampled_from(["d", "x", "o"]))
def test_a_number_is_an_address(number: int, base: str) -> None:
    """As the C library reads it, which is what a resolver would do."""
    text = {"d": f"{number}", "x": f"{number:#x}", "o": f"0{number:o}"}[base]

    destination = destination_of(f"http://{text}/")

    assert destination is not None
    assert destination.address == IPv4Address(socket.inet_aton(text))
