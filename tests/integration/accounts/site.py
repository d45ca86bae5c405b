"""A running server where users have accounts, and its database."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncpg
import requests

from tests.clients.requester import Requester
from tests.support.server import MunimentServer

ADMIN: Final = "admin"
PASSWORD: Final = "s3cr3t"

Login = Callable[..., Requester]


class Site:
    """The running server and its database."""

    def __init__(self, server: MunimentServer, postgres_url: str) -> None:
        self.server = server
        self.postgres_url = postgres_url
        self.origin = server.origin

    def query(self, statement: str, *values: Any) -> Any:
        async def run() -> Any:
            connection = await asyncpg.connect(self.postgres_url)
            try:
                return await connection.fetch(statement, *values)
            finally:
                await connection.close()

        return asyncio.run(run())


def sign_up(requester: Requester, name: str, password: str = PASSWORD) -> requests.Response:
    return requester("PUT", f"/v1/accounts/{name}", {"data": {"password": password}})


def hash_of(site: Site, name: str) -> str:
    [row] = site.query("SELECT password_hash FROM accounts.account WHERE id = $1", name)
    return str(row["password_hash"])


def user_id(requester: Requester) -> str | None:
    user = requester("GET", "/v1/").json().get("user")
    return None if user is None else str(user["id"])
