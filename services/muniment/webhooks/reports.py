"""Tells the command service how endpoints do, so that it becomes part of the log.

Only the last word about an endpoint counts: what could not be told yet is replaced by what is true
now. After a restart all that is still so is told again; the command service ignores what it knows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from muniment.domain.webhooks.spec import State
from muniment.runtime.logs import get_logger
from muniment.webhooks.endpoints import Endpoint, EndpointId

RETRY_S: Final = 2.0

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
        self._untold: dict[EndpointId, Report] = {}
        self._has_some = asyncio.Event()

    def say(self, report: Report) -> None:
        """Have it told; a collection's URL has no object that could say so."""
        if self._tell is not None and report.endpoint.webhook_id is not None:
            self._untold[report.endpoint.id] = report
            self._has_some.set()

    async def send(self) -> None:
        """Tell all there is, again and again."""
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            for id_, report in list(self._untold.items()):
                is_told = self._tell is not None and await self._tell(report)
                if is_told and self._untold.get(id_) is report:
                    del self._untold[id_]
            if self._untold:
                log.info("webhooks.reports_wait", count=len(self._untold))
                await asyncio.sleep(RETRY_S)
                self._has_some.set()
