"""The commands that ask a running server about the deliveries of webhooks."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from muniment.cli.operating import TIMEOUT_S, Refused, basic_credentials, reason_of
from muniment.domain.webhooks.spec import Algorithm, Format
from muniment.runtime.errors import ConfigurationError, DependencyUnreachable
from muniment.webhooks.message import content_type
from muniment.webhooks.signing import signer_of

POLL_S: Final = 0.5
DAYS: Final = 1_000
AGAIN_S: Final = 1.0
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of a stream: more than a message has."""
QUIET: Final = aiohttp.ClientTimeout(total=None, connect=TIMEOUT_S, sock_read=TIMEOUT_S)
"""For streams: longer than the server is silent."""
Sign: TypeAlias = Callable[[str, bytes], Mapping[str, str]]
"""From a message's id and body to the headers of its request."""
_BOUNDS: Final = ("offset", "sequence", "time")
_PLAIN_BOUNDS: Final = ("beginning", "snapshot")


def bound(text: str) -> str | dict[str, int | str]:
    """`offset=5` as the API takes it. Raises `ConfigurationError` for what it would not."""
    if text in _PLAIN_BOUNDS:
        return text
    name, equals, value = text.partition("=")
    if name not in _BOUNDS or not equals or (name != "time" and not value.isdecimal()):
        raise ConfigurationError(
            f'"{text}" is not one of beginning, snapshot, offset=N, sequence=N, time=….'
        )
    return {name: value if name == "time" else int(value)}


class Deliveries:
    """One bucket's webhooks, or one of them, as one user sees them."""

    def __init__(self, server: str, user: str, bucket: str, webhook: str | None = None) -> None:
        self._path = f"/v1/buckets/{quote(bucket, safe='')}/webhooks"
        self._server = server.rstrip("/").removesuffix("/v1")
        self._user = user
        if webhook is not None:
            self._path += f"/{quote(webhook, safe='')}"

    async def show_all(self, output: str) -> None:
        """Print a line for each webhook."""
        async with self._session() as session:
            found = await self._ask(session, "GET", "")
            for each in found:
                each["deliveries"] = await self._ask(session, "GET", f"/{each['id']}/status")
        if output == "json":
            print(orjson.dumps(found).decode())
            return
        table = Table("webhook", "url", "enabled", "state", "lag", "parked", "dead", box=None)
        for each in found:
            at = each["deliveries"]
            table.add_row(
                each["id"],
                each["url"],
                "yes" if each.get("enabled", True) else "no",
                each["status"]["state"],
                str(at["lag_events_max"]),
                str(at["parked"]),
                str(at["dead"]),
            )
        Console(soft_wrap=True).print(table)

    async def show_keys(self, output: str) -> None:
        """Print the keys that sign, newest first: secrets of `v1`, public keys of `v1a`."""
        async with self._session() as session:
            keys = await self._ask(session, "GET", "/secrets")
        if output == "json":
            print(orjson.dumps(keys).decode())
            return
        for key in keys:
            print(key.get("secret") or key["public_key"])

    async def show_days(self, since: str | None, output: str) -> None:
        """Print a line for each day, newest first: attempts by outcome, and how long they took."""
        query = f"&_since={quote(since, safe='')}" if since else ""
        async with self._session() as session:
            days = await self._ask(session, "GET", f"/attempts/days?_limit={DAYS}{query}")
        if output == "json":
            print(orjson.dumps(days).decode())
            return
        table = Table("day", "outcome", "attempts", "ms min", "avg", "max", box=None)
        for each in days:
            for outcome, sums in each["outcomes"].items():
                ms = (f"{sums['ms'][name]:.1f}" for name in ("min", "avg", "max"))
                table.add_row(each["day"], outcome, str(sums["attempts"]), *ms)
        Console(soft_wrap=True).print(table)

    async def send(self, asked: Mapping[str, str]) -> None:
        """Have one message sent; raises `Refused` if the receiver did not take it."""
        async with self._session() as session:
            result = await self._ask(session, "POST", "/messages", asked)
        print(orjson.dumps(result).decode())
        if not result["delivered"]:
            raise Refused(_why_not(result))

    async def replay(self, asked: Mapping[str, object], *, waits: bool) -> None:
        """Begin a replay, or count it; then say how far it is until it is over."""
        async with self._session() as session:
            job = await self._ask(session, "POST", "/replays", asked)
            began_at = time.monotonic()
            while waits and not job["has_ended"]:
                print(_progress(job, time.monotonic() - began_at), file=sys.stderr)
                await asyncio.sleep(POLL_S)
                job = await self._ask(session, "GET", f"/replays/{job['id']}")
        print(orjson.dumps(job).decode())

    async def listen(self, forward: str | None, after: int | None) -> None:
        """Print each message as it comes, and forward it, until interrupted."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        # Receivers get their messages from a session that knows no credentials.
        async with self._session() as session, aiohttp.ClientSession(timeout=timeout) as outside:
            at = after
            if at is None:
                at = int((await self._ask(session, "GET", "/status"))["end_offset"]) - 1
            sign = await self._signing(session) if forward else None
            while True:
                async for fields in self._stream(session, at):
                    at = int(fields[b"id"]) if b"id" in fields else at
                    if (message := fields.get(b"data")) is None:
                        continue
                    print(message.decode(), flush=True)
                    if forward and sign is not None:
                        headers = sign(fields[b"webhook-id"].decode(), message)
                        await _forward(outside, forward, message, headers)
                await asyncio.sleep(AGAIN_S)

    async def _stream(
        self, session: aiohttp.ClientSession, after: int
    ) -> AsyncIterator[Mapping[bytes, bytes]]:
        """The fields of what the server tells, until that ends it or the way there breaks."""
        url = f"{self._server}{self._path}/events"
        headers = {"Accept": "text/event-stream"}
        if after >= 0:
            headers["Last-Event-ID"] = str(after)
        fields: dict[bytes, bytes] = {}
        try:
            async with session.get(
                url, headers=headers, timeout=QUIET, read_bufsize=LINE_BYTES_MAX
            ) as answer:
                if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
                    print(f"{self._server} is busy; trying again.", file=sys.stderr)
                    return
                if answer.status >= 300:
                    raise Refused(_refusal(self._server, answer.status, await answer.read()))
                async for line in answer.content:
                    name, _, text = line.rstrip(b"\n").partition(b": ")
                    if name:
                        fields[name] = text
                    else:
                        yield fields
                        fields = {}
        except (aiohttp.ClientError, TimeoutError) as error:
            print(f"{self._server} does not answer: {error}; trying again.", file=sys.stderr)

    async def _signing(self, session: aiohttp.ClientSession) -> Sign:
        """How a delivery is signed. Raises `Refused` for one that is signed by `v1a` alone.

        The private key of that never leaves the server.
        """
        keys: list[Any] = await self._ask(session, "GET", "/secrets")
        format_ = (await self._ask(session, "GET", "")).get("format") or Format.STANDARD
        signers = [
            signer_of(Algorithm(key["algorithm"]), key["secret"])
            for key in keys
            if key.get("secret")
        ]
        if not signers:
            raise Refused("Signed by v1a alone: to forward, let `signatures` name v1 as well.")

        def sign(id_: str, body: bytes) -> Mapping[str, str]:
            timestamp = str(int(time.time()))
            return {
                "Content-Type": content_type(Format(format_), None),
                "webhook-id": id_,
                "webhook-timestamp": timestamp,
                "webhook-signature": " ".join(each.sign(id_, timestamp, body) for each in signers),
            }

        return sign

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            auth=basic_credentials(self._user), timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        )

    async def _ask(
        self, session: aiohttp.ClientSession, method: str, part: str, body: object = None
    ) -> Any:
        """The `data` of the answer."""
        return (await self._get(session, method, part, body))["data"]

    async def _get(
        self, session: aiohttp.ClientSession, method: str, part: str, body: object = None
    ) -> Any:
        """The answer. Raises `Refused` and `DependencyUnreachable`."""
        url = f"{self._server}{self._path}{part}"
        try:
            async with session.request(method, url, json=body, allow_redirects=False) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DependencyUnreachable(f"{self._server} does not answer: {error}.") from error
        if answer.status >= 300:
            raise Refused(_refusal(self._server, answer.status, content))
        return orjson.loads(content)


async def _forward(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]
) -> None:
    """POST one message to a receiver at hand; say what it answered."""
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            print(f"{answer.status} {url}", file=sys.stderr)
    except (aiohttp.ClientError, TimeoutError) as error:
        print(f"no answer from {url}: {error}", file=sys.stderr)


def _why_not(result: Any) -> str:
    """What became of a message that was not taken, and what is most likely to help."""
    error, status = result["error"], result["status"]
    detail = f" ({result['detail']})" if result["detail"] else ""
    told = (
        f"Not delivered: {error if status is None else f'the receiver answers {status}'}{detail}."
    )
    hint = _HINTS.get(status or error)
    return told if hint is None else f"{told} {hint}"


_HINTS: Final[Mapping[object, str]] = {
    "blocked_address": "Deliveries go to public addresses, and where "
    "MUNIMENT_WEBHOOKS_ALLOWED_NETWORKS or …_ALLOWED_HOSTS of the webhooks service let them.",
    "connect_refused": "Nothing listens at the webhook's `url`.",
    "connect_timeout": "Is there a firewall between Muniment and the webhook's `url`?",
    "dns": "The name in the webhook's `url` has no address, as the webhooks service sees it.",
    "tls": "The webhook's `tls.ca` takes an authority of your own.",
    401: "Has it the secret that `muniment webhooks secret` prints?",
    403: "Has it the secret that `muniment webhooks secret` prints?",
    404: "Is the path in `url` right?",
    405: "Deliveries are POST requests.",
    410: "A real delivery would have disabled the webhook by that.",
}


def _progress(job: Any, seconds: float) -> str:
    """`running: 40 %, 1200 delivered, 0 dead, 300/s, about 6 s more`."""
    parts = [f"{job['delivered']} delivered", f"{job['dead']} dead"]
    share = job["progress"]
    if share is not None:
        parts.insert(0, f"{share:.0%}")
    if seconds >= 1:
        parts.append(f"{job['delivered'] / seconds:.0f}/s")
        if share and job["state"] == "running":
            parts.append(f"about {seconds * (1 - share) / share:.0f} s more")
    return f"{job['state']}: {', '.join(parts)}"


def _refusal(server: str, status: int, content: bytes) -> str:
    return f"{server} refuses ({status}): {reason_of(content)}"
