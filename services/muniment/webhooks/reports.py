"""Tells the command service how endpoints do, so that it becomes part of the log.

What happened to an endpoint is told in its order; of what can't be told for long, the last few.
After a restart all that is still so is told again; the command service ignores what it knows.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from muniment.domain.webhooks.spec import State
from muniment.runtime.logs import get_logger
from muniment.webhooks.endpoints import Endpoint, EndpointId

RETRY_S: Final = 2.0
UNTOLD_MAX: Final = 4
"""Of one endpoint."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How deliveries to a webhook go, and why."""

    endpoint: Endpoint
    state: State
    reason: str
    is_warning: bool = False
    """What was told already has become more serious."""


Tell: TypeAlias = Callable[[Report], Awaitable[bool]]
"""Answers whether it was told: false is worth another try."""


class Reports:
    """What is still to be told."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._untold: dict[EndpointId, deque[Report]] = {}
        self._has_some = asyncio.Event()

    def say(self, report: Report) -> None:
        """Have it told; a collection's URL has no object that could say so."""
        if self._tell is not None and report.endpoint.webhook_id is not None:
            untold = self._untold.setdefault(report.endpoint.id, deque(maxlen=UNTOLD_MAX))
            untold.append(report)
            self._has_some.set()

    async def send(self) -> None:
        """Tell all there is, again and again."""
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            for id_ in list(self._untold):
                await self._send_of(id_)
            if self._untold:
                log.info("webhooks.reports_wait", count=len(self._untold))
                await asyncio.sleep(RETRY_S)
                self._has_some.set()

    async def _send_of(self, id_: EndpointId) -> None:
        """Tell what there is of one endpoint, up to what can't be told now."""
        untold = self._untold[id_]
        while untold:
            report = untold[0]
            if self._tell is None or not await self._tell(report):
                return
            if untold[0] is report:
                untold.popleft()
        del self._untold[id_]
