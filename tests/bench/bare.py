"""The limit of the web framework: an aiohttp handler that does nothing, in a process of its own."""

import asyncio
import sys

import uvloop
from aiohttp import web

ANSWER = b'{"data":{}}'


async def _answer(request: web.BaseRequest) -> web.Response:
    if request.can_read_body:
        await request.read()
    # As ours: the creations of DataForce are 200.
    is_201 = request.method == "POST" and not request.path.startswith("/organizations")
    status = 201 if is_201 else 200
    return web.Response(status=status, body=ANSWER, content_type="application/json")


async def serve(port: int) -> None:
    """Answer on the port until killed."""
    runner = web.ServerRunner(web.Server(_answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
