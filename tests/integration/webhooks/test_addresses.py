"""Where deliveries really go: names, several addresses, and those that nobody may reach."""

import asyncio
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network

import pytest

from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.guard import Guard
from muniment.webhooks.http.names import CaresResolver, NotResolved
from tests.support.name_server import name_server
from tests.support.peers import HEADERS, Names, answering, listening, new_client, post

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
CLOSING = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
ONE_ONLY = Guard(allowed_networks=[ip_network("127.0.0.1/32")])


@contextmanager
def unanswering(host: str) -> Generator[int]:
    """A port at which connecting neither succeeds nor fails: its queue is full."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind((host, 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "0"),
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "[::1]", "[::ffff:127.0.0.1]"),
        *("[::127.0.0.1]", "[::ffff:7f00:1]", "user:password@127.0.0.1", "１２７.0.0.1"),
    ],
)
async def test_loopback_is_refused_by_whatever_name(host: str) -> None:
    async with listening(answering(NO_CONTENT)) as peer:
        answer = await post(peer.at(host), new_client(Guard()))

    assert (answer.failure, peer.connections) == (Failure.BLOCKED, 0)
    assert "127" not in answer.detail


@pytest.mark.parametrize("host", ["127.1", "localhost", "a.localhost.", "[::ffff:127.0.0.1]"])
async def test_loopback_is_reached_where_a_setting_allows_it(host: str) -> None:
    async with listening(answering(NO_CONTENT)) as peer:
        answer = await post(peer.at(host))

    assert (answer.status, peer.connections) == (204, 1)


async def test_ipv6_is_spoken() -> None:
    async with listening(answering(NO_CONTENT), host="::1") as peer:
        answer = await post(peer.at("[::1]"))

    assert (answer.status, answer.address) == (204, f"[::1]:{peer.port}")
    assert f"\r\nHost: [::1]:{peer.port}\r\n".encode() in peer.requests[0]


@pytest.mark.parametrize("host", ["receiver.example", "bücher.example"])
async def test_a_name_is_looked_up_once_for_each_connection(host: str) -> None:
    names = Names(["127.0.0.1"])
    async with listening(answering(NO_CONTENT)) as peer, new_client(resolver=names) as client:
        answers = [await client.post(peer.at(host), HEADERS, b"{}") for _ in range(3)]

    assert [answer.status for answer in answers] == [204, 204, 204]
    assert names.asked == [host.encode("idna").decode()]
    assert answers[0].dns_ms is not None
    assert answers[1].dns_ms is None


# --- Rebinding ------------------------------------------------------------------------------------


async def test_each_new_connection_is_judged_anew() -> None:
    """The name is good at first, and then leads inside."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with (
        listening(answering(CLOSING)) as good,
        listening(answering(CLOSING), host="127.0.0.2", port=good.port) as inside,
        new_client(ONE_ONLY, resolver=names) as client,
    ):
        answers = [
            await client.post(good.at("rebinding.example"), HEADERS, b"{}") for _ in range(2)
        ]

    assert [answer.failure for answer in answers] == [None, Failure.BLOCKED]
    assert (good.connections, inside.connections) == (1, 0)


async def test_what_is_judged_is_what_is_connected_to() -> None:
    """A name server that says something else each time it is asked is asked once."""
    async with (
        name_server(lambda _, times: ["127.0.0.1" if times % 2 else "127.0.0.2"]) as names,
        CaresResolver([names.address]) as resolver,
        listening(answering(CLOSING)) as good,
        listening(answering(CLOSING), host="127.0.0.2", port=good.port) as inside,
        new_client(ONE_ONLY, resolver=resolver) as client,
    ):
        url = good.at("rebinding.example")
        answers = [await client.post(url, HEADERS, b"{}") for _ in range(6)]

    assert [answer.failure for answer in answers] == [None, Failure.BLOCKED] * 3
    assert (good.connections, inside.connections) == (3, 0)
    assert names.asked == {"rebinding.example": 6}


@pytest.mark.parametrize("order", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
async def test_of_several_addresses_only_the_allowed_are_tried(order: Sequence[str]) -> None:
    """Also when the allowed one does not answer: the other is no way out."""
    async with listening(answering(NO_CONTENT), host="127.0.0.2") as inside:
        url = inside.at("mixed.example")
        answer = await post(url, new_client(ONE_ONLY, resolver=Names(order)))

    assert (answer.failure, inside.connections) == (Failure.REFUSED, 0)


# --- Several addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize("dead", ["127.0.0.9", "::1", "::ffff:127.0.0.9"])
async def test_a_dead_address_costs_the_next_try_only(dead: str) -> None:
    names = Names([dead, "127.0.0.1"])
    async with listening(answering(NO_CONTENT)) as peer:
        answer = await post(peer.at("two.example"), new_client(resolver=names))

    assert (answer.status, answer.address) == (204, f"127.0.0.1:{peer.port}")


async def test_an_address_that_does_not_answer_is_not_waited_for() -> None:
    names = Names(["127.0.0.3", "127.0.0.1"])
    with unanswering("127.0.0.3") as port:
        async with listening(answering(NO_CONTENT), port=port) as peer:
            client = new_client(resolver=names, connect_timeout_s=60, timeout_s=60)
            answer = await post(peer.at("two.example"), client)

    assert (answer.status, answer.address) == (204, f"127.0.0.1:{port}")


async def test_no_address_that_answers_is_a_timeout_of_connecting() -> None:
    names = Names(["127.0.0.3", "127.0.0.3"])
    with unanswering("127.0.0.3") as port:
        client = new_client(resolver=names, connect_timeout_s=0.6)
        answer = await post(f"http://two.example:{port}/", client)

    assert answer.failure is Failure.CONNECT_TIMEOUT
    assert answer.connect_ms is not None
    assert answer.connect_ms >= 500


async def test_all_addresses_dead_is_the_first_one_s_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        client = new_client(resolver=Names(["127.0.0.1", "127.0.0.9"]))
        answer = await post(f"http://two.example:{port}/", client)

    assert answer.failure is Failure.REFUSED


# --- Name servers ---------------------------------------------------------------------------------


async def test_all_addresses_of_a_name_are_found() -> None:
    async with (
        name_server(lambda _, __: ["192.0.2.1", "2001:db8::1", "192.0.2.1"]) as names,
        CaresResolver([names.address]) as resolver,
    ):
        found = await resolver.addresses("both.example")

    assert sorted(map(str, found)) == ["192.0.2.1", "2001:db8::1"]


async def test_a_name_that_is_not_there_is_told() -> None:
    async with name_server(lambda _, __: []) as names, CaresResolver([names.address]) as resolver:
        answer = await post("http://nothing.example/", new_client(resolver=resolver))
        with pytest.raises(NotResolved):
            await resolver.addresses("nothing.example")

    assert answer.failure is Failure.DNS
    assert answer.detail


async def test_a_name_server_that_is_silent_ends_at_the_deadline_and_delays_nobody() -> None:
    """A hundred questions without an answer, and the next name is found at once."""

    def zone(name: str, _times: int) -> Sequence[str] | None:
        return ["127.0.0.1"] if name == "good.example" else None

    async with (
        name_server(zone) as names,
        CaresResolver([names.address]) as resolver,
        listening(answering(NO_CONTENT)) as peer,
        new_client(resolver=resolver, connect_timeout_s=1) as client,
    ):
        silent = [
            asyncio.create_task(client.post(f"http://{number}.silent.example/", HEADERS, b"{}"))
            for number in range(100)
        ]
        good = await client.post(peer.at("good.example"), HEADERS, b"{}")
        answers = await asyncio.gather(*silent)

    assert good.is_delivered
    assert {answer.failure for answer in answers} == {Failure.DNS}
    assert all(answer.total_ms >= 900 for answer in answers)


async def test_a_host_that_is_allowed_may_be_inside_but_not_metadata() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with (
        listening(answering(CLOSING)) as peer,
        new_client(Guard(allowed_hosts=["*.intra.example"]), resolver=names) as client,
    ):
        answers = [await client.post(peer.at("a.intra.example"), HEADERS, b"{}") for _ in range(2)]

    assert [answer.failure for answer in answers] == [None, Failure.BLOCKED]
