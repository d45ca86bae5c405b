"""Command and query in one process: reads and writes are parted by method, as a gateway does."""

import asyncio

from muniment.command.side import CommandSide
from muniment.query.app import query_side
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import serve
from muniment.web.edge import Edge
from muniment.web.http import Request, Response
from muniment.web.routes import Endpoint
from muniment.web.server import listen


async def run(settings: Settings) -> None:
    """Answer every request until a signal ends the process; the servers may come up later."""
    edge = Edge(settings)
    commands = CommandSide(settings, edge)

    async def answer(stopping: asyncio.Event) -> None:
        async with query_side(settings, edge) as queries:
            checks = {**queries.checks, **commands.checks}
            within_batches = edge.pipeline(
                service="batch",
                checks=checks,
                reads=queries.reads,
                writes=commands.write,
                more={Endpoint.FLUSH: commands.flush},
            )

            async def batch(request: Request) -> Response:
                return await commands.batch(request, within_batches.handle)

            pipeline = edge.pipeline(
                service="api",
                checks=checks,
                reads=queries.reads,
                writes=commands.write,
                more={Endpoint.FLUSH: commands.flush, Endpoint.BATCH: batch},
            )
            async with listen(
                pipeline.handle,
                host=settings.http_bind_host,
                port=settings.http_port,
                errors=edge.errors,
                complete=pipeline.complete,
                limits=edge.limits,
                public_url=edge.public_url,
            ):
                await stopping.wait()

    await serve({"http": answer, "owners": commands.run}, drain_s=settings.drain_s)
