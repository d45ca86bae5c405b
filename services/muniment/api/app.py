"""Command and query in one process: reads and writes are parted by method, as a gateway does."""

import asyncio
from collections.abc import Iterator

from muniment.accounts.side import Accounts, open_accounts
from muniment.administration.api_keys import ApiKeys
from muniment.administration.guard import Guard
from muniment.administration.members import Members
from muniment.administration.organizations import Organizations
from muniment.administration.projects import Projects
from muniment.administration.roster import Roster
from muniment.administration.users import Users
from muniment.api.beside_the_log import flush_with, forget_with
from muniment.cocobase.dialect import CocoBase
from muniment.command.batch import in_turn
from muniment.command.side import CommandSide
from muniment.dataforce.dialect import DataForce
from muniment.keys.side import Keys, open_keys
from muniment.keys.tenants import Tenants
from muniment.openid.side import OpenId, make_edge, open_openid
from muniment.query.app import QuerySide, query_side
from muniment.runtime.settings import Settings
from muniment.runtime.supervise import serve
from muniment.web.dialects import Dialect
from muniment.web.edge import Edge
from muniment.web.endpoints import Endpoint
from muniment.web.http import Handler, Request, Response
from muniment.webhooks.catalogue.pages import catalogue_handlers
from muniment.webhooks.management.side import open_console
from muniment.webhooks.portal.pages import portal_handlers


async def run(settings: Settings) -> None:
    """Answer every request until a signal ends the process; the servers may come up later."""
    async with (
        open_accounts(settings) as accounts,
        open_openid(settings) as openid,
        open_keys(settings) as keys,
    ):
        await _serve(settings, accounts, openid, keys)


async def _serve(
    settings: Settings, accounts: Accounts | None, openid: OpenId | None, keys: Keys
) -> None:
    edge = make_edge(settings, accounts, openid)
    commands = CommandSide(settings, edge)

    async def answer(stopping: asyncio.Event) -> None:
        async with (
            query_side(settings, edge) as queries,
            open_console(
                settings,
                authorize=queries.authorize_webhook,
                identify=edge.authenticator.identify,
                watch=commands.watch,
                errors=edge.errors,
            ) as console,
        ):
            more: dict[Endpoint, Handler] = {
                Endpoint.FLUSH: flush_with(commands, accounts, keys),
                Endpoint.USER_DATA: forget_with(commands, accounts, keys),
                Endpoint.WEBHOOK_ORDERS: commands.order,
                **administration_of(settings, edge, commands, queries, keys),
            }
            if edge.features.webhooks:
                more.update(console.handlers())
                more.update(catalogue_handlers())
            in_batches = console.handlers_in_batches() if edge.features.webhooks else {}
            if edge.features.portal:
                more.update(portal_handlers())
            if accounts is not None:
                more.update(accounts.handlers(edge, queries.in_groups))
            if openid is not None:
                more.update(openid.handlers())
            checks = {**queries.checks, **commands.checks}
            within_batches = edge.pipeline(
                service="batch",
                in_turn=in_turn,
                checks=checks,
                reads=queries.reads,
                writes=commands.write,
                more={**more, **in_batches},
                in_groups=queries.in_groups,
            )

            async def batch(request: Request) -> Response:
                return await commands.batch(request, within_batches.handle)

            pipeline = edge.pipeline(
                service="api",
                checks=checks,
                reads=queries.reads,
                writes=commands.write,
                makes_default_buckets=commands.write,
                more={**more, Endpoint.BATCH: batch},
                in_groups=queries.in_groups,
                dialects=list(dialects_of(settings, edge, keys, commands, queries)),
            )
            async with edge.listen(pipeline):
                await stopping.wait()

    await serve({"http": answer, "owners": commands.run}, drain_s=settings.drain_s)


def administration_of(
    settings: Settings, edge: Edge, commands: CommandSide, queries: QuerySide, keys: Keys
) -> dict[Endpoint, Handler]:
    """What answers administrators."""
    guard = Guard(settings, in_groups=queries.in_groups, errors=edge.errors)
    api_keys = ApiKeys(keys, guard)
    roster = Roster(queries.store)
    tenants = Tenants(keys, commands)
    parts = (
        api_keys,
        Projects(guard=guard, store=keys.store, api_keys=api_keys, roster=roster, tenants=tenants),
        Users(guard=guard, store=keys.store, api_keys=api_keys),
        Organizations(guard=guard, store=keys.store, roster=roster, tenants=tenants),
        Members(guard=guard, store=keys.store, roster=roster, carrier=commands),
    )
    return {endpoint: answer for part in parts for endpoint, answer in part.handlers().items()}


def dialects_of(
    settings: Settings, edge: Edge, keys: Keys, commands: CommandSide, queries: QuerySide
) -> Iterator[Dialect]:
    """The wire formats of other systems that the settings want served."""
    if settings.cocobase_enabled:
        yield CocoBase(
            settings, edge, carrier=commands, queries=queries, keys=keys, watch=commands.watch
        )
    if settings.dataforce_enabled:
        yield DataForce(settings, edge, carrier=commands, queries=queries, keys=keys)
