"""Where deliveries may go."""

from ipaddress import ip_network
from typing import Any

import pytest

from muniment.domain.webhooks.urls import parse_url, to_call
from muniment.webhooks.targets import AddressGuard, ForbiddenAddress, shown


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
        "http://exa mple.com/",
        "http://example.com/\r\nX-Evil: 1",
        "http://[::1/",
        "javascript:alert(1)",
        "http://example.com/" + "x" * 2_048,
    ],
    ids=repr,
)
def test_what_cannot_be_called_is_none(value: Any) -> None:
    assert parse_url(value) is None


def test_an_ascii_url_is_called_exactly_as_given() -> None:
    assert str(to_call("http://example.com/a%2fb?c=%7e")) == "http://example.com/a%2fb?c=%7e"


def test_logs_show_neither_path_nor_credentials() -> None:
    assert shown("https://user:secret@example.com:8443/token?x=y") == "https://example.com:8443"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "192.0.2.1", "240.0.0.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2001::1", "2001:db8::1", "::127.0.0.1", "3fff::1", "5f00::1"),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    guard = AddressGuard()

    assert not guard.allows(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert AddressGuard().allows(address)


def test_networks_of_the_setting_are_allowed_and_only_those() -> None:
    guard = AddressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])

    allowed = [a for a in ("127.0.0.1", "::1", "::ffff:127.0.0.9", "10.0.0.1") if guard.allows(a)]

    assert allowed == ["127.0.0.1", "::1", "::ffff:127.0.0.9"]


def test_no_socket_is_made_for_a_forbidden_address() -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        AddressGuard().open_socket((2, 1, 6, "", ("169.254.169.254", 80)))

    assert "169" not in str(refused.value)
