"""One message at once and once: a made-up one, or that of an event of the past."""

from collections.abc import Callable
from typing import Final

from muniment.domain.events import ObjectChanged
from muniment.domain.values import JsonValue
from muniment.log.protocol import Log, LogUnavailable, Offset, Partition, Start
from muniment.webhooks.attempts import Attempt
from muniment.webhooks.carrier import Courier
from muniment.webhooks.committing import Committing
from muniment.webhooks.deliveries import Delivery, LaneId
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.jobs import Job, Send
from muniment.webhooks.ledger import Ledger
from muniment.webhooks.rereading import delivery_of
from muniment.webhooks.samples import sample_of

READ_WAIT_S: Final = 0.5
READS_MAX: Final = 20


class Sending:
    """Sends beside the lanes: what comes of it moves no position and opens no breaker."""

    def __init__(
        self,
        *,
        log: Log,
        courier: Courier,
        committing: Committing,
        ledger: Ledger,
        reading: Callable[[Partition], Start],
        clock: Callable[[], float],
    ) -> None:
        self._log = log
        self._courier = courier
        self._committing = committing
        self._ledger = ledger
        self._reading = reading
        self._clock = clock

    async def send(self, endpoint: Endpoint, job: Job, work: Send) -> dict[str, JsonValue]:
        """Make one attempt, have it logged, and answer what came of it."""
        at = self._clock()
        delivery: Delivery | None
        if work.offset is None:
            delivery = sample_of(endpoint, work.type, message_id=f"smp_{job.id}", at=at)
        else:
            delivery = await self._of_event(endpoint, work.offset)
        if delivery is None:
            answer = Answer(failure=Failure.LOST)
            return _result(answer, "")
        answer = await self._courier.attempt(endpoint, (delivery,), at=at)
        self._committing.attempted(attempt_beside(endpoint, delivery, job.id, answer, at))
        return _result(answer, delivery.message_id)

    async def _of_event(self, endpoint: Endpoint, offset: Offset) -> Delivery | None:
        """The message of the event there; `None` if there is none of the endpoint's bucket."""
        partition = endpoint.partition
        start = self._ledger.start_at(partition, offset, self._reading(partition))
        try:
            reader = await self._log.reader({partition: start})
        except LogUnavailable:
            return None
        try:
            for _ in range(READS_MAX):
                for entry in await reader.read(wait_s=READ_WAIT_S, entries_max=100):
                    event = entry.content
                    if entry.position.offset > offset:
                        return None
                    if entry.position.offset == offset and isinstance(event, ObjectChanged):
                        is_own = event.bucket_uid == endpoint.bucket_uid
                        now = self._clock()
                        return delivery_of(entry, event, endpoint, now) if is_own else None
        finally:
            await reader.close()
        return None


def attempt_beside(
    endpoint: Endpoint, delivery: Delivery, id_: str, answer: Answer, at: float
) -> Attempt:
    """What the log of attempts tells of a request that no lane has made; the id is a UUID."""
    return Attempt(
        at=at,
        lane_id=LaneId(id_),
        endpoint_id=endpoint.id,
        bucket_id=endpoint.bucket_id,
        webhook_id=endpoint.webhook_id,
        message_id=delivery.message_id,
        type=delivery.type,
        uri=delivery.key,
        offset=delivery.offset,
        events=1,
        number=1,
        answer=answer,
        next_try_at=None,
    )


def _result(answer: Answer, message_id: str) -> dict[str, JsonValue]:
    return {
        "delivered": answer.is_delivered,
        "message_id": message_id,
        "status": answer.status,
        "error": None if answer.failure is None else str(answer.failure),
        "detail": answer.detail or None,
        "total_ms": round(answer.total_ms, 3),
        "answer": answer.body.decode("utf-8", "replace"),
    }
