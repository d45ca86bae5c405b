"""A webhook receiver in a process of its own that costs little: verifies, counts, judges order.

    with tallying(SECRET_KEY) as tally:
        ...  # have events delivered to tally.at("atlas/tides"), a path of bucket and collection
        await tally.until(lambda counts: counts.arrived == 1_000)

Events are told apart by their offset in the log, so all endpoints of one receiver are to lie in
one partition, or at paths of their own.
"""

import asyncio
import hmac
import multiprocessing
import random
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final, cast

import orjson
import uvloop
from httptools import HttpRequestParser
from pydantic import SecretStr

from muniment.runtime.sealing import master_secret
from muniment.runtime.settings import Settings
from muniment.webhooks.signing import secret_for

HOST: Final = "127.0.0.1"
ASK_EVERY_S: Final = 0.05
STALLED_S: Final = 60.0
NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\nServer: tally\r\n\r\n"
FAILED: Final = b"HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n"
FORGED: Final = b"HTTP/1.1 401 Forged\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How requests with a right signature are answered; 204 unless something here says else."""

    hung: frozenset[str] = frozenset()
    """Paths whose requests are never answered."""
    failing_share: float = 0.0
    """So many of the answers are 500, at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What has come to some paths in all."""

    arrived: int = 0
    """Different events."""
    taken: int = 0
    """Different events that were answered with 2xx."""
    repeats: int = 0
    """Requests for events that had been answered with 2xx before."""
    inversions: int = 0
    """Events that first arrived, or were first taken, after a newer one of their record."""
    forged: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            arrived=self.arrived + other.arrived,
            taken=self.taken + other.taken,
            repeats=self.repeats + other.repeats,
            inversions=self.inversions + other.inversions,
            forged=self.forged + other.forged,
        )


@dataclass(slots=True)
class _Book:
    """What has come to one path."""

    key: bytes
    arrived_at: dict[int, float] = field(default_factory=dict[int, float])
    taken: set[int] = field(default_factory=set[int])
    repeats: int = 0
    newest_arrived: dict[str, int] = field(default_factory=dict[str, int])
    newest_taken: dict[str, int] = field(default_factory=dict[str, int])
    inversions: int = 0
    forged: int = 0

    def counts(self) -> Counts:
        return Counts(
            arrived=len(self.arrived_at),
            taken=len(self.taken),
            repeats=self.repeats,
            inversions=self.inversions,
            forged=self.forged,
        )

    def verifies(self, headers: Mapping[bytes, bytes], body: bytes) -> bool:
        signed = b"%b.%b.%b" % (headers[b"webhook-id"], headers[b"webhook-timestamp"], body)
        expected = b"v1," + b64encode(hmac.digest(self.key, signed, "sha256"))
        return hmac.compare_digest(expected, headers[b"webhook-signature"])

    def arrives(self, offset: int, uri: str) -> None:
        if offset not in self.arrived_at:
            self.arrived_at[offset] = time.time()
            self._judge(self.newest_arrived, uri, offset)

    def takes(self, offset: int, uri: str) -> None:
        if offset in self.taken:
            self.repeats += 1
            return
        self.taken.add(offset)
        self._judge(self.newest_taken, uri, offset)

    def _judge(self, newest: dict[str, int], uri: str, offset: int) -> None:
        self.inversions += offset < newest.get(uri, -1)
        newest[uri] = max(offset, newest.get(uri, -1))


class _Books:
    """The books of all paths, and how to answer."""

    def __init__(self, secret_key: str) -> None:
        self._master = master_secret(Settings(secret_key=SecretStr(secret_key)))
        self._chance = random.Random(0)
        self.by_path: dict[str, _Book] = {}
        self.behaviour = Behaviour()

    def answer(self, path: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
        """What to answer; nothing where the request is to hang."""
        book = self._book(path)
        if not book.verifies(headers, body):
            book.forged += 1
            return FORGED
        told = orjson.loads(body)["data"]
        offset, uri = told["position"]["offset"], told["uri"]
        book.arrives(offset, uri)
        if path in self.behaviour.hung:
            return b""
        if self._chance.random() < self.behaviour.failing_share:
            return FAILED
        book.takes(offset, uri)
        return NO_CONTENT

    def asked(self, question: str, argument: Any) -> Any:
        """Answer the process that all this is for."""
        match question:
            case "behave":
                self.behaviour = argument
            case "counts":
                return {path: book.counts() for path, book in self.by_path.items()}
            case "arrivals":
                return {path: book.arrived_at for path, book in self.by_path.items()}
            case "forget":
                self.by_path.clear()
            case _:
                raise ValueError(question)
        return None

    def _book(self, path: str) -> _Book:
        book = self.by_path.get(path)
        if book is None:
            _, bucket_id, collection_id = path.split("/")
            text = str(secret_for(self._master, bucket_id, collection_id))
            book = self.by_path[path] = _Book(b64decode(text.removeprefix("whsec_")))
        return book


class _Protocol(asyncio.Protocol):
    def __init__(self, books: _Books) -> None:
        self._books = books
        self._parser = HttpRequestParser(self)
        self._begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        answer = self._books.answer(self._path.decode(), self._headers, self._body)
        self._begin()
        if answer:
            self._transport.write(answer)

    def _begin(self) -> None:
        self._path = self._body = b""
        self._headers: dict[bytes, bytes] = {}


def _receive(pipe: Pipe, secret_key: str) -> None:
    books = _Books(secret_key)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(books), HOST, 0)
        over = asyncio.Event()

        def hear() -> None:
            try:
                pipe.send(books.asked(*pipe.recv()))
            except EOFError:
                over.set()

        loop.add_reader(pipe.fileno(), hear)
        pipe.send(server.sockets[0].getsockname()[1])
        await over.wait()

    uvloop.run(serve())


class Tally:
    """A receiver that runs."""

    def __init__(self, pipe: Pipe, port: int) -> None:
        self._pipe = pipe
        self._port = port

    def at(self, path: str) -> str:
        """The URL of `bucket/collection`, whose secret it knows."""
        return f"http://{HOST}:{self._port}/{path}"

    def behave(self, behaviour: Behaviour) -> None:
        """Answer so from now on."""
        self._ask("behave", behaviour)

    def forget(self) -> None:
        """Begin to count anew."""
        self._ask("forget")

    def counts(self, *paths: str) -> Counts:
        """Of these paths (`bucket/collection`) together; of all where none is named."""
        found: Mapping[str, Counts] = self._ask("counts")
        wanted = {f"/{path}" for path in paths} or set(found)
        return sum((found[path] for path in wanted if path in found), Counts())

    def arrivals(self) -> Mapping[str, Mapping[int, float]]:
        """When each event first came, by path and offset; seconds since the epoch."""
        arrivals: dict[str, dict[int, float]] = self._ask("arrivals")
        return {path.strip("/"): found for path, found in arrivals.items()}

    async def until(
        self,
        condition: Callable[[Counts], bool],
        *paths: str,
        stalled_s: float = STALLED_S,
    ) -> Counts:
        """Return when the condition holds; fail when nothing has come for so long."""
        before, deadline = Counts(), time.monotonic() + stalled_s
        while not condition(counts := self.counts(*paths)):
            if counts != before:
                before, deadline = counts, time.monotonic() + stalled_s
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing came for {stalled_s} s: {counts}")
            await asyncio.sleep(ASK_EVERY_S)
        return counts

    def _ask(self, question: str, argument: Any = None) -> Any:
        self._pipe.send((question, argument))
        return self._pipe.recv()


@contextmanager
def tallying(secret_key: str) -> Generator[Tally]:
    """A receiver that knows the secrets of all collections' URLs; gone with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_receive, args=(theirs, secret_key), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Tally(ours, ours.recv())
    finally:
        ours.close()
        process.join(10)
        process.kill()
