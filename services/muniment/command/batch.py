"""`POST /v1/batch`: each request on the state that the one before left (contract section 16).

The changes of one bucket are decided together and appended as one batch of the log: all happen
or none. Reads and list deletions need the read model, so they wait for the changes before them
to be made; around them a bucket's changes are several batches of the log. Buckets are streams of
their own and do not wait for each other, except where one changes who is in a group: that counts
for all that comes after it, and for nothing before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from muniment.domain.addresses import Kind
from muniment.domain.commands import Command, Delete, DeleteHistory, DeleteList, DeleteMany
from muniment.domain.refusals import Invalid
from muniment.web.batch import BatchReader, batch_response
from muniment.web.default_bucket import DefaultBucket
from muniment.web.errors import invalid
from muniment.web.forwarding import FORWARDED
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import Unavailable

FORWARDED_TIMES_MAX: Final = 3
"""A batch that was sent on may be longer so many times: it holds what was put in beside."""

REDIRECTS_MAX: Final = 2
"""How often one request within a batch is sent on (BAT-9)."""

_FAULT: Final = 500

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True, kw_only=True)
class Enlisted:
    """A write within a batch that waits for the others of its bucket."""

    request: Request
    command: Command
    answer: "asyncio.Future[Response]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


SendTogether = Callable[[Sequence[Enlisted]], Awaitable[Sequence[Response]]]
"""Makes the changes of one bucket as one, and gives an answer for each."""


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
        """Run the requests of a batch; `within` is the pipeline that answers one of them."""
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
    if not isinstance(order, DeleteMany | DeleteHistory):
        return await run.enlist(request, order)
    await run.make_changes()
    response = await alone()
    run.note(response)
    return response


def in_turn(handler: Handler) -> Handler:
    """For changes that don't go through the log: those before them in the batch come first."""

    async def answer(request: Request) -> Response:
        run = _CURRENT.get()
        if run is not None:
            await run.make_changes()
        return await handler(request)

    return answer


class _Run:
    """One batch on its way."""

    def __init__(self, within: Handler, send_together: SendTogether) -> None:
        self._within = within
        self._send_together = send_together
        self._waiting: dict[str, list[Enlisted]] = {}
        self._arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.has_changed_anything = False

    async def answer_all(self, requests: Sequence[Request]) -> Sequence[Response]:
        """Start the requests one after another; collect writes until something must see them."""
        answers: list[asyncio.Task[Response]] = []
        try:
            for request in requests:
                if request.method not in WRITES:
                    await self.make_changes()
                answers.append(asyncio.create_task(self._answer(request)))
                await self._until_done_or_enlisted(answers[-1])
            await self.make_changes()
            return await asyncio.gather(*answers)
        finally:
            for answer in answers:
                answer.cancel()

    async def enlist(self, request: Request, command: Command) -> Response:
        """Wait for the changes of the command's bucket to be made, and for its own answer."""
        await self._change_elsewhere(command)
        enlisted = Enlisted(request=request, command=command)
        self._waiting.setdefault(command.address.bucket_id, []).append(enlisted)
        if not self._arrival.done():
            self._arrival.set_result(None)
        return await enlisted.answer

    async def make_changes(self) -> None:
        """Make all changes that were collected, each bucket's as one."""
        waiting, self._waiting = self._waiting, {}
        await asyncio.gather(*(self._change(enlisted) for enlisted in waiting.values()))

    async def _change_elsewhere(self, command: Command) -> None:
        """Make changes of other buckets that this one could see, or that could see this one.

        That is where one of them says who is in a group (GRP-4, BAT-12).
        """
        moves_members = _moves_members(command)
        elsewhere = [
            other
            for other, enlisted in self._waiting.items()
            if other != command.address.bucket_id
            and (moves_members or any(_moves_members(each.command) for each in enlisted))
        ]
        waiting = [self._waiting.pop(other) for other in elsewhere]
        await asyncio.gather(*(self._change(enlisted) for enlisted in waiting))

    async def _change(self, enlisted: Sequence[Enlisted]) -> None:
        try:
            responses = await self._send_together(enlisted)
        except Unavailable as error:
            for each in enlisted:
                each.answer.set_exception(error)
            return
        for each, response in zip(enlisted, responses, strict=True):
            self.note(response)
            each.answer.set_result(response)

    def note(self, response: Response) -> None:
        """Remember whether something has been changed that can't be undone."""
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            self.has_changed_anything = True

    async def _answer(self, request: Request) -> Response:
        response = await self._within(request)
        for _ in range(REDIRECTS_MAX):
            location = response.headers.get("Location")
            if response.status != HTTPStatus.TEMPORARY_REDIRECT or location is None:
                break
            url = urlsplit(location)
            request.raw_path, request.raw_query = url.path, url.query
            response = await self._within(request)
        if request.method in WRITES:
            self.note(response)  # Also what was changed past the log, as accounts are.
        return response

    async def _until_done_or_enlisted(self, answer: "asyncio.Task[Response]") -> None:
        futures: set[asyncio.Future[Any]] = {answer, self._arrival}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if self._arrival.done():
            self._arrival = asyncio.get_running_loop().create_future()


def _moves_members(command: Command) -> bool:
    """Whether it may change who is in a group; with a bucket its groups go."""
    kind = command.address.kind
    return kind is Kind.GROUP or (kind is Kind.BUCKET and isinstance(command, Delete))


_CURRENT: Final[ContextVar[_Run | None]] = ContextVar("batch", default=None)
"""The batch that a request is in: its tasks carry it along."""
