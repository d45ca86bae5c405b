"""A lane at work: with the endpoint that it serves, and what the dispatcher has to know of both."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from muniment.domain.events import ObjectChanged
from muniment.log.protocol import Offset, Start
from muniment.webhooks.deliveries import LaneId
from muniment.webhooks.endpoints import Endpoint, EndpointId
from muniment.webhooks.http.target import shown
from muniment.webhooks.jobs import Job, JobState, Replay, Send, Snapshot
from muniment.webhooks.lane import Lane
from muniment.webhooks.message import message_id
from muniment.webhooks.positions import LaneRow
from muniment.webhooks.starting import is_before_start


@dataclass(slots=True, eq=False, kw_only=True)
class ActiveLane:
    """See the module; changed on the event loop only, between awaits."""

    lane: Lane
    endpoint: Endpoint
    starts_at: Offset
    job: Job | None = None
    """The replay that the lane is; `None` for the one that carries live events."""
    job_state: JobState = JobState.RUNNING
    written: Start | None = None
    """Its position by the last commit."""
    saved: LaneRow | None = None
    """The rest of it by the last commit."""
    delivered: int = 0
    """Of a replay, since the last commit."""
    dead: int = 0
    timer: asyncio.TimerHandle | None = None
    rereader: asyncio.Task[None] | None = None
    last_said: float = 0.0
    is_reported_failing: bool = False
    reported_reason: str = ""
    has_warned: bool = False
    """It was said that the endpoint is going to be disabled."""
    behind_since: float | None = None
    """When it was first seen to lag with nothing in memory that would tell by how much."""

    @property
    def id(self) -> LaneId:
        return self.lane.id

    @property
    def is_live(self) -> bool:
        return self.job is None

    @property
    def is_draining(self) -> bool:
        """Whether the endpoint is to be disabled at the end of the lane, which then stays."""
        return self.is_live and self.endpoint.spec.drains

    @property
    def reads_snapshot(self) -> bool:
        """Whether its offsets are moments of the bucket's clock, not places in the log."""
        return self.job is not None and isinstance(self.job.work, Snapshot)

    def wants(self, event: ObjectChanged, offset: Offset) -> bool:
        """Whether an event that the lane reads again goes into it."""
        if not self.endpoint.wants(event):
            return False
        if self.job is None:
            return not is_before_start(self.endpoint, event, offset)
        work = self.job.work
        match work:
            case Replay():
                return offset >= work.first and work.wants(event, message_id(event.id))
            case Snapshot():
                return work.wants(event)
            case Send():
                return False  # It has no lane.
            case _:
                assert_never(work)

    def row(self) -> LaneRow:
        """The lane as it is to be kept."""
        breaker = self.lane.pace.breaker
        return LaneRow(
            id=self.lane.id,
            endpoint=self.endpoint,
            starts_at=self.starts_at,
            ends_at=self.lane.ends_at,
            stopped_for=self.lane.stopped_for,
            # A single failure now and then is not worth a row.
            failing_since=self.lane.pace.failing_since if self.is_reported_failing else None,
            breaker_cause=breaker.cause,
            breaker_opened_at=breaker.opened_at if breaker.is_open else None,
        )

    def facts(self) -> dict[str, str]:
        """What logs say of it."""
        endpoint = self.endpoint
        subject = {"bucket": str(endpoint.bucket_id), "target": shown(endpoint.url)}
        if endpoint.webhook_id is not None:
            subject["webhook"] = endpoint.webhook_id
        if endpoint.collection_id is not None:
            subject["collection"] = endpoint.collection_id
        if self.job is not None:
            subject["replay"] = self.job.id
        return subject


class Lanes:
    """The lanes at work, and which of them have something for the next commit."""

    def __init__(self) -> None:
        self.has_news = asyncio.Event()
        self._by_id: dict[LaneId, ActiveLane] = {}
        self._by_endpoint: dict[EndpointId, list[ActiveLane]] = {}
        self._live: dict[EndpointId, ActiveLane] = {}
        self._dirty: dict[LaneId, ActiveLane] = {}
        self._dropped: list[LaneId] = []

    def __iter__(self) -> Iterator[ActiveLane]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, active: ActiveLane) -> bool:
        return self._by_id.get(active.id) is active

    def live(self, endpoint_id: EndpointId) -> ActiveLane | None:
        """The lane of an endpoint's live events."""
        return self._live.get(endpoint_id)

    def of(self, endpoint_id: EndpointId) -> list[ActiveLane]:
        """All lanes of an endpoint, those of replays included."""
        return list(self._by_endpoint.get(endpoint_id, ()))

    def by_id(self, id_: str) -> ActiveLane | None:
        return self._by_id.get(LaneId(id_))

    def add(self, active: ActiveLane) -> None:
        """Let it work; one of the same id makes way."""
        if (former := self._by_id.get(active.id)) is not None:
            self.forget(former)
        self._by_id[active.id] = active
        self._by_endpoint.setdefault(active.endpoint.id, []).append(active)
        if active.is_live:
            self._live[active.endpoint.id] = active
        self.touch(active)

    def touch(self, active: ActiveLane) -> None:
        """The lane has something for the next commit."""
        if active in self:
            self._dirty[active.id] = active
            self.has_news.set()

    def end_live(self, active: ActiveLane) -> None:
        """The lane works off what it has, and gets nothing new."""
        self._live.pop(active.endpoint.id, None)
        self.touch(active)

    def drop(self, active: ActiveLane) -> None:
        """Let go of it and of all that is kept of it."""
        self._dropped.append(active.id)
        self.forget(active)
        self.has_news.set()

    def forget(self, active: ActiveLane) -> None:
        """It has nothing more to do; what is kept of it is another's concern."""
        self._by_id.pop(active.id, None)
        self._dirty.pop(active.id, None)
        if self._live.get(active.endpoint.id) is active:
            del self._live[active.endpoint.id]
        others = self._by_endpoint.get(active.endpoint.id, [])
        if active in others:
            others.remove(active)
        if not others:
            self._by_endpoint.pop(active.endpoint.id, None)
        if active.timer is not None:
            active.timer.cancel()
            active.timer = None

    def take_news(self) -> tuple[list[ActiveLane], list[LaneId]]:
        """Which lanes have changed, and which are gone, since the last time."""
        self.has_news.clear()
        dirty, self._dirty = list(self._dirty.values()), {}
        dropped, self._dropped = self._dropped, []
        return dirty, dropped
