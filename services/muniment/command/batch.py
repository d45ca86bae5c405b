"""`POST /v1/batch`: each request on the state that the one before left (contract section 16).

What a batch asks of one bucket, from the first change to the last, is decided together by the
bucket's owner, reads and list deletions between them as well, and appended as one batch of the
log: all changes happen or none (BAT-18). Reads before the first change and after the last need no
owner. Buckets are streams of their own, and wait for each other only where one sees another's
change (`pending.py`).

A bucket's changes are more than one batch of the log only where its first ones must have happened
for something that must be over before its next ones:

- a request that is of no bucket's stream: `DELETE /buckets`, a flush, the removal of a user's
  data; a change of accounts, if who is in a group was changed before it;
- a request of another bucket that sees the first ones, if it must not see the next ones, or they
  see it: who is in a group, changed before it and after it; buckets themselves, changed in turns;
- a read over all buckets that sees changes of several, if one of them is changed again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from muniment.command.pending import (
    EVERYTHING,
    Enlisted,
    Pending,
    seen_by_request,
    seen_by_write,
)
from muniment.command.waiting import Read
from muniment.domain.commands import Command, DeleteHistory, DeleteList, DeleteMany
from muniment.domain.refusals import Invalid
from muniment.web.batch import BatchReader, batch_response
from muniment.web.default_bucket import DefaultBucket
from muniment.web.errors import invalid
from muniment.web.forwarding import FORWARDED
from muniment.web.http import Handler, Request, Response

FORWARDED_TIMES_MAX: Final = 3
"""A batch that was sent on may be longer so many times: it holds what was put in beside."""

REDIRECTS_MAX: Final = 2
"""How often one request within a batch is sent on (BAT-9)."""

_FAULT: Final = 500

T = TypeVar("T")

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

SendTogether = Callable[[Sequence[Enlisted]], Awaitable[Sequence[Response]]]
"""Makes the changes of one bucket as one, and gives an answer for each request."""


class Batches:
    """Answers batches; their requests go the same way as those from outside."""

    def __init__(
        self,
        reader: BatchReader,
        *,
        send_together: SendTogether,
        default_bucket: DefaultBucket | None = None,
    ) -> None:
        self._reader = reader
        self._send_together = send_together
        self._default_bucket = default_bucket

    async def handle(self, request: Request, within: Handler) -> Response:
        """Run the requests of a batch; `within` is the pipeline that answers one of them.

        All handlers of that pipeline that are not for writes of buckets are made by `in_turn`.
        """
        reader = self._reader
        if FORWARDED in request.headers:
            reader = replace(reader, requests_max=reader.requests_max * FORWARDED_TIMES_MAX)
        requests = reader.read(request)
        if isinstance(requests, Invalid):
            return invalid(requests.faults)
        planned: Sequence[tuple[Request, bool]] = [(each, True) for each in requests]
        if self._default_bucket is not None:
            planned = self._default_bucket.spelled_out(requests)
        run = _Run(within, self._send_together)
        token = _CURRENT.set(run)
        try:
            answers = await run.answer_all([each for each, _ in planned])
        finally:
            _CURRENT.reset(token)
        # What was put in beside is nothing that the client asked for (DEF-3).
        responses = [
            answer for answer, (_, is_asked) in zip(answers, planned, strict=True) if is_asked
        ]
        broken = next((each for each in responses if each.status >= _FAULT), None)
        if broken is not None and not run.has_changed_anything:
            return broken
        return batch_response(requests, responses)


async def send_with_its_batch(
    request: Request, order: Command | DeleteList, alone: Callable[[], Awaitable[Response]]
) -> Response:
    """Answer a write: with the others of its batch, or `alone` where it is in none."""
    run = _CURRENT.get()
    if run is None:
        return await alone()
    bucket_id = _bucket_of(order)
    if bucket_id is not None:
        return await run.change(
            Enlisted(request=request, bucket_id=bucket_id, step=order, sees=seen_by_write(order))
        )
    await run.answer_those(run.pending.seen(EVERYTHING))
    return await alone()


def in_turn(handler: Handler) -> Handler:
    """For all that is no write to a bucket's stream: what it sees in the batch comes first."""

    async def answer(request: Request) -> Response:
        run = _CURRENT.get()
        if run is None:
            return await handler(request)
        if request.method not in WRITES:
            return await run.read(request, handler)
        await run.answer_those(run.pending.seen(seen_by_request(request)))
        return await handler(request)

    return answer


class _Run:
    """One batch on its way."""

    def __init__(self, within: Handler, send_together: SendTogether) -> None:
        self._within = within
        self._send_together = send_together
        self._arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pending = Pending()
        self.has_changed_anything = False

    async def answer_all(self, requests: Sequence[Request]) -> Sequence[Response]:
        """Start the requests one after another; those that wait for others are enlisted."""
        answers: list[asyncio.Task[Response]] = []
        try:
            for request in requests:
                answers.append(asyncio.create_task(self._answer(request)))
                await self._until_done_or_enlisted(answers[-1])
            await self.answer_those(self.pending.buckets)
            return await asyncio.gather(*answers)
        finally:
            for answer in answers:
                answer.cancel()

    async def read(self, request: Request, handler: Handler) -> Response:
        """Read at once, or together with the changes that are to be seen."""
        sees, own = seen_by_request(request), request.target.bucket_id
        while seen := self.pending.seen(sees, own):
            new = Enlisted(
                request=request,
                bucket_id=own if own and own in seen else self.pending.last_of(seen),
                step=Read(answer=partial(handler, request)),
                sees=sees,
            )
            if not (in_the_way := self.pending.in_the_way_of(new)):
                return await self._wait(new)
            await self.answer_those(in_the_way)
        return await handler(request)

    async def change(self, new: Enlisted) -> Response:
        """Wait for the other requests of its bucket, and for its own answer."""
        await self.answer_those(self.pending.in_the_way_of(new))
        return await self._wait(new)

    async def _wait(self, new: Enlisted) -> Response:
        self.pending.add(new)
        if not self._arrival.done():
            self._arrival.set_result(None)
        return await new.answer

    async def answer_those(self, buckets: Collection[str]) -> None:
        """Answer what was enlisted of these buckets, and what must come before them."""
        left = self.pending.up_to(buckets)
        while left:
            first = self.pending.take_first(left)
            left -= first.keys()
            await asyncio.gather(*map(self._answer_together, first.values()))

    async def _answer_together(self, enlisted: Sequence[Enlisted]) -> None:
        """Answer the requests of one bucket; its owner need not see those after the last change."""
        last = max(place for place, each in enumerate(enlisted) if not each.is_read)
        together, after = enlisted[: last + 1], enlisted[last + 1 :]
        responses = await _settled(self._send_together(together))
        for place, each in enumerate(together):
            _keep(each, responses if isinstance(responses, BaseException) else responses[place])
        for each in after:
            assert isinstance(each.step, Read)  # noqa: S101 - see `last`
            _keep(each, await _settled(each.step.answer()))

    async def _answer(self, request: Request) -> Response:
        response = await self._within(request)
        for _ in range(REDIRECTS_MAX):
            location = response.headers.get("Location", "")
            # A provider's page is the client's to go to.
            is_ours = location.startswith(f"{request.base_url}/")
            if response.status != HTTPStatus.TEMPORARY_REDIRECT or not is_ours:
                break
            url = urlsplit(location)
            request.raw_path, request.raw_query = url.path, url.query
            response = await self._within(request)
        if request.method in WRITES and response.status < HTTPStatus.MULTIPLE_CHOICES:
            self.has_changed_anything = True
        return response

    async def _until_done_or_enlisted(self, answer: "asyncio.Task[Response]") -> None:
        futures: set[asyncio.Future[Any]] = {answer, self._arrival}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if self._arrival.done():
            self._arrival = asyncio.get_running_loop().create_future()


async def _settled(work: Awaitable[T]) -> T | BaseException:
    """What comes of it, also if that is an error."""
    [outcome] = await asyncio.gather(work, return_exceptions=True)
    return outcome


def _keep(enlisted: Enlisted, outcome: Response | BaseException) -> None:
    """Keep the promise of an answer, or break it."""
    if isinstance(outcome, BaseException):
        enlisted.answer.set_exception(outcome)
    else:
        enlisted.answer.set_result(outcome)


def _bucket_of(order: Command | DeleteList) -> str | None:
    """The bucket in whose stream the order is decided; `None` for the deletion of buckets."""
    match order:
        case DeleteMany() | DeleteHistory():
            return order.bucket_id
        case _:
            return order.address.bucket_id


_CURRENT: Final[ContextVar[_Run | None]] = ContextVar("batch", default=None)
"""The batch that a request is in: its tasks carry it along."""
