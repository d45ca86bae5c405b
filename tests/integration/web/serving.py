"""A server on loopback that tells what came, and bytes sent to it as they are."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any, Final

import orjson

from muniment.web.errors import Errors
from muniment.web.http import Handler, Request, Response
from muniment.web.server import Limits, Listening, listen

DEADLINE_S: Final = 30.0
BODY_BYTES_MAX: Final = 1000

Start = Callable[..., Awaitable[Listening]]


async def echo(request: Request) -> Response:
    """Tells what came."""
    told = {
        "method": request.method,
        "raw_path": request.raw_path,
        "raw_query": request.raw_query,
        "base_url": request.base_url,
        "id": request.id,
        "body": request.body.decode("latin-1"),
    }
    return Response(headers={"ETag": '"1"'}, body=orjson.dumps(told))


def secured(_: Request, response: Response) -> None:
    """Stands for the pipeline's `complete`."""
    response.headers["X-Content-Type-Options"] = "nosniff"


@asynccontextmanager
async def listening(handler: Handler = echo, **given: Any) -> AsyncGenerator[Listening]:
    limits = given.pop("limits", Limits(body_bytes_max=BODY_BYTES_MAX))
    async with listen(
        handler,
        host="127.0.0.1",
        port=given.pop("port", 0),
        errors=Errors(),
        complete=secured,
        limits=limits,
        **given,
    ) as where:
        yield where


async def talk(where: Listening, *parts: bytes, is_over: bool = False) -> bytes:
    """Send bytes, hang up the sending side if that `is_over`; all that came back until the end."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(where.host, where.port)
        with closing(writer):
            for part in parts:
                writer.write(part)
                await writer.drain()
            if is_over:
                writer.write_eof()
            return await reader.read()


def body_of(answer: bytes) -> Any:
    return orjson.loads(answer.partition(b"\r\n\r\n")[2])
