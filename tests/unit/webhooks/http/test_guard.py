"""Which addresses deliveries may go to."""

from ipaddress import ip_address, ip_network

import pytest

from muniment.domain.webhooks.urls import destination_of
from muniment.webhooks.http.guard import Guard

ANY = "receiver.example"


def allows(guard: Guard, address: str, host: str = ANY) -> bool:
    return guard.allows(host, ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "192.0.2.1", "240.0.0.1"),
        *("100.100.100.200", "192.0.0.192", "168.63.129.16", "172.31.255.255", "198.51.100.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("fd20:ce::254", "fec0::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "4000::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
        *("::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "::ffff:0:8.8.8.8"),
        *("2002:7f00:1::", "2002:0808:0808::1", "2001::1", "2001:0:0808:0808::f7f7:f7f7"),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not allows(Guard(), address)


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "1.1.1.1", "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8"],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert allows(Guard(), address)


def test_networks_of_the_setting_are_allowed_and_only_those() -> None:
    guard = Guard(allowed_networks=[ip_network("127.0.0.0/8"), ip_network("::1/128")])

    tried = ("127.0.0.1", "::1", "::ffff:127.0.0.9", "10.0.0.1", "::2", "::127.0.0.1", "8.8.8.8")

    assert [allows(guard, each) for each in tried] == [True, True, True, *[False] * 3, True]


def test_a_translated_address_is_judged_twice() -> None:
    """Where all IPv4 is behind NAT64 it may be allowed, and opens nothing of the inside."""
    guard = Guard(allowed_networks=[ip_network("64:ff9b::/96")])

    assert allows(guard, "64:ff9b::8.8.8.8")
    assert not allows(guard, "64:ff9b::10.0.0.1")
    assert not allows(guard, "64:ff9b::169.254.169.254")


@pytest.mark.parametrize(
    ("network", "public", "inside"),
    [
        ("2002::/16", "2002:808:808::1", "2002:a00:1::1"),
        ("2001::/32", "2001:0:808:808::f7f7:f7f7", "2001:0:808:808::f5ff:fffe"),
        ("64:ff9b:1::/48", "64:ff9b:1::8.8.8.8", "64:ff9b:1::10.0.0.1"),
        ("::/96", "::8.8.8.8", "::10.0.0.1"),
    ],
)
def test_an_address_within_an_address_is_judged(network: str, public: str, inside: str) -> None:
    guard = Guard(allowed_networks=[ip_network(network)])

    assert allows(guard, public)
    assert not allows(guard, inside)


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_what_is_denied_wins(address: str) -> None:
    guard = Guard(
        allowed_networks=[ip_network("0.0.0.0/0"), ip_network("::/0")],
        allowed_hosts=[ANY],
        denied_networks=[ip_network("8.8.8.0/24")],
    )

    assert not allows(guard, address)


@pytest.mark.parametrize(
    ("pattern", "host", "is_allowed"),
    [
        ("intra.example", "intra.example", True),
        ("Intra.Example", "intra.example", True),
        ("*.intra.example", "a.intra.example", True),
        ("*.intra.example", "a.b.intra.example", True),
        ("*.intra.example", "intra.example", False),
        ("*.intra.example", "evilintra.example", False),
        ("intra.example", "a.intra.example", False),
        ("10.0.0.1", "10.0.0.1", True),
    ],
)
def test_a_host_may_be_allowed(pattern: str, host: str, is_allowed: bool) -> None:
    assert allows(Guard(allowed_hosts=[pattern]), "10.0.0.1", host) is is_allowed


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"])
def test_metadata_stays_closed_to_an_allowed_host(address: str) -> None:
    """Who can change the name's address could read the machine's credentials else."""
    assert not allows(Guard(allowed_hosts=[ANY]), address)
    assert allows(
        Guard(allowed_networks=[ip_network("169.254.0.0/16"), ip_network("fd00:ec2::254")]), address
    )


@pytest.mark.parametrize(
    ("guard", "url", "is_refused"),
    [
        (Guard(https_only=True), "http://a.example/", True),
        (Guard(https_only=True), "https://a.example/", False),
        (Guard(denied_ports=[25]), "http://a.example:25/", True),
        (Guard(denied_ports=[25]), "http://a.example:26/", False),
        (Guard(denied_hosts=["a.example"]), "http://A.Example./", True),
        (Guard(denied_hosts=["*.example"]), "http://a.b.example/", True),
        (Guard(denied_hosts=["*.example"]), "http://a.example.org/", False),
        (Guard(denied_hosts=["127.0.0.1"]), "http://0x7f.1/", True),
        (Guard(), "http://a.example:8080/", False),
    ],
)
def test_some_urls_are_refused_whatever_their_address(
    guard: Guard, url: str, is_refused: bool
) -> None:
    destination = destination_of(url)

    assert destination is not None
    assert (guard.refusal_of(destination) is not None) is is_refused
