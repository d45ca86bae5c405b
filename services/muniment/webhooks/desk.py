"""Takes up what people ask for: replays and single messages."""

import asyncio
from collections.abc import Callable
from typing import Final

from muniment.runtime.logs import get_logger
from muniment.webhooks.active import ActiveLane, Lanes
from muniment.webhooks.carrier import Carrier
from muniment.webhooks.committing import Committing
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.jobs import Ask, Job, JobChange, JobId, JobState, Send
from muniment.webhooks.positions import Positions
from muniment.webhooks.sending import Sending

LOOK_EVERY_S: Final = 0.5
ENDED: Final = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})
PAUSED_JOB: Final = "paused by request"

log = get_logger(__name__)


class Desk:
    """See the module."""

    def __init__(
        self,
        *,
        positions: Positions,
        lanes: Lanes,
        carrier: Carrier,
        committing: Committing,
        sending: Sending,
        new_lane: Callable[[Endpoint, Job], ActiveLane],
    ) -> None:
        self._positions = positions
        self._lanes = lanes
        self._carrier = carrier
        self._committing = committing
        self._sending = sending
        self._new_lane = new_lane
        self._taken: dict[JobId, Ask | None] = {}

    async def work(self) -> None:
        """Look for jobs again and again."""
        async with asyncio.TaskGroup() as group:
            while True:
                found = await self._positions.jobs_to_do()
                for job in found:
                    # Until the commit is made, the same job is found again.
                    if self._taken.get(job.id, ...) != job.asked:
                        self._taken[job.id] = job.asked
                        self._take(job, group)
                for id_ in set(self._taken) - {job.id for job in found}:
                    del self._taken[id_]
                await asyncio.sleep(LOOK_EVERY_S)

    def _take(self, job: Job, group: asyncio.TaskGroup) -> None:
        active = self._lanes.by_id(job.id)
        if active is not None and job.asked is not None:
            self._heed(active, job, job.asked)
            return
        if job.state in ENDED:
            self._committing.changed_job(JobChange(id=job.id, state=job.state, has_heard=True))
            return
        live = self._lanes.live(job.endpoint_id)
        if job.asked is Ask.CANCEL or live is None:
            reason = {} if job.asked is Ask.CANCEL else {"reason": "the webhook is no more"}
            state = JobState.CANCELLED if job.asked is Ask.CANCEL else JobState.FAILED
            self._committing.changed_job(
                JobChange(id=job.id, state=state, result=reason or None, has_heard=True)
            )
        elif isinstance(job.work, Send):
            group.create_task(self._send(live.endpoint, job, job.work))
        elif active is None:
            self._begin(live.endpoint, job)

    def _begin(self, endpoint: Endpoint, job: Job) -> None:
        active = self._new_lane(endpoint, job)
        self._lanes.add(active)
        log.info("webhook.replay_began", **active.facts())
        if job.asked is Ask.PAUSE:
            self._heed(active, job, job.asked)
        else:
            has_heard = job.asked is Ask.RESUME
            self._committing.changed_job(
                JobChange(id=job.id, state=JobState.RUNNING, has_heard=has_heard)
            )
        self._carrier.pump(active)

    def _heed(self, active: ActiveLane, job: Job, asked: Ask) -> None:
        match asked:
            case Ask.PAUSE:
                active.job_state = JobState.PAUSED
                # Whatever else keeps it: switched on again, the webhook must not go on with it.
                active.lane.stop(PAUSED_JOB)
                self._lanes.touch(active)
            case Ask.RESUME:
                active.job_state = JobState.RUNNING
                if active.lane.stopped_for == PAUSED_JOB:
                    self._carrier.reopen(active)
            case Ask.CANCEL:
                active.job_state = JobState.CANCELLED
                active.lane.stop(PAUSED_JOB)
                self._lanes.drop(active)
                self._carrier.begin_live(active.endpoint.id)
        log.info("webhook.replay_changed", asked=asked, **active.facts())
        self._committing.changed_job(JobChange(id=job.id, state=active.job_state, has_heard=True))

    async def _send(self, endpoint: Endpoint, job: Job, work: Send) -> None:
        result = await self._sending.send(endpoint, job, work)
        self._committing.changed_job(
            JobChange(
                id=job.id,
                state=JobState.DONE if result["delivered"] else JobState.FAILED,
                result=result,
            )
        )
