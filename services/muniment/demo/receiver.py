"""The demo's own webhook receiver: takes what the `standardwebhooks` package says is genuine."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

LOOPBACK: Final = "127.0.0.1"


class Receiver:
    """Listens on a free port of loopback; each collection has a path, and a secret, of its own."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        """Verified messages by their `webhook-id`: a repeat is the same message."""
        self.repeats = 0
        self.forged = 0
        self._verifiers: Mapping[str, Webhook] = {}
        self._port = 0
        self._came = asyncio.Event()
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None))

    def url(self, collection_id: str) -> str:
        return f"http://{LOOPBACK}:{self._port}/{collection_id}"

    def expect(self, secrets: Mapping[str, str]) -> None:
        """Verify with these secrets (`whsec_…`), by collection id."""
        self._verifiers = {f"/{id_}": Webhook(secret) for id_, secret in secrets.items()}

    async def wait_for(self, count: int, *, timeout_s: float) -> None:
        """Wait for so many different messages, but not longer: what came is compared anyway."""
        deadline = time.monotonic() + timeout_s
        while len(self.messages) < count and (left_s := deadline - time.monotonic()) > 0:
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._came.wait()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        verifier = self._verifiers.get(request.path)
        try:
            if verifier is None:
                raise WebhookVerificationError(f"no endpoint at {request.path}")
            verifier.verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=401)
        id_ = request.headers["webhook-id"]
        self.repeats += id_ in self.messages
        self.messages[id_] = orjson.loads(body)
        self._came.set()
        return web.Response(status=204)
