"""Asks an endpoint that was disabled, as it failed for too long, whether it is well again."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid5

from muniment.domain.webhooks.spec import State
from muniment.runtime.logs import get_logger
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.carrier import Courier, is_too_long
from muniment.webhooks.committing import Committing
from muniment.webhooks.reports import Report, Reports
from muniment.webhooks.samples import PING, sample_of
from muniment.webhooks.sending import attempt_beside

log = get_logger(__name__)


class Probing:
    """Sends a ping now and then; one that is taken has the webhook switched on again.

    What was disabled by a user, or by the receiver's own word, is left alone.
    """

    def __init__(
        self,
        *,
        lanes: Lanes,
        courier: Courier,
        committing: Committing,
        reports: Reports,
        every_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._lanes = lanes
        self._courier = courier
        self._committing = committing
        self._reports = reports
        self._every_s = every_s
        self._clock = clock

    async def probe(self, active: ActiveLane) -> None:
        """Go on until the lane is at work again, or gone."""
        while True:
            await asyncio.sleep(self._every_s)
            if active not in self._lanes or not is_too_long(active.lane.stopped_for):
                return
            endpoint, at = active.endpoint, self._clock()
            id_ = uuid5(UUID(endpoint.id), f"probe/{at}")
            ping = sample_of(endpoint, PING, message_id=f"smp_{id_}", at=at)
            answer = await self._courier.attempt(endpoint, (ping,), at=at)
            self._committing.attempted(attempt_beside(endpoint, ping, str(id_), answer, at))
            if answer.is_delivered:
                log.info("webhook.probe_taken", **active.facts())
                self._reports.say(Report(endpoint=endpoint, state=State.ACTIVE, reason=""))
