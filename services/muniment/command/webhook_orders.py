"""`POST /__webhooks__`: what other services order about webhooks becomes part of the log."""

from http import HTTPStatus
from typing import assert_never

import orjson

from muniment.command.at_owner import AtOwner
from muniment.domain.events import Cause, ObjectChanged
from muniment.domain.webhooks.rekeying import OPERATOR, RekeyWebhook
from muniment.domain.webhooks.reporting import DELIVERIES, ReportWebhook
from muniment.web.errors import unknown_path
from muniment.web.http import Request, Response
from muniment.web.identifiers import traceparent
from muniment.web.webhook_orders import (
    InternalKey,
    Unsigned,
    WebhookOrder,
    WebhookRekey,
    WebhookReport,
    read_order,
)


class WebhookOrders:
    """Has the owner of the bucket's stream decide."""

    def __init__(
        self,
        *,
        at_owner: AtOwner,
        key: InternalKey,
    ) -> None:
        self._at_owner = at_owner
        self._key = key

    async def handle(self, request: Request) -> Response:
        """200, and whether it was news; 404 to everybody else. Raises `Unavailable`."""
        try:
            asked = read_order(request.body, request.headers, self._key)
        except Unsigned:
            return unknown_path()
        order = _order(asked, request)
        answer = await self._at_owner.submit(
            self._at_owner.partition_of(asked.address.bucket_id),
            order,
            lambda: request,
            size_bytes=len(request.body),
            # Who orders that goes by the read model; nobody waits for what deliveries tell.
            awaits_projection=isinstance(order, RekeyWebhook),
        )
        if isinstance(answer, Response):
            return answer
        is_news = isinstance(answer.outcome, ObjectChanged)
        return Response(status=HTTPStatus.OK, body=orjson.dumps({"changed": is_news}))


def _order(asked: WebhookOrder, request: Request) -> ReportWebhook | RekeyWebhook:
    trace = traceparent(request.headers)
    match asked:
        case WebhookReport():
            return ReportWebhook(
                address=asked.address,
                uid=asked.uid,
                state=asked.state,
                reason=asked.reason,
                is_warning=asked.is_warning,
                cause=Cause(actor=DELIVERIES, request_id=request.id, traceparent=trace),
            )
        case WebhookRekey():
            return RekeyWebhook(
                address=asked.address,
                uid=asked.uid,
                cause=Cause(actor=OPERATOR, request_id=request.id, traceparent=trace),
            )
        case _:
            assert_never(asked)
