"""The door of a service that has none for clients: heartbeat and metrics on its own port."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from muniment.runtime.settings import Settings
from muniment.runtime.supervise import Task

if TYPE_CHECKING:
    from muniment.web.root import Check


class Vitals:
    """The heartbeat of a service that works by itself, told by what there is while it works."""

    def __init__(self, *names: str) -> None:
        self._probes: dict[str, Check] = {}
        self.checks: Mapping[str, Check] = {name: partial(self._ask, name) for name in names}

    @asynccontextmanager
    async def told_by(self, **probes: "Check") -> AsyncGenerator[None]:
        """Ask these until the block ends; a name that nobody tells of counts as failed."""
        before, self._probes = self._probes, {**self._probes, **probes}
        try:
            yield
        finally:
            self._probes = before

    async def _ask(self, name: str) -> bool:
        probe = self._probes.get(name)
        return probe is not None and await probe()


async def stands_by() -> bool:
    """The probe of an instance that waits for its turn: it is well."""
    return True


def internal_door(
    settings: Settings, *, service: str, checks: Mapping[str, "Check"]
) -> Mapping[str, Task]:
    """The task that answers on `internal_port`; none when that is 0."""
    if settings.internal_port == 0:
        return {}
    # Imported here: a quarter of what a service without a door would load before it works.
    from muniment.web.edge import Edge  # noqa: PLC0415

    edge = Edge(settings)
    pipeline = edge.pipeline(service=service, checks=checks)

    async def answer(stopping: asyncio.Event) -> None:
        async with edge.listen(pipeline, port=settings.internal_port, port_setting="internal_port"):
            await stopping.wait()

    return {"internal": answer}
