"""The command handler: takes a write from the outside, and answers when it has happened.

read the command -> hand it to the owner of its stream -> tell what became of it
"""

from typing import Final

from muniment.command.answers import Answers
from muniment.command.bucket_deletion import BucketDeletion
from muniment.command.forwarding import Forwarder
from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.command.waiting import NotOwner, TooLargeToAppend, Unavailable
from muniment.domain.commands import Command, DeleteMany
from muniment.log.protocol import Partition
from muniment.web.commands import CommandReader
from muniment.web.errors import too_large
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable as NotServed

RESPOND_ASYNC: Final = "respond-async"
"""`Prefer: respond-async` (RFC 7240): content when the log has it, before reads show it."""


class CommandHandler:
    """Answers the writes of buckets, collections and records."""

    def __init__(
        self,
        *,
        reader: CommandReader,
        owners: Owners,
        read_model: ReadModel,
        forwarder: Forwarder,
        bucket_deletion: BucketDeletion,
        answers: Answers,
        append_bytes_max: int,
        instance_url: str,
    ) -> None:
        self._reader = reader
        self._owners = owners
        self._read_model = read_model
        self._forwarder = forwarder
        self._bucket_deletion = bucket_deletion
        self._answers = answers
        self._append_bytes_max = append_bytes_max
        self._instance_url = instance_url

    async def handle(self, request: Request) -> Response:
        """Answer the write; raises the pipeline's `Unavailable` where nothing can be said."""
        order = self._reader.read(request)
        try:
            if isinstance(order, DeleteMany) and order.bucket_id is None:
                return await self._bucket_deletion.delete(request, order, self._send)
            return await self._send(request, order)
        except TooLargeToAppend:
            return too_large(self._append_bytes_max)
        except Unavailable as error:
            raise NotServed(str(error)) from error

    async def _send(self, request: Request, order: Command | DeleteMany) -> Response:
        """Bring the order before the owner of its stream, wherever that is."""
        partition = self._owners.partition_of(_stream(order))
        try:
            answer = await self._owners.submit(
                partition,
                order,
                size_bytes=len(request.body),
                awaits_projection=RESPOND_ASYNC not in request.headers.get("Prefer", ""),
            )
        except NotOwner:
            return await self._forward(request, partition)
        return self._answers.tell(request, order, answer)

    async def _forward(self, request: Request, partition: Partition) -> Response:
        url = await self._read_model.owner_url(partition)
        if url is None or url == self._instance_url:
            raise Unavailable("nobody owns the partition at the moment")
        return await self._forwarder.forward(request, url)


def _stream(order: Command | DeleteMany) -> str:
    """The bucket whose stream the order is about."""
    bucket_id = order.bucket_id if isinstance(order, DeleteMany) else order.address.bucket_id
    return bucket_id or ""
