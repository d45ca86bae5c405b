"""Answers requests about the deliveries of one webhook; all need the right to write it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import asyncpg
import orjson
from uuid_utils import uuid4

from muniment.domain.refusals import Fault, Invalid
from muniment.domain.values import JsonValue, Timestamp
from muniment.domain.webhooks.spec import Start, StartKind
from muniment.log.protocol import Offset
from muniment.readmodel.connection import UNREACHABLE
from muniment.web.endpoints import Endpoint
from muniment.web.errors import Errors, unknown_path
from muniment.web.http import Handler, Request, Response
from muniment.web.json_text import body_fault
from muniment.web.pipeline import Unavailable
from muniment.webhooks.jobs import JobId, JobKind, JobState, Replay, Send, Snapshot, Work, spec_of
from muniment.webhooks.ledger import CLOCKS_APART_MS
from muniment.webhooks.management.asks import (
    BEYOND,
    ReplayAsk,
    cursor,
    read_attempts_query,
    read_days_query,
    read_events_query,
    read_message,
    read_replay,
    read_wish,
)
from muniment.webhooks.management.pulling import Pulling
from muniment.webhooks.management.store import EndpointStatus, JobReport, Store
from muniment.webhooks.management.streaming import Authorize, Streaming, wants_stream

KNOWN_WITHIN_S: Final = 5.0
KNOWN_PAUSE_S: Final = 0.1
MESSAGE_WITHIN_S: Final = 40.0
"""A delivery may take half a minute, and has to be taken up first."""
MESSAGE_PAUSE_S: Final = 0.1
JOBS_SHOWN: Final = 100
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Console:
    """See the module."""

    def __init__(
        self,
        store: Store,
        pulling: Pulling,
        *,
        streaming: Streaming,
        authorize: Authorize,
        errors: Errors,
        json_depth_max: int,
    ) -> None:
        self._store = store
        self._pulling = pulling
        self._streaming = streaming
        self._authorize = authorize
        self._errors = errors
        self._json_depth_max = json_depth_max

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers each of the endpoints."""
        return {
            **self.handlers_in_batches(),
            Endpoint.WEBHOOK_EVENTS: self._for_writers(self._events),
        }

    def handlers_in_batches(self) -> dict[Endpoint, Handler]:
        """The same, where no answer can be a stream."""
        return {
            Endpoint.WEBHOOK_STATUS: self._for_writers(self._status),
            Endpoint.WEBHOOK_ATTEMPTS: self._for_writers(self._attempts),
            Endpoint.WEBHOOK_DAYS: self._for_writers(self._days),
            Endpoint.WEBHOOK_EVENTS: self._for_writers(self._page),
            Endpoint.WEBHOOK_MESSAGES: self._for_writers(self._message),
            Endpoint.WEBHOOK_REPLAYS: self._for_writers(self._replays),
            Endpoint.WEBHOOK_REPLAY: self._for_writers(self._replay),
        }

    def _for_writers(
        self, answer: Callable[[Request, EndpointStatus], Awaitable[Response]]
    ) -> Handler:
        async def handle(request: Request) -> Response:
            if refused := await self._authorize(request):
                return refused
            if request.faults:
                return self._refuse(request, request.faults)
            try:
                return await answer(request, await self._endpoint(request))
            except (*UNREACHABLE, asyncpg.PostgresError) as reason:
                raise Unavailable(str(reason)) from reason

        return handle

    async def _endpoint(self, request: Request) -> EndpointStatus:
        """The webhook as the dispatcher knows it: a new one within a moment."""
        bucket_id, webhook_id = _ids(request)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + KNOWN_WITHIN_S
        while (found := await self._store.find(bucket_id, webhook_id)) is None:
            if loop.time() > deadline:
                message = "the dispatcher has not heard of the webhook: is it at work?"
                raise Unavailable(message)
            await asyncio.sleep(KNOWN_PAUSE_S)
        return found

    async def _status(self, _: Request, endpoint: EndpointStatus) -> Response:
        at = endpoint.read_to if endpoint.next_offset is None else endpoint.next_offset
        end = await self._pulling.end_of(endpoint.partition)
        return _json(
            {
                "partition": endpoint.partition,
                "next_offset": at,
                "end_offset": end,
                "lag_events_max": max(end - at, 0),
                "stopped_for": endpoint.stopped_for,
                "failing_since": _moment(endpoint.failing_since),
                "breaker": {
                    "state": "closed" if endpoint.breaker_cause is None else "open",
                    "cause": endpoint.breaker_cause,
                    "opened_at": _moment(endpoint.breaker_opened_at),
                },
                "parked": endpoint.parked,
                "dead": endpoint.dead,
                "next_try_at": _moment(endpoint.next_try_at),
                "last_acknowledged_at": _moment(endpoint.last_acknowledged_at),
            }
        )

    async def _attempts(self, request: Request, endpoint: EndpointStatus) -> Response:
        asked = read_attempts_query(request.query)
        if isinstance(asked, tuple):
            return self._refuse(request, asked)
        limit = asked.limit
        rows = await self._store.attempts(endpoint.id, asked.wanted, limit=limit + 1)
        more = cursor(rows[limit - 1]["at"], rows[limit - 1]["id"]) if rows[limit:] else None
        return _json([_attempt(row) for row in rows[:limit]], next=more)

    async def _days(self, request: Request, endpoint: EndpointStatus) -> Response:
        asked = read_days_query(request.query)
        if isinstance(asked, tuple):
            return self._refuse(request, asked)
        limit = asked.limit
        rows = await self._store.days(
            endpoint.id, since=asked.since, before=asked.before, limit=limit + 1
        )
        more = rows[limit - 1]["day"].isoformat() if rows[limit:] else None
        return _json([_day(row) for row in rows[:limit]], next=more)

    async def _events(self, request: Request, endpoint: EndpointStatus) -> Response:
        if request.method != "GET" or not wants_stream(request.headers):
            return await self._page(request, endpoint)
        asked = read_events_query(request.query, request.headers, is_stream=True)
        if isinstance(asked, tuple):
            return self._refuse(request, asked)
        if refused := await self._refuse_beyond(request, endpoint, asked.after, asked.beyond):
            return refused
        return await self._streaming.answer(request, endpoint, Offset(asked.after + 1))

    async def _page(self, request: Request, endpoint: EndpointStatus) -> Response:
        asked = read_events_query(request.query, request.headers)
        if isinstance(asked, tuple):
            return self._refuse(request, asked)
        if refused := await self._refuse_beyond(request, endpoint, asked.after, asked.beyond):
            return refused
        wanted = await self._pulling.endpoint(request, endpoint)
        page = await self._pulling.page(wanted, Offset(asked.after + 1), asked.limit)
        events = b",".join(each.body for each in page.events)
        more = b"true" if page.has_more else b"false"
        ids = orjson.dumps([each.id for each in page.events])
        body = b'{"data":[%b],"ids":%b,"next":"%d","has_more":%b}' % (
            events,
            ids,
            page.next - 1,
            more,
        )
        return Response(body=body)

    async def _message(self, request: Request, endpoint: EndpointStatus) -> Response:
        asked = read_message(request.body, depth_max=self._json_depth_max)
        if isinstance(asked, tuple):
            return self._refuse(request, asked)
        type_, offset = asked.type, asked.offset
        if asked.message_id is not None:
            found = await self._store.offset_of(endpoint, asked.message_id)
            if found is None:
                missing = Fault(
                    location="body",
                    name="message_id",
                    description="no event in the log of attempts of the bucket's webhooks",
                )
                return self._refuse(request, (missing,))
            offset, type_ = found
        elif offset is not None:
            beyond = body_fault("offset", BEYOND)
            if refused := await self._refuse_beyond(request, endpoint, offset, beyond):
                return refused
        work = Send(type=type_, offset=None if offset is None else Offset(offset))
        id_ = await self._open(request, endpoint, JobKind.SEND, work)
        return await self._result(endpoint, id_)

    async def _result(self, endpoint: EndpointStatus, id_: JobId) -> Response:
        """What came of a message. Raises `Unavailable` if nothing has yet."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MESSAGE_WITHIN_S
        while loop.time() < deadline:
            job = await self._store.job(endpoint.id, id_)
            if job is not None and job.result is not None:
                return Response(body=orjson.dumps({"data": job.result}))
            await asyncio.sleep(MESSAGE_PAUSE_S)
        message = "the dispatcher has not sent the message yet"
        raise Unavailable(message)

    async def _replays(self, request: Request, endpoint: EndpointStatus) -> Response:
        if request.method != "POST":
            jobs = await self._store.jobs(endpoint.id, *_ids(request), limit=JOBS_SHOWN)
            return _json([_job(job) for job in jobs])
        asked = read_replay(request.body, depth_max=self._json_depth_max)
        if isinstance(asked, tuple):
            return self._refuse(request, asked)
        work = await self._work(endpoint, asked)
        if asked.is_dry_run:
            if isinstance(work, Snapshot):
                count, is_complete = await self._pulling.count_objects(request, endpoint, work)
            else:
                count, is_complete = await self._pulling.count(request, endpoint, work)
            return _json({"events": count, "is_complete": is_complete})
        kind = JobKind.SNAPSHOT if isinstance(work, Snapshot) else JobKind.REPLAY
        id_ = await self._open(request, endpoint, kind, work)
        job = await self._store.job(endpoint.id, id_)
        response = _json(None if job is None else _job(job))
        response.status = 201
        response.headers["Location"] = f"{request.base_url}{request.raw_path}/{id_}"
        return response

    async def _replay(self, request: Request, endpoint: EndpointStatus) -> Response:
        id_ = JobId(request.target.part_id or "")
        if not _UUID.fullmatch(id_):
            return unknown_path()
        job = await self._store.job(endpoint.id, id_)
        if job is None or job.kind is JobKind.SEND:
            return unknown_path()
        if request.method == "PATCH":
            wish = read_wish(request.body, depth_max=self._json_depth_max)
            if isinstance(wish, tuple):
                return self._refuse(request, wish)
            if not await self._store.ask(endpoint.id, id_, wish):
                ended = body_fault("state", f"The replay has ended: it is {job.state}")
                return self._refuse(request, (ended,))
            job = await self._store.job(endpoint.id, id_) or job
        return _json(_job(job))

    async def _work(self, endpoint: EndpointStatus, asked: ReplayAsk) -> Replay | Snapshot:
        if asked.start.kind is StartKind.SNAPSHOT:
            as_of = await self._pulling.moment_of(endpoint)
            return Snapshot(as_of=as_of, selection=asked.selection, rate=asked.rate)
        start, until = asked.start, asked.until
        end = await self._pulling.end_of(endpoint.partition)
        if until is not None and until.kind is StartKind.OFFSET:
            end = Offset(min(end, until.value))
        first = Offset(0)
        if start.kind is StartKind.OFFSET:
            first = Offset(min(start.value, end))
        elif start.kind in {StartKind.TIME, StartKind.SEQUENCE}:
            # Claims are an index of the log by time, and a bucket's clock runs with that.
            at = Timestamp(start.value - CLOCKS_APART_MS)
            first = await self._store.claim_before(endpoint.partition, at)
        return Replay(
            first=Offset(min(first, end)),
            end=end,
            selection=asked.selection,
            sequence_min=_value(start, StartKind.SEQUENCE),
            sequence_end=_value(until, StartKind.SEQUENCE),
            occurred_from=_value(start, StartKind.TIME),
            occurred_before=_value(until, StartKind.TIME),
            messages=asked.messages,
            rate=asked.rate,
        )

    async def _open(
        self, request: Request, endpoint: EndpointStatus, kind: JobKind, work: Work
    ) -> JobId:
        id_ = JobId(str(uuid4()))
        bucket_id, webhook_id = _ids(request)
        await self._store.open_job(
            id_, endpoint, bucket_id=bucket_id, webhook_id=webhook_id, kind=kind, work=work
        )
        return id_

    async def _refuse_beyond(
        self, request: Request, endpoint: EndpointStatus, offset: int, beyond: Fault
    ) -> Response | None:
        """Refuse an offset that the log does not have: who gave it would wait for nothing."""
        end = await self._pulling.end_of(endpoint.partition)
        return None if offset < end else self._refuse(request, (beyond,))

    def _refuse(self, request: Request, faults: tuple[Fault, ...]) -> Response:
        return self._errors.refuse(Invalid(faults), request.requester)


def _ids(request: Request) -> tuple[str, str]:
    return request.target.bucket_id or "", request.target.id or ""


def _value(bound: Start | None, kind: StartKind) -> Timestamp | None:
    return Timestamp(bound.value) if bound is not None and bound.kind is kind else None


def _attempt(row: asyncpg.Record) -> dict[str, JsonValue]:
    answer: bytes | None = row["answer"]
    return {
        "at": row["at"].isoformat(),
        "message_id": row["message_id"],
        "type": row["type"],
        "uri": row["uri"],
        "offset": row["event_offset"],
        "events": row["events"],
        "number": row["number"],
        "outcome": row["outcome"],
        "status": row["status"],
        "detail": row["detail"],
        "ms": {
            "total": _rounded(row["total_ms"]),
            "dns": _rounded(row["dns_ms"]),
            "connect": _rounded(row["connect_ms"]),
            "tls": _rounded(row["tls_ms"]),
            "first_byte": _rounded(row["first_byte_ms"]),
        },
        "address": row["address"],
        "is_reused": row["is_reused"],
        "answer": None if answer is None else answer.decode("utf-8", "replace"),
        "next_try_at": _moment(row["next_try_at"]),
        "request_headers": _headers(row["request_headers"]),
    }


def _day(row: asyncpg.Record) -> dict[str, JsonValue]:
    return {
        "day": row["day"].isoformat(),
        "attempts": row["attempts"],
        "acknowledged": row["acknowledged"],
        "outcomes": orjson.loads(row["outcomes"]),
    }


def _headers(lines: str | None) -> dict[str, JsonValue] | None:
    if lines is None:
        return None
    return {name: value for name, _, value in (line.partition(": ") for line in lines.split("\n"))}


def _job(job: JobReport) -> dict[str, JsonValue]:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "asked": job.asked,
        "created_at": job.created_at.isoformat(),
        "changed_at": job.changed_at.isoformat(),
        "spec": spec_of(job.work),
        "at_offset": job.at_offset,
        "progress": _rounded(_progress(job)),
        "delivered": job.delivered,
        "dead": job.dead,
        "has_ended": job.state in {JobState.DONE, JobState.CANCELLED, JobState.FAILED},
    }


def _progress(job: JobReport) -> float | None:
    """Which share of its part of the log a replay has behind it; a snapshot can't tell."""
    if job.state is JobState.DONE:
        return 1.0
    if not isinstance(job.work, Replay) or job.at_offset is None:
        return None
    length = max(job.work.end - job.work.first, 1)
    return min(max((job.at_offset - job.work.first) / length, 0.0), 1.0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _json(data: object, **more: object) -> Response:
    return Response(body=orjson.dumps({"data": data, **more}))
