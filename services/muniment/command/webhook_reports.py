"""`POST /__webhooks__`: what the webhooks service tells of deliveries becomes part of the log."""

from http import HTTPStatus

import orjson

from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.command.waiting import NotOwner, Unavailable
from muniment.domain.events import Cause, ObjectChanged
from muniment.domain.webhooks.reporting import DELIVERIES, ReportWebhook
from muniment.web.errors import unknown_path
from muniment.web.forwarding import Forwarder
from muniment.web.http import Request, Response
from muniment.web.identifiers import traceparent
from muniment.web.webhook_reports import InternalKey, Unsigned, read_report


class WebhookReports:
    """Has the owner of the bucket's stream decide."""

    def __init__(
        self,
        *,
        owners: Owners,
        read_model: ReadModel,
        forwarder: Forwarder,
        key: InternalKey,
        instance_url: str,
    ) -> None:
        self._owners = owners
        self._read_model = read_model
        self._forwarder = forwarder
        self._key = key
        self._instance_url = instance_url

    async def handle(self, request: Request) -> Response:
        """200, and whether it was news; 404 to everybody else. Raises `Unavailable`."""
        try:
            told = read_report(request.body, request.headers, self._key)
        except Unsigned:
            return unknown_path()
        order = ReportWebhook(
            address=told.address,
            uid=told.uid,
            state=told.state,
            reason=told.reason,
            cause=Cause(
                actor=DELIVERIES,
                request_id=request.id,
                traceparent=traceparent(request.headers),
            ),
        )
        partition = self._owners.partition_of(told.address.bucket_id)
        try:
            answer = await self._owners.submit(
                partition, order, size_bytes=len(request.body), awaits_projection=False
            )
        except NotOwner:
            url = await self._read_model.owner_url(partition)
            if url is None or url == self._instance_url:
                message = "nobody owns the partition at the moment"
                raise Unavailable(message) from None
            return await self._forwarder.forward(request, url)
        is_news = isinstance(answer.outcome, ObjectChanged)
        return Response(status=HTTPStatus.OK, body=orjson.dumps({"changed": is_news}))
