"""`muniment demo`: see docs/demo.md."""

import asyncio
import time
from importlib.util import find_spec

from rich.console import Console

from muniment.runtime.errors import ConfigurationError
from muniment.runtime.settings import Settings


def demo(settings: Settings, *, url: str | None, limit: int | None, is_kept: bool) -> None:
    """Show it on a server of its own, or on the one at `url`.

    Raises a `UserError` when something was not as promised, or nothing was loaded.
    """
    for package in ("kinto_http", "pycountry"):
        if find_spec(package) is None:
            raise ConfigurationError(
                f"The demo needs the package {package}: install muniment[demo]."
            )
    asyncio.run(_demo(settings, url, limit, is_kept=is_kept))


async def _demo(settings: Settings, url: str | None, limit: int | None, *, is_kept: bool) -> None:
    # Packages that serving does not need.
    from muniment.demo.data_set import data_set  # noqa: PLC0415
    from muniment.demo.own_server import Server, own_server  # noqa: PLC0415
    from muniment.demo.story import Demo, DemoFailed  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    tables = data_set(limit)
    if not any(table.records for table in tables):
        raise DemoFailed("There is nothing to load, so nothing would be shown.")
    began_at = time.monotonic()

    async def run(server: Server, *, is_kept: bool = False) -> None:
        story = Demo(server, tables, topic_prefix=settings.topic_prefix, console=console)
        await story.run(is_kept=is_kept)

    if url is None:
        async with own_server(lambda text: console.print(text, markup=False)) as server:
            await run(server)
    elif settings.kafka_url is None:
        raise ConfigurationError(
            "--url needs --kafka as well, the address that `muniment up` printed."
        )
    else:
        found = Server(
            url=url.rstrip("/"), kafka_url=settings.kafka_url, data_dir=settings.data_dir
        )
        await run(found, is_kept=is_kept)
    console.print(f"All as promised, in {time.monotonic() - began_at:.0f} s.")
