"""The commands about accounts: what an operator does at the database, with no right asked for.

They work while the services run, and before any of them did.
"""

import asyncio
import getpass
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from muniment.accounts.changing import AccountChanges
from muniment.accounts.durable import open_durable
from muniment.accounts.passwords import Passwords
from muniment.accounts.side import now
from muniment.accounts.store import AccountStore
from muniment.cli.database import at_database
from muniment.domain.accounts import (
    AccountChanged,
    AccountCommand,
    AccountMissing,
    AccountRights,
    CreateAccount,
    PatchAccount,
    user_id_of,
)
from muniment.domain.commands import ANY, Body, FieldsPatch, Preconditions, authenticated
from muniment.domain.queries.selection import ID, Selection, Sort
from muniment.domain.refusals import Invalid, ObjectModified
from muniment.domain.values import Principal
from muniment.runtime.errors import UserError
from muniment.runtime.settings import Settings

OPERATOR: Final = authenticated(Principal("system.Operator"))
"""Who works at the database. No request can come from there: no policy makes such a user id."""

RIGHTS: Final = AccountRights(
    create=OPERATOR.principals, read=OPERATOR.principals, write=OPERATOR.principals
)
PAGE: Final = 1_000


class NotDone(UserError):
    """The command changed nothing."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    username: str
    changed_at: str
    is_administrator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    store: AccountStore
    changes: AccountChanges


def create(settings: Settings, username: str) -> None:
    """Make an account with the password that is typed. Raises a `UserError`."""
    command = CreateAccount(
        username=username,
        body=Body(data={"password": read_password()}),
        requester=OPERATOR,
        preconditions=Preconditions(if_none_match=ANY),
    )
    asyncio.run(_change(settings, command))
    print(f"{user_id_of(username)} can log in from now on.")
    for doubt in _doubts(settings, username):
        print(f"note: {doubt}")


def set_password(settings: Settings, username: str) -> None:
    """Give an account the password that is typed. Raises a `UserError`."""
    command = PatchAccount(
        username=username,
        change=FieldsPatch(body=Body(data={"password": read_password()})),
        requester=OPERATOR,
    )
    asyncio.run(_change(settings, command))
    print(f"{user_id_of(username)} has another password from now on.")


def print_accounts(settings: Settings, output: str) -> None:
    """Print all accounts, and which of them the settings make administrators."""
    rows = asyncio.run(_list(settings))
    if output == "json":
        sys.stdout.buffer.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")
        return
    table = Table("account", "changed", "administrator", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.username, row.changed_at, "yes" if row.is_administrator else "")
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


def read_password() -> str:
    """What is typed twice at a terminal, else the first line of standard input.

    Never an argument: lists of processes and a shell's history would show it.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("The same again: ") != password:
            raise NotDone("The two passwords differ, so nothing was changed.")
    else:
        try:
            password = sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise NotDone("The password on standard input is no UTF-8.") from error
    if not password:
        raise NotDone("There is no password: type one, or give it on standard input.")
    return password


async def _change(settings: Settings, command: AccountCommand) -> None:
    async with _at_work(settings) as work:
        decision = await work.changes.make(command)
    match decision:
        case AccountChanged():
            return
        case AccountMissing():
            raise NotDone(
                f"There is no account {command.username}: `muniment accounts create` makes one."
            )
        case ObjectModified():
            raise NotDone(
                f"There is an account {command.username} already: `muniment accounts set-password` "
                "gives it another password."
            )
        case Invalid(faults=(fault, *_)) if fault.location == "path":
            raise NotDone(
                f'"{command.username}" is no name of an account: letters, digits and +.@_- make '
                "one, and it begins with a letter or a digit."
            )
        case _:
            raise NotDone(f"The account was not changed: {decision}.")


async def _list(settings: Settings) -> list[_Row]:
    administrators = set(settings.account_write_principals)
    rows: list[_Row] = []
    after: list[str] | None = None
    async with _at_work(settings) as work:
        while True:
            selection = Selection(order=(Sort(path=ID),), limit=PAGE, after=after)
            page = await work.store.page(selection, visible_to=None, with_tombstones=False)
            for content in page.objects:
                account = orjson.loads(content)
                changed_at = datetime.fromtimestamp(account["last_modified"] / 1000, UTC)
                rows.append(
                    _Row(
                        username=account["id"],
                        changed_at=changed_at.isoformat(sep=" ", timespec="seconds"),
                        is_administrator=user_id_of(account["id"]) in administrators,
                    )
                )
            if page.last is None:
                return rows
            after = [page.ids[-1]]


@asynccontextmanager
async def _at_work(settings: Settings) -> AsyncGenerator[_Work]:
    """The accounts of the database of the settings, or of the embedded one.

    Raises `DependencyUnreachable`, also where the database goes away meanwhile.
    """
    passwords = Passwords(verdict_ttl_s=settings.account_cache_ttl_seconds)
    try:
        async with at_database(settings) as found, open_durable(found) as durable:
            store = AccountStore(durable)
            changes = AccountChanges(store=store, passwords=passwords, rights=RIGHTS, now=now)
            yield _Work(store=store, changes=changes)
    finally:
        passwords.close()


def _doubts(settings: Settings, username: str) -> list[str]:
    user_id, doubts = user_id_of(username), list[str]()
    if "account" not in settings.auth_policies:
        doubts.append("auth_policies does not name account, so nobody can log in with one.")
    if user_id not in settings.account_write_principals:
        doubts.append(f"account_write_principals does not name {user_id}: no administrator.")
    return doubts
