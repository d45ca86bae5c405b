"""Tells the owner of a webhook's bucket how deliveries go, by a signed request."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib import import_module
from typing import Final, TypeAlias

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

    def __init__(self, *, owner_url: OwnerUrl, key: InternalKey) -> None:
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
        refusal = await _refusal(f"{url}{PATH}", *write_order(told, self._key))
        if refusal is not None:
            log.warning("webhooks.report_failed", webhook=endpoint.uri, reason=refusal)
        return refusal is None


async def _refusal(url: str, body: bytes, headers: Mapping[str, str]) -> str | None:
    """POST it, within a deadline; answers why that came to nothing."""
    # Reports are rare, and this is a fifth of what would be loaded before the first delivery after
    # a crash. It is loaded beside the loop, which has deliveries to make.
    await asyncio.to_thread(import_module, "aiohttp")
    import aiohttp  # noqa: PLC0415

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return None if answer.status == HTTPStatus.OK else f"HTTP {answer.status}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return repr(error)


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
