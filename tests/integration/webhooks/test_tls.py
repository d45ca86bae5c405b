"""TLS towards receivers: whom the client believes, who it is, and sessions that are resumed."""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from muniment.runtime.errors import UserError
from muniment.webhooks.http import tls
from muniment.webhooks.http.answer import Failure
from muniment.webhooks.http.client import Client
from muniment.webhooks.http.tls import TlsIdentity
from tests.support.certificates import Authority
from tests.support.peers import (
    HEADERS,
    LOOPBACK,
    Listening,
    Names,
    Peer,
    answering,
    listening,
    new_client,
    open_connections,
    post,
)
from tests.support.projecting import until

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
CLOSING = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
HERE = Names(["127.0.0.1"])

AUTHORITY = Authority()
STRANGER = Authority("Nobody's authority")


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("receiver.example", "receiver.example"),
        ("receiver.example", "Receiver.Example."),
        ("*.receivers.example", "one.receivers.example"),
        ("xn--bcher-kva.example", "bücher.example"),
    ],
)
async def test_a_certificate_for_the_host_is_believed(named: str, host: str) -> None:
    """For the name of the URL, whatever the address is that is connected to."""
    context = AUTHORITY.issue(named).server_context()
    async with listening(answering(NO_CONTENT), context=context) as peer:
        answer = await post(peer.at(host), new_client(authority=AUTHORITY, resolver=HERE))

    assert (answer.status, answer.failure, answer.detail) == (204, None, "")
    assert answer.tls_ms is not None


async def test_the_name_is_told_to_the_server() -> None:
    told: list[str | None] = []
    context = AUTHORITY.issue("receiver.example").server_context()
    context.sni_callback = lambda _object, name, _context: told.append(name)
    async with listening(answering(NO_CONTENT), context=context) as peer:
        await post(peer.at("Receiver.Example."), new_client(authority=AUTHORITY, resolver=HERE))

    assert told == ["receiver.example"]


async def test_a_certificate_of_an_ipv6_address_is_believed() -> None:
    context = AUTHORITY.issue("::1").server_context()
    async with listening(answering(NO_CONTENT), host="::1", context=context) as peer:
        answer = await post(peer.at("[0:0::1]"), new_client(authority=AUTHORITY))

    assert answer.is_delivered


@pytest.mark.parametrize(
    ("issuer", "named", "is_expired", "detail"),
    [
        (AUTHORITY, "other.example", False, "Hostname mismatch"),
        (AUTHORITY, "127.0.0.1", False, "Hostname mismatch"),
        (AUTHORITY, "example", False, "Hostname mismatch"),
        (AUTHORITY, "receiver.example", True, "certificate has expired"),
        (STRANGER, "receiver.example", False, "unable to get local issuer certificate"),
    ],
    ids=["other-name", "address", "parent", "expired", "stranger"],
)
async def test_a_certificate_that_is_not_good_is_refused(
    issuer: Authority, named: str, is_expired: bool, detail: str
) -> None:
    context = issuer.issue(named, is_expired=is_expired).server_context()
    async with listening(answering(NO_CONTENT), context=context) as peer:
        answer = await post(
            peer.at("receiver.example"), new_client(authority=AUTHORITY, resolver=HERE)
        )

    assert answer.failure is Failure.TLS
    assert detail in answer.detail
    assert peer.requests == []


async def test_an_endpoint_may_trust_an_authority_of_its_own() -> None:
    """Others do not, and don't get its connections either."""
    context = STRANGER.issue("127.0.0.1").server_context()
    its_own = TlsIdentity(ca=STRANGER.certificate)
    async with listening(answering(NO_CONTENT), context=context) as peer, new_client() as client:
        trusting = await client.post(peer.url, HEADERS, b"{}", identity=its_own)
        other = await client.post(peer.url, HEADERS, b"{}")
        again = await client.post(peer.url, HEADERS, b"{}", identity=its_own)

    assert (trusting.failure, other.failure, again.failure) == (None, Failure.TLS, None)
    assert again.is_reused


async def test_an_endpoint_may_show_a_certificate() -> None:
    """Mutual TLS."""
    mine = AUTHORITY.issue("muniment.example")
    identity = TlsIdentity(certificate=mine.certificate, key=mine.key)
    context = AUTHORITY.issue("127.0.0.1").server_context(asks_clients_for=AUTHORITY.certificate)
    async with (
        listening(answering(NO_CONTENT), context=context) as peer,
        new_client(authority=AUTHORITY) as client,
    ):
        answer = await client.post(peer.url, HEADERS, b"{}", identity=identity)

    assert answer.is_delivered


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shows", ["nothing", "another's"])
async def test_a_certificate_that_the_endpoint_refuses_is_told(
    shows: str, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 it is refused after the handshake, when the request is already sent."""
    another = STRANGER.issue("muniment.example")
    identity = TlsIdentity(certificate=another.certificate, key=another.key)
    context = AUTHORITY.issue("127.0.0.1").server_context(asks_clients_for=AUTHORITY.certificate)
    context.maximum_version = version

    def refuse(server: socket.socket) -> None:
        # asyncio's servers close without the alert that says why. It must not be overtaken by a
        # reset either: so what the client sends is read to its end.
        accepted, _ = server.accept()
        with context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        ) as connection:
            with suppress(ssl.SSLError):
                connection.do_handshake()
            while os.read(connection.fileno(), 65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        refusing = asyncio.create_task(asyncio.to_thread(refuse, server))
        async with new_client(authority=AUTHORITY) as client:
            answer = await client.post(
                f"https://127.0.0.1:{server.getsockname()[1]}/",
                HEADERS,
                b"{}",
                identity=identity if shows == "another's" else None,
            )
        await refusing

    assert answer.failure is Failure.TLS
    assert answer.detail


@pytest.mark.parametrize(
    "identity",
    [
        TlsIdentity(ca="no certificate"),
        TlsIdentity(certificate="no certificate", key="no key"),
        TlsIdentity(certificate=AUTHORITY.certificate),
        TlsIdentity(certificate=AUTHORITY.certificate, key=STRANGER.issue("a").key),
    ],
    ids=["ca", "certificate", "no-key", "other-key"],
)
async def test_certificates_that_are_none_are_told(identity: TlsIdentity) -> None:
    async with new_client() as client:
        answer = await client.post("https://127.0.0.1:9/", HEADERS, b"{}", identity=identity)

    assert answer.failure is Failure.TLS
    assert "can't be read" in answer.detail


def test_a_key_is_not_shown() -> None:
    assert "hunter2" not in repr(TlsIdentity(certificate="c", key="hunter2"))


async def test_a_file_of_authorities_that_is_none_is_the_operator_s_to_mend() -> None:
    nowhere = Path("/nowhere/ca.pem")
    client = Client(guard=LOOPBACK, timeout_s=1, connect_timeout_s=1, ca_file=nowhere)

    with pytest.raises(UserError, match="webhooks_ca_file"):
        async with client:
            pass


async def test_a_connection_that_the_receiver_ends_is_not_used_again() -> None:
    """Its end is known when it comes, not when TLS has said all its goodbyes."""
    ended = asyncio.Event()

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await found.read(reader)
        writer.write(NO_CONTENT)
        if found.connections == 1:
            await ended.wait()
        else:
            await reader.read()

    context = AUTHORITY.issue("127.0.0.1").server_context()
    before = open_connections()
    async with (
        listening(peer, context=context) as found,
        new_client(authority=AUTHORITY) as client,
    ):
        await client.post(found.url, HEADERS, b"{}")
        ended.set()
        await until(lambda: open_connections() == before)
        answer = await client.post(found.url, HEADERS, b"{}")

    assert (answer.failure, answer.is_reused, len(found.requests)) == (None, False, 2)


# --- Sessions -------------------------------------------------------------------------------------


def closing(resumed: list[bool]) -> Peer:
    """Answers one request a connection, noting whether its session was resumed."""

    async def peer(
        found: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        resumed.append(writer.get_extra_info("ssl_object").session_reused)
        await found.read(reader)
        writer.write(CLOSING)

    return peer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_session_of_a_host_is_resumed(version: ssl.TLSVersion) -> None:
    """Again and again, until the certificate has to be shown anew."""
    resumed: list[bool] = []
    peer = closing(resumed)
    context = AUTHORITY.issue("127.0.0.1").server_context()
    context.maximum_version = version
    async with (
        listening(peer, context=context) as found,
        new_client(authority=AUTHORITY) as client,
    ):
        for _ in range(4):
            answer = await client.post(found.url, HEADERS, b"{}")
            assert answer.is_delivered

    assert resumed == [False, True, True, True]


async def test_a_session_is_of_one_host_and_one_identity() -> None:
    """What was proved to one of them is no proof for another."""
    resumed: list[bool] = []
    peer = closing(resumed)
    context = AUTHORITY.issue("one.example", "two.example").server_context()
    identity = TlsIdentity(ca=STRANGER.certificate)
    async with (
        listening(peer, context=context) as found,
        new_client(authority=AUTHORITY, resolver=HERE) as client,
    ):
        await client.post(found.at("one.example"), HEADERS, b"{}")
        await client.post(found.at("two.example"), HEADERS, b"{}")
        await client.post(found.at("one.example"), HEADERS, b"{}", identity=identity)
        await client.post(found.at("one.example"), HEADERS, b"{}", identity=identity)

    assert resumed == [False, False, False, True]


async def test_an_old_session_is_not_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resuming proves no certificate: after an hour it has to be shown again."""
    resumed: list[bool] = []
    peer = closing(resumed)
    context = AUTHORITY.issue("127.0.0.1").server_context()
    async with (
        listening(peer, context=context) as found,
        new_client(authority=AUTHORITY) as client,
    ):
        await client.post(found.url, HEADERS, b"{}")
        monkeypatch.setattr(tls, "SESSION_AGE_S_MAX", 0.0)
        await client.post(found.url, HEADERS, b"{}")

    assert resumed == [False, False]


async def test_a_server_that_takes_no_session_is_offered_none_again() -> None:
    """Behind a balancer, or restarted: then there are whole handshakes."""
    resumed: list[bool] = []
    peer = closing(resumed)
    issued = AUTHORITY.issue("127.0.0.1")
    async with new_client(authority=AUTHORITY) as client:
        async with listening(peer, context=issued.server_context()) as before:
            await client.post(before.url, HEADERS, b"{}")
        async with listening(peer, port=before.port, context=issued.server_context()) as anew:
            answers = [await client.post(anew.url, HEADERS, b"{}") for _ in range(3)]

    assert all(answer.is_delivered for answer in answers)
    assert resumed == [False] * 4
