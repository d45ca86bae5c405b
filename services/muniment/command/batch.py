"""`POST /v1/batch`: each request on the state that the one before left (contract section 16).

The changes of one bucket are decided together and appended as one batch of the log: all happen
or none. Reads and list deletions need the read model, so they wait for the changes before them
to be made; around them a bucket's changes are several batches of the log. Buckets are streams of
their own and do not wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from muniment.domain.commands import Command, DeleteMany
from muniment.web.batch import BatchReader, batch_response
from muniment.web.errors import invalid
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import Unavailable

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

    def __init__(self, reader: BatchReader, *, send_together: SendTogether) -> None:
        self._reader = reader
        self._send_together = send_together

    async def handle(self, request: Request, within: Handler) -> Response:
        """Run the requests of a batch; `within` is the pipeline that answers one of them."""
        requests = self._reader.read(request)
        if isinstance(requests, tuple):
            return invalid(requests)
        run = _Run(within, self._send_together)
        token = _CURRENT.set(run)
        try:
            responses = await run.answer_all(requests)
        finally:
            _CURRENT.reset(token)
        broken = next((each for each in responses if each.status >= _FAULT), None)
        if broken is not None and not run.has_changed_anything:
            return broken
        return batch_response(requests, responses)


async def send_with_its_batch(
    request: Request, order: Command | DeleteMany, alone: Callable[[], Awaitable[Response]]
) -> Response:
    """Answer a write: with the others of its batch, or `alone` where it is in none."""
    run = _CURRENT.get()
    if run is None:
        return await alone()
    if not isinstance(order, DeleteMany):
        return await run.enlist(request, order)
    await run.make_changes()
    response = await alone()
    run.note(response)
    return response


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
        enlisted = Enlisted(request=request, command=command)
        self._waiting.setdefault(command.address.bucket_id, []).append(enlisted)
        if not self._arrival.done():
            self._arrival.set_result(None)
        return await enlisted.answer

    async def make_changes(self) -> None:
        """Make all changes that were collected, each bucket's as one."""
        waiting, self._waiting = self._waiting, {}
        await asyncio.gather(*(self._change(enlisted) for enlisted in waiting.values()))

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
        return response

    async def _until_done_or_enlisted(self, answer: "asyncio.Task[Response]") -> None:
        futures: set[asyncio.Future[Any]] = {answer, self._arrival}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if self._arrival.done():
            self._arrival = asyncio.get_running_loop().create_future()


_CURRENT: Final[ContextVar[_Run | None]] = ContextVar("batch", default=None)
"""The batch that a request is in: its tasks carry it along."""
