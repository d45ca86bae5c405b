"""What the gateway of `deploy/`, a real nginx, does by itself: before stubs, or before nothing."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from tests.support.gateway import NOWHERE, START_TIMEOUT_S, running_gateway


@dataclass(slots=True)
class Stub:
    """Stands in for a service: keeps what came, and answers as it is told to."""

    reply: bytes = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    """Empty: hang up."""
    heads: list[str] = field(default_factory=list[str])
    port: int = 0
    connections: set[asyncio.Task[Any] | None] = field(default_factory=set[Any])

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(asyncio.current_task())
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                self.heads.append(head)
                if not self.reply:
                    break
                writer.write(self.reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(*stubs: Stub) -> AsyncGenerator[None]:
    """The stubs listen; ends when those who are connected have hung up."""
    servers: list[asyncio.Server] = []
    try:
        for stub in stubs:
            server = await asyncio.start_server(stub.answer, "127.0.0.1", 0)
            stub.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        yield
    finally:
        for server in servers:
            server.close()
        connections = {each for stub in stubs for each in stub.connections if each is not None}
        if connections:
            await asyncio.wait(connections, timeout=START_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: Any


Ask = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def asking(folder: Path, *, command: str, query: str) -> AsyncGenerator[Ask]:
    """A gateway, and the way to ask it for a path as it is written."""
    with running_gateway(folder, command=command, query=query) as gateway:
        async with aiohttp.ClientSession(max_line_size=65536, max_field_size=65536) as session:

            async def ask(method: str, path: str, **headers: str) -> Answer:
                sent = {name.replace("_", "-"): text for name, text in headers.items()}
                url = URL(f"{gateway.origin}{path}", encoded=True)
                async with session.request(method, url, headers=sent, data=b"{}") as answer:
                    body = None if method == "HEAD" else await answer.json()
                    return Answer(answer.status, answer.headers, body)

            yield ask


async def test_a_request_goes_on_as_it_came(tmp_path: Path) -> None:
    """Path, host and request id; but nobody outside says that an instance has sent it."""
    stub = Stub()
    path = "/v1/buckets/a%2Fb%20c/collections/%C3%A9//records/?_sort=-n&x=%22"
    async with (
        listening(stub),
        asking(tmp_path, command=stub.place, query=NOWHERE) as ask,
    ):
        await ask("POST", path, Host="api.example.org:81", X_Request_Id="given")
        await ask("POST", "/v1/buckets", X_Request_Id="no good", Muniment_Forwarded_By="me")

    first, second = (head.splitlines() for head in stub.heads)
    assert first[0] == f"POST {path} HTTP/1.1"
    assert {"Host: api.example.org:81", "X-Request-Id: given"} <= set(first)
    assert [line for line in second if re.fullmatch("X-Request-Id: [0-9a-f]{32}", line)]
    assert "muniment-forwarded-by" not in stub.heads[1].lower()
    assert not [line for line in first if line.lower() == "connection: close"]


@pytest.mark.parametrize(
    "path",
    [
        "/collections/",
        "/collections",
        "/collections/a/documents",
        "/users/me/organizations",
        "/v1/users/me/organizations",
        "/organizations/o/orbits",
        "/v1/organizations/o",
        "/v1/__portal__",
        "/v1/__portal__/portal.js",
        "/v1/__projects__",
        "/v1/__users__/u/keys",
        "/v1/__orbits__/o",
    ],
)
async def test_dialects_are_answered_by_who_reads_and_writes(tmp_path: Path, path: str) -> None:
    stub = Stub()
    async with listening(stub), asking(tmp_path, command=stub.place, query=NOWHERE) as ask:
        assert (await ask("GET", path)).status == 200

    assert stub.heads[0].startswith(f"GET {path} HTTP/1.1")


async def test_a_watcher_is_let_through(tmp_path: Path) -> None:
    """The upgrade to a WebSocket is told on; what only instances say is not."""
    stub = Stub()
    async with listening(stub), asking(tmp_path, command=stub.place, query=NOWHERE) as ask:
        await ask(
            "GET",
            "/realtime/collections/a",
            Upgrade="websocket",
            Connection="Upgrade",
            Muniment_Forwarded_By="me",
        )

    lines = {line.lower() for line in stub.heads[0].splitlines()}
    assert {"upgrade: websocket", "connection: upgrade"} <= lines
    assert "muniment-forwarded-by" not in stub.heads[0].lower()


async def test_the_parts_of_a_stream_come_as_they_are_sent(tmp_path: Path) -> None:
    """Nothing waits in the gateway until there is more of it, or until its end."""
    stub = Stub(
        reply=b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
    )
    async with listening(stub):
        with running_gateway(tmp_path, command=stub.place, query=NOWHERE) as gateway:
            url = f"{gateway.origin}/v1/buckets/a/webhooks/b/events"
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                part = await asyncio.wait_for(answer.content.readany(), timeout=START_TIMEOUT_S)

    assert part == b"data: 1\n\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_never_sent_twice(tmp_path: Path, method: str) -> None:
    """The first may have happened, though no answer came."""
    one, two = Stub(reply=b""), Stub(reply=b"")
    async with listening(one, two):
        both = f"{one.place}; server {two.place}"
        async with asking(tmp_path, command=both, query=NOWHERE) as ask:
            answer = await ask(method, "/v1/buckets/a")

    assert answer.status == 503
    assert len(one.heads) + len(two.heads) == 1


async def test_a_read_is_asked_of_another_instance(tmp_path: Path) -> None:
    """A query service that is away costs nobody an answer."""
    stub = Stub()
    async with listening(stub):
        both = f"{NOWHERE}; server {stub.place}"
        async with asking(tmp_path, command=NOWHERE, query=both) as ask:
            answers = [await ask("GET", "/v1/buckets") for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
async def test_a_service_that_is_away_is_a_503_of_ours(tmp_path: Path, method: str) -> None:
    """Clients know the form, and when to come again; browsers may show it."""
    async with asking(tmp_path, command=NOWHERE, query=NOWHERE) as ask:
        answer = await ask(method, "/v1/buckets", Origin="http://a.org", X_Request_Id="given")

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "3"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == "given"
    if method != "HEAD":
        assert (answer.body["code"], answer.body["errno"]) == (503, 201)
        assert answer.body["error"] == "Service Unavailable"


@pytest.mark.parametrize(
    "path", ["/collections/", "/collections?a=b", "/realtime/collections/a", "/v1/users/me"]
)
async def test_a_dialect_hears_of_it_in_its_form(tmp_path: Path, path: str) -> None:
    async with asking(tmp_path, command=NOWHERE, query=NOWHERE) as ask:
        answer = await ask("GET", path)

    assert (answer.status, list(answer.body)) == (503, ["detail"])
    assert answer.headers["Retry-After"] == "3"


async def test_an_error_of_the_service_stays_its_own(tmp_path: Path) -> None:
    """Only what nginx itself says is put into our form."""
    body = b'{"code":503,"errno":201,"message":"its own"}'
    head = f"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: {len(body)}\r\n"
    stub = Stub(reply=f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    async with listening(stub), asking(tmp_path, command=stub.place, query=NOWHERE) as ask:
        answer = await ask("POST", "/v1/buckets")

    assert (answer.headers["Retry-After"], answer.body["message"]) == ("7", "its own")


async def test_a_long_next_page_comes_through(tmp_path: Path) -> None:
    """QP-2: it repeats what the client asked, as much as a request line holds, and has a token."""
    next_page = f"http://api.example.org/v1/buckets?exclude_id={'x' * 16_000}&_token={'y' * 1000}"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nNext-Page: {next_page}\r\n"
    stub = Stub(reply=f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
    async with listening(stub), asking(tmp_path, command=NOWHERE, query=stub.place) as ask:
        answer = await ask("GET", "/v1/buckets")

    assert (answer.status, answer.headers["Next-Page"]) == (200, next_page)


@pytest.mark.parametrize(
    ("request_line", "status", "errno"),
    [
        pytest.param("GET /v1/%zz HTTP/1.1", 400, 107, id="no HTTP"),
        pytest.param(f"GET /v1/{'x' * 20_000} HTTP/1.1", 414, 107, id="a long URL"),
        pytest.param(f"GET /v1/ HTTP/1.1\r\nX: {'x' * 20_000}", 400, 107, id="a long header"),
        pytest.param("TRACE /v1/ HTTP/1.1", 405, 115, id="a method of the connection"),
    ],
)
async def test_what_nginx_refuses_has_our_form(
    tmp_path: Path, request_line: str, status: int, errno: int
) -> None:
    """No page of HTML, whatever comes."""
    with running_gateway(tmp_path, command=NOWHERE, query=NOWHERE) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"{request_line}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()

    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert f'{{"code":{status},"errno":{errno},' in answer
