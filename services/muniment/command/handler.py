"""The command handler: takes a write from the outside, and answers when it has happened.

read the command -> hand it to the owner of its stream -> tell what became of it
"""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, cast

from uuid_utils import uuid7

from muniment.command.answers import Answers
from muniment.command.at_owner import AtOwner
from muniment.command.batch import send_with_its_batch
from muniment.command.bucket_deletion import BucketDeletion
from muniment.command.owners import Owners
from muniment.command.pending import Enlisted
from muniment.command.repeats import MadeBefore
from muniment.command.waiting import (
    AlreadyMade,
    Answer,
    Asked,
    Atomic,
    Flush,
    Forget,
    Forgotten,
    Order,
    Outcomes,
    Read,
    Step,
    StepOutcome,
    StepRefused,
    TooLargeToAppend,
    Unavailable,
)
from muniment.domain.addresses import Address, Kind, bucket
from muniment.domain.commands import Command, Create, DeleteHistory, DeleteList, DeleteMany
from muniment.domain.events import Cause, PartitionFlushed
from muniment.domain.webhooks.rekeying import RekeyWebhook
from muniment.domain.webhooks.reporting import ReportWebhook
from muniment.readmodel.connection import UNREACHABLE
from muniment.web.batch import bundled, read_responses
from muniment.web.carrying_out import Decided
from muniment.web.commands import CommandReader
from muniment.web.errors import too_large
from muniment.web.http import Request, Response
from muniment.web.identifiers import make_object_id
from muniment.web.request_keys import replayed

RESPOND_ASYNC: Final = "respond-async"
"""`Prefer: respond-async` (RFC 7240): content when the log has it, before reads show it."""

ID_TRIES_MAX: Final = 1_000
"""How many ids are made for a new bucket until one is of a partition that is owned here."""


_OF_OTHERS: Final = (Atomic, Flush, Forget, ReportWebhook, RekeyWebhook)


class CommandHandler:
    """Answers the writes of buckets, collections and records."""

    def __init__(
        self,
        *,
        reader: CommandReader,
        owners: Owners,
        at_owner: AtOwner,
        bucket_deletion: BucketDeletion,
        answers: Answers,
        made_before: MadeBefore,
        append_bytes_max: int,
    ) -> None:
        self._reader = reader
        self._owners = owners
        self._at_owner = at_owner
        self._bucket_deletion = bucket_deletion
        self._answers = answers
        self._made_before = made_before
        self._append_bytes_max = append_bytes_max

    async def handle(self, request: Request) -> Response:
        """Answer the write; raises `Unavailable` where nothing can be said."""
        order = self._at_home(self._reader.read(request))
        try:
            return await send_with_its_batch(
                request, order, lambda: self._send_alone(request, order)
            )
        except TooLargeToAppend:
            return too_large(self._append_bytes_max)
        except UNREACHABLE as error:
            raise Unavailable(f"Postgres does not answer: {error!r}") from error

    async def send_together(self, enlisted: Sequence[Enlisted]) -> Sequence[Response]:
        """Make the changes of one bucket as one; an answer for each. Raises `Unavailable`."""
        try:
            answer = await self._at_owner.submit(
                self._at_owner.partition_of(enlisted[0].bucket_id),
                _together([each.step for each in enlisted]),
                lambda: bundled([each.request for each in enlisted]),
                size_bytes=sum(len(each.request.body) for each in enlisted),
            )
        except TooLargeToAppend:
            return [await self._without_changes(each.step) for each in enlisted]
        if isinstance(answer, Response):
            return await self._told_together(enlisted, answer)
        if not isinstance(answer.order, Atomic):
            return [await self._tell_alone(enlisted[0].request, answer)]
        assert isinstance(answer.outcome, Outcomes)  # noqa: S101 - it answers an `Atomic`
        return [
            await self._tell(each.request, step, outcome, answer)
            for each, step, outcome in zip(
                enlisted, answer.order.steps, answer.outcome.each, strict=True
            )
        ]

    async def carry_out(
        self, request: Request, commands: Sequence[Command], *, as_whole: bool = False
    ) -> Sequence[Decided] | Response:
        """Make the changes of one bucket as one, ordered by a request in another form.

        See `muniment.web.carrying_out`.
        """
        order = commands[0] if len(commands) == 1 else Atomic(steps=commands, is_whole=as_whole)
        try:
            answer = await self.submit(request, commands[0].address.bucket_id, order)
        except TooLargeToAppend:
            return too_large(self._append_bytes_max)
        except StepRefused as refused:
            return [refused.refusal]
        if isinstance(answer, Response):
            return answer
        outcome = answer.outcome
        if isinstance(outcome, AlreadyMade):
            outcome = await self._made_before.outcome(commands[0], outcome)
        outcomes = outcome.each if isinstance(outcome, Outcomes) else [outcome]
        return [cast("Decided", each) for each in outcomes]

    def make_bucket_id(self) -> str:
        """A new UUID version 7, for a bucket whose stream is owned here if any is."""
        owned, id_ = self._owners.owned, str(uuid7())
        for _ in range(ID_TRIES_MAX if owned else 0):
            if self._owners.partition_of(id_) in owned:
                break
            id_ = str(uuid7())
        return id_

    async def _tell(
        self, request: Request, step: Step, outcome: StepOutcome, answer: Answer
    ) -> Response:
        """What is told of one step, alone or of several."""
        if isinstance(outcome, Response):
            return outcome
        assert not isinstance(step, Read)  # noqa: S101 - a read comes to a response
        if isinstance(outcome, AlreadyMade):
            made = await self._made_before.outcome(step, outcome)
            return replayed(self._answers.tell(request, step, replace(answer, outcome=made)))
        return self._answers.tell(request, step, replace(answer, outcome=outcome))

    async def _without_changes(self, step: Step) -> Response:
        """What is told of a step where none of the changes could be made."""
        return await step.answer() if isinstance(step, Read) else too_large(self._append_bytes_max)

    def _at_home(self, order: Command | DeleteList) -> Command | DeleteList:
        """A new bucket's id that the server makes is made for a partition that is owned here.

        Who is sent on a request without an id would make another one, for another partition; but
        not by a key, whose id is always the same.
        """
        match order:
            case Create(
                id_from_client=False, address=Address(kind=Kind.BUCKET), cause=Cause(key=None)
            ):
                owned, left = self._owners.owned, ID_TRIES_MAX
                while owned and left and self._owners.partition_of(order.address.id) not in owned:
                    order = replace(order, address=bucket(make_object_id(Kind.BUCKET)))
                    left -= 1
                return order
            case _:
                return order

    async def _send_alone(self, request: Request, order: Command | DeleteList) -> Response:
        if isinstance(order, DeleteMany) and order.bucket_id is None:
            return await self._bucket_deletion.delete(request, order, self._send)
        return await self._send(request, order)

    async def submit(
        self, request: Request, bucket_id: str, order: Asked, *, awaits_projection: bool = True
    ) -> Answer | Response:
        """Bring an order before the owner of the bucket's stream, for who tells it otherwise.

        Where that is another instance, the request goes there as it came, and its answer is the
        whole answer. Raises `Unavailable` and `TooLargeToAppend`.
        """
        try:
            return await self._at_owner.submit(
                self._at_owner.partition_of(bucket_id),
                order,
                lambda: request,
                size_bytes=len(request.body),
                awaits_projection=awaits_projection,
            )
        except UNREACHABLE as error:
            raise Unavailable(f"Postgres does not answer: {error!r}") from error

    async def _send(self, request: Request, order: Command | DeleteList) -> Response:
        """Bring the order before the owner of its stream, wherever that is."""
        answer = await self.submit(
            request,
            _stream(order),
            order,
            awaits_projection=RESPOND_ASYNC not in request.headers.get("Prefer", ""),
        )
        return answer if isinstance(answer, Response) else await self._tell_alone(request, answer)

    async def _tell_alone(self, request: Request, answer: Answer) -> Response:
        assert not isinstance(answer.order, _OF_OTHERS)  # noqa: S101 - not submitted here
        assert not isinstance(answer.outcome, Outcomes | Forgotten | PartitionFlushed)  # noqa: S101
        return await self._tell(request, answer.order, answer.outcome, answer)

    async def _told_together(
        self, enlisted: Sequence[Enlisted], response: Response
    ) -> Sequence[Response]:
        """What belongs together went to its owner as a batch of its own."""
        if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return [await self._without_changes(each.step) for each in enlisted]
        if response.status != HTTPStatus.OK or response.body is None:
            raise Unavailable(f"the owner answered {response.status} to a batch")
        return read_responses(response.body)


def _together(steps: Sequence[Step]) -> Order:
    """One order; a lone change needs no other to happen with."""
    [first, *others] = steps
    return Atomic(steps=steps) if others or isinstance(first, Read) else first


def _stream(order: Command | DeleteList) -> str:
    """The bucket whose stream the order is about."""
    if isinstance(order, DeleteMany | DeleteHistory):
        return order.bucket_id or ""
    return order.address.bucket_id
