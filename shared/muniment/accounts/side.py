"""The part of a process that serves accounts, put together here."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from muniment.accounts.changing import AccountChanges
from muniment.accounts.durable import open_durable
from muniment.accounts.handler import AccountHandler
from muniment.accounts.lists import AccountLists
from muniment.accounts.passwords import Passwords
from muniment.accounts.policy import AccountPolicy
from muniment.accounts.store import AccountStore, Approved, StoredAccount
from muniment.domain.accounts import AccountRights
from muniment.domain.events import Action
from muniment.domain.forgetting import forget_account
from muniment.domain.queries.selection import Limits
from muniment.domain.values import Principal, Timestamp
from muniment.runtime.settings import Settings
from muniment.web.edge import Edge
from muniment.web.endpoints import Endpoint
from muniment.web.http import Handler, Request, Response
from muniment.web.root import InGroups


class Accounts:
    """The policy `account`, and the handlers of `/accounts`; there also while Postgres is away."""

    def __init__(self, settings: Settings, store: AccountStore, passwords: Passwords) -> None:
        self._settings = settings
        self._store = store
        self._passwords = passwords
        self.policy = AccountPolicy(store, passwords)

    def handlers(self, edge: Edge, in_groups: InGroups) -> dict[Endpoint, Handler]:
        """What answers for the endpoints of accounts; ACEs and settings may name groups."""
        settings = self._settings
        rights = rights_of(settings)
        lists = AccountLists(
            store=self._store,
            rights=rights,
            errors=edge.errors,
            limits=Limits(page_max=settings.paginate_by, fetch_max=settings.storage_max_fetch_size),
            now=now,
        )
        handler = AccountHandler(
            store=self._store,
            changes=AccountChanges(
                store=self._store, passwords=self._passwords, rights=rights, now=now
            ),
            reader=edge.commands,
            rights=rights,
            errors=edge.errors,
        )

        async def answer_list(request: Request) -> Response:
            request.requester = await in_groups(request.requester)
            match request.method:
                case "POST":
                    return await handler.write(request)
                case "DELETE":
                    return await lists.delete(request)
                case _:
                    return await lists.read(request)

        async def answer_object(request: Request) -> Response:
            request.requester = await in_groups(request.requester)
            is_read = request.method in ("GET", "HEAD")
            return await (handler.read(request) if is_read else handler.write(request))

        return {Endpoint.ACCOUNTS: answer_list, Endpoint.ACCOUNT: answer_object}

    async def forget(self, principal: Principal) -> None:
        """Delete what the principal alone may write, and take it out of all else (UD-1).

        Each account in a transaction of its own: what fails on the way is repeated.
        """
        for username in await self._store.naming(principal):
            await self._store.change(username, _forgetting(username, principal))

    async def delete_all(self) -> None:
        """The development flush (FL-1)."""
        await self._store.delete_all()


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncGenerator[Accounts | None]:
    """Accounts, where the policies name them."""
    if "account" not in settings.auth_policies:
        yield None
        return
    passwords = Passwords(verdict_ttl_s=settings.account_cache_ttl_seconds)
    try:
        async with open_durable(settings) as durable:
            yield Accounts(settings, AccountStore(durable), passwords)
    finally:
        passwords.close()


def rights_of(settings: Settings) -> AccountRights:
    """`account_*_principals`."""
    return AccountRights(
        create=frozenset(map(Principal, settings.account_create_principals)),
        read=frozenset(map(Principal, settings.account_read_principals)),
        write=frozenset(map(Principal, settings.account_write_principals)),
    )


def _forgetting(username: str, principal: Principal) -> Callable[[StoredAccount], Approved | None]:
    def decide(stored: StoredAccount) -> Approved | None:
        change = forget_account(stored.scene, username, principal, now=now())
        if change is None:
            return None
        is_gone = change.action is Action.DELETED
        return Approved(change=change, password_hash=None if is_gone else stored.password_hash)

    return decide


def now() -> Timestamp:
    """The wall clock in milliseconds."""
    return Timestamp(time.time_ns() // 1_000_000)
