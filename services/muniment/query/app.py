"""The query service's process: put together here, top to bottom, and nowhere else."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from muniment.accounts.side import Accounts, open_accounts, rights_of
from muniment.domain.queries.selection import Limits
from muniment.openid.side import OpenId, make_edge, open_openid
from muniment.query.default_buckets import DefaultBuckets
from muniment.query.reads import Reads
from muniment.query.store import Store, open_store
from muniment.readmodel.connection import postgres_of
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import serve
from muniment.web.edge import Edge
from muniment.web.endpoints import OF_ADMINISTRATORS, Endpoint
from muniment.web.forwarding import answer_timeout_s, open_forwarder
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import misrouted
from muniment.web.root import Check, InGroups


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySide:
    """What answers reads, and the checks that tell whether it can."""

    store: Store
    reads: Handler
    authorize_webhook: Callable[[Request], Awaitable[Response | None]]
    in_groups: InGroups
    checks: Mapping[str, Check]


async def run(settings: Settings) -> None:
    """Answer reads until a signal ends the process; Postgres may come up later."""
    async with open_accounts(settings) as accounts, open_openid(settings) as openid:
        await _serve(settings, accounts, openid)


async def _serve(settings: Settings, accounts: Accounts | None, openid: OpenId | None) -> None:
    edge = make_edge(settings, accounts, openid)

    async def answer(stopping: asyncio.Event) -> None:
        async with (
            query_side(settings, edge) as side,
            open_forwarder(
                instance_id=settings.instance_id, timeout_s=answer_timeout_s(settings)
            ) as forwarder,
        ):
            more: dict[Endpoint, Handler] = dict.fromkeys(OF_ADMINISTRATORS, misrouted)
            if openid is not None:
                more.update(openid.handlers())
            if accounts is not None:
                more.update(accounts.handlers(edge, side.in_groups))
            pipeline = edge.pipeline(
                service="query",
                checks=side.checks,
                reads=side.reads,
                makes_default_buckets=DefaultBuckets(side.store, forwarder).make,
                more=more,
                in_groups=side.in_groups,
            )
            async with edge.listen(pipeline):
                await stopping.wait()

    await serve({"http": answer}, drain_s=settings.drain_s)


@asynccontextmanager
async def query_side(settings: Settings, edge: Edge) -> AsyncGenerator[QuerySide]:
    """The part of a process that reads; it is there at once and works as soon as Postgres does."""
    async with open_store(
        postgres_of(settings),
        pool_size=settings.postgres_pool_size,
        statement_timeout_s=settings.statement_timeout_s,
    ) as store:
        reads = Reads(
            store,
            granted=edge.granted,
            accounts=rights_of(settings) if edge.features.accounts else None,
            has_webhooks=edge.features.webhooks,
            cache=edge.cache,
            errors=edge.errors,
            limits=Limits(page_max=settings.paginate_by, fetch_max=settings.storage_max_fetch_size),
            answer_bytes_max=settings.answer_bytes_max,
        )
        # Three names that monitoring knows (HB-1); objects and their ACEs lie in one place here,
        # and there is no cache of their own.
        names = ("storage", "permission", "cache")
        checks: dict[str, Check] = dict.fromkeys(names, store.is_up)
        yield QuerySide(
            store=store,
            reads=reads.handle,
            authorize_webhook=reads.authorize_webhook,
            in_groups=reads.in_groups,
            checks=checks,
        )
