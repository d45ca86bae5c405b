"""Tells the owner of a webhook's bucket how deliveries go, by a signed request."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeAlias

import aiohttp

from muniment.domain import addresses
from muniment.domain.values import Uid
from muniment.log.protocol import Partition
from muniment.readmodel.connection import UNREACHABLE, Pool, lent
from muniment.readmodel.sql import Statements
from muniment.runtime.logs import get_logger
from muniment.web.webhook_orders import PATH, InternalKey, WebhookReport, write_order
from muniment.webhooks.endpoints import Webhook
from muniment.webhooks.reports import Report

SQL: Final = Statements(__package__, "reporting.sql")

TIMEOUT_S: Final = 15.0

OwnerUrl: TypeAlias = Callable[[Partition], Awaitable[str | None]]
"""Where the owner of a partition takes requests, if it ever had one."""

log = get_logger(__name__)


class Reporting:
    """Tells one report at a time; whoever owns the partition by now sends it on."""

    def __init__(
        self, session: aiohttp.ClientSession, *, owner_url: OwnerUrl, key: InternalKey
    ) -> None:
        self._session = session
        self._owner_url = owner_url
        self._key = key

    async def tell(self, report: Report) -> bool:
        """Whether it was told; false is worth another try."""
        endpoint = report.endpoint
        if not isinstance(endpoint.source, Webhook):
            return True  # Of a collection's URL there is nothing that could say so.
        url = await self._owner_url(endpoint.partition)
        if url is None:
            return False
        told = WebhookReport(
            address=addresses.webhook(endpoint.bucket_id, endpoint.source.id),
            uid=Uid(endpoint.id),
            state=report.state,
            reason=report.reason,
            is_warning=report.is_warning,
        )
        body, headers = write_order(told, self._key)
        try:
            async with self._session.post(
                f"{url}{PATH}", data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("webhooks.report_failed", webhook=endpoint.uri, reason=repr(error))
            return False
        if status != HTTPStatus.OK:
            log.warning("webhooks.report_failed", webhook=endpoint.uri, reason=f"HTTP {status}")
        return status == HTTPStatus.OK


def owner_url_by(pool: Pool) -> OwnerUrl:
    """Looks it up in the read model that the pool's connections see."""

    async def owner_url(partition: Partition) -> str | None:
        try:
            async with lent(pool) as connection:
                url = await connection.fetchval(SQL.owner_url, partition)
        except UNREACHABLE as error:
            log.warning("webhooks.report_failed", reason=repr(error))
            return None
        return None if url is None else str(url)

    return owner_url


@asynccontextmanager
async def open_reporting(*, owner_url: OwnerUrl, key: InternalKey) -> AsyncGenerator[Reporting]:
    """With connections of its own, each exchange within a deadline."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Reporting(session, owner_url=owner_url, key=key)
