"""The command service's process: put together here, top to bottom, and nowhere else."""

import asyncio

from muniment.command.side import CommandSide
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import serve
from muniment.web.edge import Edge
from muniment.web.routes import Endpoint
from muniment.web.server import listen


async def run(settings: Settings) -> None:
    """Answer writes until a signal ends the process; Kafka and Postgres may come up later."""
    edge = Edge(settings)
    side = CommandSide(settings, edge)
    pipeline = edge.pipeline(
        service="command",
        checks=side.checks,
        writes=side.write,
        more={Endpoint.FLUSH: side.flush},
    )

    async def answer(stopping: asyncio.Event) -> None:
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

    await serve({"http": answer, "owners": side.run}, drain_s=settings.drain_s)
